// kernel.route, kernel.group and kernel.combine.
#include "moec/combine.cuh"
#include "moec/group.cuh"
#include "moec/route.cuh"
using namespace moec;

#define ROUTE(NAME, SCORE, PER_LANE)                                                                                          \
  extern "C" __global__ void __launch_bounds__(128, 1)                                                                        \
      NAME(const float *logits, const float *bias, i32 *experts, float *weights, int rows, int num_experts, int top_k,        \
           int group_count, int group_keep, int group_top2, int renormalize, float scale) {                                   \
    Route p{rows, num_experts, top_k, group_count, group_keep, group_top2 != 0, renormalize != 0, scale};                     \
    route<SCORE, PER_LANE>(p, logits, bias, experts, weights);                                                                \
  }
ROUTE(softmax_1, Score::Softmax, 1)
ROUTE(softmax_4, Score::Softmax, 4)
ROUTE(softmax_16, Score::Softmax, 16)
ROUTE(sigmoid_1, Score::Sigmoid, 1)
ROUTE(sigmoid_4, Score::Sigmoid, 4)
ROUTE(sigmoid_16, Score::Sigmoid, 16)

extern "C" __global__ void __launch_bounds__(512, 1)
    group_rows(const i32 *chosen, const float *weights, i32 *rows, float *row_weights, i32 *places, i32 *merges, i32 *tiles,
               int tokens, int top_k, int experts, int row_tile) {
  group({tokens, top_k, experts, row_tile}, chosen, weights, rows, row_weights, places, merges, tiles);
}

extern "C" __global__ void __launch_bounds__(128)
    combine_rows(const float *input, const i32 *places, const i32 *merges, const float *residual, const float *shared_rows,
                 float *init, int rows, int columns, int top_k) {
  combine({rows, columns, top_k, places, merges}, input, [&](int row, int column, float value) {
    u64 at = u64(row) * columns + column;
    init[at] = residual[at] + (value + shared_rows[at]);
  });
}
