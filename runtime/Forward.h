//===- Forward.h - Logits of given sequences, step by step ----------------===//
//
// A sequence is longer than a step may be, and several may share a step. How
// they are cut changes how fast it goes, never what comes out.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_FORWARD_H
#define MOEC_RUNTIME_FORWARD_H

#include "runtime/Session.h"
#include "support/Status.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace moec {

struct ForwardOptions {
  /// Tokens of a step at most; 0: as many as the model takes.
  int64_t chunk = 0;
  /// Sequences that are run together.
  int64_t batch = 1;
};

/// Tokens that a step may hold: `chunk` if the model takes as many, its limit
/// for 0.
Result<int64_t> stepTokens(const moert_model &model, int64_t chunk);

/// An error unless `tokens` is not empty, fits the context and holds ids of the
/// vocabulary. `name` is used in messages.
Status checkSequence(const moert_model &model,
                     const std::vector<int32_t> &tokens,
                     const std::string &name);

/// Receives the logits [vocab] after position `position` of a sequence. They
/// are gone after the call.
using LogitsCallback =
    std::function<void(size_t sequence, int64_t position, const float *logits)>;

/// Runs all sequences from their first positions and hands out the logits of
/// every position.
Status forward(Session &session,
               const std::vector<std::vector<int32_t>> &sequences,
               const ForwardOptions &options, const LogitsCallback &callback);

} // namespace moec

#endif // MOEC_RUNTIME_FORWARD_H
