//===- combine.cuh - Sums of the experts' rows --------------------------------===//
#pragma once
#include "moec/types.cuh"

namespace moec {

struct Combine {
  int rows, columns, top_k;
  const i32 *places, *merges; // [rows, top_k]
};

/// kernel.combine: epilogue(row, column, value) with the rows places[row, :] of `input` [*, columns] added along the tree over
/// experts: each is pushed on a stack, and merges[row, i] additions of the two topmost follow the i-th.
///
/// Grid (ceil(columns / 128), rows), 128 threads.
template <class Element, class Epilogue>
__device__ inline void combine(const Combine &p, const Element *input,
                               Epilogue epilogue) {
  constexpr int batch = 8; // loads in flight
  constexpr int height =
      16; // a node of the stack halves what the one below it holds: enough for 2^15 experts
  __shared__ float stack[height][128];
  int row = blockIdx.y, column = blockIdx.x * 128 + threadIdx.x;
  if (column >= p.columns)
    return;
  const i32 *places = p.places + u64(row) * p.top_k,
            *merges = p.merges + u64(row) * p.top_k;
  float top = 0;
  int below = 0; // how many the stack holds
  for (int begin = 0; begin < p.top_k; begin += batch) {
    float loaded[batch];
#pragma unroll
    for (int i = 0; i < batch; ++i)
      if (begin + i < p.top_k)
        loaded[i] =
            to_float(input[u64(places[begin + i]) * p.columns + column]);
#pragma unroll
    for (int i = 0; i < batch; ++i)
      if (begin + i < p.top_k) {
        top = loaded[i];
        for (int n = merges[begin + i]; n; --n)
          top = stack[--below][threadIdx.x] + top;
        stack[below++][threadIdx.x] = top;
      }
  }
  epilogue(row, column, top);
}

} // namespace moec
