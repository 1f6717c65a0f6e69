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
//   exponentials of the old maxima less m', each sum and value becomes whole keep + split take. Values are multiplied by the
//   reciprocal of the sum.
// - A key behind the token's position takes no part. Where m' is -inf, 0 is subtracted in its place.
//
//===------------------------------------------------------------------------===//
#pragma once
#include "moec/attention_block.cuh"
#include "moec/ticket.cuh"
#include "moec/types.cuh"

namespace moec {

/// Some elements from `at`, of which `count` exist.
template <bool Aligned, int N>
__device__ inline void load_some(const float *at, int count, float (&out)[N]) {
  if constexpr (Aligned && N == 4)
    load_four(at, out);
  else if constexpr (Aligned && N == 2) {
    float2 two = *reinterpret_cast<const float2 *>(at);
    out[0] = two.x, out[1] = two.y;
  } else
    for (int x = 0; x < N; ++x)
      out[x] = x < count ? at[x] : 0;
}
template <bool Aligned, int N>
__device__ inline void store_some(float *at, int count, const float (&in)[N]) {
  if constexpr (Aligned && N == 4)
    store_four(at, in);
  else if constexpr (Aligned && N == 2)
    *reinterpret_cast<float2 *>(at) = make_float2(in[0], in[1]);
  else
    for (int x = 0; x < N; ++x)
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
  int first_token = blockIdx.y * tile_tokens,
      tokens = smaller(tile_tokens, p.tokens - first_token);
  AttentionBlock<Tile> block(p, shared, first_token, tokens);
  const i32 *positions = p.positions + first_token,
            *cache_rows = p.cache_rows + first_token;
  SoftmaxState whole[block.ScoreRows];

  for (int token = 0, end; token < tokens; token = end) {
    block.first_row = cache_rows[token] - positions[token];
    block.last_key = block.common_key = positions[token];
    for (end = token + 1;
         end < tokens && cache_rows[end] - positions[end] == block.first_row;
         ++end) {
      block.last_key = larger(block.last_key, positions[end]);
      block.common_key = smaller(block.common_key, positions[end]);
    }
    for (int row = threadIdx.x; row < Tile::Rows; row += 128)
      shared.last[row] = shared.token[row] >= token && shared.token[row] < end
                             ? positions[shared.token[row]]
                             : -1;

    block.walk(0, block.last_key + 1, [&](int split) {
#pragma unroll
      for (int i = 0; i < block.ScoreRows; ++i) {
        int row = block.score_row(i);
        if (shared.last[row] < split)
          continue;
        float keep = 0, take = 1;
        if (split == 0)
          whole[i] = block.state[i];
        else
          whole[i].merge(block.state[i], keep, take);
        if (block.speaks()) {
          shared.keep[row] = keep;
          shared.take[row] = take;
          shared.inverse[row] = 1.0f / whole[i].sum;
        }
      }
      __syncthreads();
      block.products.for_values(
          [&](int row, int column, typename Tile::Products::Vector &values) {
            int last = shared.last[row], count = p.value - column;
            if (last < split || count <= 0)
              return;
            float *at = p.result + u64(shared.place[row]) * p.value + column;
            if (split > 0) {
              constexpr int width = sizeof(values) / sizeof(float);
              float before[width];
              load_some<Tile::Aligned>(at, count, before);
#pragma unroll
              for (int x = 0; x < width; ++x)
                values[x] = merged(before[x], values[x], shared.keep[row],
                                   shared.take[row]);
            }
            if (last < split + Tile::SplitKeys)
              for (float &value : values)
                value *= shared.inverse[row];
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
  int token = blockIdx.y, last = p.positions[token],
      split = blockIdx.z * Tile::SplitKeys;
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
  auto partial = [&](int row, int split) {
    return partials + (u64(shared.place[row]) * gridDim.z + split) * stride;
  };

  block.walk(split, smaller(split + Tile::SplitKeys, last + 1), [&](int) {
    int row = block.score_row(0);
    if (block.speaks())
      shared.inverse[row] = 1.0f / block.state[0].sum;
    if (splits > 1 && block.speaks() && shared.place[row] >= 0) {
      float *at = partial(row, blockIdx.z) + stride - 4;
      at[0] = block.state[0].most;
      at[1] = block.state[0].sum;
    }
    __syncthreads();
    block.products.for_values([&](int row, int column,
                                  typename Tile::Products::Vector &values) {
      if (shared.place[row] < 0 || column >= p.value)
        return;
      if (splits > 1)
        return store_some<true>(partial(row, blockIdx.z) + column, 0, values);
      for (float &value : values)
        value *= shared.inverse[row];
      store_some<Tile::Aligned>(p.result + u64(shared.place[row]) * p.value +
                                    column,
                                p.value - column, values);
    });
  });
  if (splits == 1 ||
      !is_last_block(tickets + blockIdx.y * gridDim.x + blockIdx.x, splits))
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
        values[n][x] =
            split == 0 ? next[x] : merged(values[n][x], next[x], keep, take);
    }
  }
  float inverse = 1.0f / whole.sum;
#pragma unroll
  for (int n = 0; n < vectors; ++n) {
#pragma unroll
    for (int x = 0; x < 4; ++x)
      values[n][x] *= inverse;
    int at = column + 32 * n;
    if (at < p.value)
      store_some<Tile::Aligned>(p.result + u64(shared.place[row]) * p.value +
                                    at,
                                p.value - at, values[n]);
  }
}

} // namespace moec
