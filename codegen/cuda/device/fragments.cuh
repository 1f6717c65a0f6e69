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

  /// Steps `step` to step + 31 of a stage, a multiple of 32: the operand of steps 0 to 15 and that of 16 to 31.
  __device__ void load(const u8 *stage, int step, u32 (&a)[2][4]) const {
    if constexpr (bits == 32)
      load_f32(stage, step, a);
    else if constexpr (bits == 16)
      load_16(stage, step, a);
    else if constexpr (bits == 8)
      load_8(stage, step, a);
    else
      load_4(stage, step, a);
  }

private:
  __device__ void load_f32(const u8 *stage, int step, u32 (&a)[2][4]) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) { // steps 8 i + 2 t and the next
      int at = (2 * t * panel_width + 2 * g) * 4;
      const u8 *from = stage + (step + 8 * i) * Stage::step_bytes;
      uint2 even = load8(from + Stage::place(at));
      uint2 odd = load8(from + Stage::place(at + Stage::step_bytes));
      a[i / 2][i % 2 * 2] =
          bf16_pair(__uint_as_float(even.x), __uint_as_float(odd.x));
      a[i / 2][i % 2 * 2 + 1] =
          bf16_pair(__uint_as_float(even.y), __uint_as_float(odd.y));
    }
  }

  __device__ void load_16(const u8 *stage, int step, u32 (&a)[2][4]) const {
    // Matrices: steps 0-7 of columns 0-7, of columns 8-15, steps 8-15 of columns 0-7, of columns 8-15.
    int at = (lane / 16 * 8 + lane % 8) * Stage::step_bytes +
             lane / 8 % 2 * chunk_bytes;
    u32 row =
        shared_address(stage + step * Stage::step_bytes) + Stage::place(at);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      load_transposed(row + 16 * i * Stage::step_bytes, a[i]);
      if constexpr (same_type<Stored, f16>)
#pragma unroll
        for (u32 &pair : a[i])
          pair = bf16_pair(low_f16(pair), high_f16(pair));
    }
  }

  __device__ void load_8(const u8 *stage, int step, u32 (&a)[2][4]) const {
    // Lane l names step l. As 16-bit elements, a register gets columns 2g and 2g + 1 of step 8 i + 2 t, then of the next.
    u32 words[4];
    load_transposed(shared_address(stage + Stage::elements(step + lane)),
                    words);
    float2 scale;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (i == 0 || 8 * i % Stage::block == 0)
        scale = load_scales(stage + Stage::scales(step + 8 * i));
      float q[4];
      unpack(Stored{}, words[i], q);
      a[i / 2][i % 2 * 2] = bf16_pair(q[0] * scale.x, q[2] * scale.x);
      a[i / 2][i % 2 * 2 + 1] = bf16_pair(q[1] * scale.y, q[3] * scale.y);
    }
  }

  __device__ void load_4(const u8 *stage, int step, u32 (&a)[2][4]) const {
    float2 scale;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (i == 0 || 8 * i % Stage::block == 0)
        scale = load_scales(stage + Stage::scales(step + 8 * i));
      // Byte t of a word holds steps 8 i + 2 t and the next.
      uint2 words = load8(stage + Stage::elements(step + 8 * i) + 8 * g);
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
        result = make_float2(low_f16(pair), high_f16(pair));
    }
    constexpr float unit = 1 / unpacked_unit<Stored>();
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
      const u8 *from = stage + step * Stage::step_bytes;
#pragma unroll
      for (int i = 0; i < 8; ++i) { // the swizzle is the same every 8 steps
        int at = i * Stage::step_bytes + column * int(sizeof(Stored));
        w[i] = to_float(
            *reinterpret_cast<const Stored *>(from + Stage::place(at)));
      }
    } else {
      using Scale = typename Weight::Scale;
      float scale = to_float(
          reinterpret_cast<const Scale *>(stage + Stage::scales(step))[column]);
      const u8 *from = stage + Stage::elements(step);
      if constexpr (bits_of<Stored>() == 4) {
        i32 word = i32(load4(from + 4 * column));
#pragma unroll
        for (int i = 0; i < 8; ++i)
          w[i] = float(word << (28 - 4 * i) >> 28) * scale;
      } else {
#pragma unroll
        for (int i = 0; i < 8; ++i)
          w[i] = to_float(reinterpret_cast<const Stored *>(
                     from)[i * panel_width + column]) *
                 scale;
      }
    }
  }
};

} // namespace moec
