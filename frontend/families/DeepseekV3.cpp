//===- DeepseekV3.cpp - DeepSeek V3, R1, V3.1 and Kimi K2 -----------------===//
//
// Multi-head latent attention; the first layers are dense, the others mixtures
// of experts with sigmoid scores, a bias that only takes part in the choice
// (arXiv 2408.15664), node-limited groups, and a shared expert (arXiv
// 2412.19437).
//
//===----------------------------------------------------------------------===//

#include "frontend/Family.h"

#include <cmath>

using namespace moec;

static LatentAttention readAttention(ConfigObject &config) {
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
  attention.pairs = config.flagOr("rope_interleave", true)
                        ? moe::RopePairs::Interleaved
                        : moe::RopePairs::Half;
  // The reference implementation builds these two norms with the default of
  // their class, whatever rms_norm_eps is.
  attention.normEps = 1e-6;
  // Written by the base class of configurations; latent attention has neither
  // separate key heads nor one head size.
  config.ignore({"num_key_value_heads", "head_dim"});
  return attention;
}

static MixtureOfExperts readExperts(ConfigObject &config,
                                    mlir::MLIRContext &context) {
  MixtureOfExperts experts;
  experts.experts = config.integer("n_routed_experts", kCount);
  experts.topK = config.integer("num_experts_per_tok", {1, experts.experts});
  experts.width = config.integer("moe_intermediate_size");
  // The shared experts are one MLP, as wide as all of them.
  if (int64_t shared = config.integerOr("n_shared_experts", 0, {0, 64}))
    experts.sharedWidth = shared * experts.width;

  config.only("scoring_func", "sigmoid");
  config.only("topk_method", "noaux_tc");
  experts.score = moe::Score::Sigmoid;
  experts.choiceBias = true;
  experts.renormalize = config.flag("norm_topk_prob");
  experts.scale = config.positive("routed_scaling_factor");

  int64_t groups = config.integer("n_group", {1, experts.experts});
  int64_t kept = config.integer("topk_group", {1, groups});
  int64_t groupSize = experts.experts / groups;
  config.expect(experts.experts % groups == 0, "n_group",
                "a divisor of the key 'n_routed_experts'");
  if (groups > 1) {
    config.expect(groupSize >= 2, "n_group",
                  "at most half of the key 'n_routed_experts'");
    config.expect(kept * groupSize >= experts.topK, "topk_group",
                  "enough groups for the key 'num_experts_per_tok'");
    experts.groups =
        moe::GroupsAttr::get(&context, groups, kept, moe::GroupScore::Top2Sum);
  }
  return experts;
}

Model moec::describeDeepseekV3(ConfigObject &config,
                               mlir::MLIRContext &context) {
  Model model = readTrunk(config);

  LatentAttention attention = readAttention(config);
  model.rope = readRope(config, attention.rope, context);
  attention.scale = model.rope.softmaxCorrection /
                    std::sqrt(double(attention.nope + attention.rope));

  DenseMlp mlp;
  mlp.width = config.integer("intermediate_size");
  MixtureOfExperts experts = readExperts(config, context);

  int64_t layers = config.integer("num_hidden_layers", kCount);
  int64_t dense = config.integer("first_k_dense_replace", {0, layers});
  config.only("moe_layer_freq", 1);
  model.layers.assign(dense, Layer{"dense_layer", attention, mlp});
  model.layers.resize(layers, Layer{"moe_layer", attention, experts});
  model.extraLayers =
      config.integerOr("num_nextn_predict_layers", 0, {0, kCount.max});
  return model;
}
