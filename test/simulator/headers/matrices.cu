// nvcuda::wmma: one warp, C = alpha A B + C in the shapes and types that all architectures have.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <mma.h>

using namespace nvcuda;

template <int M, int N, int K, typename T, typename Element, typename Sum, typename LayoutA, typename LayoutB>
static __device__ void multiply(const Element *a, const Element *b, Sum *c, int depth, wmma::layout_t layout) {
  wmma::fragment<wmma::matrix_a, M, N, K, T, LayoutA> left;
  wmma::fragment<wmma::matrix_b, M, N, K, T, LayoutB> right;
  wmma::fragment<wmma::accumulator, M, N, K, Sum> sum, before;
  constexpr bool rowsA = std::is_same_v<LayoutA, wmma::row_major>, rowsB = std::is_same_v<LayoutB, wmma::row_major>;
  int ld = layout == wmma::mem_row_major ? N : M;
  wmma::fill_fragment(sum, Sum(0));
  for (int k = 0; k < depth; k += K) {
    wmma::load_matrix_sync(left, a + (rowsA ? k : k * M), rowsA ? depth : M);
    wmma::load_matrix_sync(right, b + (rowsB ? k * N : k), rowsB ? N : depth);
    wmma::mma_sync(sum, left, right, sum);
  }
  wmma::load_matrix_sync(before, c, ld, layout);
  for (int i = 0; i < sum.num_elements; ++i)
    sum.x[i] = Sum(2) * sum.x[i] + before.x[i];
  wmma::store_matrix_sync(c, sum, ld, layout);
}

using Row = wmma::row_major;
using Column = wmma::col_major;
constexpr wmma::layout_t byRows = wmma::mem_row_major, byColumns = wmma::mem_col_major;

extern "C" __global__ void half_square(const __half *a, const __half *b, float *c) {
  multiply<16, 16, 16, __half, __half, float, Row, Column>(a, b, c, 48, byRows);
}
extern "C" __global__ void half_columns(const __half *a, const __half *b, float *c) {
  multiply<16, 16, 16, __half, __half, float, Column, Row>(a, b, c, 32, byColumns);
}
extern "C" __global__ void half_tall(const __half *a, const __half *b, __half *c) {
  multiply<32, 8, 16, __half, __half, __half, Row, Row>(a, b, c, 32, byRows);
}
extern "C" __global__ void half_wide(const __half *a, const __half *b, float *c) {
  multiply<8, 32, 16, __half, __half, float, Column, Column>(a, b, c, 32, byRows);
}
extern "C" __global__ void bfloat_square(const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *c) {
  multiply<16, 16, 16, __nv_bfloat16, __nv_bfloat16, float, Row, Row>(a, b, c, 32, byColumns);
}
extern "C" __global__ void bfloat_tall(const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *c) {
  multiply<32, 8, 16, __nv_bfloat16, __nv_bfloat16, float, Column, Column>(a, b, c, 16, byRows);
}
extern "C" __global__ void tensor_float(const float *a, const float *b, float *c) {
  multiply<16, 16, 8, wmma::precision::tf32, float, float, Row, Column>(a, b, c, 32, byRows);
}
extern "C" __global__ void bytes(const signed char *a, const signed char *b, int *c) {
  multiply<16, 16, 16, signed char, signed char, int, Row, Column>(a, b, c, 32, byRows);
}
extern "C" __global__ void unsigned_bytes(const unsigned char *a, const unsigned char *b, int *c) {
  multiply<8, 32, 16, unsigned char, unsigned char, int, Row, Row>(a, b, c, 32, byColumns);
}
extern "C" __global__ void doubles(const double *a, const double *b, double *c) {
  multiply<8, 8, 4, double, double, double, Row, Column>(a, b, c, 16, byRows);
}
