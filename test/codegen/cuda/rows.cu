// kernel.row_reduce: the statistics of an RMS norm.
#include "moec/rows.cuh"
using namespace moec;

extern "C" __global__ void __launch_bounds__(128)
    statistics_f32(const float *input, float *init, int rows, int heads, int width) {
  row_sum_squares(input, rows, heads, width, [&](int row, int head, float sum) { init[row * heads + head] = sum; });
}

extern "C" __global__ void __launch_bounds__(128)
    statistics_bf16(const bf16 *input, float *init, int rows, int heads, int width) {
  row_sum_squares(input, rows, heads, width, [&](int row, int head, float sum) { init[row * heads + head] = sum; });
}
