//===- Bench.h - How fast a model runs here, and how fast it could --------===//
//
// Prefill: `prefill` tokens from an empty context in steps as long as the model
// takes, with the logits of the last token only. Decode: `decode` steps of one
// token from an empty context, with logits. Token ids are arbitrary but always
// the same; nothing is sampled.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_BENCH_H
#define MOEC_RUNTIME_BENCH_H

#include "runtime/Cost.h"
#include "runtime/Roof.h"
#include "runtime/Session.h"
#include "support/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moec {

/// 0 tokens: not this phase.
struct BenchOptions {
  int64_t prefill = 512;
  int64_t decode = 64;
  int64_t repetitions = 5;
};

/// Reads "pp=512,tg=64". What is left out is not run.
Result<BenchOptions> parseBenchPhases(std::string_view text);

/// One phase.
struct BenchPhase {
  /// "pp512" or "tg64".
  std::string name;
  int64_t tokens = 0;
  int64_t steps = 0;
  /// Of each repetition; there was one more before them.
  std::vector<double> seconds;
  /// Of one repetition.
  Cost cost;
  /// Of all repetitions together.
  moert_counters counters = {};

  double bestRate() const;
  double medianRate() const;
  /// Tokens a second that the machine could do, at most.
  double limitRate(const Roof &roof) const;
  /// Whether reading, not arithmetic, is that limit.
  bool limitedByBytes(const Roof &roof) const;
};

struct BenchResult {
  /// What does the arithmetic of the roof.
  std::string unit;
  /// Measured before the phases, and after them.
  Roof before, after;
  std::vector<BenchPhase> phases;

  Roof roof() const { return before.best(after); }
};

/// An error if the context is too short.
Result<BenchResult> runBench(Session &session, const BenchOptions &options);

} // namespace moec

#endif // MOEC_RUNTIME_BENCH_H
