//===- attention_products.cuh - Scores and sums of values of a block ----------===//
//
// AttentionProducts<Tile, float>   fused multiply-adds
// AttentionProducts<Tile, bf16>    tensor cores: queries, keys, shares and values are rounded to bf16 where operands are formed
//
// Both read stages of f32 that AttentionBlock fills: for scores 32 columns of the queries, then of the keys; for values StepKeys
// rows of StepColumns. Chunks of 16 bytes are permuted within a row, so that lanes read from different banks.
//
// Softmax works on scores as lane 8 r + c of a warp has them: rows score_row(i) and keys c + 8 j, 0 <= j < 4.
//
//===------------------------------------------------------------------------===//
#pragma once
#include "moec/copy.cuh"
#include "moec/types.cuh"

namespace moec {

/// The scores of a lane.
template <class Tile>
using LaneScores = float[Tile::Rows / 16][4];

template <class Tile, class Compute>
struct AttentionProducts;

//===--- fused multiply-adds ---===//

/// A lane has the sums of 4 rows and `Vectors` times 4 columns.
template <class Tile>
struct AttentionProducts<Tile, float> {
  static constexpr int RowWarps = Tile::Rows / 16, ColumnWarps = 4 / RowWarps;
  static constexpr int Vectors = Tile::Values / ColumnWarps / 32;
  static constexpr int StepKeys = smaller(32, 4096 / Tile::Values),
                       StepColumns = Tile::Values;

  struct Shared {
    // By key; the padding spreads the lanes of a store over the banks.
    float shares[32][Tile::Rows + 4];
  };

  Shared &shared;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  using Vector = float[4];
  Vector values[4][Vectors];

  __device__ int value_row() const {
    return warp / ColumnWarps * 16 + lane / 8 * 4;
  }
  __device__ int column(int n) const {
    return (warp % ColumnWarps * Vectors + n) * 32 + lane % 8 * 4;
  }
  __device__ int score_row(int i) const {
    return warp * (Tile::Rows / 4) + lane / 8 + 4 * i;
  }

  static __device__ int score_chunk(int row, int chunk) {
    return row * 8 + (chunk ^ (row & 7));
  }
  static __device__ int value_chunk(int key, int chunk) {
    return key * (StepColumns / 4) + chunk;
  }

  using Scores = LaneScores<Tile>;

  __device__ void add_scores(const float4 *stage, Scores &scores) const {
    const float4 *keys = stage + 8 * Tile::Rows;
#pragma unroll(Tile::Rows == 64 ? 1 : 2)
    for (int chunk = 0; chunk < 8; ++chunk) {
      float4 q[Tile::Rows / 16], k[4];
#pragma unroll
      for (int i = 0; i < Tile::Rows / 16; ++i)
        q[i] = stage[score_chunk(score_row(i), chunk)];
#pragma unroll
      for (int j = 0; j < 4; ++j)
        k[j] = keys[score_chunk(lane % 8 + 8 * j, chunk)];
#pragma unroll
      for (int i = 0; i < Tile::Rows / 16; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          float &sum = scores[i][j];
          sum = fmaf(q[i].x, k[j].x, sum);
          sum = fmaf(q[i].y, k[j].y, sum);
          sum = fmaf(q[i].z, k[j].z, sum);
          sum = fmaf(q[i].w, k[j].w, sum);
        }
    }
  }

  __device__ void lane_scores(const Scores &scores,
                              LaneScores<Tile> &out) const {
#pragma unroll
    for (int i = 0; i < Tile::Rows / 16; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j)
        out[i][j] = scores[i][j];
  }

  __device__ void store_shares(const LaneScores<Tile> &shares) const {
#pragma unroll
    for (int i = 0; i < Tile::Rows / 16; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j)
        shared.shares[lane % 8 + 8 * j][score_row(i)] = shares[i][j];
  }

  __device__ void rescale(const float *keep) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int n = 0; n < Vectors; ++n)
#pragma unroll
        for (int x = 0; x < 4; ++x)
          values[i][n][x] *= keep[value_row() + i];
  }

  /// Adds the keys of a stage, from in_block on; with `Masked` a row takes only keys up to last[row] - key, counted from
  /// the first.
  template <bool Masked>
  __device__ void add_values(const float4 *stage, int in_block, int,
                             const int *last, int key) {
    int most[4];
    if constexpr (Masked)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        most[i] = last[value_row() + i] - key;
#pragma unroll(Masked ? 1 : 2)
    for (int j = 0; j < StepKeys; ++j) {
      float share[4];
      load_four(&shared.shares[in_block + j][value_row()], share);
#pragma unroll
      for (int n = 0; n < Vectors; ++n) {
        float value[4];
        load_four(reinterpret_cast<const float *>(
                      stage + value_chunk(j, column(n) / 4)),
                  value);
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
          for (int x = 0; x < 4; ++x) {
            float sum = fmaf(share[i], value[x], values[i][n][x]);
            values[i][n][x] = !Masked || j <= most[i] ? sum : values[i][n][x];
          }
      }
    }
  }

  /// visit(row, column, consecutive values) for all sums of the lane.
  template <class Visit>
  __device__ void for_values(Visit visit) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int n = 0; n < Vectors; ++n)
        visit(value_row() + i, column(n), values[i][n]);
  }
};

//===--- tensor cores ---===//

/// A warp has RowTiles times 16 rows: of scores with 32 / ColumnWarps keys, of values with Columns columns of each step. Of lane
/// 4 g + t the sums are those of mma.m16n8k16: rows g and g + 8, columns 2 t and 2 t + 1.
template <class Tile>
struct AttentionProducts<Tile, bf16> {
  static constexpr int RowTiles = Tile::Rows == 64 ? 2 : 1;
  static constexpr int RowWarps = Tile::Rows / (16 * RowTiles),
                       ColumnWarps = 4 / RowWarps;
  static constexpr int StepColumns = smaller(Tile::Values, 256),
                       StepKeys = smaller(32, 4096 / StepColumns);
  static constexpr int Steps =
      Tile::Values / StepColumns; // for all columns of StepKeys keys
  static constexpr int Columns = StepColumns / ColumnWarps;
  static constexpr int ScoreTiles = 4 / ColumnWarps, ValueTiles = Columns / 8;

  struct Shared {
    float scores[Tile::Rows]
                [40]; // 32 scores, then in the same row 32 shares of bf16
  };

  Shared &shared;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  using Vector = float[2];
  float values[RowTiles][Steps][ValueTiles][4];

  __device__ int g() const { return lane / 4; }
  __device__ int t() const { return lane % 4; }
  __device__ int first_row(int tile) const {
    return (warp / ColumnWarps * RowTiles + tile) * 16;
  }
  __device__ int score_row(int i) const {
    return warp * (Tile::Rows / 4) + lane / 8 + 4 * i;
  }

  static __device__ int score_chunk(int row, int chunk) {
    return row * 8 + (chunk ^ (row & 3) << 1);
  }
  static __device__ int value_chunk(int key, int chunk) {
    return key * (StepColumns / 4) + (chunk ^ (key >> 1 & 3) << 1);
  }
  /// Keys 2 pair and 2 pair + 1 of the shares of a row.
  __device__ u32 &share_pair(int row, int pair) const {
    return reinterpret_cast<u32 *>(shared.scores[row])[pair ^ (row & 4)];
  }

  using Scores = float[RowTiles][ScoreTiles][4];

  /// Elements at, at + 1 of a row of a score stage.
  static __device__ u32 score_pair(const float4 *stage, int row, int at) {
    const float4 *chunk = stage + score_chunk(row, at / 4);
    float2 two = reinterpret_cast<const float2 *>(chunk)[at / 2 % 2];
    return bf16_pair(two.x, two.y);
  }

  __device__ void add_scores(const float4 *stage, Scores &scores) const {
    const float4 *keys = stage + 8 * Tile::Rows;
    int first_key = warp % ColumnWarps * (8 * ScoreTiles) + g();
#pragma unroll
    for (int at = 2 * t(); at < 32; at += 16) {
      u32 q[RowTiles][4];
#pragma unroll
      for (int m = 0; m < RowTiles; ++m) {
        int row = first_row(m) + g();
        q[m][0] = score_pair(stage, row, at);
        q[m][1] = score_pair(stage, row + 8, at);
        q[m][2] = score_pair(stage, row, at + 8);
        q[m][3] = score_pair(stage, row + 8, at + 8);
      }
#pragma unroll
      for (int n = 0; n < ScoreTiles; ++n) {
        u32 low = score_pair(keys, first_key + 8 * n, at),
            high = score_pair(keys, first_key + 8 * n, at + 8);
#pragma unroll
        for (int m = 0; m < RowTiles; ++m)
          multiply_add(scores[m][n], q[m], low, high);
      }
    }
  }

  /// Scores change lanes through shared memory.
  __device__ void lane_scores(const Scores &scores,
                              LaneScores<Tile> &out) const {
    int first_key = warp % ColumnWarps * (8 * ScoreTiles) + 2 * t();
#pragma unroll
    for (int m = 0; m < RowTiles; ++m)
#pragma unroll
      for (int n = 0; n < ScoreTiles; ++n) {
        const float (&s)[4] = scores[m][n];
        int row = first_row(m) + g(), key = first_key + 8 * n;
        *reinterpret_cast<float2 *>(&shared.scores[row][key]) =
            make_float2(s[0], s[1]);
        *reinterpret_cast<float2 *>(&shared.scores[row + 8][key]) =
            make_float2(s[2], s[3]);
      }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < Tile::Rows / 16; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j)
        out[i][j] = shared.scores[score_row(i)][lane % 8 + 8 * j];
  }

  /// A row belongs to one warp, which has read its scores.
  __device__ void store_shares(const LaneScores<Tile> &shares) const {
    __syncwarp();
#pragma unroll
    for (int i = 0; i < Tile::Rows / 16; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        int key = lane % 8 + 8 * j;
        reinterpret_cast<bf16 *>(&share_pair(score_row(i), key / 2))[key % 2] =
            from_float<bf16>(shares[i][j]);
      }
  }

  __device__ void rescale(const float *keep) {
    for_values([&](int row, int, Vector &two) {
      two[0] *= keep[row];
      two[1] *= keep[row];
    });
  }

  /// Adds the keys of a stage, from in_block on, to the columns of a step. The share of a masked key is 0.
  template <bool Masked>
  __device__ void add_values(const float4 *stage, int in_block, int step,
                             const int *, int) {
    const float *from = reinterpret_cast<const float *>(stage);
    auto value = [&](int key, int column) {
      return from[4 * value_chunk(key, column / 4) + column % 4];
    };
#pragma unroll
    for (int at = 0; at < StepKeys; at += 16) {
      u32 share[RowTiles][4];
#pragma unroll
      for (int m = 0; m < RowTiles; ++m) {
        int row = first_row(m) + g(), pair = (in_block + at) / 2 + t();
        share[m][0] = share_pair(row, pair);
        share[m][1] = share_pair(row + 8, pair);
        share[m][2] = share_pair(row, pair + 4);
        share[m][3] = share_pair(row + 8, pair + 4);
      }
#pragma unroll
      for (int n = 0; n < ValueTiles; ++n) {
        int key = at + 2 * t(),
            column = warp % ColumnWarps * Columns + 8 * n + g();
        u32 low = bf16_pair(value(key, column), value(key + 1, column));
        u32 high = bf16_pair(value(key + 8, column), value(key + 9, column));
#pragma unroll
        for (int m = 0; m < RowTiles; ++m)
#pragma unroll
          for (int s = 0; s < Steps; ++s)
            if (s == step)
              multiply_add(values[m][s][n], share[m], low, high);
      }
    }
  }

  template <class Visit>
  __device__ void for_values(Visit visit) {
#pragma unroll
    for (int m = 0; m < RowTiles; ++m)
#pragma unroll
      for (int s = 0; s < Steps; ++s)
#pragma unroll
        for (int n = 0; n < ValueTiles; ++n) {
          int row = first_row(m) + g(), column = s * StepColumns +
                                                 warp % ColumnWarps * Columns +
                                                 8 * n + 2 * t();
          float (&v)[4] = values[m][s][n];
          visit(row, column, reinterpret_cast<Vector &>(v[0]));
          visit(row + 8, column, reinterpret_cast<Vector &>(v[2]));
        }
  }
};

} // namespace moec
