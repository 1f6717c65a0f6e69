//===- route.cuh - Choice of experts ------------------------------------------===//
#pragma once
#include "moec/math.cuh"
#include "moec/types.cuh"

namespace moec {

enum class Score { Softmax, Sigmoid };

struct Route {
  int rows, experts, top_k;
  int group_count, group_keep; // 0: no groups
  bool group_top2;             // rank groups by the sum of their two best, else by the best
  bool renormalize;
  float scale;
};

/// kernel.route: `experts` i32 [rows, top_k] ascending and `weights` f32 [rows, top_k] of `logits` f32 [rows, experts]. `bias`
/// [experts] is added for the choice only; it may be null. A warp has a row, a lane PerLane experts: experts <= 32 * PerLane;
/// PerLane is 1, 2, 4, 8 or 16.
///
/// Grid (1, ceil(rows / 4)), 128 threads.
template <Score score, int PerLane, class Bias>
__device__ void route(const Route &p, const float *logits, const Bias *bias, i32 *experts, float *weights);

} // namespace moec
