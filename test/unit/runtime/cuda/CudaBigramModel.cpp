//===- CudaBigramModel.cpp - The model of BigramModel.h for a GPU ---------===//

#include "CudaBigramModel.h"
#include "BigramKernels.ptx.h"

using namespace moec::test;

namespace {

constexpr uint32_t rowTile = 4;
constexpr uint32_t columnTiles = 4;

/// The arguments of the graph.
enum : int64_t {
  NumTokens,
  NumOutputs,
  Tokens,
  Positions,
  CacheRows,
  OutputRows,
  Cache,
  Previous,
  Table,
  Logits,
  NumArgs
};

constexpr moert_param pointer(int64_t argument) {
  return {MOERT_PARAM_ARGUMENT, 8, argument};
}
constexpr moert_param extent(int64_t argument) {
  return {MOERT_PARAM_ARGUMENT, 4, argument};
}

const moert_param writeParams[] = {pointer(Tokens), pointer(CacheRows),
                                   pointer(Cache), extent(NumTokens)};
const moert_param readParams[] = {pointer(Positions),
                                  pointer(CacheRows),
                                  pointer(Cache),
                                  pointer(Previous),
                                  extent(NumTokens),
                                  {MOERT_PARAM_CONSTANT, 4, bigramIncrement},
                                  {MOERT_PARAM_SCRATCH, 8, 0}};
const moert_param logitsParams[] = {pointer(Tokens),   pointer(OutputRows),
                                    pointer(Previous), pointer(Table),
                                    pointer(Logits),   extent(NumOutputs)};

const moert_kernel writeKernels[] = {
    {"write_cache", 0, 0, rowTile, rowTile, 1, 0}};
const moert_kernel readKernels[] = {{"read_cache", 0, 0, 32, 1, 1, 0}};
const moert_kernel logitsKernels[] = {
    {"logits_one", 0, 1, 128, 1, columnTiles, 0},
    {"logits_many", 0, 0, 128, rowTile, columnTiles, 0}};

const moert_launch writeLaunch = {1, 4, writeKernels, writeParams};
const moert_launch readLaunch = {1, 7, readKernels, readParams};
const moert_launch logitsLaunch = {2, 6, logitsKernels, logitsParams};

const moert_wait afterWrite[] = {{0, MOERT_WAIT_ALL}};
const moert_wait afterRead[] = {{1, MOERT_WAIT_ALL}};
const moert_node nodes[] = {{"write_cache", nullptr, MOERT_ROWS_EXTENT, rowTile,
                             1, NumTokens, 0, 0, nullptr, &writeLaunch},
                            {"read_cache", nullptr, MOERT_ROWS_ONE, 1, 1, 0, 0,
                             1, afterWrite, &readLaunch},
                            {"logits", nullptr, MOERT_ROWS_EXTENT, rowTile,
                             columnTiles, NumOutputs, 0, 1, afterRead,
                             &logitsLaunch}};
const moert_graph graph = {"bigram", 3, NumArgs, nodes};

int32_t step(moert_context *context, const moert_batch *batch, void *arena,
             void *const *caches, const void *const *weights, float *logits) {
  const auto packed = [](const void *address) {
    return reinterpret_cast<int64_t>(address);
  };
  const int64_t args[] = {batch->num_tokens,         batch->num_outputs,
                          packed(batch->tokens),     packed(batch->positions),
                          packed(batch->cache_rows), packed(batch->output_rows),
                          packed(caches[0]),         packed(arena),
                          packed(weights[0]),        packed(logits)};
  return moert_graph_submit(context, &graph, args);
}

} // namespace

const moert_model &moec::test::cudaBigramModel() {
  static const moert_cache caches[] = {{"tokens", sizeof(int32_t)}};
  static const moert_weight weights[] = {
      {"table", 0, bigramVocab * bigramVocab * int64_t{sizeof(float)}}};
  static const moert_cost costs[] = {
      {MOERT_COST_TOKENS, 0, 1, 1, weights[0].bytes, 1000}};
  static const moert_module modules[] = {
      {"bigram", bigramPtx, sizeof bigramPtx}};
  static const moert_model model = [] {
    moert_model model = {};
    model.abi_version = MOERT_ABI_VERSION;
    model.num_caches = model.num_weights = model.num_costs = 1;
    model.name = "tiny-bigram";
    model.model_type = "bigram";
    model.target = "cuda sm_80";
    model.features = "";
    model.weights_id = bigramId;
    model.vocab = bigramVocab;
    model.max_tokens = bigramCudaMaxTokens;
    model.max_sequences = bigramMaxSequences;
    model.max_context = bigramMaxContext;
    model.arena_bytes = bigramCudaMaxTokens * int64_t{sizeof(int32_t)};
    model.scratch_bytes = 64;
    model.weights_bytes = weights[0].bytes;
    model.attention_bytes = sizeof(int32_t);
    model.caches = caches;
    model.weights = weights;
    model.costs = costs;
    model.step = step;
    model.device = MOERT_DEVICE_CUDA;
    model.num_modules = 1;
    model.modules = modules;
    return model;
  }();
  return model;
}
