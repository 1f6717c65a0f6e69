//===- Generate.h - Continuing a sequence ---------------------------------===//
#ifndef MOEC_RUNTIME_GENERATE_H
#define MOEC_RUNTIME_GENERATE_H

#include "runtime/Sampler.h"
#include "runtime/Session.h"
#include "support/Status.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace moec {

struct GenerateOptions {
  int64_t maxNewTokens = 0;
  /// Tokens of a step at most while the prompt is read; 0: as many as the model
  /// takes.
  int64_t chunk = 0;
  /// Tokens at the start of the prompt that slot 0 holds already; fewer than it
  /// has.
  int64_t held = 0;
  SamplerOptions sampling;
  /// Generation ends after one of these.
  std::vector<int32_t> stopIds;
};

enum class StopReason { StopId, Length, ContextFull, Callback };

struct GenerateStats {
  /// Those that were read, without what was held.
  int64_t promptTokens = 0;
  int64_t newTokens = 0;
  /// Reading the prompt, and all that came after it.
  double promptSeconds = 0;
  double decodeSeconds = 0;
  /// Of the steps after the prompt.
  moert_counters decode = {};
  StopReason reason = StopReason::Length;
};

/// Reads the prompt into slot 0, from position 0 unless some of it is held, and
/// generates. All tokens but the last new one are in the slot afterwards. `onToken` gets
/// each new id, a stop id too; false ends it.
Result<GenerateStats> generate(Session &session,
                               const std::vector<int32_t> &prompt,
                               const GenerateOptions &options,
                               const std::function<bool(int32_t)> &onToken);

} // namespace moec

#endif // MOEC_RUNTIME_GENERATE_H
