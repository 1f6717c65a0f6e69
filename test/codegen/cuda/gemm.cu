// kernel.gemm as it is emitted: a normalised input, sums that are stored. TILE and WEIGHT say which tile and stored type;
// VECTORS: rows are aligned, so that the prologue gives four elements at a time.
#include "moec/gemm.cuh"
using namespace moec;

using Compute = TILE::Compute;

struct Input {
  const float *x, *row_scale, *norm;
  int stride, head_stride;

  __device__ Compute operator()(int row, int head, int k) const {
    return from_float<Compute>(x[i64(row) * stride + head * head_stride + k] * row_scale[row] * norm[k]);
  }
#ifdef VECTORS
  __device__ void vector4(int row, int head, int k, Compute (&out)[4]) const {
    float four[4], weight[4];
    load_four(x + i64(row) * stride + head * head_stride + k, four);
    load_four(norm + k, weight);
#pragma unroll
    for (int i = 0; i < 4; ++i)
      out[i] = from_float<Compute>(four[i] * row_scale[row] * weight[i]);
  }
#endif
};

/// `result` is [rows, heads, n], with two parts [rows, heads, n, 2]; `gathers` and `grouped`: whether there are such.
extern "C" __global__ void __launch_bounds__(TILE::threads, 1)
    gemm_kernel(const float *x, const float *row_scale, const float *norm, const void *weight, float *result, const i32 *gather,
                const i32 *groups, int gathers, int grouped, int rows, int k, int n, int heads) {
  constexpr int parts = TILE::parts;
  Gemm p{rows, k, n, heads, gathers ? gather : nullptr, grouped ? groups : nullptr};
  WEIGHT panels{weight, k, ceil_div(n, panel_width) * parts};
  Input input{x, row_scale, norm, heads * k, k};
  int stride = heads * n;
  if constexpr (parts == 2)
    gemm<TILE>(p, panels, input, [&](int row, int column, float gate, float up) {
      float *at = result + (i64(row) * stride + column) * 2;
      at[0] = gate;
      at[1] = up;
    });
  else
    gemm<TILE>(p, panels, input, [&](int row, int column, float sum) { result[i64(row) * stride + column] = sum; });
}
