//===- CommandLine.h - What the user asked a compiled executable to do ----===//
#ifndef MOEC_RUNTIME_COMMANDLINE_H
#define MOEC_RUNTIME_COMMANDLINE_H

#include "runtime/Bench.h"
#include "support/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moec {

/// One of these per call; the order is that of --help.
enum class Command { Prompt, Chat, Ids, Eval, Perplexity, Bench, Info };

struct CommandLine {
  Command command = Command::Info;

  std::string prompt;
  /// What the system message of a conversation says; there is none without.
  std::optional<std::string> system;
  std::vector<int64_t> ids;
  std::string evalInput;
  std::string evalOutput;
  std::string perplexityText;
  BenchOptions bench;

  int64_t maxNewTokens = 256;
  /// Those that are absent come from the model's generation defaults (--prompt,
  /// --chat) or are off (--ids).
  std::optional<float> temperature;
  std::optional<int64_t> topK;
  std::optional<float> topP;
  std::optional<float> minP;
  std::optional<float> repetitionPenalty;
  uint64_t seed = 0;
  bool ignoreEos = false;

  /// Tokens of a perplexity window; 0: 256 or the context, whichever is less.
  int64_t window = 0;
  /// 0: as many as the model takes.
  int64_t chunk = 0;
  int64_t batch = 1;
  /// --bench prints one JSON object.
  bool json = false;
  std::string trace;
  uint32_t threads = 0;
  /// The number of a GPU; empty: whichever the environment says.
  std::string device;
  std::string weights;
};

/// Prints help or version and returns nothing when that was asked for.
Result<std::optional<CommandLine>>
parseCommandLine(int argc, const char *const *argv, const char *modelName);

} // namespace moec

#endif // MOEC_RUNTIME_COMMANDLINE_H
