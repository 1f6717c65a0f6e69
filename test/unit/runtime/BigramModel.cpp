//===- BigramModel.cpp - A hand-written model for testing the runtime -----===//

#include "BigramModel.h"

#include <algorithm>

using namespace moec::test;

namespace {

constexpr int64_t rowTile = 4;
constexpr int64_t columnTile = 128;

/// The arguments of the graph, in the order of the step function.
struct Args {
  int64_t numTokens, numOutputs;
  const int32_t *tokens, *positions, *cacheRows, *outputRows;
  int32_t *cache;
  int32_t *previous; ///< in the arena: the token before each
  const float *table;
  float *logits;

  explicit Args(const int64_t *args)
      : numTokens(args[0]), numOutputs(args[1]), tokens(as<int32_t>(args[2])),
        positions(as<int32_t>(args[3])), cacheRows(as<int32_t>(args[4])),
        outputRows(as<int32_t>(args[5])), cache(as<int32_t>(args[6])),
        previous(as<int32_t>(args[7])), table(as<float>(args[8])),
        logits(as<float>(args[9])) {}

  template <typename T>
  static T *as(int64_t value) {
    return reinterpret_cast<T *>(value);
  }
};

void writeCache(const int64_t *packed, int64_t tile, int64_t, void *) {
  Args args(packed);
  for (int64_t i = tile * rowTile;
       i < std::min((tile + 1) * rowTile, args.numTokens); ++i)
    args.cache[args.cacheRows[i]] = args.tokens[i];
}

void readCache(const int64_t *packed, int64_t, int64_t, void *) {
  Args args(packed);
  for (int64_t i = 0; i < args.numTokens; ++i)
    args.previous[i] =
        args.positions[i] > 0 ? args.cache[args.cacheRows[i] - 1] : -1;
}

void writeLogits(const int64_t *packed, int64_t tile, int64_t column, void *) {
  Args args(packed);
  for (int64_t i = tile * rowTile;
       i < std::min((tile + 1) * rowTile, args.numOutputs); ++i) {
    int64_t row = args.outputRows[i];
    int64_t token = args.tokens[row], previous = args.previous[row];
    for (int64_t v = column * columnTile; v < (column + 1) * columnTile; ++v) {
      float logit = args.table[token * bigramVocab + v];
      if (previous >= 0)
        logit += 0.25f * args.table[previous * bigramVocab + v];
      args.logits[i * bigramVocab + v] = logit;
    }
  }
}

const moert_wait afterWrite[] = {{0, MOERT_WAIT_ALL}};
const moert_wait afterRead[] = {{1, MOERT_WAIT_ALL}};
const moert_node nodes[] = {{"write_cache", writeCache, MOERT_ROWS_EXTENT,
                             rowTile, 1, 0, 0, 0, nullptr, nullptr},
                            {"read_cache", readCache, MOERT_ROWS_ONE, 1, 1, 0,
                             0, 1, afterWrite, nullptr},
                            {"logits", writeLogits, MOERT_ROWS_EXTENT, rowTile,
                             bigramVocab / columnTile, 1, 0, 1, afterRead,
                             nullptr}};
const moert_graph graph = {"bigram", 3, 10, nodes};

int32_t step(moert_context *context, const moert_batch *batch, void *arena,
             void *const *caches, const void *const *weights, float *logits) {
  const auto packed = [](const void *pointer) {
    return reinterpret_cast<int64_t>(pointer);
  };
  const int64_t args[] = {batch->num_tokens,         batch->num_outputs,
                          packed(batch->tokens),     packed(batch->positions),
                          packed(batch->cache_rows), packed(batch->output_rows),
                          packed(caches[0]),         packed(arena),
                          packed(weights[0]),        packed(logits)};
  return moert_graph_submit(context, &graph, args);
}

constexpr int64_t tableBytes =
    bigramVocab * bigramVocab * int64_t(sizeof(float));
const moert_cache caches[] = {{"tokens", sizeof(int32_t)}};
const moert_weight weights[] = {{"table", 0, tableBytes}};
/// As if a token chose one row and an output two; there are no products here, so
/// that the operations are invented.
const moert_cost costs[] = {
    {MOERT_COST_TOKENS, 0, bigramVocab, 1, tableBytes, 1000},
    {MOERT_COST_OUTPUTS, 0, bigramVocab, 2, tableBytes, 50}};

} // namespace

extern "C" const moert_model moec_model = {MOERT_ABI_VERSION,
                                           /*num_caches=*/1,
                                           /*num_weights=*/1,
                                           /*num_costs=*/2,
                                           "tiny-bigram",
                                           "bigram",
                                           "cpu generic",
                                           /*features=*/"",
                                           bigramId,
                                           bigramVocab,
                                           bigramMaxTokens,
                                           bigramMaxSequences,
                                           bigramMaxContext,
                                           /*arena_bytes=*/bigramMaxTokens * 4,
                                           /*scratch_bytes=*/0,
                                           /*weights_bytes=*/tableBytes,
                                           /*attention_multiply_adds=*/0,
                                           /*attention_bytes=*/sizeof(int32_t),
                                           caches,
                                           weights,
                                           costs,
                                           step,
                                           MOERT_DEVICE_CPU,
                                           /*num_modules=*/0,
                                           /*modules=*/nullptr};

std::vector<float> moec::test::bigramWeights() {
  std::vector<float> table;
  for (int64_t token = 0; token < bigramVocab; ++token)
    for (int64_t next = 0; next < bigramVocab; ++next)
      table.push_back(bigramEntry(token, next));
  return table;
}
