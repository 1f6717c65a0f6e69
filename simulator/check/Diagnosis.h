//===- Diagnosis.h - What a kernel did wrong ---------------------*- C++ -*-===//
//
// One finding of a check: what, where in the program, and by whom.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_CHECK_DIAGNOSIS_H
#define MOEC_SIMULATOR_CHECK_DIAGNOSIS_H

#include <array>
#include <cstdint>
#include <string>

namespace moec::cudasim {

struct Diagnosis {
  /// A short stable name: "out-of-bounds", "misaligned", "uninitialised", "race", "async-copy", "mbarrier", "barrier",
  /// "warp-sync", "deadlock", "trap", "arithmetic", …
  std::string kind;
  /// What was expected and what was found, in lower case without a final period.
  std::string message;
  std::string kernel;
  std::array<uint32_t, 3> block = {0, 0, 0};
  /// -1: not one warp or lane.
  int warp = -1;
  int lane = -1;
  /// 1-based line of the PTX text; 0: none.
  uint32_t ptxLine = 0;
  /// `file:line` of the `.loc` in force, which is the location in the compiler's IR; may be empty.
  std::string source;

  /// One line: `race: … (kernel k, block (0,1,0), warp 2, lane 5, ptx line 17, /moec/ir:%17)`.
  std::string text() const;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_CHECK_DIAGNOSIS_H
