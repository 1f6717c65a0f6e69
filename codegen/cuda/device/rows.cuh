//===- rows.cuh - Reductions of rows ------------------------------------------===//
#pragma once
#include "moec/math.cuh"
#include "moec/types.cuh"

namespace moec {

/// Sum of squares of each head of each row: epilogue(row, head, sum), called by one lane.
///
/// `input` is [rows, heads * width]. A warp has a (row, head): element i goes to lane i mod 32, lanes accumulate in order by
/// fused multiply-add from zero, then the tree of sum_lanes.
///
/// Grid (heads, ceil(rows / 4)), 128 threads.
template <class Element, class Epilogue>
__device__ inline void row_sum_squares(const Element *input, int rows,
                                       int heads, int width,
                                       Epilogue epilogue) {
  constexpr int batch = 16; // loads in flight
  int lane = threadIdx.x % 32, row = blockIdx.y * 4 + threadIdx.x / 32,
      head = blockIdx.x;
  if (row >= rows)
    return;
  const Element *x = input + (u64(row) * heads + head) * width + lane;
  float sum = 0;
  int begin = 0;
  for (; begin + 32 * batch <= width; begin += 32 * batch) {
    float loaded[batch];
#pragma unroll
    for (int i = 0; i < batch; ++i)
      loaded[i] = to_float(x[begin + 32 * i]);
#pragma unroll
    for (int i = 0; i < batch; ++i)
      sum = fmaf(loaded[i], loaded[i], sum);
  }
  for (; begin + lane < width; begin += 32) {
    float v = to_float(x[begin]);
    sum = fmaf(v, v, sum);
  }
  __syncwarp();
  sum = sum_lanes(sum);
  if (lane == 0)
    epilogue(row, head, sum);
}

} // namespace moec
