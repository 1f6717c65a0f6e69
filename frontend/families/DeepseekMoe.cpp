//===- DeepseekMoe.cpp - DeepSeek-MoE-16B ---------------------------------===//
//
// Grouped-query attention; the first layer is dense, the others have many small
// experts chosen by softmax scores and shared ones (arXiv 2401.06066).
//
//===----------------------------------------------------------------------===//

#include "frontend/Family.h"
#include "frontend/families/Readers.h"

using namespace moec;

Model moec::describeDeepseekMoe(ConfigObject &config,
                                mlir::MLIRContext &context) {
  Model model = readTrunk(config);

  GroupedQueryAttention attention =
      readGroupedQueryAttention(config, model.hidden);
  attention.inputBias = config.flagOr("attention_bias", false);
  attention.outputBias = attention.inputBias;
  model.rope = readRope(config, attention.headDim, context);

  MixtureOfExperts experts = readDeepseekExperts(config);
  config.only("scoring_func", "softmax");
  // A single expert keeps its score.
  experts.renormalize = config.flag("norm_topk_prob") && experts.topK > 1;

  model.layers = readDenseThenSparse(config, attention, experts);
  return model;
}
