//===- Mixtral.cpp - Mixtral 8x7B and 8x22B -------------------------------===//
//
// Grouped-query attention; every layer has a few large experts. The softmax of
// the chosen experts' logits alone (arXiv 2401.04088, section 2.1) is the
// softmax of all, renormalised. `w1`, `w3` and `w2` are the gate, up and down
// projections.
//
//===----------------------------------------------------------------------===//

#include "frontend/Family.h"
#include "frontend/families/Readers.h"

using namespace moec;

Model moec::describeMixtral(ConfigObject &config, mlir::MLIRContext &context) {
  Model model = readTrunk(config);

  GroupedQueryAttention attention =
      readGroupedQueryAttention(config, model.hidden);
  config.only("sliding_window", nullptr);
  model.rope = readRope(config, attention.headDim, context);

  MixtureOfExperts experts =
      readExperts(config, "num_local_experts", "intermediate_size");
  experts.names = {"block_sparse_moe.experts.{expert}", "w1", "w3", "w2"};
  experts.router = "block_sparse_moe.gate";
  experts.renormalize = true;
  // Noise of the training.
  config.ignore({"router_jitter_noise"});

  model.layers.assign(config.integer("num_hidden_layers", kCount),
                      Layer{"moe_layer", attention, experts});
  return model;
}
