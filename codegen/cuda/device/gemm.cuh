//===- gemm.cuh - Matrix products of rows by packed panels --------------------===//
//
//   acc[t, n] = Σ_k x(t, k) weight[n, k]        x: what the prologue gives, once for each element of a tile
//
// One function for plain products, products by head and products by expert. A kernel says what the rows are (prologue), what
// becomes of the sums (epilogue) and how they are tiled:
//
//   struct Input {                                    // prologue
//     const float *x; const float *scale; int stride;
//     __device__ bf16 operator()(int row, int head, int k) const;      // element k of row `row` of the input
//     __device__ void vector4(int row, int head, int k, bf16 (&out)[4]) const;  // optional: elements k to k + 3, k % 4 == 0
//   };
//   extern "C" __global__ void __launch_bounds__(Small<bf16>::threads) linear(…) {
//     gemm<Small<bf16>>(Gemm{rows, k, n, 1, nullptr, nullptr}, Panels<bf16>{weight, k, ceil_div(n, 16)}, Input{…},
//                       [=](int row, int column, float sum) { y[i64(row) * n + column] = sum; });
//   }
//
// Grid: x = heads * ceil(n / columns of the tile), y = row tiles: ceil(rows / rows of the tile), or the entries of `groups`.
//
//   tile             rows x columns of the result     threads
//   Small<bf16, P>       16 x 32                         64     P: parts. With two parts a column has two sums: the epilogue is
//   Small<float, P>      16 x 64                         64     called (row, column, gate, up)
//   Large<bf16, 1>       64 x 128                       128
//   Large<bf16, 2>       64 x 64                        128
//   Large<float, P>      64 x 64                        128
//
// Orders. float: acc = fma(x, w, acc) from zero, in the order of k. bf16: mma.sync m16n8k16 in steps of 16 from k = 0, weights
// rounded to bf16, the last step padded with zeros. They are those of an element, whatever the tile and the other rows.
//
//===------------------------------------------------------------------------===//
#pragma once
#include "moec/panels.cuh"

namespace moec {

struct Gemm {
  /// Rows of the result (unused with groups).
  int rows;
  /// Elements of a row of the input (of one head).
  int k;
  /// Columns of the result (of one head, of one part).
  int n;
  int heads;
  /// Row of the input of each row of the result; null: the same.
  const i32 *gather;
  /// Null, or (expert, first row, rows) of each row tile, at most the tile's rows; 0 rows: nothing to do.
  const i32 *groups;
};

template <class ComputeType, int Rows, int Columns, int Parts> struct Tile {
  using Compute = ComputeType;
  static constexpr int rows = Rows, columns = Columns, parts = Parts;
};

template <class Tile, class Weight, class Prologue, class Epilogue>
__device__ void gemm(const Gemm &p, const Weight &weight, Prologue prologue,
                     Epilogue epilogue);

} // namespace moec
