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

/// Copies of a stage of `Bytes` bytes. The chunks behind the `left` bytes that the panel still has are zeros. `to` and `from`
/// are those of the first chunk of this thread.
template <int Bytes, int Threads>
__device__ void copy_stage(u32 to, const u8 *from, int left, int thread) {
  constexpr int distance = Threads * chunk_bytes;
  constexpr int whole = Bytes / distance * distance;
  int at = thread * chunk_bytes;
  if (left >= Bytes) {
    copy_chunks<0, whole, distance>(to, from);
    if (whole < Bytes && whole + at < Bytes)
      copy_chunks<whole, Bytes, distance>(to, from);
  } else {
#pragma unroll
    for (int i = 0; i < Bytes; i += distance)
      if (i < whole || whole + at < Bytes)
        copy_chunk(to + i, i + at < left ? from + i : from - at, i + at < left);
  }
}

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
  /// Where byte `at` of the stage stands; the swizzle is the same every 32 chunks.
  __device__ static constexpr int place(int at) {
    return at ^ swizzle(at / 128) * chunk_bytes;
  }

  /// Copies the stage at `from` and moves on to the next.
  template <int Threads>
  __device__ static void copy(u32 to, const u8 *&from, int &left, int thread) {
    copy_stage<bytes, Threads>(to, from, left, thread);
    from += bytes, left -= bytes;
  }
};

template <class Weight, int Steps>
struct Stage<Weight, Steps, true> {
  using Stored = typename Weight::Stored;
  using Scale = typename Weight::Scale;
  static constexpr int scale_bytes = Weight::scale_bytes;
  static constexpr int step_bits = panel_width * bits_of<Stored>();
  /// Steps that share scales, inside a stage.
  static constexpr int block = smaller(Weight::block, Steps);
  static constexpr int block_bytes = scale_bytes + block * step_bits / 8;
  static constexpr int bytes = Steps / block * block_bytes;
  static constexpr int stride = ceil_div(bytes, 128) * 128 + 64;
  static_assert(Weight::block % block == 0 && Steps % block == 0 &&
                block % 8 == 0);

  __device__ static constexpr int place(int at) { return at; }

  template <int Threads>
  __device__ static void copy(u32 to, const u8 *&from, int &left, int thread) {
    if constexpr (Weight::block <= Steps) {
      copy_stage<bytes, Threads>(to, from, left, thread);
      from += bytes, left -= bytes;
    } else {
      // `from` is the block; what is left of it says which slice is next.
      constexpr int slice_bytes = bytes - scale_bytes;
      int left_in_block = (left - 1) % Weight::block_bytes + 1;
      int slice = Weight::block_bytes - left_in_block;
      int at = thread * chunk_bytes;
#pragma unroll
      for (int i = 0; i < bytes; i += Threads * chunk_bytes)
        if (i + at < bytes)
          copy_chunk(to + i, from + i + (i + at < scale_bytes ? 0 : slice),
                     true);
      left -= slice_bytes;
      if (slice + bytes == Weight::block_bytes)
        from += Weight::block_bytes, left -= scale_bytes;
    }
  }

  /// Where the scales of the block of `step` stand, and the elements of a step (of 4 bits: of eight steps).
  __device__ static constexpr int scales(int step) {
    return step / block * block_bytes;
  }
  __device__ static constexpr int elements(int step) {
    return scales(step) + scale_bytes + step % block * step_bits / 8;
  }
};

} // namespace moec
