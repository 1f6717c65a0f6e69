//===- StepBatch.h - The tokens of one step, gathered from sequences ------===//
#ifndef MOEC_RUNTIME_STEPBATCH_H
#define MOEC_RUNTIME_STEPBATCH_H

#include "runtime/moert.h"

#include <cstdint>
#include <vector>

namespace moec {

/// Owns the arrays of a moert_batch and keeps them from step to step.
class StepBatch {
public:
  explicit StepBatch(const moert_model &model) : context(model.max_context) {}

  void clear() {
    tokens.clear();
    positions.clear();
    cacheRows.clear();
    outputRows.clear();
  }

  void add(int64_t slot, int64_t position, int32_t token, bool wantLogits) {
    if (wantLogits)
      outputRows.push_back(static_cast<int32_t>(tokens.size()));
    tokens.push_back(token);
    positions.push_back(static_cast<int32_t>(position));
    cacheRows.push_back(static_cast<int32_t>(slot * context + position));
  }

  int64_t size() const { return static_cast<int64_t>(tokens.size()); }
  int64_t numOutputs() const { return static_cast<int64_t>(outputRows.size()); }

  /// Valid until the next change.
  moert_batch view() const {
    return {size(),           numOutputs(),     tokens.data(),
            positions.data(), cacheRows.data(), outputRows.data()};
  }

private:
  int64_t context;
  std::vector<int32_t> tokens;
  std::vector<int32_t> positions;
  std::vector<int32_t> cacheRows;
  std::vector<int32_t> outputRows;
};

} // namespace moec

#endif // MOEC_RUNTIME_STEPBATCH_H
