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
__device__ void row_sum_squares(const Element *input, int rows, int heads, int width, Epilogue epilogue);

} // namespace moec
