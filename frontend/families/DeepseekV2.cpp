//===- DeepseekV2.cpp - DeepSeek V2 and V2 Lite ---------------------------===//
//
// Multi-head latent attention, of which it is the first model; experts by
// softmax scores, either the best of all or the best of the groups whose best
// expert is best, and a shared expert (arXiv 2405.04434).
//
//===----------------------------------------------------------------------===//

#include "frontend/Family.h"
#include "frontend/families/Readers.h"

using namespace moec;

static MixtureOfExperts readMixture(ConfigObject &config,
                                    mlir::MLIRContext &context) {
  MixtureOfExperts experts = readDeepseekExperts(config);
  config.only("scoring_func", "softmax");
  std::string method = config.text("topk_method");
  if (method == "group_limited_greedy") {
    experts.groups = readGroups(config, experts, moe::GroupScore::Max, context);
  } else {
    config.expect(method == "greedy", "topk_method",
                  "\"greedy\" or \"group_limited_greedy\"");
    config.ignore({"n_group", "topk_group"});
  }
  // Implementations disagree whether weights that are normalised are scaled as
  // well; no released model normalises them.
  config.only("norm_topk_prob", false);
  experts.scale = config.positive("routed_scaling_factor");
  return experts;
}

Model moec::describeDeepseekV2(ConfigObject &config,
                               mlir::MLIRContext &context) {
  Model model = readTrunk(config);
  LatentAttention attention = readLatentAttention(config, model, context);
  config.only("mlp_bias", false);
  model.layers =
      readDenseThenSparse(config, attention, readMixture(config, context));
  return model;
}
