//===- input.cuh - Rows of a tile through the prologue into shared memory -----===//
//
// Each element of the rows of a tile goes through the prologue once and is staged for all warps, `steps` steps of K at a time:
// more, the fewer rows there are, so that decoding one token stages its row at once. Small tiles stage between two barriers;
// large ones ask the prologue for the next steps while they multiply (`fetch`), and store them after.
//
// Unit u (16 bytes) of row r stands at r * row_units + u, of bf16 at r * row_units + (u ^ r % 8): the eight rows that ldmatrix reads at a time lie in
// different banks. Behind K there are zeros, up to a multiple of 32.
//
//===------------------------------------------------------------------------===//
#pragma once
#include "moec/copy.cuh"

namespace moec {

/// Whether a prologue gives four elements at a time.
template <class Prologue, class Compute>
constexpr bool has_vector4 =
    requires(const Prologue &prologue, Compute (&out)[4]) {
      prologue.vector4(0, 0, 0, out);
    };

/// The prologue of a kernel: element k of a head of a row is map(row, k, x), of the x that stands at begin + head * head_stride + k
/// of that row of `input`. `Aligned`: K and what rows and heads begin at are multiples of four elements, which are loaded at once.
template <bool Aligned, class Element, class Map>
struct RowElements {
  const Element *input;
  int width, begin, head_stride;
  Map map;

  __device__ const Element *at(int row, int head, int k) const {
    return input + i64(row) * width + begin + head * head_stride + k;
  }
  __device__ auto operator()(int row, int head, int k) const {
    return map(row, k, *at(row, head, k));
  }
  template <class Compute>
  __device__ void vector4(int row, int head, int k, Compute (&out)[4]) const
    requires Aligned
  {
    struct alignas(4 * sizeof(Element)) Four {
      Element x[4];
    };
    Four four = *reinterpret_cast<const Four *>(at(row, head, k));
#pragma unroll
    for (int i = 0; i < 4; ++i)
      out[i] = map(row, k + i, four.x[i]);
  }
};

template <bool Aligned, class Element, class Map>
__device__ RowElements<Aligned, Element, Map>
row_elements(const Element *input, int width, int begin, int head_stride,
             Map map) {
  return {input, width, begin, head_stride, map};
}

template <class Compute, int Rows, int Threads>
struct InputStage {
  static constexpr int bytes = larger(8192, Rows * 128);
  /// Elements of a unit.
  static constexpr int unit = chunk_bytes / int(sizeof(Compute));
  /// Steps that are staged at a time with all rows.
  static constexpr int fewest_steps = bytes / Rows / int(sizeof(Compute));
  static constexpr bool fetches = Rows > 16;
  static constexpr int thread_units = bytes / chunk_bytes / Threads;

  u8 *const memory;
  i32 *const input_rows;
  const int rows, head, k;
  /// log2 of the units of a row.
  int row_shift;
  uint4 fetched[fetches ? thread_units : 1];

  /// `memory` is `bytes` of shared memory, `input_rows` `Rows` numbers of it.
  __device__ InputStage(u8 *memory, i32 *input_rows, int first_row, int rows,
                        int head, int k, const i32 *gather)
      : memory(memory), input_rows(input_rows), rows(rows), head(head), k(k) {
    for (int r = threadIdx.x; r < rows; r += Threads)
      input_rows[r] = gather ? gather[first_row + r] : first_row + r;
    int row_units = fewest_steps / unit;
    if constexpr (!fetches) {
      int needed = ceil_div(k, unit);
      for (int r = Rows; r >= 2 * rows && row_units < needed; r /= 2)
        row_units *= 2;
    }
    row_shift = 31 - __clz(row_units);
    __syncthreads();
  }

  __device__ int steps() const { return unit << row_shift; }

  /// Asks for steps `first` and on; store() puts them into shared memory.
  template <class Prologue>
  __device__ void fetch(int first, const Prologue &prologue) {
#pragma unroll
    for (int i = 0; i < thread_units; ++i) {
      int at = i * Threads + threadIdx.x;
      fetched[i] = load(first, at, prologue);
    }
  }
  __device__ void store() const {
#pragma unroll
    for (int i = 0; i < thread_units; ++i) {
      int at = i * Threads + threadIdx.x;
      if (at >> row_shift < rows)
        store16(memory + place(at), fetched[i]);
    }
  }
  /// Both, for any number of units.
  template <class Prologue>
  __device__ void stage(int first, const Prologue &prologue) const {
    int units = smaller(rows << row_shift, bytes / chunk_bytes);
#pragma unroll 2
    for (int at = threadIdx.x; at < units; at += Threads)
      store16(memory + place(at), load(first, at, prologue));
  }

  /// For ldmatrix: eight steps of a row from `step` + 8 `unit` on; `step` is a multiple of 32, `unit` < 4.
  __device__ u32 address(int row, int step, int unit) const {
    int swizzled = (step % 64 / 8 + unit) ^ (row & 7);
    return shared_address(memory) + (row << row_shift) * chunk_bytes +
           step / 64 * 128 + swizzled * chunk_bytes;
  }
  /// Four steps of a row from `step` of the stage on, a multiple of four, as float.
  __device__ float4 read_four(int row, int step) const {
    int at = (row << row_shift) + step / unit;
    return *reinterpret_cast<const float4 *>(memory + place(at));
  }

private:
  /// Byte of unit `at` = row * row_units + u.
  __device__ int place(int at) const {
    int swizzle = sizeof(Compute) == 2 ? (at >> row_shift) & 7 : 0;
    return (at ^ swizzle) * chunk_bytes;
  }

  template <class Prologue>
  __device__ uint4 load(int first, int at, const Prologue &prologue) const {
    int row = at >> row_shift;
    int step = first + (at & ((1 << row_shift) - 1)) * unit;
    Compute x[unit] = {};
    if (row < rows && step < k) {
      int input_row = input_rows[row];
      if (has_vector4<Prologue, Compute> && step + unit <= k) {
        load_fours(input_row, step, prologue, x);
      } else {
#pragma unroll
        for (int i = 0; i < unit; ++i)
          if (step + i < k)
            x[i] = prologue(input_row, head, step + i);
      }
    }
    if constexpr (unit == 8)
      return make_uint4(pair(x[0], x[1]), pair(x[2], x[3]), pair(x[4], x[5]),
                        pair(x[6], x[7]));
    else
      return make_uint4(__float_as_uint(x[0]), __float_as_uint(x[1]),
                        __float_as_uint(x[2]), __float_as_uint(x[3]));
  }

  template <class Prologue>
  __device__ void load_fours(int row, int step, const Prologue &prologue,
                             Compute (&x)[unit]) const {
    if constexpr (has_vector4<Prologue, Compute>) {
#pragma unroll
      for (int i = 0; i < unit; i += 4) {
        Compute four[4];
        prologue.vector4(row, head, step + i, four);
#pragma unroll
        for (int j = 0; j < 4; ++j)
          x[i + j] = four[j];
      }
    }
  }
};

} // namespace moec
