//===- Family.cpp - The model families that can be imported ---------------===//

#include "frontend/Family.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace moec;

static constexpr Family kFamilies[] = {
    {"deepseek_v3", "DeepSeek V3, R1, V3.1", describeDeepseekV3},
    {"kimi_k2", "Kimi K2", describeDeepseekV3},
    {"llama", "Llama 2, 3, 3.1", describeLlama},
};

llvm::ArrayRef<Family> moec::families() { return kFamilies; }

const Family *moec::findFamily(llvm::StringRef modelType) {
  const Family *family = llvm::find_if(kFamilies, [&](const Family &candidate) {
    return candidate.modelType == modelType;
  });
  return family == std::end(kFamilies) ? nullptr : family;
}

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
