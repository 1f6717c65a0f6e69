// kernel.attention; COMPUTE is float or bf16.
#include "moec/attention.cuh"
using namespace moec;

#define PARAMETERS                                                                                                            \
  const float *query, const float *cache, const i32 *positions, const i32 *cache_rows, float *result, void *scratch,          \
      int tokens, int heads, int kv_heads, int key, int value, int key_begin, int value_begin, int row, float scale
#define ATTENTION(KIND, ROWS, VALUES, ALIGNED, NAME, ...)                                                                     \
  extern "C" __global__ void __launch_bounds__(128, 2) NAME(PARAMETERS) {                                                     \
    attention_##KIND<AttentionTile<ROWS, VALUES, ALIGNED, COMPUTE>>(                                                          \
        {query, cache, positions, cache_rows, result, tokens, heads, kv_heads, key, value, key_begin, value_begin, row,       \
         scale} __VA_ARGS__);                                                                                                 \
  }
#define TOKENS(ROWS, VALUES) ATTENTION(tokens, ROWS, VALUES, true, tokens_##ROWS##_##VALUES)
#define SPLIT(ROWS, VALUES) ATTENTION(split, ROWS, VALUES, true, split_##ROWS##_##VALUES, , scratch)

TOKENS(64, 64)
TOKENS(64, 128)
TOKENS(32, 256)
TOKENS(16, 512)
SPLIT(16, 128)
SPLIT(16, 256)
SPLIT(16, 512)
ATTENTION(tokens, 64, 64, false, tokens_64_64_unaligned)
ATTENTION(split, 16, 128, false, split_16_128_unaligned, , scratch)
