//===- route.cuh - Choice of experts ------------------------------------------===//
#pragma once
#include "moec/math.cuh"
#include "moec/types.cuh"

namespace moec {

enum class Score { Softmax, Sigmoid };

struct Route {
  int rows, experts, top_k;
  int group_count, group_keep; // 0: no groups; at most 32 groups
  bool group_top2; // rank groups by the sum of their two best, else by the best
  bool renormalize;
  float scale;
};

/// Floats as integers of the same order: -0 = 0, NaN below everything, and 0 below that for what cannot be chosen.
__device__ inline u32 rank_of(float x) {
  u32 bits = __float_as_uint(x + 0.0f);
  return x != x ? 1 : bits >> 31 ? ~bits : bits | 0x80000000u;
}

__device__ inline float value_of(u32 rank) {
  if (rank <= 1)
    return __uint_as_float(0x7fc00000);
  return __uint_as_float(rank >> 31 ? rank & 0x7fffffffu : ~rank);
}

/// Of the lanes' (rank, index) the one of the greatest rank, of equal ranks that of the lowest index.
struct Best {
  u32 rank, index;
};
__device__ inline Best best_of_lanes(Best mine) {
  u32 rank = __reduce_max_sync(~0u, mine.rank);
  return {rank, __reduce_min_sync(~0u, mine.rank == rank ? mine.index : ~0u)};
}

/// The experts of one row: expert 32 * j + lane stands in [j] of its lane.
template <int PerLane>
struct RouteRow {
  float score[PerLane];
  u32 rank[PerLane]; // of score + bias, 0 once taken
  int lane = threadIdx.x % 32;

  __device__ int expert(int j) const { return 32 * j + lane; }

  template <class Logits>
  __device__ void softmax(int experts, Logits logits) {
    float most = -infinity();
#pragma unroll
    for (int j = 0; j < PerLane; ++j) {
      score[j] = expert(j) < experts ? logits(expert(j)) : -infinity();
      most = maximum(most, score[j]);
    }
    for (int offset = 16; offset; offset /= 2)
      most = maximum(most, __shfl_xor_sync(~0u, most, offset));
    float sum = 0;
#pragma unroll
    for (int j = 0; j < PerLane; ++j)
      if (expert(j) < experts) {
        score[j] = exp(score[j] - most);
        sum += score[j];
      }
    sum = sum_lanes(sum);
#pragma unroll
    for (int j = 0; j < PerLane; ++j)
      score[j] = score[j] / sum;
  }

  template <class Logits>
  __device__ void sigmoid(int experts, Logits logits) {
#pragma unroll
    for (int j = 0; j < PerLane; ++j)
      score[j] =
          expert(j) < experts ? 1.0f / (1.0f + exp(-logits(expert(j)))) : 0.0f;
  }

  /// The best of experts [begin, end) but `without`.
  __device__ Best best(int begin, int end, u32 without = ~0u) const {
    Best mine = {0, ~0u};
#pragma unroll
    for (int j = 0; j < PerLane; ++j) {
      bool allowed =
          expert(j) >= begin && expert(j) < end && expert(j) != without;
      if (allowed && rank[j] > mine.rank)
        mine = {rank[j], u32(expert(j))};
    }
    return best_of_lanes(mine);
  }

  /// Experts outside the best groups count as -inf.
  __device__ void limit_groups(const Route &p) {
    int size = p.experts / p.group_count;
    u32 group_rank = 0; // lane g has that of group g
    for (int g = 0; g < p.group_count; ++g) {
      Best first = best(g * size, (g + 1) * size);
      u32 of_group = first.rank;
      if (p.group_top2) {
        Best second = best(g * size, (g + 1) * size, first.index);
        of_group = rank_of(value_of(first.rank) + value_of(second.rank));
      }
      group_rank = lane == g ? of_group : group_rank;
    }
    u32 kept = 0;
    for (int i = 0; i < p.group_keep; ++i) {
      Best group = best_of_lanes({group_rank, u32(lane)});
      kept |= 1u << group.index;
      group_rank = lane == group.index ? 0 : group_rank;
    }
#pragma unroll
    for (int j = 0; j < PerLane; ++j)
      if (expert(j) < p.experts && !(kept >> expert(j) / size & 1))
        rank[j] = rank_of(-infinity());
  }

  /// Takes the top_k greatest and writes them in ascending order. Their scores are added in that order.
  __device__ void choose(const Route &p, i32 *experts, float *weights) {
    u32 taken = 0;
    for (int i = 0; i < p.top_k; ++i) {
      u32 chosen = best(0, p.experts).index;
#pragma unroll
      for (int j = 0; j < PerLane; ++j)
        if (expert(j) == chosen) {
          taken |= 1u << j;
          rank[j] = 0;
        }
    }
    float sum = 0;
#pragma unroll
    for (int j = 0; j < PerLane; ++j)
      for (u32 lanes = __ballot_sync(~0u, taken >> j & 1); lanes;
           lanes &= lanes - 1)
        sum += __shfl_sync(~0u, score[j], __ffs(lanes) - 1);
    float divisor = sum + 1.0e-20f;
    int place = 0;
#pragma unroll
    for (int j = 0; j < PerLane; ++j) {
      u32 lanes = __ballot_sync(~0u, taken >> j & 1);
      if (taken >> j & 1) {
        int at = place + __popc(lanes & ((1u << lane) - 1));
        experts[at] = expert(j);
        weights[at] = (p.renormalize ? score[j] / divisor : score[j]) * p.scale;
      }
      place += __popc(lanes);
    }
  }
};

/// kernel.route: `experts` i32 [rows, top_k] ascending and `weights` f32 [rows, top_k] of `logits` f32 [rows, experts]. `bias`
/// [experts] is added for the choice only; it may be null. A warp has a row, a lane PerLane experts: experts <= 32 * PerLane;
/// PerLane is 1, 2, 4, 8 or 16.
///
/// The sum of a softmax: expert e goes to lane e mod 32, lanes add in order, then the tree of sum_lanes. The scores of the
/// chosen are added one after another by ascending expert.
///
/// Grid (1, ceil(rows / 4)), 128 threads.
template <Score score, int PerLane, class Bias>
__device__ inline void route(const Route &p, const float *logits,
                             const Bias *bias, i32 *experts, float *weights) {
  int row = blockIdx.y * 4 + threadIdx.x / 32;
  if (row >= p.rows)
    return;
  auto logit = [&](int expert) {
    return logits[u64(row) * p.experts + expert];
  };
  RouteRow<PerLane> r;
  if constexpr (score == Score::Softmax)
    r.softmax(p.experts, logit);
  else
    r.sigmoid(p.experts, logit);
#pragma unroll
  for (int j = 0; j < PerLane; ++j) {
    r.rank[j] = 0;
    if (r.expert(j) < p.experts)
      r.rank[j] =
          rank_of(bias ? r.score[j] + to_float(bias[r.expert(j)]) : r.score[j]);
  }
  if (p.group_count)
    r.limit_groups(p);
  r.choose(p, experts + u64(row) * p.top_k, weights + u64(row) * p.top_k);
}

} // namespace moec
