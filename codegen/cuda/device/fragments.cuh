//===- fragments.cuh - Weights from a stage into registers --------------------===//
//
//   Fragments   32 steps of a panel as bf16, the operand `a` of two mma.m16n8k16: a 16 x 16 matrix of columns by steps
//   Column      8 steps of one column as f32
//
// Which column of the panel is row g and row g + 8 of `a` is the choice of the stored type: adjacent ones where an access
// brings both. A scaled weight is round_f32(q d), then rounded to bf16 for tensor cores.
//
//===------------------------------------------------------------------------===//
#pragma once
#include "moec/stage.cuh"

namespace moec {

template <class A, class B>
constexpr bool same_type = false;
template <class A>
constexpr bool same_type<A, A> = true;

//===--- scaled elements of 8 bits, for tensor cores ---===//
// A word holds two columns of a step, then of the next; `scale` is of the two columns. They become two pairs along k.

/// What scales are multiplied by before decode_8 takes them.
template <class Stored>
__device__ constexpr float decode_unit() {
  return 1;
}

/// u = q + 128 is put into the mantissa of 2^15, and (2^15 + 128) d subtracted from the product. It, and q d, are exact.
template <class Scale>
__device__ inline void decode_8(i8, u32 word, float2 scale, u32 &first,
                                u32 &second) {
  static_assert(sizeof(Scale) == 2, "integers have scales of 11 bits at most");
  u32 biased = word ^ 0x80808080u;
  auto element = [&](int i, float scale) {
    float v;
    asm("prmt.b32 %0, %1, %2, %3;"
        : "=f"(v)
        : "r"(biased), "r"(0x47000000u), "r"(0x7404 + 16 * i));
    return fmaf(v, scale, -32896.0f * scale);
  };
  first = bf16_pair(element(0, scale.x), element(2, scale.x));
  second = bf16_pair(element(1, scale.y), element(3, scale.y));
}

#if __CUDA_ARCH__ >= 890
__device__ inline uint2 f16_pairs(u32 word) {
  uint2 result;
  asm("{ .reg .b16 low, high; mov.b32 {low, high}, %2; "
      "cvt.rn.f16x2.e4m3x2 %0, low; cvt.rn.f16x2.e4m3x2 %1, high; }"
      : "=r"(result.x), "=r"(result.y)
      : "r"(word));
  return result;
}
#else
template <>
__device__ constexpr float decode_unit<f8e4m3>() {
  return 256;
}
/// As to_float(f8e4m3), two at a time.
__device__ inline uint2 f16_pairs(u32 word) {
  uint2 high =
      make_uint2(__byte_perm(word, 0, 0x1404), __byte_perm(word, 0, 0x3424));
  return make_uint2((high.x & 0x80008000u) | (high.x >> 1 & 0x3F803F80u),
                    (high.y & 0x80008000u) | (high.y >> 1 & 0x3F803F80u));
}
#endif
template <class Scale>
__device__ inline void decode_8(f8e4m3, u32 word, float2 scale, u32 &first,
                                u32 &second) {
  uint2 pairs = f16_pairs(word);
  float2 step = floats_of_f16(pairs.x), next = floats_of_f16(pairs.y);
  first = bf16_pair(step.x * scale.x, next.x * scale.x);
  second = bf16_pair(step.y * scale.y, next.y * scale.y);
}

//===--- for tensor cores ---===//

template <class Weight, int Steps>
struct Fragments {
  using Stage = moec::Stage<Weight, Steps>;
  using Stored = typename Weight::Stored;
  static constexpr int bits = bits_of<Stored>();
  static constexpr bool adjacent = bits != 16;

  /// Of lane l = 4 g + t.
  int lane, g, t;
  __device__ explicit Fragments(int lane)
      : lane(lane), g(lane / 4), t(lane % 4) {}

  /// Column of the panel of row g (half 0) or g + 8 (half 1).
  __device__ int column(int half) const {
    return adjacent ? 2 * g + half : g + 8 * half;
  }

  /// Steps `Step` to `Step` + 31 of a stage, a multiple of 32: the operand of the first 16 and that of the others.
  template <int Step>
  __device__ void load(const u8 *stage, u32 (&a)[2][4]) const {
    if constexpr (bits == 32)
      load_f32<Step>(stage, a);
    else if constexpr (bits == 16)
      load_16<Step>(stage, a);
    else if constexpr (bits == 8)
      load_8<Step>(stage, a);
    else
      load_4<Step>(stage, a);
  }

private:
  template <int Step>
  __device__ void load_f32(const u8 *stage, u32 (&a)[2][4]) const {
    int at = (2 * t * panel_width + 2 * g) * 4;
#pragma unroll
    for (int i = 0; i < 4; ++i) { // steps 8 i + 2 t and the next
      const u8 *from = stage + (Step + 8 * i) * Stage::step_bytes;
      uint2 even = load8(from + Stage::place(at));
      uint2 odd = load8(from + Stage::place(at + Stage::step_bytes));
      a[i / 2][i % 2 * 2] =
          bf16_pair(__uint_as_float(even.x), __uint_as_float(odd.x));
      a[i / 2][i % 2 * 2 + 1] =
          bf16_pair(__uint_as_float(even.y), __uint_as_float(odd.y));
    }
  }

  template <int Step>
  __device__ void load_16(const u8 *stage, u32 (&a)[2][4]) const {
    // Matrices: steps 0-7 of columns 0-7, of columns 8-15, steps 8-15 of columns 0-7, of columns 8-15.
    int at = (lane / 16 * 8 + lane % 8) * Stage::step_bytes +
             lane / 8 % 2 * chunk_bytes;
    u32 row = shared_address(stage) + Stage::place(at);
    load_transposed<Step * Stage::step_bytes>(row, a[0]);
    load_transposed<(Step + 16) * Stage::step_bytes>(row, a[1]);
    if constexpr (same_type<Stored, f16>)
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        u32 &pair = a[i / 4][i % 4];
        float2 elements = floats_of_f16(pair);
        pair = bf16_pair(elements.x, elements.y);
      }
  }

  template <int Step>
  __device__ void load_8(const u8 *stage, u32 (&a)[2][4]) const {
    // Lane l names step l. As 16-bit elements, a register gets columns 2g and 2g + 1 of step 8 i + 2 t, then of the next.
    u32 words[4];
    load_transposed<Stage::scales(Step)>(
        shared_address(stage) + Stage::elements(Step % Stage::block + lane),
        words);
    float2 scale;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (i == 0 || 8 * i % Stage::block == 0)
        scale = load_scales(stage + Stage::scales(Step + 8 * i));
      u32(&pairs)[4] = a[i / 2];
      decode_8<typename Weight::Scale>(Stored{}, words[i], scale,
                                       pairs[i % 2 * 2], pairs[i % 2 * 2 + 1]);
    }
  }

  template <int Step>
  __device__ void load_4(const u8 *stage, u32 (&a)[2][4]) const {
    float2 scale;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (i == 0 || 8 * i % Stage::block == 0)
        scale = load_scales(stage + Stage::scales(Step + 8 * i));
      // Byte t of a word holds steps 8 i + 2 t and the next.
      uint2 words = load8(stage + Stage::elements(Step + 8 * i) + 8 * g);
      a[i / 2][i % 2 * 2] = decode_4(words.x, scale.x);
      a[i / 2][i % 2 * 2 + 1] = decode_4(words.y, scale.y);
    }
  }

  /// The elements of byte t: q + 8 becomes the low bits of 128 in bf16, from which 136 is subtracted.
  __device__ u32 decode_4(u32 word, float scale) const {
    u32 byte = __byte_perm(word, 0, 0x4440 + t);
    u32 biased = ((byte * 0x1001u) & 0x000F000Fu) ^ 0x43084308u;
    u32 q = fma_pair(biased, 0x3F803F80u, 0xC308C308u);
    if constexpr (same_type<typename Weight::Scale, bf16>) {
      // q d has 12 bits: rounding it to bf16 at once is rounding it to f32 and then to bf16.
      u32 d = __byte_perm(__float_as_uint(scale), 0, 0x3232);
      return fma_pair(q, d, 0x80008000u);
    }
    return bf16_pair(low_bf16(q) * scale, high_bf16(q) * scale);
  }

  /// Of columns 2g and 2g + 1.
  __device__ float2 load_scales(const u8 *scales) const {
    using Scale = typename Weight::Scale;
    float2 result;
    if constexpr (same_type<Scale, float>) {
      uint2 pair = load8(scales + 8 * g);
      result = make_float2(__uint_as_float(pair.x), __uint_as_float(pair.y));
    } else {
      u32 pair = load4(scales + 4 * g);
      if constexpr (same_type<Scale, bf16>)
        result = make_float2(low_bf16(pair), high_bf16(pair));
      else
        result = floats_of_f16(pair);
    }
    constexpr float unit = decode_unit<Stored>();
    return unit == 1 ? result : make_float2(result.x * unit, result.y * unit);
  }
};

//===--- for FMA ---===//

template <class Weight, int Steps>
struct Column {
  using Stage = moec::Stage<Weight, Steps>;
  using Stored = typename Weight::Stored;

  /// Of the panel.
  int column;
  __device__ explicit Column(int column) : column(column) {}

  /// Steps `step` to step + 7 of a stage, a multiple of 8.
  __device__ void load(const u8 *stage, int step, float (&w)[8]) const {
    if constexpr (!Weight::scaled) {
      // The swizzle, the same every 8 steps, has bits inside a step and bits that choose the step.
      const u8 *from = stage + step * Stage::step_bytes;
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        int begin = Stage::place(i * Stage::step_bytes);
        int inside = begin % Stage::step_bytes;
        int at = column * int(sizeof(Stored)) ^ inside;
        w[i] = to_float(
            *reinterpret_cast<const Stored *>(from + (begin - inside) + at));
      }
    } else {
      using Scale = typename Weight::Scale;
      float scale = to_float(
          reinterpret_cast<const Scale *>(stage + Stage::scales(step))[column]);
      const u8 *from = stage + Stage::elements(step);
      u32 word = bits_of<Stored>() == 4 ? load4(from + 4 * column) : 0;
#pragma unroll
      for (int i = 0; i < 8; ++i)
        if constexpr (bits_of<Stored>() == 4)
          w[i] = to_float(i4{}, word, i) * scale;
        else
          w[i] = to_float(reinterpret_cast<const Stored *>(
                     from)[i * panel_width + column]) *
                 scale;
    }
  }
};

} // namespace moec
