//===- Cost.h - What a step reads and computes ----------------------------===//
//
// The least that a step must move and compute, from what the compiler knows of
// the model. A machine that reads `bandwidth` bytes and does `peak` operations a
// second cannot do a step in less than
//
//   max(bytes / bandwidth, operations / peak) seconds.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_COST_H
#define MOEC_RUNTIME_COST_H

#include "runtime/moert_abi.h"

#include <cstdint>

namespace moec {

/// Expected values, where the data decides which weights are used.
struct Cost {
  double bytes = 0;
  /// Two for each multiply-add of matrix products and attention; nothing else
  /// counts.
  double operations = 0;

  Cost &operator+=(const Cost &other) {
    bytes += other.bytes;
    operations += other.operations;
    return *this;
  }
};

/// A step of `tokens` tokens of one sequence, the first at position `first`,
/// with the logits of `outputs` of them. Weights are read once, of those that
/// each row chooses k of E the expected E (1 - (1 - k/E)^rows); the caches are
/// read once up to the last position.
Cost stepCost(const moert_model &model, int64_t tokens, int64_t first,
              int64_t outputs);

} // namespace moec

#endif // MOEC_RUNTIME_COST_H
