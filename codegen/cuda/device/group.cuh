//===- group.cuh - Rows in the order of experts -------------------------------===//
#pragma once
#include "moec/types.cuh"

namespace moec {

struct Group {
  int tokens, top_k;
  int experts; // at most 512
  int row_tile;
};

/// How many times [0, experts) is halved until it separates a and b (a < b).
__device__ inline int separation_depth(int a, int b, int experts) {
  int begin = 0, end = experts, depth = 0;
  for (;; ++depth) {
    int middle = (begin + end) / 2;
    if (b < middle)
      end = middle;
    else if (a >= middle)
      begin = middle;
    else
      return depth;
  }
}

/// merges[i]: how many additions of the tree over experts follow the i-th of a token's experts: one for each node whose right
/// half ends there. `open` has a bit for the depth of each node whose right half has begun; such nodes lie one within
/// another, so their depths differ, and all that are deeper than the next separation are complete.
__device__ inline void plan_merges(const i32 *chosen, i32 *merges, int top_k,
                                   int experts) {
  u32 open = 0;
  for (int i = 0; i + 1 < top_k; ++i) {
    int depth = separation_depth(chosen[i], chosen[i + 1], experts);
    u32 deeper = open & (~1u << depth);
    merges[i] = __popc(deeper);
    open = (open & ~deeper) | 1u << depth;
  }
  merges[top_k - 1] = __popc(open);
}

/// Sum of the values of all threads before this one, in a block of 512; `total` gets that of all. `warps` is shared.
__device__ inline u32 sum_before(u32 value, u32 *warps, u32 &total) {
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  u32 sum = value;
  for (int offset = 1; offset < 32; offset *= 2) {
    u32 below = __shfl_up_sync(~0u, sum, offset);
    sum += lane >= offset ? below : 0;
  }
  if (lane == 31)
    warps[warp] = sum;
  __syncthreads();
  u32 before = 0;
  total = 0;
  for (int w = 0; w < 16; ++w) {
    before += w < warp ? warps[w] : 0;
    total += warps[w];
  }
  return before + sum - value;
}

/// Calls visit(row, expert, peers) for rows [begin, end) of a warp, in order of `begin`, 32 rows at once: `peers` are the lanes
/// with the same expert. Lanes without a row get expert -1.
template <class Visit>
__device__ inline void visit_rows(const i32 *chosen, int begin, int end,
                                  Visit visit) {
  constexpr int batch = 4; // loads in flight
  int lane = threadIdx.x % 32;
  for (; begin < end; begin += 32 * batch) {
    int experts[batch];
#pragma unroll
    for (int i = 0; i < batch; ++i) {
      int row = begin + 32 * i + lane;
      experts[i] = row < end ? chosen[row] : -1;
    }
#pragma unroll
    for (int i = 0; i < batch; ++i) {
      if (begin + 32 * i >= end)
        break;
      visit(begin + 32 * i + lane, experts[i],
            __match_any_sync(~0u, experts[i]));
      __syncwarp();
    }
  }
}

/// kernel.group. With N = tokens * top_k: `chosen` i32 [tokens, top_k] and `weights` f32 [tokens, top_k] give `rows` i32 [N],
/// `row_weights` f32 [N], `places` and `merges` i32 [tokens, top_k], `tiles` i32 [N, 3] (zero behind the last tile).
///
/// A counting sort in one block. Each warp has a run of the rows and a counter of each expert: counted first, then, summed over
/// experts and warps before it, the place of the warp's next row of the expert. Rows of equal experts keep their order.
///
/// Grid (1, 1), 512 threads. About 5 µs for 512 tokens of 8 experts.
__device__ inline void group(const Group &p, const i32 *chosen,
                             const float *weights, i32 *rows,
                             float *row_weights, i32 *places, i32 *merges,
                             i32 *tiles) {
  constexpr int threads = 512, warps = threads / 32;
  __shared__ u32 next[warps][threads];
  __shared__ u32 sums[2][warps];
  int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;

  for (int w = 0; w < warps; ++w)
    next[w][thread] = 0;
  __syncthreads();

  int count = p.tokens * p.top_k;
  int per_warp = (count + warps - 1) / warps;
  int begin = warp * per_warp, end = min(begin + per_warp, count);
  visit_rows(chosen, begin, end, [&](int, int expert, u32 peers) {
    if (expert >= 0 && lane == __ffs(peers) - 1)
      next[warp][expert] += __popc(peers);
  });
  for (int token = thread; token < p.tokens; token += threads)
    plan_merges(chosen + token * p.top_k, merges + token * p.top_k, p.top_k,
                p.experts);
  __syncthreads();

  // Thread e has expert e.
  u32 size = 0;
  for (int w = 0; w < warps; ++w)
    size += next[w][thread];
  u32 all_rows, all_tiles;
  u32 first = sum_before(size, sums[0], all_rows);
  u32 tile =
      sum_before((size + p.row_tile - 1) / p.row_tile, sums[1], all_tiles);
  u32 at = first;
  for (int w = 0; w < warps; ++w) {
    u32 of_warp = next[w][thread];
    next[w][thread] = at;
    at += of_warp;
  }
  for (u32 row = 0; row < size; row += p.row_tile, ++tile) {
    tiles[3 * tile] = thread;
    tiles[3 * tile + 1] = first + row;
    tiles[3 * tile + 2] = min(size - row, u32(p.row_tile));
  }
  for (int i = 3 * all_tiles + thread; i < 3 * count; i += threads)
    tiles[i] = 0;
  __syncthreads();

  visit_rows(chosen, begin, end, [&](int row, int expert, u32 peers) {
    u32 first_place = expert >= 0 ? next[warp][expert] : 0;
    __syncwarp();
    if (expert < 0)
      return;
    if (lane == __ffs(peers) - 1)
      next[warp][expert] = first_place + __popc(peers);
    u32 place = first_place + __popc(peers & ((1u << lane) - 1));
    rows[place] = row / p.top_k;
    row_weights[place] = weights[row];
    places[row] = place;
  });
}

} // namespace moec
