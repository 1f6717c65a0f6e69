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
//   extern "C" __global__ void __launch_bounds__(Small<bf16>::threads, 1) linear(…) {
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
// Orders. float: acc = fma(x, w, acc) from zero, in the order of k, which is padded with zeros to a multiple of 8. bf16:
// mma.sync m16n8k16 in steps of 16 from k = 0, weights rounded to bf16, k padded with zeros to a multiple of 32. They are those
// of an element, whatever the tile and the other rows.
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

/// Stages of `Steps` steps that the ring of a warp has room for.
template <class Tile, class Weight, int Steps>
__device__ constexpr int ring_slots() {
  int room = 48 * 1024 - Tile::Input::bytes - 4 * Tile::rows;
  int slot = Tile::stream_panels * Stage<Weight, Steps>::stride;
  return smaller(8, room / (Tile::column_warps * slot));
}
/// Steps of a stage: 2 KiB of a panel, in large tiles 1 KiB, but fewer if the ring would be short.
template <class Tile, class Weight,
          int Steps = smaller(Tile::Input::fewest_steps,
                              larger(32,
                                     (Tile::small ? 1024 : 512) /
                                         bits_of<typename Weight::Stored>()))>
__device__ constexpr int stage_steps() {
  if constexpr (Steps > 32 && ring_slots<Tile, Weight, Steps>() < 3)
    return stage_steps<Tile, Weight, Steps / 2>();
  else
    return Steps;
}

/// The panels of a warp's columns, stage after stage.
template <class Tile, class Weight>
struct WeightStream {
  static constexpr int steps = stage_steps<Tile, Weight>();
  using Stage = moec::Stage<Weight, steps>;
  static constexpr int slots = ring_slots<Tile, Weight, steps>();
  static constexpr int slot_bytes = Tile::stream_panels * Stage::stride;
  static constexpr int bytes = Tile::column_warps * slots * slot_bytes;
  static constexpr int copy_threads = 32 * Tile::row_warps;
  static_assert(slots >= 2);

  /// The slot that holds the next stage, and the one before, whose turn to be filled is next.
  u8 *read, *fill, *const end;
  /// Where this thread copies from.
  const u8 *from[Tile::stream_panels];
  /// Bytes of a panel that are not under way yet.
  int left;
  const int barrier, thread;

  /// `first` is the first panel of the warp; `works`: it is one of the matrix.
  __device__ WeightStream(u8 *memory, const Weight &weight, int matrix,
                          int first, bool works, int column_warp, int row_warp)
      : read(memory + column_warp * slots * slot_bytes),
        end(read + slots * slot_bytes), left(works ? weight.panel_bytes() : 0),
        barrier(1 + column_warp), thread(row_warp * 32 + threadIdx.x % 32) {
#pragma unroll
    for (int i = 0; i < Tile::stream_panels; ++i)
      from[i] = weight.panel(matrix, smaller(first + i, weight.panels - 1)) +
                thread * chunk_bytes;
    fill = read;
    for (int i = 0; i < slots - 1; ++i, fill += slot_bytes)
      start();
  }

  /// Where part `q` of output panel `p` stands in a slot: the panels of a part lie side by side.
  __device__ static constexpr int offset(int p, int q) {
    return (q * Tile::warp_panels + p) * Stage::stride;
  }

  /// The slot with the next stage of all panels. It stands until the call after.
  __device__ const u8 *next() {
    wait_copy_groups<slots - 2>();
    sync_warps<copy_threads>(barrier); // all have read the stage in `fill`
    start();
    fill = read;
    read =
        read + slot_bytes == end ? end - slots * slot_bytes : read + slot_bytes;
    return fill;
  }

private:
  __device__ void start() {
    if (left > 0) {
      u32 to = shared_address(fill) + Stage::place(thread * chunk_bytes);
      int left_before = left;
#pragma unroll
      for (int i = 0; i < Tile::stream_panels; ++i) {
        left = left_before;
        Stage::template copy<copy_threads>(
            to + offset(i / Tile::parts, i % Tile::parts), from[i], left,
            thread);
      }
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
    add_steps<0>(stage, input, first, count);
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

private:
  /// Steps `Step` and on, 32 at a time.
  template <int Step>
  __device__ void add_steps(const u8 *stage, const typename Tile::Input &input,
                            int first, int count) {
    u32 a[Tile::stream_panels][2][4];
#pragma unroll
    for (int i = 0; i < Tile::stream_panels; ++i)
      fragments.template load<Step>(
          stage + Stream::offset(i / Tile::parts, i % Tile::parts), a[i]);
#pragma unroll
    for (int n = 0; n < row_tiles; ++n) {
      if (n && 8 * n >= rows)
        break;
      // Lane l names row l % 8 of a tile, unit l / 8 of the 32 steps; for a row that does not exist, whose sums are never
      // stored, the last row.
      int row = smaller(8 * n + fragments.lane % 8, rows - 1);
      u32 b[4];
      load_matrices(input.address(row, first + Step, fragments.lane / 8), b);
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int i = 0; i < Tile::stream_panels; ++i)
          multiply_add(sums[i][n], a[i][half], b[2 * half], b[2 * half + 1]);
    }
    if constexpr (Step + 32 < Stream::steps)
      if (Step + 32 < count)
        add_steps<Step + 32>(stage, input, first, count);
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
    stage += lane / panel_width * Stream::Stage::stride;
    if (rows <= 0)
      return;
    for (int step = 0; step < count; step += 8) {
      float w[Tile::parts][8];
#pragma unroll
      for (int q = 0; q < Tile::parts; ++q)
        column.load(stage + Stream::offset(0, q), step, w[q]);
#pragma unroll
      for (int r = 0; r < Tile::warp_rows; ++r) {
        if (r >= rows)
          break;
#pragma unroll
        for (int i = 0; i < 8; i += 4) {
          float4 four = input.read_four(first_row + r, first + step + i);
          float x[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
          for (int j = 0; j < 4; ++j)
#pragma unroll
            for (int q = 0; q < Tile::parts; ++q)
              sums[q][r] = fmaf(x[j], w[q][i + j], sums[q][r]);
        }
      }
    }
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
  alignas(128) __shared__ u8 weight_memory[Stream::bytes];
  alignas(128) __shared__ u8 input_memory[Input::bytes];
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
  bool works = first_column < p.n;

  // Weights are under way while the first rows are staged.
  Stream stream(weight_memory, weight, matrix,
                first_column / panel_width * Tile::parts, works, column_warp,
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
