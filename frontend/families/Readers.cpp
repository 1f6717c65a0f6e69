//===- Readers.cpp - What the descriptions of families share --------------===//

#include "frontend/families/Readers.h"

#include <cmath>

using namespace moec;

Model moec::readTrunk(ConfigObject &config) {
  Model model;
  model.hidden = config.integer("hidden_size");
  model.vocab = config.integer("vocab_size", kVocabulary);
  model.maxPositions = config.integer("max_position_embeddings", kPositions);
  model.normEps = config.positive("rms_norm_eps");
  model.tiedEmbeddings = config.flagOr("tie_word_embeddings", false);
  config.only("hidden_act", "silu");
  return model;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

GroupedQueryAttention moec::readGroupedQueryAttention(ConfigObject &config,
                                                      int64_t hidden) {
  GroupedQueryAttention attention;
  attention.heads = config.integer("num_attention_heads", kCount);
  attention.kvHeads = config.integerOr("num_key_value_heads", attention.heads,
                                       {1, attention.heads});
  config.expect(attention.heads % attention.kvHeads == 0, "num_key_value_heads",
                "a divisor of the key 'num_attention_heads'");
  if (config.has("head_dim")) {
    attention.headDim = config.integer("head_dim", kCount);
    config.expect(attention.headDim % 2 == 0, "head_dim", "even");
  } else {
    attention.headDim = hidden / attention.heads;
    config.expect(hidden % (2 * attention.heads) == 0, "hidden_size",
                  "an even multiple of the key 'num_attention_heads'");
  }
  attention.scale = 1 / std::sqrt(double(attention.headDim));
  return attention;
}

LatentAttention moec::readLatentAttention(ConfigObject &config, Model &model,
                                          mlir::MLIRContext &context) {
  LatentAttention attention;
  attention.heads = config.integer("num_attention_heads", kCount);
  if (config.has("q_lora_rank"))
    attention.queryRank = config.integer("q_lora_rank");
  attention.latent = config.integer("kv_lora_rank");
  attention.nope = config.integer("qk_nope_head_dim", kCount);
  attention.rope = config.integer("qk_rope_head_dim", kCount);
  config.expect(attention.rope % 2 == 0, "qk_rope_head_dim", "even");
  attention.value = config.integer("v_head_dim", kCount);
  config.only("qk_head_dim", attention.nope + attention.rope);
  config.only("attention_bias", false);
  // The reference implementation builds these two norms with the default of
  // their class, whatever rms_norm_eps is.
  attention.normEps = 1e-6;
  // Written by the base class of configurations; latent attention has neither
  // separate key heads nor one head size.
  config.ignore({"num_key_value_heads", "head_dim"});

  model.rope = readRope(config, attention.rope, context);
  attention.scale = model.rope.softmaxCorrection /
                    std::sqrt(double(attention.nope + attention.rope));
  return attention;
}

void moec::expectNoSlidingWindow(ConfigObject &config, int64_t layers) {
  config.only("use_sliding_window", false);
  config.ignore({"sliding_window", "max_window_layers"});
  config.onlyList("layer_types", layers, "full_attention");
}

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

MixtureOfExperts moec::readExperts(ConfigObject &config,
                                   llvm::StringRef countKey,
                                   llvm::StringRef widthKey) {
  MixtureOfExperts experts;
  experts.experts = config.integer(countKey, kCount);
  experts.topK = config.integer("num_experts_per_tok", {1, experts.experts});
  experts.width = config.integer(widthKey);
  return experts;
}

MixtureOfExperts moec::readDeepseekExperts(ConfigObject &config) {
  MixtureOfExperts experts =
      readExperts(config, "n_routed_experts", "moe_intermediate_size");
  if (int64_t shared = config.integerOr("n_shared_experts", 0, {0, 64}))
    experts.shared.emplace().width = shared * experts.width;
  return experts;
}

moe::GroupsAttr moec::readGroups(ConfigObject &config,
                                 const MixtureOfExperts &experts,
                                 moe::GroupScore by,
                                 mlir::MLIRContext &context) {
  int64_t groups = config.integer("n_group", {1, experts.experts});
  int64_t kept = config.integer("topk_group", {1, groups});
  int64_t groupSize = experts.experts / groups;
  config.expect(experts.experts % groups == 0, "n_group",
                "a divisor of the key 'n_routed_experts'");
  if (groups == 1)
    return {};
  config.expect(by != moe::GroupScore::Top2Sum || groupSize >= 2, "n_group",
                "at most half of the key 'n_routed_experts'");
  config.expect(kept * groupSize >= experts.topK, "topk_group",
                "enough groups for the key 'num_experts_per_tok'");
  return moe::GroupsAttr::get(&context, groups, kept, by);
}

MixtureOfExperts moec::readLossFreeExperts(ConfigObject &config,
                                           mlir::MLIRContext &context) {
  MixtureOfExperts experts = readDeepseekExperts(config);
  config.only("scoring_func", "sigmoid");
  config.only("topk_method", "noaux_tc");
  experts.score = moe::Score::Sigmoid;
  experts.choiceBias = true;
  experts.groups =
      readGroups(config, experts, moe::GroupScore::Top2Sum, context);
  experts.renormalize = config.flag("norm_topk_prob");
  experts.scale = config.positive("routed_scaling_factor");
  return experts;
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

std::vector<Layer> moec::readDenseThenSparse(ConfigObject &config,
                                             const Attention &attention,
                                             const MixtureOfExperts &experts) {
  DenseMlp mlp;
  mlp.width = config.integer("intermediate_size");
  int64_t layers = config.integer("num_hidden_layers", kCount);
  int64_t dense = config.integer("first_k_dense_replace", {0, layers});
  config.only("moe_layer_freq", 1);
  std::vector<Layer> result(dense, Layer{"dense_layer", attention, mlp});
  result.resize(layers, Layer{"moe_layer", attention, experts});
  return result;
}
