//===- attention.cuh - Causal softmax attention over cache rows ---------------===//
#pragma once
#include "moec/math.cuh"
#include "moec/types.cuh"

namespace moec {

/// The operands of kernel.attention.
struct Attention {
  const float *query; // [tokens, heads * key]
  const float *cache; // rows of `row` elements
  const i32 *positions, *cache_rows; // [tokens]
  float *result; // [tokens, heads * value]
  int tokens, heads, kv_heads, key, value, key_begin, value_begin, row;
  float scale;
};

/// `Rows` (token, head) pairs of one kv head in a block of 128 threads, values of at most `Values` columns:
/// <64, 128>, <32, 256>, <16, 512> and, for few tokens, <4, 128>.
///
/// A block has min(group, Rows) heads of one kv head, group = heads / kv_heads: there are
/// kv_heads * ceil(group / min(group, Rows)) column tiles, and attention_tokens has Rows / min(group, Rows) tokens in a tile.
template <int Rows, int Values>
struct AttentionTile;

/// Prefill: a block walks all keys of its tokens. Grid (column tiles, token tiles), 128 threads.
template <class Tile>
__device__ void attention_tokens(const Attention &p);

/// Decode: a block has one token and one split of 256 keys; the last one of a token and column tile merges the splits.
/// Grid (column tiles, tokens, ceil((greatest position + 1) / 256)), 128 threads. At most 16384 column tiles times tokens.
///
/// `scratch`: 64 KiB of tickets, zero before the first launch and left so by each launch, then
/// 4 * tokens * heads * splits * (value rounded up to 4, plus 4) bytes.
template <class Tile>
__device__ void attention_split(const Attention &p, void *scratch);

} // namespace moec
