//===- stage.cuh - Stages of a panel in shared memory -------------------------===//
//
// A stage holds `Steps` consecutive steps of a panel as they are stored, brought by asynchronous copies of 16-byte chunks.
//
//   without scales   chunk c (in the order of memory) stands at c ^ swizzle(c / 8), inside its line of 128 bytes, so that
//                    the accesses below touch each bank once
//   with scales      whole blocks, in the order of memory; of a block longer than a stage its scales and a slice of it
//
// The distance between the stages of two panels is 64 mod 128 bytes: two half-warps that read the same place of two panels
// touch different banks. Weights are decoded from a stage into registers, once: by `Fragments` for tensor cores, by `Column`
// for FMA.
//
//===------------------------------------------------------------------------===//
#pragma once
#include "moec/copy.cuh"
#include "moec/panels.cuh"

namespace moec {

constexpr int chunk_bytes = 16;

template <class Weight, int Steps, bool = Weight::scaled>
struct Stage;

template <class Weight, int Steps>
struct Stage<Weight, Steps, false> {
  using Stored = typename Weight::Stored;
  static constexpr int step_bytes = panel_width * int(sizeof(Stored));
  static constexpr int bytes = Steps * step_bytes;
  static constexpr int stride = bytes + 64;
  static_assert(bytes % 128 == 0);

  __device__ static constexpr int swizzle(int line) {
    return step_bytes == 64 ? (line & 3) << 1 : line & 1;
  }
  /// Where byte `at` of the stage stands.
  __device__ static constexpr int place(int at) {
    return at ^ swizzle(at / 128) * chunk_bytes;
  }

  /// Starts the copies of steps `first` and on, zeros behind K. `thread` is one of `Threads` that copy together.
  template <int Threads>
  __device__ static void copy(u32 to, const u8 *panel, int first, int k,
                              int thread) {
    constexpr int chunks = bytes / chunk_bytes;
    static_assert(Threads % 32 == 0 && chunks % Threads == 0);
    int at = thread * chunk_bytes;
    const u8 *from = panel + i64(first) * step_bytes + at;
    to += place(at); // the swizzle is the same every 32 chunks
    if (first + Steps <= k) {
#pragma unroll
      for (int i = 0; i < bytes; i += Threads * chunk_bytes)
        copy_chunk(to + i, from + i);
    } else {
      int left = (k - first) * step_bytes;
#pragma unroll
      for (int i = 0; i < bytes; i += Threads * chunk_bytes)
        copy_chunk(to + i, at + i < left ? from + i : panel, at + i < left);
    }
  }
};

template <class Weight, int Steps>
struct Stage<Weight, Steps, true> {
  using Stored = typename Weight::Stored;
  using Scale = typename Weight::Scale;
  static constexpr int scale_bytes = Weight::scale_bytes;
  /// Steps that share scales, inside a stage.
  static constexpr int block = smaller(Weight::block, Steps);
  static constexpr int block_bytes =
      scale_bytes + block * panel_width * bits_of<Stored>() / 8;
  static constexpr int bytes = Steps / block * block_bytes;
  static constexpr int stride = ceil_div(bytes, 128) * 128 + 64;
  static_assert(Weight::block % block == 0 && Steps % block == 0 &&
                block % 8 == 0);

  template <int Threads>
  __device__ static void copy(u32 to, const u8 *panel, int first, int k,
                              int thread) {
    const u8 *from = panel + i64(first / Weight::block) * Weight::block_bytes;
    int slice = first % Weight::block * panel_width * bits_of<Stored>() / 8;
    // A panel ends with a whole block.
    int left = Weight::block > block ? bytes
                                     : ceil_div(k - first, block) * block_bytes;
#pragma unroll
    for (int i = 0; i < bytes; i += Threads * chunk_bytes) {
      int at = i + thread * chunk_bytes;
      if (i + Threads * chunk_bytes > bytes && at >= bytes)
        break;
      const u8 *source = from + at;
      if (Weight::block > block && at >= scale_bytes)
        source += slice;
      copy_chunk(to + at, at < left ? source : panel, at < left);
    }
  }

  /// Where the scales of the block of `step` stand, and the elements of a step (of 4 bits: of eight steps).
  __device__ static constexpr int scales(int step) {
    return step / block * block_bytes;
  }
  __device__ static constexpr int elements(int step) {
    return scales(step) + scale_bytes +
           step % block * panel_width * bits_of<Stored>() / 8;
  }
};

//===--- elements of 8 bits, four in a register ---===//

/// Elements in order, times `unpacked_unit`.
template <class Stored>
__device__ constexpr float unpacked_unit() {
  return 1;
}

/// q + 128 becomes the low bits of 2^23, which is then subtracted.
__device__ inline void unpack(i8, u32 word, float (&out)[4]) {
  u32 shifted = word ^ 0x80808080u;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    out[i] = __uint_as_float(__byte_perm(shifted, 0x4B000000u, 0x7440 + i)) -
             8388736.0f;
}
#if __CUDA_ARCH__ >= 890
__device__ inline void unpack(f8e4m3, u32 word, float (&out)[4]) {
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    u32 pair;
    asm("cvt.rn.f16x2.e4m3x2 %0, %1;"
        : "=r"(pair)
        : "h"(u16(word >> (16 * i))));
    out[2 * i] = low_f16(pair), out[2 * i + 1] = high_f16(pair);
  }
}
#else
template <>
__device__ constexpr float unpacked_unit<f8e4m3>() {
  return 1 / 256.0f;
}
/// As to_float(f8e4m3), two at a time.
__device__ inline void unpack(f8e4m3, u32 word, float (&out)[4]) {
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    u32 high = __byte_perm(word, 0, i ? 0x3424 : 0x1404); // in the high bytes
    u32 pair = (high & 0x80008000u) | ((high >> 1) & 0x3F803F80u);
    out[2 * i] = low_f16(pair), out[2 * i + 1] = high_f16(pair);
  }
}
#endif

} // namespace moec
