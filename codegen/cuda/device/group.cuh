//===- group.cuh - Rows in the order of experts -------------------------------===//
#pragma once
#include "moec/types.cuh"

namespace moec {

struct Group {
  int tokens, top_k;
  int experts; // at most 512
  int row_tile;
};

/// kernel.group. With N = tokens * top_k: `chosen` i32 [tokens, top_k] and `weights` f32 [tokens, top_k] give `rows` i32 [N],
/// `row_weights` f32 [N], `places` and `merges` i32 [tokens, top_k], `tiles` i32 [N, 3] (zero behind the last tile).
///
/// Grid (1, 1), 512 threads.
__device__ void group(const Group &p, const i32 *chosen, const float *weights, i32 *rows, float *row_weights, i32 *places,
                      i32 *merges, i32 *tiles);

} // namespace moec
