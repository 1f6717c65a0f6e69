// cuda_fp16.h, cuda_bf16.h, cuda_fp8.h: conversions, arithmetic of numbers and pairs, functions.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

static __device__ int index() { return blockIdx.x * blockDim.x + threadIdx.x; }

/// All patterns to float and to integers, and back; of pairs too. 65536 threads.
extern "C" __global__ void half_patterns(float *out, unsigned short *again, int *integers, short *shorts) {
  int i = index();
  __half h = __ushort_as_half((unsigned short)i);
  out[i] = __half2float(h);
  again[i] = __half_as_ushort(__float2half_rn(__half2float(h)));
  integers[i] = __half2int_rz(h);
  shorts[i] = __half2short_rn(h);
}
extern "C" __global__ void bfloat_patterns(float *out, unsigned short *again, int *integers) {
  int i = index();
  __nv_bfloat16 h = __ushort_as_bfloat16((unsigned short)i);
  out[i] = __bfloat162float(h);
  again[i] = __bfloat16_as_ushort(__float2bfloat16_rn(__bfloat162float(h)));
  integers[i] = __bfloat162int_rz(h);
}

/// Floats and integers in all ways of rounding.
extern "C" __global__ void round_halves(const float *in, const double *doubles, const int *integers, unsigned short *out) {
  int i = index();
  unsigned short *to = out + 12 * i;
  to[0] = __half_as_ushort(__float2half_rn(in[i]));
  to[1] = __half_as_ushort(__float2half_rz(in[i]));
  to[2] = __half_as_ushort(__float2half_rd(in[i]));
  to[3] = __half_as_ushort(__float2half_ru(in[i]));
  to[4] = __half_as_ushort(__double2half(doubles[i]));
  to[5] = __half_as_ushort(__int2half_rn(integers[i]));
  to[6] = __half_as_ushort(__int2half_rd(integers[i]));
  to[7] = __half_as_ushort(hrint(__float2half_rn(in[i])));
  to[8] = __bfloat16_as_ushort(__float2bfloat16_rn(in[i]));
  to[9] = __bfloat16_as_ushort(__float2bfloat16_rz(in[i]));
  to[10] = __bfloat16_as_ushort(__float2bfloat16_ru(in[i]));
  to[11] = __bfloat16_as_ushort(__double2bfloat16(doubles[i]));
}

/// Arithmetic of pairs: 12 results each.
template <typename Two>
static __device__ void pairs(const Two *in, Two *out) {
  int i = index();
  Two a = in[3 * i], b = in[3 * i + 1], c = in[3 * i + 2], *to = out + 12 * i;
  to[0] = __hadd2(a, b);
  to[1] = __hsub2(a, b);
  to[2] = __hmul2(a, b);
  to[3] = __hfma2(a, b, c);
  to[4] = __hmin2(a, b);
  to[5] = __hmax2(a, b);
  to[6] = __hneg2(__habs2(a));
  to[7] = __hadd2_sat(a, b);
  to[8] = __hfma2_relu(a, b, c);
  to[9] = __hlt2(a, b);
  to[10] = __lowhigh2highlow(a);
  to[11] = __halves2half2(__hadd(__low2half(a), __high2half(b)), __hmul(__low2half(b), __high2half(a)));
}
template <>
__device__ void pairs(const __nv_bfloat162 *in, __nv_bfloat162 *out) {
  int i = index();
  __nv_bfloat162 a = in[3 * i], b = in[3 * i + 1], c = in[3 * i + 2], *to = out + 12 * i;
  to[0] = a + b;
  to[1] = a - b;
  to[2] = a * b;
  to[3] = __hfma2(a, b, c);
  to[4] = __hmin2(a, b);
  to[5] = __hmax2(a, b);
  to[6] = __hneg2(__habs2(a));
  to[7] = __hadd2_sat(a, b);
  to[8] = __hfma2_relu(a, b, c);
  to[9] = __hlt2(a, b);
  to[10] = __lowhigh2highlow(a);
  to[11] = __halves2bfloat162(__hadd(__low2bfloat16(a), __high2bfloat16(b)), __hmul(__low2bfloat16(b), __high2bfloat16(a)));
}
extern "C" __global__ void half_pairs(const __half2 *in, __half2 *out) { pairs(in, out); }
extern "C" __global__ void bfloat_pairs(const __nv_bfloat162 *in, __nv_bfloat162 *out) { pairs(in, out); }

/// Quotients and comparisons, which are functions of the header.
extern "C" __global__ void half_compare(const __half *in, __half *quotients, int *out) {
  int i = index();
  __half a = in[2 * i], b = in[2 * i + 1];
  quotients[i] = a / b;
  out[i] = (a < b) | (a <= b) << 1 | (a == b) << 2 | __hltu(a, b) << 3 | __hisnan(a) << 4 | (__hisinf(a) != 0) << 5 | __hne(a, b) << 6 |
           __hgeu(a, b) << 7;
}

/// Functions: 10 results each.
template <typename T>
static __device__ void functions(const T *in, T *out) {
  int i = index();
  T x = in[i], *to = out + 11 * i;
  to[0] = hexp(x);
  to[1] = hexp2(x);
  to[2] = hexp10(x);
  to[3] = hlog(x);
  to[4] = hlog2(x);
  to[5] = hsqrt(x);
  to[6] = hrsqrt(x);
  to[7] = hrcp(x);
  to[8] = hsin(x);
  to[9] = hcos(x);
  to[10] = htanh(x);
}
extern "C" __global__ void half_functions(const __half *in, __half *out) { functions(in, out); }
extern "C" __global__ void bfloat_functions(const __nv_bfloat16 *in, __nv_bfloat16 *out) { functions(in, out); }

/// All patterns of both formats of 8 bits, and numbers to them.
extern "C" __global__ void eight_patterns(float *out) {
  int i = threadIdx.x;
  __nv_fp8_e4m3 a;
  __nv_fp8_e5m2 b;
  a.__x = b.__x = (unsigned char)i;
  out[2 * i] = float(a);
  out[2 * i + 1] = float(b);
}
extern "C" __global__ void eight_rounded(const float *in, unsigned char *out) {
  int i = index();
  out[4 * i] = __nv_fp8_e4m3(in[i]).__x;
  out[4 * i + 1] = __nv_fp8_e5m2(in[i]).__x;
  __nv_fp8x2_e4m3 two(make_float2(in[i], -in[i]));
  out[4 * i + 2] = (unsigned char)(two.__x >> 8);
  out[4 * i + 3] = __nv_cvt_halfraw_to_fp8(__half_raw(__float2half(in[i])), __NV_SATFINITE, __NV_E5M2);
}

/// Atomic sums of 64 threads. Before sm_90 the header adds bfloats by a plain read and a loop of compare and exchange; other threads' exchanges race
/// with that read, so there one thread adds them all.
extern "C" __global__ void half_atomics(__half *sum, __half2 *pair, __nv_bfloat16 *brain, __nv_bfloat162 *brains) {
  atomicAdd(sum, __float2half(0.5f));
  atomicAdd(pair, __floats2half2_rn(1, float(threadIdx.x & 1)));
#if __CUDA_ARCH__ >= 900
  constexpr int times = 1;
#else
  const int times = threadIdx.x == 0 ? blockDim.x : 0;
#endif
  for (int i = 0; i < times; ++i) {
    atomicAdd(brain, __float2bfloat16(1));
    atomicAdd(brains, __floats2bfloat162_rn(2, -1));
  }
}
