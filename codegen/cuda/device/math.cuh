//===- math.cuh - Functions of kernel regions ---------------------------------===//
//
// The polynomials of codegen/cpu/ExpandMath.cpp, operation by operation: for finite results the bits are the CPU's.
// test/codegen/math-error.mlir bounds their errors.
//
//===------------------------------------------------------------------------===//
#pragma once
#include "moec/types.cuh"

namespace moec {

/// e^x, within 2 parts of 2^-24 for x in [-87, 0]: n = round(x / ln 2), r = x - n ln 2 with ln 2 in two parts, 2^n times a
/// polynomial in r. Exactly 0 below -87.7, hence of -inf; exactly 1 of 0; NaN of NaN; more than 88.8 counts as 88.8.
__device__ inline float exp(float x) {
  x = x < -87.8f ? -87.8f : x;
  x = x > 88.8f ? 88.8f : x;
  float n = floorf(fmaf(x, 1.44269502f, 0.5f));
  n = n > 127.0f ? 127.0f : n;
  float r = fmaf(-0.693359375f, n, x);
  r = fmaf(2.12194442e-4f, n, r);
  float p = fmaf(r, 1.98756912e-4f, 1.39819994e-3f);
  p = fmaf(p, r, 8.33345205e-3f);
  p = fmaf(p, r, 4.16657962e-2f);
  p = fmaf(p, r, 0.166666657f);
  p = fmaf(p, r, 0.5f);
  p = fmaf(p, r * r, r) + 1.0f;
  // 2^-127 is written as 0: what is that small is dropped.
  return p * __int_as_float((__float2int_rz(n) + 127) << 23);
}

/// sin(x) of quarter = 0, cos(x) = sin(x + π/2) of quarter = 1, for |x| up to 2^30 or so; within 2^-50 up to 200000: n =
/// round(2x/π), r = x - n π/2 with π/2 in three parts, then fdlibm's polynomials on [-π/4, π/4], chosen and signed by n mod 4.
__device__ inline double sine(double x, int quarter) {
  double n = rint(x * 0.63661977236758138);
  double r = fma(-n, 1.57079632673412561417e+00, x);
  r = fma(-n, 6.07710050630396597660e-11, r);
  r = fma(-n, 2.02226624879595063154e-21, r);
  double z = r * r;

  double s = 1.58969099521155010221e-10;
  s = fma(s, z, -2.50507602534068634195e-08);
  s = fma(s, z, 2.75573137070700676789e-06);
  s = fma(s, z, -1.98412698298579493134e-04);
  s = fma(s, z, 8.33333333332248946124e-03);
  s = fma(s, z, -1.66666666666666324348e-01);
  s = fma(s * z, r, r);

  double c = -1.13596475577881948265e-11;
  c = fma(c, z, 2.08757232129817482790e-09);
  c = fma(c, z, -2.75573143513906633035e-07);
  c = fma(c, z, 2.48015872894767294178e-05);
  c = fma(c, z, -1.38888888888741095749e-03);
  c = fma(c, z, 4.16666666666666019037e-02);
  c = fma(c, z, -0.5);
  c = fma(c, z, 1.0);

  int turns = int(__double2ll_rz(n)) + quarter;
  double value = turns & 1 ? c : s;
  return turns & 2 ? -value : value;
}

__device__ inline double sin(double x) { return sine(x, 0); }
__device__ inline double cos(double x) { return sine(x, 1); }

__device__ inline float sqrt(float x) { return __fsqrt_rn(x); }

/// The greater one; NaN if there is one (arith.maximumf).
__device__ inline float maximum(float a, float b) {
  float result;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(result) : "f"(a), "f"(b));
  return result;
}

/// Sum of a value of each of the 32 lanes, by halves: 16, 8, 4, 2, 1. All lanes get the same bits.
__device__ inline float sum_lanes(float x) {
  for (int offset = 16; offset; offset /= 2)
    x += __shfl_xor_sync(~0u, x, offset);
  return x;
}

} // namespace moec
