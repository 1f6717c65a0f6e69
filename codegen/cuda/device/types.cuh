//===- types.cuh - Scalar types of device code --------------------------------===//
//
// Device code includes nothing of the CUDA toolkit: NVRTC's built-in types (uint4, float4), functions (fmaf) and inline PTX are
// all it uses, and one source serves sm_80 and later.
//
// A stored type has to_float, which is exact, and from_float, which rounds to nearest even.
//
//===------------------------------------------------------------------------===//
#pragma once

namespace moec {

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
using i8 = signed char;
using i16 = short;
using i32 = int;
using i64 = long long;
using f32 = float;
using f64 = double;

struct bf16 {
  u16 bits;
};
struct f16 {
  u16 bits;
};
struct f8e4m3 {
  u8 bits;
};
/// Names a stored type; elements of 4 bits never stand alone.
struct i4 {};

template <class T>
__device__ constexpr int bits_of() {
  return 8 * sizeof(T);
}
template <>
__device__ constexpr int bits_of<i4>() {
  return 4;
}

//===--- f32 from and to the types ---===//

__device__ inline float infinity() { return __uint_as_float(0x7F800000u); }

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(bf16 x) {
  float result;
  asm("mov.b32 %0, {%1, %2};" : "=f"(result) : "h"(u16(0)), "h"(x.bits));
  return result;
}
__device__ inline float to_float(f16 x) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(x.bits));
  return result;
}
__device__ inline float to_float(i8 x) { return float(x); }
/// But for its sign an E4M3 number is an f16 number 2^8 times as small: f16 has one bit more of exponent (bias 15, not 7) and
/// seven more of mantissa. Subnormals follow; NaN (0x7F, 0xFF) is not a weight.
__device__ inline float to_float(f8e4m3 x) {
  return to_float(f16{u16(i8(x.bits) << 7 & 0xBF80)}) * 256.0f;
}
/// Element `index` of a word of eight elements of 4 bits.
__device__ inline float to_float(i4, u32 word, int index) {
  i32 result;
  asm("bfe.s32 %0, %1, %2, 4;" : "=r"(result) : "r"(word), "r"(4 * index));
  return float(result);
}

template <class T>
__device__ T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) {
  return x;
}
template <>
__device__ inline bf16 from_float<bf16>(float x) {
  bf16 result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(x));
  return result;
}
template <>
__device__ inline f16 from_float<f16>(float x) {
  f16 result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(x));
  return result;
}

//===--- pairs in a register: the first element in the low half ---===//

__device__ inline u32 bf16_pair(float low, float high) {
  u32 result;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
}
__device__ inline u32 pair(bf16 low, bf16 high) {
  return u32(low.bits) | u32(high.bits) << 16;
}
__device__ inline float low_bf16(u32 pair) {
  return __uint_as_float(pair << 16);
}
__device__ inline float high_bf16(u32 pair) {
  return __uint_as_float(pair & 0xFFFF0000u);
}
__device__ inline float2 floats_of_f16(u32 pair) {
  float2 result;
  asm("{ .reg .b16 low, high; mov.b32 {low, high}, %2; cvt.f32.f16 %0, low; "
      "cvt.f32.f16 %1, high; }"
      : "=f"(result.x), "=f"(result.y)
      : "r"(pair));
  return result;
}

//===--- accesses of 4, 8 and 16 bytes; the address is a multiple of them ---===//

__device__ inline u32 load4(const void *at) {
  return *static_cast<const u32 *>(at);
}
__device__ inline uint2 load8(const void *at) {
  return *static_cast<const uint2 *>(at);
}
__device__ inline uint4 load16(const void *at) {
  return *static_cast<const uint4 *>(at);
}
__device__ inline void store4(void *at, u32 value) {
  *static_cast<u32 *>(at) = value;
}
__device__ inline void store8(void *at, uint2 value) {
  *static_cast<uint2 *>(at) = value;
}
__device__ inline void store16(void *at, uint4 value) {
  *static_cast<uint4 *>(at) = value;
}

/// Four consecutive elements as f32, in one access: `at` is a multiple of four elements.
__device__ inline void load_four(const float *at, float (&out)[4]) {
  float4 value = *reinterpret_cast<const float4 *>(at);
  out[0] = value.x, out[1] = value.y, out[2] = value.z, out[3] = value.w;
}
__device__ inline void load_four(const bf16 *at, float (&out)[4]) {
  uint2 value = load8(at);
  out[0] = low_bf16(value.x), out[1] = high_bf16(value.x);
  out[2] = low_bf16(value.y), out[3] = high_bf16(value.y);
}
__device__ inline void load_four(const f16 *at, float (&out)[4]) {
  uint2 value = load8(at);
  float2 low = floats_of_f16(value.x), high = floats_of_f16(value.y);
  out[0] = low.x, out[1] = low.y, out[2] = high.x, out[3] = high.y;
}
__device__ inline void store_four(float *at, const float (&in)[4]) {
  *reinterpret_cast<float4 *>(at) = make_float4(in[0], in[1], in[2], in[3]);
}
__device__ inline void store_four(bf16 *at, const float (&in)[4]) {
  store8(at, make_uint2(bf16_pair(in[0], in[1]), bf16_pair(in[2], in[3])));
}

__device__ constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }
template <class T>
__device__ constexpr T smaller(T a, T b) {
  return a < b ? a : b;
}
template <class T>
__device__ constexpr T larger(T a, T b) {
  return a < b ? b : a;
}

} // namespace moec
