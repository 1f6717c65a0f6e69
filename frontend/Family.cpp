//===- Family.cpp - The model families that can be imported ---------------===//

#include "frontend/Family.h"

#include "llvm/ADT/STLExtras.h"

using namespace moec;

static constexpr Family kFamilies[] = {
    {"deepseek", "DeepSeek-MoE-16B", describeDeepseekMoe},
    {"deepseek_v2", "DeepSeek V2, V2 Lite", describeDeepseekV2},
    {"deepseek_v3", "DeepSeek V3, R1, V3.1", describeDeepseekV3},
    {"glm4_moe", "GLM 4.5, 4.5 Air", describeGlm4Moe},
    {"kimi_k2", "Kimi K2", describeDeepseekV3},
    {"llama", "Llama 2, 3, 3.1", describeLlama},
    {"mixtral", "Mixtral 8x7B, 8x22B", describeMixtral},
    {"olmoe", "OLMoE", describeOlmoe},
    {"qwen2", "Qwen 2, 2.5, R1's distillations", describeQwen2},
    {"qwen2_moe", "Qwen 2 with experts", describeQwen2Moe},
    {"qwen3", "Qwen 3", describeQwen3},
    {"qwen3_moe", "Qwen 3 with experts", describeQwen3Moe},
};

llvm::ArrayRef<Family> moec::families() { return kFamilies; }

const Family *moec::findFamily(llvm::StringRef modelType) {
  const Family *family = llvm::find_if(kFamilies, [&](const Family &candidate) {
    return candidate.modelType == modelType;
  });
  return family == std::end(kFamilies) ? nullptr : family;
}
