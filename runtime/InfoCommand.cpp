//===- InfoCommand.cpp - --info: what was compiled ------------------------===//
//
// Works on any machine and without the weights: it says what is missing instead
// of failing.
//
//===------------------------------------------------------------------------===//

#include "runtime/Commands.h"
#include "runtime/Cpu.h"
#include "runtime/ModelFiles.h"

#include <cstdio>

using namespace moec;

static std::string formatBytes(double bytes) {
  const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(units); ++unit)
    bytes /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes,
                units[unit]);
  return text;
}

static void printLine(const char *name, const std::string &text) {
  std::printf("%-12s %s\n", name, text.c_str());
}

Status moec::runInfo(const CommandLine &line, const moert_model &model) {
  printLine("model", std::string(model.name) + " (" + model.model_type + ")");
  Status cpu = checkCpuFeatures(model.features, model.target);
  printLine("target", model.target);
  printLine("features", *model.features ? model.features : "none");
  if (!cpu.ok())
    printLine("", "does not run here: " + cpu.message());
  printLine("vocabulary", std::to_string(model.vocab));
  printLine("limits", std::to_string(model.max_tokens) + " tokens a step, " +
                          std::to_string(model.max_sequences) +
                          " sequences of " + std::to_string(model.max_context) +
                          " positions");

  Result<ModelFiles> files = ModelFiles::open(model, sessionOptions(line));
  printLine("weights", formatBytes(static_cast<double>(model.weights_bytes)) +
                           (files.ok() ? " in " + files->weightsPath()
                                       : "; " + files.message()));
  double position = 0;
  for (uint32_t i = 0; i < model.num_caches; ++i)
    position += static_cast<double>(model.caches[i].row_bytes);
  printLine("caches", formatBytes(position) + " a position, " +
                          formatBytes(position *
                                      static_cast<double>(model.max_sequences) *
                                      static_cast<double>(model.max_context)) +
                          " when full");
  printLine("arena", formatBytes(static_cast<double>(model.arena_bytes)));
  printLine("scratch", formatBytes(static_cast<double>(model.scratch_bytes)) +
                           " a thread");
  printLine("threads", std::to_string(usableCores()) + " on this machine");
  return Status::success();
}
