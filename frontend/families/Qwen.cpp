//===- Qwen.cpp - Qwen2 and Qwen3, dense and with experts -----------------===//
//
// Grouped-query attention: that of Qwen2 (arXiv 2407.10671) adds biases to
// query, key and value, that of Qwen3 (arXiv 2505.09388) normalises each head of
// query and key instead. Experts are chosen by softmax scores; Qwen2's shared
// expert has a gate of its own.
//
//===----------------------------------------------------------------------===//

#include "frontend/Family.h"
#include "frontend/families/Readers.h"

#include "llvm/ADT/STLExtras.h"

using namespace moec;

static GroupedQueryAttention readQwen2Attention(ConfigObject &config,
                                                int64_t hidden) {
  GroupedQueryAttention attention = readGroupedQueryAttention(config, hidden);
  attention.inputBias = true;
  return attention;
}

static GroupedQueryAttention readQwen3Attention(ConfigObject &config,
                                                int64_t hidden) {
  // Where the key is absent the head size is not the usual quotient.
  config.integer("head_dim", kCount);
  GroupedQueryAttention attention = readGroupedQueryAttention(config, hidden);
  attention.norm = QueryKeyNorm::Head;
  attention.inputBias = config.flagOr("attention_bias", false);
  attention.outputBias = attention.inputBias;
  return attention;
}

/// The experts, whose number has a new and an old name.
static MixtureOfExperts readQwenExperts(ConfigObject &config) {
  llvm::StringRef key =
      config.has("num_experts") ? "num_experts" : "num_local_experts";
  MixtureOfExperts experts = readExperts(config, key, "moe_intermediate_size");
  config.only("num_local_experts", experts.experts);
  experts.renormalize = config.flag("norm_topk_prob");
  return experts;
}

static int64_t readLayerCount(ConfigObject &config) {
  int64_t layers = config.integer("num_hidden_layers", kCount);
  expectNoSlidingWindow(config, layers);
  return layers;
}

static DenseMlp readMlp(ConfigObject &config) {
  DenseMlp mlp;
  mlp.width = config.integer("intermediate_size");
  return mlp;
}

/// Every `decoder_sparse_step`th layer has experts, except those listed in
/// `mlp_only_layers`.
static std::vector<Layer> readSparseLayers(ConfigObject &config,
                                           const Attention &attention,
                                           const MixtureOfExperts &experts) {
  Layer dense = {"dense_layer", attention, readMlp(config)};
  Layer sparse = {"moe_layer", attention, experts};
  int64_t step = config.integerOr("decoder_sparse_step", 1, kCount);
  std::vector<int64_t> mlpOnly =
      config.integersOr("mlp_only_layers", {}, {0, kCount.max});
  std::vector<Layer> layers;
  for (int64_t index = 0, e = readLayerCount(config); index < e; ++index) {
    bool isDense = (index + 1) % step || llvm::is_contained(mlpOnly, index);
    layers.push_back(isDense ? dense : sparse);
  }
  return layers;
}

Model moec::describeQwen2(ConfigObject &config, mlir::MLIRContext &context) {
  Model model = readTrunk(config);
  GroupedQueryAttention attention = readQwen2Attention(config, model.hidden);
  model.rope = readRope(config, attention.headDim, context);
  config.only("use_mrope", false);
  model.layers.assign(readLayerCount(config),
                      Layer{"layer", attention, readMlp(config)});
  return model;
}

Model moec::describeQwen2Moe(ConfigObject &config, mlir::MLIRContext &context) {
  Model model = readTrunk(config);
  GroupedQueryAttention attention = readQwen2Attention(config, model.hidden);
  attention.inputBias = config.flagOr("qkv_bias", true);
  model.rope = readRope(config, attention.headDim, context);

  MixtureOfExperts experts = readQwenExperts(config);
  experts.shared =
      SharedExpert{.width = config.integer("shared_expert_intermediate_size"),
                   .names = {"mlp.shared_expert"},
                   .gate = "mlp.shared_expert_gate"};
  model.layers = readSparseLayers(config, attention, experts);
  return model;
}

Model moec::describeQwen3(ConfigObject &config, mlir::MLIRContext &context) {
  Model model = readTrunk(config);
  GroupedQueryAttention attention = readQwen3Attention(config, model.hidden);
  model.rope = readRope(config, attention.headDim, context);
  model.layers.assign(readLayerCount(config),
                      Layer{"layer", attention, readMlp(config)});
  return model;
}

Model moec::describeQwen3Moe(ConfigObject &config, mlir::MLIRContext &context) {
  Model model = readTrunk(config);
  GroupedQueryAttention attention = readQwen3Attention(config, model.hidden);
  model.rope = readRope(config, attention.headDim, context);
  // Some files keep keys of Qwen2, with values that say what Qwen3 is.
  config.only("qkv_bias", false);
  config.only("use_qk_norm", true);
  config.only("shared_expert_intermediate_size", 0);
  model.layers = readSparseLayers(config, attention, readQwenExperts(config));
  return model;
}
