//===- Diagnosis.cpp - What a kernel did wrong ----------------------------===//
#include "simulator/check/Diagnosis.h"

namespace moec::cudasim {

std::string Diagnosis::text() const {
  auto number = [](auto value) { return std::to_string(value); };
  std::string where = "kernel " + kernel + ", block (" + number(block[0]) +
                      "," + number(block[1]) + "," + number(block[2]) + ")";
  if (warp >= 0)
    where += ", warp " + number(warp);
  if (lane >= 0)
    where += ", lane " + number(lane);
  if (ptxLine)
    where += ", ptx line " + number(ptxLine);
  if (!source.empty())
    where += ", " + source;
  return kind + ": " + message + " (" + where + ")";
}

} // namespace moec::cudasim
