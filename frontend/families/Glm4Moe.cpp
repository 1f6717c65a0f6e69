//===- Glm4Moe.cpp - GLM-4.5, GLM-4.5-Air, GLM-4.6 ------------------------===//
//
// Grouped-query attention with biases, of which the first part of each head
// rotates and queries and keys may be normalised per head; the experts and the
// router of DeepSeek-V3 (arXiv 2508.06471).
//
//===----------------------------------------------------------------------===//

#include "frontend/Family.h"
#include "frontend/families/Readers.h"

using namespace moec;

static GroupedQueryAttention readAttention(ConfigObject &config,
                                           int64_t hidden) {
  // Where the key is absent the head size is not the usual quotient.
  config.integer("head_dim", kCount);
  GroupedQueryAttention attention = readGroupedQueryAttention(config, hidden);
  attention.inputBias = config.flagOr("attention_bias", false);
  if (config.flagOr("use_qk_norm", false))
    attention.norm = QueryKeyNorm::Head;
  return attention;
}

Model moec::describeGlm4Moe(ConfigObject &config, mlir::MLIRContext &context) {
  Model model = readTrunk(config);
  GroupedQueryAttention attention = readAttention(config, model.hidden);
  model.rope = readPartialRope(config, attention.headDim, context);
  model.layers = readDenseThenSparse(config, attention,
                                     readLossFreeExperts(config, context));
  model.extraLayers =
      config.integerOr("num_nextn_predict_layers", 0, {0, kCount.max});
  return model;
}
