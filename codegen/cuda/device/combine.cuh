//===- combine.cuh - Sums of the experts' rows --------------------------------===//
#pragma once
#include "moec/types.cuh"

namespace moec {

struct Combine {
  int rows, columns, top_k;
  const i32 *places, *merges; // [rows, top_k]
};

/// kernel.combine: epilogue(row, column, value) with the rows places[row, :] of `input` [*, columns] added along the tree over
/// experts.
///
/// Grid (ceil(columns / 128), rows), 128 threads.
template <class Element, class Epilogue>
__device__ void combine(const Combine &p, const Element *input, Epilogue epilogue);

} // namespace moec
