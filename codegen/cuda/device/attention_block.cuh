//===- attention_block.cuh - A block of threads at attention ------------------===//
//
// How rows are dealt to the threads of a block and keys walked; the orders stand in attention.cuh.
//
//===------------------------------------------------------------------------===//
#pragma once
#include "moec/attention_products.cuh"
#include "moec/copy.cuh"
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
/// Kernels are declared with __launch_bounds__(128, 2): with less said, ptxas spills a few bytes for one block more.
///
/// `Aligned`: row, key, value, key_begin and value_begin are multiples of 4. `Compute`: float, or bf16 for tensor cores.
template <int Rows_, int Values_, bool Aligned_ = true, class Compute = float>
struct AttentionTile {
  static constexpr int Rows = Rows_, Values = Values_;
  static constexpr bool Aligned = Aligned_;
  static constexpr int SplitKeys = 256, Keys = 32; // of a split, of a block
  using Products = AttentionProducts<AttentionTile, Compute>;

  struct Shared {
    float4 stage[2][larger(8 * (Rows + Keys),
                           Products::StepKeys *Products::StepColumns / 4)];
    typename Products::Shared products;
    float rescale[Rows];          // keep of the block
    float keep[Rows], take[Rows]; // of a merge
    float inverse[Rows];          // of the whole's sum
    int place[Rows]; // token * heads + head, or -1 where there is none
    int token[Rows]; // of the tile, or -1
    int last
        [Rows]; // the greatest key of the tokens at hand; -1: the row takes no part
  };
};

/// What a maximum is where exponentials are formed.
__device__ inline float finite_base(float most) {
  return most == -infinity() ? 0.0f : most;
}

/// The softmax of a row over some keys so far.
struct SoftmaxState {
  float most, sum;

  /// Joins a later state; values become merged(values, later values, keep, take).
  __device__ void merge(SoftmaxState later, float &keep, float &take) {
    float next = maximum(most, later.most), base = finite_base(next);
    keep = exp(most - base);
    take = exp(later.most - base);
    sum = sum * keep + later.sum * take;
    most = next;
  }
};

__device__ inline float merged(float whole, float split, float keep,
                               float take) {
  return whole * keep + split * take;
}

/// A block at work: the state of a split, and how keys get there.
template <class Tile>
struct AttentionBlock {
  using Products = typename Tile::Products;
  static constexpr int ScoreRows = Tile::Rows / 16; // of a lane

  const Attention &p;
  typename Tile::Shared &shared;
  Products products;
  SoftmaxState state[ScoreRows]; // of rows score_row(i)
  int kv_head, score_steps;
  // The keys at hand: the first row of their sequence in the cache, the last of them that any row takes, and that all take.
  i64 first_row;
  int last_key, common_key;

  __device__ int score_row(int i) const { return products.score_row(i); }
  /// Whether the lane speaks for its rows of the state, which eight lanes have.
  __device__ bool speaks() const { return threadIdx.x % 8 == 0; }

  /// Finds the rows of the block: heads of this column tile of tokens [first_token, first_token + tokens).
  __device__ AttentionBlock(const Attention &p, typename Tile::Shared &shared,
                            int first_token, int tokens)
      : p(p), shared(shared), products{shared.products},
        score_steps(ceil_div(p.key, 32)) {
    int group = p.heads / p.kv_heads, heads = smaller(group, Tile::Rows),
        tiles = ceil_div(group, heads);
    kv_head = blockIdx.x / tiles;
    int first_head = blockIdx.x % tiles * heads;
    for (int row = threadIdx.x; row < Tile::Rows; row += 128) {
      int token = row / heads, head = first_head + row % heads;
      bool exists = token < tokens && head < group;
      shared.token[row] = exists ? token : -1;
      shared.place[row] =
          exists ? (first_token + token) * p.heads + kv_head * group + head
                 : -1;
    }
    __syncthreads();
  }

  //===--- staging ---===//

  /// Four elements of which `count` exist, the others are 0. `from` is a valid address either way.
  __device__ void stage_vector(float4 *to, const float *from, int count) const {
    if constexpr (Tile::Aligned)
      copy_chunk(shared_address(to), reinterpret_cast<const u8 *>(from),
                 count > 0);
    else
      for (int x = 0; x < 4; ++x)
        copy_word(shared_address(to) + 4 * x, x < count ? from + x : from,
                  x < count);
  }

  /// 32 columns of the queries, then of the keys from `key` on.
  __device__ void stage_scores(float4 *stage, int key, int step) const {
    int chunk = threadIdx.x % 8, at = 32 * step + 4 * chunk, count = p.key - at;
#pragma unroll 1
    for (int row = threadIdx.x / 8; row < Tile::Rows; row += 16) {
      int place = shared.place[row];
      bool exists = place >= 0 && count > 0;
      const float *from = exists ? p.query + u64(place) * p.key + at : p.query;
      stage_vector(stage + Products::score_chunk(row, chunk), from,
                   exists ? count : 0);
    }
    stage += 8 * Tile::Rows;
#pragma unroll 1
    for (int row = threadIdx.x / 8; row < Tile::Keys; row += 16) {
      bool exists = key + row <= last_key && count > 0;
      const float *from = exists ? p.cache + (first_row + key + row) * p.row +
                                       p.key_begin + kv_head * p.key + at
                                 : p.cache;
      stage_vector(stage + Products::score_chunk(row, chunk), from,
                   exists ? count : 0);
    }
  }

  /// Columns from `column` on of the values of StepKeys keys from `key` on.
  __device__ void stage_values(float4 *stage, int key, int column) const {
    constexpr int chunks = Products::StepColumns / 4;
#pragma unroll 1
    for (int i = threadIdx.x; i < Products::StepKeys * chunks; i += 128) {
      int row = i / chunks, chunk = i % chunks, at = column + 4 * chunk,
          count = p.value - at;
      bool exists = key + row <= last_key && count > 0;
      const float *from = exists ? p.cache + (first_row + key + row) * p.row +
                                       p.value_begin + kv_head * p.value + at
                                 : p.cache;
      stage_vector(stage + Products::value_chunk(row, chunk), from,
                   exists ? count : 0);
    }
  }

  static constexpr int column_steps = Tile::Values / Products::StepColumns;
  static constexpr int value_steps =
      Tile::Keys / Products::StepKeys * column_steps;

  /// Step `step` of the block from `key` on: scores first, then values.
  __device__ void stage_step(float4 *stage, int key, int step) const {
    if (step < score_steps)
      return stage_scores(stage, key, step);
    step -= score_steps;
    stage_values(stage, key + step / column_steps * Products::StepKeys,
                 step % column_steps * Products::StepColumns);
  }

  //===--- a block of keys ---===//

  /// Scores of the keys from `key` on become shares; the state of the rows follows.
  __device__ void add_softmax(LaneScores<Tile> &scores, int key) {
    key += threadIdx.x % 8;
#pragma unroll
    for (int i = 0; i < ScoreRows; ++i) {
      int row = score_row(i), last = shared.last[row];
      float (&x)[4] = scores[i];
#pragma unroll
      for (int j = 0; j < 4; ++j)
        x[j] = key + 8 * j <= last ? x[j] * p.scale : -infinity();
      float most = maximum(maximum(x[0], x[1]), maximum(x[2], x[3]));
      for (int offset = 4; offset; offset /= 2)
        most = maximum(most, __shfl_xor_sync(~0u, most, offset));
      float next = maximum(state[i].most, most), base = finite_base(next);
      float keep = exp(state[i].most - base);
#pragma unroll
      for (int j = 0; j < 4; ++j)
        x[j] = exp(x[j] - base);
      float sum = (x[0] + x[2]) + (x[1] + x[3]);
      for (int offset = 4; offset; offset /= 2)
        sum += __shfl_xor_sync(~0u, sum, offset);
      state[i] = {next, state[i].sum * keep + sum};
      if (speaks())
        shared.rescale[row] = keep;
    }
    products.store_shares(scores);
  }

  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < ScoreRows; ++i)
      state[i] = {-infinity(), 0};
    products.for_values([](int, int, typename Products::Vector &values) {
      for (float &value : values)
        value = 0;
    });
  }

  /// Walks the blocks of keys [begin, end) at multiples of Keys; end_split(first key) follows each split.
  template <class EndSplit>
  __device__ void walk(int begin, int end, EndSplit end_split) {
    int steps = score_steps + value_steps, parity = 0;
    // Copies run one step ahead. After the barrier the step's data have arrived and the other stage has been read.
    auto next_stage = [&](int key, int step) {
      wait_copy_groups<0>();
      __syncthreads();
      bool last = step + 1 == steps;
      if (!last || key + Tile::Keys < end)
        stage_step(shared.stage[parity ^ 1], last ? key + Tile::Keys : key,
                   last ? 0 : step + 1);
      end_copy_group();
      parity ^= 1;
      return shared.stage[parity ^ 1];
    };
    stage_step(shared.stage[0], begin, 0);
    end_copy_group();
    clear();
    for (int key = begin; key < end; key += Tile::Keys) {
      typename Products::Scores products_scores = {};
      for (int step = 0; step < score_steps; ++step)
        products.add_scores(next_stage(key, step), products_scores);
      LaneScores<Tile> scores;
      products.lane_scores(products_scores, scores);
      add_softmax(scores, key);
      for (int step = 0; step < value_steps; ++step) {
        const float4 *stage = next_stage(key, score_steps + step);
        if (step == 0)
          products.rescale(shared.rescale);
        int in_block = step / column_steps * Products::StepKeys;
        if (key + Tile::Keys - 1 <= common_key)
          products.template add_values<false>(stage, in_block,
                                              step % column_steps, shared.last,
                                              key + in_block);
        else
          products.template add_values<true>(stage, in_block,
                                             step % column_steps, shared.last,
                                             key + in_block);
      }
      if (key + Tile::Keys >= end ||
          (key + Tile::Keys) % Tile::SplitKeys == 0) {
        end_split(key / Tile::SplitKeys * Tile::SplitKeys);
        clear();
      }
    }
    // The next walk stages its first step.
    __syncthreads();
  }
};

} // namespace moec
