//===- gemm.cuh - Matrix products of rows by packed panels --------------------===//
//
//   acc[t, n] = Σ_k x(t, k) weight[n, k]        x: what the prologue gives, once for each element of a tile
//
// One function for plain products, products by head and products by expert. A kernel says what the rows are (prologue), what
// becomes of the sums (epilogue) and how they are tiled:
//
//   struct Input {                                    // prologue
//     const float *x; const float *scale; int stride;
//     __device__ bf16 operator()(int row, int head, int k) const;      // element k of row `row` of the input
//     __device__ void vector4(int row, int head, int k, bf16 (&out)[4]) const;  // optional: elements k to k + 3, k % 4 == 0
//   };
//   extern "C" __global__ void __launch_bounds__(Small<bf16>::threads) linear(…) {
//     gemm<Small<bf16>>(Gemm{rows, k, n, 1, nullptr, nullptr}, Panels<bf16>{weight, k, ceil_div(n, 16)}, Input{…},
//                       [=](int row, int column, float sum) { y[i64(row) * n + column] = sum; });
//   }
//
// Grid: x = heads * ceil(n / columns of the tile), y = row tiles: ceil(rows / rows of the tile), or the entries of `groups`.
//
//   tile             rows x columns of the result     threads
//   Small<bf16, P>       16 x 32                         64     P: parts. With two parts a column has two sums: the epilogue is
//   Small<float, P>      16 x 64                         64     called (row, column, gate, up)
//   Large<bf16, 1>       64 x 128                       128
//   Large<bf16, 2>       64 x 64                        128
//   Large<float, P>      64 x 64                        128
//
// Orders. float: acc = fma(x, w, acc) from zero, in the order of k. bf16: mma.sync m16n8k16 in steps of 16 from k = 0, weights
// rounded to bf16, the last step padded with zeros. They are those of an element, whatever the tile and the other rows.
//
//===------------------------------------------------------------------------===//
#pragma once
#include "moec/fragments.cuh"
#include "moec/input.cuh"

namespace moec {

struct Gemm {
  /// Rows of the result (unused with groups).
  int rows;
  /// Elements of a row of the input (of one head).
  int k;
  /// Columns of the result (of one head, of one part).
  int n;
  int heads;
  /// Row of the input of each row of the result; null: the same.
  const i32 *gather;
  /// Null, or (expert, first row, rows) of each row tile, at most the tile's rows; 0 rows: nothing to do.
  const i32 *groups;
};

//===--- tiles ---===//
// A warp has columns of its own, whose panels it streams through a ring of stages that it shares with no other warp (but
// `row_warps` that share the columns and divide the rows). The rows are staged by all warps together.

template <class ComputeType, int Rows, int Columns, int Parts>
struct Tile {
  using Compute = ComputeType;
  static constexpr bool tensor = same_type<Compute, bf16>;
  static constexpr bool small = Rows <= 16;
  static constexpr int rows = Rows, columns = Columns, parts = Parts;

  /// On tensor cores one or two panels, with FMA a column a lane.
  static constexpr int warp_columns = !tensor ? 32
                                      : small ? 16
                                              : smaller(32, Columns / 4);
  static constexpr int row_warps = !tensor && !small ? Rows / 32 : 1;
  static constexpr int warp_rows = Rows / row_warps;
  static constexpr int column_warps = Columns / warp_columns;
  static constexpr int threads = 32 * column_warps * row_warps;
  /// Of the result, and with all parts.
  static constexpr int warp_panels = warp_columns / panel_width;
  static constexpr int stream_panels = warp_panels * Parts;

  using Input = InputStage<Compute, Rows, threads>;
  /// Steps of a stage of 2 KiB of a panel, or 1 KiB: small tiles need more bytes under way.
  template <class Stored>
  static constexpr int steps =
      smaller(Input::fewest_steps,
              larger(32, (small ? 1024 : 512) / bits_of<Stored>()));

  static_assert(Columns % warp_columns == 0 && Rows % 8 == 0);
  static_assert(warp_rows * warp_columns * Parts <= 64 * 32,
                "more sums than registers");
};

template <class Compute, int Parts = 1>
using Small = Tile<Compute, 16, same_type<Compute, bf16> ? 32 : 64, Parts>;
template <class Compute, int Parts = 1>
using Large =
    Tile<Compute, 64, same_type<Compute, bf16> && Parts == 1 ? 128 : 64, Parts>;

//===--- weights ---===//

/// The panels of a warp's columns, stage after stage.
template <class Tile, class Weight>
struct WeightStream {
  static constexpr int steps = Tile::template steps<typename Weight::Stored>;
  using Stage = moec::Stage<Weight, steps>;
  static constexpr int slot_bytes = Tile::stream_panels * Stage::stride;
  static constexpr int slots =
      smaller(8, (48 * 1024 - Tile::Input::bytes - 4 * Tile::rows) /
                     (Tile::column_warps * slot_bytes));
  static constexpr int bytes = Tile::column_warps * slots * slot_bytes;
  static constexpr int copy_threads = 32 * Tile::row_warps;
  static_assert(slots >= 2);

  u8 *const ring;
  const u8 *const panels;
  const int panel_bytes, last_panel, k, barrier, thread;
  int slot = 0, next_slot = 0, next_step = 0;

  /// `first` is the first panel of the warp, one of its matrix.
  __device__ WeightStream(u8 *memory, const Weight &weight, int matrix,
                          int first, int column_warp, int row_warp)
      : ring(memory + column_warp * slots * slot_bytes),
        panels(weight.panel(matrix, first)), panel_bytes(weight.panel_bytes()),
        last_panel(weight.panels - 1 - first), k(weight.k),
        barrier(1 + column_warp), thread(row_warp * 32 + threadIdx.x % 32) {
    if (last_panel >= 0)
      for (int i = 0; i < slots - 1; ++i)
        start();
  }

  /// The next stage: stage `panel` of it is at panel * Stage::stride. It stands until the call after.
  __device__ const u8 *next() {
    wait_copy_groups<slots - 2>();
    sync_warps<copy_threads>(barrier);
    start();
    const u8 *stage = ring + slot * slot_bytes;
    slot = slot + 1 == slots ? 0 : slot + 1;
    return stage;
  }

private:
  __device__ void start() {
    if (next_step < k) {
      u32 to = shared_address(ring + next_slot * slot_bytes);
#pragma unroll
      for (int i = 0; i < Tile::stream_panels; ++i)
        Stage::template copy<copy_threads>(
            to + i * Stage::stride,
            panels + i64(smaller(i, last_panel)) * panel_bytes, next_step, k,
            thread);
      next_step += steps;
      next_slot = next_slot + 1 == slots ? 0 : next_slot + 1;
    }
    end_copy_group();
  }
};

//===--- sums ---===//

/// Of a warp on tensor cores: its columns are the rows of `a`, so that eight rows of the input make a tile of mma.
template <class Tile, class Weight>
struct TensorSums {
  using Stream = WeightStream<Tile, Weight>;
  static constexpr int row_tiles = Tile::rows / 8;

  const Fragments<Weight, Stream::steps> fragments;
  const int rows;
  float sums[Tile::stream_panels][row_tiles][4] = {};

  __device__ TensorSums(int lane, int, int rows)
      : fragments(lane), rows(rows) {}

  /// Adds `count` steps: a stage, and the input from its step `first` on.
  __device__ void add(const u8 *stage, const typename Tile::Input &input,
                      int first, int count) {
    // Lane l names row l % 8 of a tile, unit l / 8 of 32 steps. What stands in rows that do not exist is never stored; their
    // lanes name the last row.
    int row_bytes = chunk_bytes << input.row_shift;
    int row = fragments.lane % 8, unit = fragments.lane / 8;
    int last = (rows - 1) % 8;
    u32 memory = shared_address(input.memory);
    for (int step = 0; step < count; step += 32) {
      u32 a[Tile::stream_panels][2][4];
#pragma unroll
      for (int i = 0; i < Tile::stream_panels; ++i)
        fragments.load(stage + i * Stream::Stage::stride, step, a[i]);
#pragma unroll
      for (int n = 0; n < row_tiles; ++n) {
        if (8 * n >= rows)
          break;
        int r = 8 * n + 8 > rows ? smaller(row, last) : row;
        u32 b[4];
        load_matrices(memory + (8 * n + r) * row_bytes +
                          ((((first + step) / 8 + unit) ^ r) * chunk_bytes),
                      b);
#pragma unroll
        for (int half = 0; half < 2; ++half)
#pragma unroll
          for (int i = 0; i < Tile::stream_panels; ++i)
            multiply_add(sums[i][n], a[i][half], b[2 * half], b[2 * half + 1]);
      }
    }
  }

  /// Calls the epilogue for each element of the result, in columns `first_column` and on of the `n` of a head.
  template <class Epilogue>
  __device__ void finish(int first_row, int first_column, int n,
                         int head_column, const Epilogue &epilogue) const {
#pragma unroll
    for (int p = 0; p < Tile::warp_panels; ++p)
#pragma unroll
      for (int tile = 0; tile < row_tiles; ++tile)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          int row = 8 * tile + 2 * fragments.t + i % 2;
          int column = first_column + p * panel_width + fragments.column(i / 2);
          if (row >= rows || column >= n)
            continue;
          if constexpr (Tile::parts == 2)
            epilogue(first_row + row, head_column + column,
                     sums[2 * p][tile][i], sums[2 * p + 1][tile][i]);
          else
            epilogue(first_row + row, head_column + column, sums[p][tile][i]);
        }
  }
};

/// Of a warp with FMA: a lane has a column and all rows of the warp.
template <class Tile, class Weight>
struct FmaSums {
  using Stream = WeightStream<Tile, Weight>;

  const int lane;
  const Column<Weight, Stream::steps> column;
  const int first_row, rows;
  float sums[Tile::parts][Tile::warp_rows] = {};

  __device__ FmaSums(int lane, int row_warp, int rows)
      : lane(lane), column(lane % panel_width),
        first_row(row_warp * Tile::warp_rows), rows(rows - first_row) {}

  __device__ void add(const u8 *stage, const typename Tile::Input &input,
                      int first, int count) {
    stage += lane / panel_width * Tile::parts * Stream::Stage::stride;
    int step = 0;
    for (; step + 8 <= count; step += 8)
      add_eight<false>(stage, input, first, step, count);
    if (step < count)
      add_eight<true>(stage, input, first, step, count);
  }

  template <class Epilogue>
  __device__ void finish(int tile_row, int first_column, int n, int head_column,
                         const Epilogue &epilogue) const {
    int row = tile_row + first_row, column = first_column + lane;
    if (column >= n)
      return;
#pragma unroll
    for (int r = 0; r < Tile::warp_rows; ++r) {
      if (r >= rows)
        break;
      if constexpr (Tile::parts == 2)
        epilogue(row + r, head_column + column, sums[0][r], sums[1][r]);
      else
        epilogue(row + r, head_column + column, sums[0][r]);
    }
  }

private:
  /// `Ragged`: fewer than eight.
  template <bool Ragged>
  __device__ void add_eight(const u8 *stage, const typename Tile::Input &input,
                            int first, int step, int count) {
    float w[Tile::parts][8];
#pragma unroll
    for (int q = 0; q < Tile::parts; ++q)
      column.load(stage + q * Stream::Stage::stride, step, w[q]);
#pragma unroll
    for (int r = 0; r < Tile::warp_rows; ++r) {
      if (r >= rows)
        break;
#pragma unroll
      for (int i = 0; i < 8; i += 4) {
        if (Ragged && step + i >= count)
          break;
        float4 four = input.read_four(first_row + r, first + step + i);
        float x[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
        for (int j = 0; j < 4; ++j)
#pragma unroll
          for (int q = 0; q < Tile::parts; ++q)
            if (!Ragged || step + i + j < count)
              sums[q][r] = fmaf(x[j], w[q][i + j], sums[q][r]);
      }
    }
  }
};

template <bool Tensor, class Tile, class Weight>
struct SumsOf {
  using Type = FmaSums<Tile, Weight>;
};
template <class Tile, class Weight>
struct SumsOf<true, Tile, Weight> {
  using Type = TensorSums<Tile, Weight>;
};

//===--- the kernel ---===//

template <class Tile, class Weight, class Prologue, class Epilogue>
__device__ void gemm(const Gemm &p, const Weight &weight,
                     const Prologue &prologue, const Epilogue &epilogue) {
  using Stream = WeightStream<Tile, Weight>;
  using Input = typename Tile::Input;
  __shared__ alignas(128) u8 weight_memory[Stream::bytes];
  __shared__ alignas(128) u8 input_memory[Input::bytes];
  __shared__ i32 input_rows[Tile::rows];

  int first_row = blockIdx.y * Tile::rows, rows = p.rows - first_row;
  int column_tiles = ceil_div(p.n, Tile::columns);
  int head = blockIdx.x / column_tiles, matrix = head;
  if (p.groups) {
    matrix = p.groups[3 * blockIdx.y];
    first_row = p.groups[3 * blockIdx.y + 1];
    rows = p.groups[3 * blockIdx.y + 2];
  }
  rows = smaller(rows, Tile::rows);
  if (rows <= 0)
    return;

  int warp = threadIdx.x / 32;
  int column_warp = warp % Tile::column_warps;
  int row_warp = warp / Tile::column_warps;
  int first_column = blockIdx.x % column_tiles * Tile::columns +
                     column_warp * Tile::warp_columns;
  bool works = first_column < p.n && row_warp * Tile::warp_rows < rows;

  // Weights are under way while the first rows are staged.
  Stream stream(weight_memory, weight, matrix,
                first_column / panel_width * Tile::parts, column_warp,
                row_warp);
  Input input(input_memory, input_rows, first_row, rows, head, p.k, p.gather);
  typename SumsOf<Tile::tensor, Tile, Weight>::Type sums(threadIdx.x % 32,
                                                         row_warp, rows);
  if constexpr (Input::fetches)
    input.fetch(0, prologue);
  for (int first = 0; first < p.k; first += input.steps()) {
    if (first)
      __syncthreads(); // all warps have read the steps before
    if constexpr (Input::fetches)
      input.store();
    else
      input.stage(first, prologue);
    __syncthreads();
    if constexpr (Input::fetches)
      input.fetch(first + input.steps(), prologue);
    if (works) {
      int end = smaller(input.steps(), p.k - first);
      for (int step = 0; step < end; step += Stream::steps)
        sums.add(stream.next(), input, step,
                 smaller(Stream::steps, end - step));
    }
  }
  if (works)
    sums.finish(first_row, first_column, p.n, head * p.n, epilogue);
}

} // namespace moec
