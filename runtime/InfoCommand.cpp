//===- InfoCommand.cpp - --info: what was compiled ------------------------===//
//
// Works on any machine and without the weights: it says what is missing instead
// of failing.
//
//===------------------------------------------------------------------------===//

#include "runtime/Commands.h"
#include "runtime/Cost.h"
#include "runtime/Cpu.h"
#include "runtime/Device.h"
#include "runtime/Format.h"
#include "runtime/ModelFiles.h"

#include <cstdio>

using namespace moec;

static void printLine(const char *name, const std::string &text) {
  std::printf("%-12s %s\n", name, text.c_str());
}

/// What the first token of a text costs, and what each position before a token
/// adds to it.
static void printCost(const moert_model &model) {
  const Cost token = stepCost(model, 1, 0, 1);
  const auto position = static_cast<double>(model.attention_bytes);
  printLine("token", "reads " + formatBytes(token.bytes - position) +
                         " of weights and does " +
                         formatCount(token.operations) + " operations");
  printLine("", "each position before it: " + formatBytes(position) + " and " +
                    formatCount(2.0 * static_cast<double>(
                                          model.attention_multiply_adds)) +
                    " operations");
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
  printCost(model);
  for (const auto &[name, text] : describeDevice(model, sessionOptions(line)))
    printLine(name.c_str(), text);
  return Status::success();
}
