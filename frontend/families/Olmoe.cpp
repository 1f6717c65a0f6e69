//===- Olmoe.cpp - OLMoE --------------------------------------------------===//
//
// Attention whose queries and keys are normalised over all heads at once; every
// layer has experts chosen by softmax scores (arXiv 2409.02060).
//
//===----------------------------------------------------------------------===//

#include "frontend/Family.h"
#include "frontend/families/Readers.h"

using namespace moec;

Model moec::describeOlmoe(ConfigObject &config, mlir::MLIRContext &context) {
  Model model = readTrunk(config);

  GroupedQueryAttention attention =
      readGroupedQueryAttention(config, model.hidden);
  attention.norm = QueryKeyNorm::Row;
  attention.inputBias = config.flagOr("attention_bias", false);
  attention.outputBias = attention.inputBias;
  config.only("clip_qkv", nullptr);
  model.rope = readRope(config, attention.headDim, context);

  MixtureOfExperts experts =
      readExperts(config, "num_experts", "intermediate_size");
  experts.renormalize = config.flag("norm_topk_prob");

  model.layers.assign(config.integer("num_hidden_layers", kCount),
                      Layer{"moe_layer", attention, experts});
  return model;
}
