//===- DeepseekV3.cpp - DeepSeek V3, R1, V3.1 and Kimi K2 -----------------===//
//
// Multi-head latent attention; the first layers are dense, the others mixtures
// of experts with sigmoid scores, a bias that only takes part in the choice
// (arXiv 2408.15664), node-limited groups, and a shared expert (arXiv
// 2412.19437).
//
//===----------------------------------------------------------------------===//

#include "frontend/Family.h"
#include "frontend/families/Readers.h"

using namespace moec;

Model moec::describeDeepseekV3(ConfigObject &config,
                               mlir::MLIRContext &context) {
  Model model = readTrunk(config);
  LatentAttention attention = readLatentAttention(config, model, context);
  attention.pairs = config.flagOr("rope_interleave", true)
                        ? moe::RopePairs::Interleaved
                        : moe::RopePairs::Half;
  model.layers = readDenseThenSparse(config, attention,
                                     readLossFreeExperts(config, context));
  model.extraLayers =
      config.integerOr("num_nextn_predict_layers", 0, {0, kCount.max});
  return model;
}
