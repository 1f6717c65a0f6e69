//===- attention.cuh - Causal softmax attention over cache rows ---------------===//
//
// Orders, the same for prefill and decode and for every tile (docs/numerics.md):
// - A score is a sequence of fused multiply-adds from zero in the order of the head's elements, padded with zeros to a multiple
//   of 32, then times `scale`.
// - Keys are cut into splits of 256 at absolute positions, splits into blocks of 32. A block, with m and s the maximum and the
//   sum of the split so far (-inf and 0) and x_j the scores: m' = max(m, x), p_j = exp(x_j - m'), keep = exp(m - m'),
//   s' = s keep + Σ p_j by halves (16, 8, 4, 2, 1); each value is multiplied by keep, then p_j v_j is added by fused
//   multiply-add, key by key.
// - The whole begins as the first split; the others are merged in order: with m' the greater maximum, keep and take the
//   exponentials of the old maxima less m', each sum and value becomes whole keep + split take.
// - A key behind the token's position takes no part. Where m' is -inf, 0 is subtracted in its place.
//
//===------------------------------------------------------------------------===//
#pragma once
#include "moec/async.cuh"
#include "moec/math.cuh"
#include "moec/types.cuh"

namespace moec {

/// The operands of kernel.attention; all of them aligned to 16 bytes.
struct Attention {
  const float *query;                // [tokens, heads * key]
  const float *cache;                // rows of `row` elements
  const i32 *positions, *cache_rows; // [tokens]
  float *result;                     // [tokens, heads * value]
  int tokens, heads, kv_heads, key, value, key_begin, value_begin, row;
  float scale;
};

/// `Rows` (token, head) pairs of one kv head in a block of 128 threads, values of at most `Values` columns: <64, 64>,
/// <64, 128>, <32, 256> and <16, 512> for prefill, <16, 128>, <16, 256> and <16, 512> for decode.
///
/// A block has min(group, Rows) heads of one kv head, group = heads / kv_heads: there are
/// kv_heads * ceil(group / min(group, Rows)) column tiles, and attention_tokens has Rows / min(group, Rows) tokens in a tile.
///
/// Scores: a warp has Rows / 4 rows, a lane (Rows / 16) x 4 scores. Values: a warp has 16 rows and Columns columns, a lane 4
/// rows and Vectors times 4 columns.
///
/// `Aligned`: row, key, value, key_begin and value_begin are multiples of 4.
template <int Rows_, int Values_, bool Aligned_ = true>
struct AttentionTile {
  static constexpr int Rows = Rows_, Values = Values_;
  static constexpr bool Aligned = Aligned_;
  static constexpr int SplitKeys = 256, Keys = 32; // of a split, of a block
  static constexpr int ScoreRows = Rows / 16;
  static constexpr int ColumnWarps = 4 / (Rows / 16), Columns = Values / ColumnWarps, Vectors = Columns / 32;
  // A step stages 32 columns of queries and keys, or the values of some keys.
  static constexpr int StepKeys = smaller(Keys, 4096 / Values);
  static constexpr int StageVectors = larger(8 * (Rows + Keys), StepKeys * Values / 4);

  struct Shared {
    float4 stage[2][StageVectors];
    float shares[Keys][Rows + 4]; // p of the block; the padding spreads the lanes of a store over the banks
    float rescale[Rows];          // keep of the block
    float keep[Rows], take[Rows], sum[Rows]; // of a merge
    int place[Rows];                         // token * heads + head, or -1 where there is none
    int token[Rows];
    int last[Rows]; // the greatest key of the tokens at hand; -1: the row takes no part
  };
};

/// What a maximum is where exponentials are formed.
__device__ inline float finite_base(float most) { return most == -infinity() ? 0.0f : most; }

/// The softmax of rows over some keys so far.
struct SoftmaxState {
  float most, sum;

  /// Joins a later state; values become values * keep + later values * take.
  __device__ void merge(SoftmaxState later, float &keep, float &take) {
    float next = maximum(most, later.most), base = finite_base(next);
    keep = exp(most - base);
    take = exp(later.most - base);
    sum = sum * keep + later.sum * take;
    most = next;
  }
};

__device__ inline float merged(float whole, float split, float keep, float take) { return whole * keep + split * take; }

/// A block at work: the state of a split in registers, and how keys get there.
template <class Tile>
struct AttentionBlock {
  const Attention &p;
  typename Tile::Shared &shared;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  // Scores of the lane: rows score_row() and keys key_lane + 8 j.
  int key_lane = lane % 8;
  // Values of the lane: rows value_row + i and columns column(n) + x.
  int value_row = warp / Tile::ColumnWarps * 16 + lane / 8 * 4;
  SoftmaxState state[Tile::ScoreRows];
  float values[4][Tile::Vectors][4];
  int kv_head, score_steps;
  // The keys at hand: the first row of their sequence in the cache, the last of them that any row takes, and that all take.
  i64 first_row;
  int last_key, common_key;

  __device__ int score_row(int i) const { return warp * (Tile::Rows / 4) + lane / 8 + 4 * i; }
  __device__ int column(int n) const { return warp % Tile::ColumnWarps * Tile::Columns + 32 * n + lane % 8 * 4; }

  /// Finds the rows of the block: heads of this column tile of tokens [first_token, first_token + tokens).
  __device__ AttentionBlock(const Attention &p, typename Tile::Shared &shared, int first_token, int tokens)
      : p(p), shared(shared), score_steps(ceil_div(p.key, 32)) {
    int group = p.heads / p.kv_heads, heads = smaller(group, Tile::Rows), tiles = ceil_div(group, heads);
    kv_head = blockIdx.x / tiles;
    int first_head = blockIdx.x % tiles * heads;
    for (int row = threadIdx.x; row < Tile::Rows; row += 128) {
      int token = row / heads, head = first_head + row % heads;
      bool exists = token < tokens && head < group;
      shared.token[row] = exists ? token : -1;
      shared.place[row] = exists ? (first_token + token) * p.heads + kv_head * group + head : -1;
    }
    __syncthreads();
  }

  //===--- staging ---===//

  /// Four elements of which `count` exist.
  __device__ void stage_vector(float4 *to, const float *from, int count) const {
    if constexpr (Tile::Aligned)
      copy_async16(to, from, count > 0);
    else
      for (int x = 0; x < 4; ++x)
        copy_async4(reinterpret_cast<float *>(to) + x, x < count ? from + x : from, x < count);
  }

  /// Chunk c of 16 bytes of row r stands at chunk c ^ r of eight: eight rows at one chunk then lie in different banks.
  static __device__ int swizzled(int row, int chunk) { return row * 8 + (chunk ^ (row & 7)); }

  /// 32 columns of the queries, then of the keys from `key` on.
  __device__ void stage_scores(float4 *stage, int key, int step) const {
    int chunk = threadIdx.x % 8, at = 32 * step + 4 * chunk, count = p.key - at;
#pragma unroll 2
    for (int row = threadIdx.x / 8; row < Tile::Rows; row += 16) {
      int place = shared.place[row];
      bool exists = place >= 0 && count > 0;
      const float *from = exists ? p.query + u64(place) * p.key + at : p.query;
      stage_vector(stage + swizzled(row, chunk), from, exists ? count : 0);
    }
    stage += 8 * Tile::Rows;
#pragma unroll 2
    for (int row = threadIdx.x / 8; row < Tile::Keys; row += 16) {
      bool exists = key + row <= last_key && count > 0;
      const float *from = exists ? p.cache + (first_row + key + row) * p.row + p.key_begin + kv_head * p.key + at : p.cache;
      stage_vector(stage + swizzled(row, chunk), from, exists ? count : 0);
    }
  }

  /// The values of StepKeys keys from `key` on.
  __device__ void stage_values(float4 *stage, int key) const {
    constexpr int chunks = Tile::Values / 4;
#pragma unroll 2
    for (int i = threadIdx.x; i < Tile::StepKeys * chunks; i += 128) {
      int row = i / chunks, at = i % chunks * 4, count = p.value - at;
      bool exists = key + row <= last_key && count > 0;
      const float *from =
          exists ? p.cache + (first_row + key + row) * p.row + p.value_begin + kv_head * p.value + at : p.cache;
      stage_vector(stage + i, from, exists ? count : 0);
    }
  }

  /// Step `step` of the block from `key` on: scores first, then values.
  __device__ void stage_step(float4 *stage, int key, int step) const {
    if (step < score_steps)
      stage_scores(stage, key, step);
    else
      stage_values(stage, key + (step - score_steps) * Tile::StepKeys);
  }

  //===--- a block of keys ---===//

  __device__ void add_scores(const float4 *stage, float (&scores)[Tile::ScoreRows][4]) const {
    const float4 *keys = stage + 8 * Tile::Rows;
#pragma unroll 2
    for (int chunk = 0; chunk < 8; ++chunk) {
      float4 q[Tile::ScoreRows], k[4];
#pragma unroll
      for (int i = 0; i < Tile::ScoreRows; ++i)
        q[i] = stage[swizzled(score_row(i), chunk)];
#pragma unroll
      for (int j = 0; j < 4; ++j)
        k[j] = keys[swizzled(key_lane + 8 * j, chunk)];
#pragma unroll
      for (int i = 0; i < Tile::ScoreRows; ++i)
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

  /// Scores of the keys from `key` on become shares; the state of the rows follows.
  __device__ void add_softmax(float (&scores)[Tile::ScoreRows][4], int key) {
#pragma unroll
    for (int i = 0; i < Tile::ScoreRows; ++i) {
      int row = score_row(i), last = shared.last[row];
      float (&x)[4] = scores[i];
#pragma unroll
      for (int j = 0; j < 4; ++j)
        x[j] = key + key_lane + 8 * j <= last ? x[j] * p.scale : -infinity();
      float most = maximum(maximum(x[0], x[1]), maximum(x[2], x[3]));
      for (int offset = 4; offset; offset /= 2)
        most = maximum(most, __shfl_xor_sync(~0u, most, offset));
      float next = maximum(state[i].most, most), base = finite_base(next);
      float keep = exp(state[i].most - base);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        x[j] = exp(x[j] - base);
        shared.shares[key_lane + 8 * j][row] = x[j];
      }
      float sum = (x[0] + x[2]) + (x[1] + x[3]);
      for (int offset = 4; offset; offset /= 2)
        sum += __shfl_xor_sync(~0u, sum, offset);
      state[i] = {next, state[i].sum * keep + sum};
      if (key_lane == 0)
        shared.rescale[row] = keep;
    }
  }

  /// Adds StepKeys keys, of which the first is `key` and stands at `in_block`; with `Masked` only those a row takes.
  template <bool Masked>
  __device__ void add_values(const float4 *stage, int key, int in_block) {
    int last[4];
    if constexpr (Masked)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        last[i] = shared.last[value_row + i];
#pragma unroll(Masked ? 1 : 2)
    for (int j = 0; j < Tile::StepKeys; ++j) {
      float share[4];
      load_four(&shared.shares[in_block + j][value_row], share);
#pragma unroll
      for (int n = 0; n < Tile::Vectors; ++n) {
        float value[4];
        load_four(reinterpret_cast<const float *>(stage) + j * Tile::Values + column(n), value);
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
          for (int x = 0; x < 4; ++x) {
            float sum = fmaf(share[i], value[x], values[i][n][x]);
            values[i][n][x] = !Masked || key + j <= last[i] ? sum : values[i][n][x];
          }
      }
    }
  }

  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < Tile::ScoreRows; ++i)
      state[i] = {-infinity(), 0};
    for_values([](int, int, float (&values)[4]) { values[0] = values[1] = values[2] = values[3] = 0; });
  }

  /// Walks the blocks of keys [begin, end) at multiples of Keys; end_split(first key) follows each split.
  template <class EndSplit>
  __device__ void walk(int begin, int end, EndSplit end_split) {
    constexpr int value_steps = Tile::Keys / Tile::StepKeys;
    int steps = score_steps + value_steps, parity = 0;
    // Copies run one step ahead. After the barrier the step's data have arrived and the other stage has been read.
    auto next_stage = [&](int key, int step) {
      wait_copies<0>();
      __syncthreads();
      bool last = step + 1 == steps;
      if (!last || key + Tile::Keys < end)
        stage_step(shared.stage[parity ^ 1], last ? key + Tile::Keys : key, last ? 0 : step + 1);
      commit_copies();
      parity ^= 1;
      return shared.stage[parity ^ 1];
    };
    stage_step(shared.stage[0], begin, 0);
    commit_copies();
    clear();
    for (int key = begin; key < end; key += Tile::Keys) {
      float scores[Tile::ScoreRows][4] = {};
      for (int step = 0; step < score_steps; ++step)
        add_scores(next_stage(key, step), scores);
      add_softmax(scores, key);
      for (int step = 0; step < value_steps; ++step) {
        const float4 *stage = next_stage(key, score_steps + step);
        if (step == 0)
          rescale_values();
        int in_block = step * Tile::StepKeys;
        if (key + Tile::Keys - 1 <= common_key)
          add_values<false>(stage, key + in_block, in_block);
        else
          add_values<true>(stage, key + in_block, in_block);
      }
      if (key + Tile::Keys >= end || (key + Tile::Keys) % Tile::SplitKeys == 0) {
        end_split(key / Tile::SplitKeys * Tile::SplitKeys);
        clear();
      }
    }
    // The next walk stages its first step.
    __syncthreads();
  }

  __device__ void rescale_values() {
    float keep[4];
    load_four(&shared.rescale[value_row], keep);
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int n = 0; n < Tile::Vectors; ++n)
#pragma unroll
        for (int x = 0; x < 4; ++x)
          values[i][n][x] *= keep[i];
  }

  //===--- results ---===//

  /// visit(row, column, four values) for all vectors of the lane.
  template <class Visit>
  __device__ void for_values(Visit visit) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int n = 0; n < Tile::Vectors; ++n)
        visit(value_row + i, column(n), values[i][n]);
  }
};

/// Four elements from `at`, of which `count` exist.
template <bool Aligned>
__device__ inline void load_some(const float *at, int count, float (&out)[4]) {
  if constexpr (Aligned)
    load_four(at, out);
  else
    for (int x = 0; x < 4; ++x)
      out[x] = x < count ? at[x] : 0;
}
template <bool Aligned>
__device__ inline void store_some(float *at, int count, const float (&in)[4]) {
  if constexpr (Aligned)
    store_four(at, in);
  else
    for (int x = 0; x < 4; ++x)
      if (x < count)
        at[x] = in[x];
}

//===--- prefill ---===//

/// A block walks all keys of its tokens. Tokens of one sequence that follow each other share the keys they read. The values of
/// the whole are in `result` between splits.
///
/// Grid (column tiles, token tiles), 128 threads.
template <class Tile>
__device__ inline void attention_tokens(const Attention &p) {
  __shared__ typename Tile::Shared shared;
  int tile_tokens = Tile::Rows / smaller(p.heads / p.kv_heads, Tile::Rows);
  int first_token = blockIdx.y * tile_tokens, tokens = smaller(tile_tokens, p.tokens - first_token);
  AttentionBlock<Tile> block(p, shared, first_token, tokens);
  const i32 *positions = p.positions + first_token, *cache_rows = p.cache_rows + first_token;
  SoftmaxState whole[Tile::ScoreRows];

  for (int token = 0, end; token < tokens; token = end) {
    block.first_row = cache_rows[token] - positions[token];
    block.last_key = block.common_key = positions[token];
    for (end = token + 1; end < tokens && cache_rows[end] - positions[end] == block.first_row; ++end) {
      block.last_key = larger(block.last_key, positions[end]);
      block.common_key = smaller(block.common_key, positions[end]);
    }
    for (int row = threadIdx.x; row < Tile::Rows; row += 128)
      shared.last[row] = shared.token[row] >= token && shared.token[row] < end ? positions[shared.token[row]] : -1;

    block.walk(0, block.last_key + 1, [&](int split) {
#pragma unroll
      for (int i = 0; i < Tile::ScoreRows; ++i) {
        int row = block.score_row(i);
        if (shared.last[row] < split)
          continue;
        float keep = 0, take = 1;
        if (split == 0)
          whole[i] = block.state[i];
        else
          whole[i].merge(block.state[i], keep, take);
        if (block.key_lane == 0) {
          shared.keep[row] = keep;
          shared.take[row] = take;
          shared.sum[row] = whole[i].sum;
        }
      }
      __syncthreads();
      block.for_values([&](int row, int column, float (&values)[4]) {
        int last = shared.last[row], count = p.value - column;
        if (last < split || count <= 0)
          return;
        float *at = p.result + u64(shared.place[row]) * p.value + column;
        if (split > 0) {
          float before[4];
          load_some<Tile::Aligned>(at, count, before);
#pragma unroll
          for (int x = 0; x < 4; ++x)
            values[x] = merged(before[x], values[x], shared.keep[row], shared.take[row]);
        }
        if (last < split + Tile::SplitKeys)
#pragma unroll
          for (int x = 0; x < 4; ++x)
            values[x] = values[x] / shared.sum[row];
        store_some<Tile::Aligned>(at, count, values);
      });
    });
  }
}

//===--- decode ---===//

/// A block has one token and one split of 256 keys; the last one of a token and column tile merges the splits.
///
/// `scratch`: 64 KiB of tickets, zero before the first launch and left so by each launch, then
/// 4 * tokens * heads * splits * (value rounded up to 4, plus 4) bytes.
///
/// Grid (column tiles, tokens, splits = ceil((greatest position + 1) / 256)), 128 threads. At most 16384 column tiles times
/// tokens.
template <class Tile>
__device__ inline void attention_split(const Attention &p, void *scratch) {
  static_assert(Tile::Rows == 16, "a row of a merge has eight threads");
  __shared__ typename Tile::Shared shared;
  int token = blockIdx.y, last = p.positions[token], split = blockIdx.z * Tile::SplitKeys;
  if (split > last)
    return;
  int splits = last / Tile::SplitKeys + 1;
  AttentionBlock<Tile> block(p, shared, token, 1);
  block.first_row = p.cache_rows[token] - last;
  block.last_key = block.common_key = last;
  if (threadIdx.x < Tile::Rows)
    shared.last[threadIdx.x] = shared.token[threadIdx.x] < 0 ? -1 : last;

  // Of a head and split: its values, then its maximum and sum.
  u32 *tickets = static_cast<u32 *>(scratch);
  float *partials = static_cast<float *>(scratch) + 16384;
  int stride = ceil_div(p.value, 4) * 4 + 4;
  auto partial = [&](int row, int split) { return partials + (u64(shared.place[row]) * gridDim.z + split) * stride; };

  block.walk(split, smaller(split + Tile::SplitKeys, last + 1), [&](int) {
    int row = block.score_row(0);
    if (block.key_lane == 0)
      shared.sum[row] = block.state[0].sum;
    if (splits > 1 && block.key_lane == 0 && shared.place[row] >= 0) {
      float *at = partial(row, blockIdx.z) + stride - 4;
      at[0] = block.state[0].most;
      at[1] = block.state[0].sum;
    }
    __syncthreads();
    block.for_values([&](int row, int column, float (&values)[4]) {
      if (shared.place[row] < 0 || column >= p.value)
        return;
      if (splits > 1)
        return store_four(partial(row, blockIdx.z) + column, values);
#pragma unroll
      for (int x = 0; x < 4; ++x)
        values[x] = values[x] / shared.sum[row];
      store_some<Tile::Aligned>(p.result + u64(shared.place[row]) * p.value + column, p.value - column, values);
    });
  });
  if (splits == 1 || !is_last_block(tickets + blockIdx.y * gridDim.x + blockIdx.x, splits))
    return;

  int row = threadIdx.x / 8, column = threadIdx.x % 8 * 4;
  if (shared.place[row] < 0)
    return;
  constexpr int vectors = Tile::Values / 32;
  float values[vectors][4];
  SoftmaxState whole;
  for (int split = 0; split < splits; ++split) {
    const float *at = partial(row, split);
    SoftmaxState state = {at[stride - 4], at[stride - 3]};
    float keep = 0, take = 1;
    if (split == 0)
      whole = state;
    else
      whole.merge(state, keep, take);
#pragma unroll
    for (int n = 0; n < vectors; ++n) {
      if (column + 32 * n >= p.value)
        break;
      float next[4];
      load_four(at + column + 32 * n, next);
#pragma unroll
      for (int x = 0; x < 4; ++x)
        values[n][x] = split == 0 ? next[x] : merged(values[n][x], next[x], keep, take);
    }
  }
#pragma unroll
  for (int n = 0; n < vectors; ++n) {
#pragma unroll
    for (int x = 0; x < 4; ++x)
      values[n][x] = values[n][x] / whole.sum;
    int at = column + 32 * n;
    if (at < p.value)
      store_some<Tile::Aligned>(p.result + u64(shared.place[row]) * p.value + at, p.value - at, values[n]);
  }
}

} // namespace moec
