//===- Llama.cpp - Llama 2 and 3 ------------------------------------------===//
//
// Grouped-query attention with half-rotated embeddings, gated MLPs. Derivatives
// may add biases.
//
//===----------------------------------------------------------------------===//

#include "frontend/Family.h"
#include "frontend/families/Readers.h"

using namespace moec;

Model moec::describeLlama(ConfigObject &config, mlir::MLIRContext &context) {
  Model model = readTrunk(config);

  GroupedQueryAttention attention =
      readGroupedQueryAttention(config, model.hidden);
  attention.inputBias = config.flagOr("attention_bias", false);
  attention.outputBias = attention.inputBias;
  model.rope = readRope(config, attention.headDim, context);

  DenseMlp mlp;
  mlp.width = config.integer("intermediate_size");
  mlp.bias = config.flagOr("mlp_bias", false);

  model.layers.assign(config.integer("num_hidden_layers", kCount),
                      Layer{"layer", attention, mlp});
  return model;
}
