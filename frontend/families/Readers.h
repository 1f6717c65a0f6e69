//===- Readers.h - What the descriptions of families share ----------------===//
//
// Parts of configurations that several families spell alike. Like all readers
// they leave errors in the configuration and return harmless values.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_FRONTEND_FAMILIES_READERS_H
#define MOEC_FRONTEND_FAMILIES_READERS_H

#include "frontend/Config.h"
#include "frontend/Model.h"

namespace moec {

/// A model without its layers and rope: the keys that all families spell alike.
Model readTrunk(ConfigObject &config);

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Heads and the usual scale; no biases, no norms.
GroupedQueryAttention readGroupedQueryAttention(ConfigObject &config,
                                                int64_t hidden);

/// DeepSeek's latent attention, of which the last `qk_rope_head_dim` elements of
/// each head rotate, with the model's rope.
LatentAttention readLatentAttention(ConfigObject &config, Model &model,
                                    mlir::MLIRContext &context);

/// Demands that no layer's attention ends at a sliding window, in the keys of
/// the Qwen models: a window counts only if it is switched on.
void expectNoSlidingWindow(ConfigObject &config, int64_t layers);

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

/// The number of experts, the number that a token chooses and the width of one,
/// the former and the latter under keys that differ.
MixtureOfExperts readExperts(ConfigObject &config, llvm::StringRef countKey,
                             llvm::StringRef widthKey);

/// DeepSeek's experts, of any router: those of `n_routed_experts` and the shared
/// ones, which are one MLP as wide as all of them.
MixtureOfExperts readDeepseekExperts(ConfigObject &config);

/// `n_group` and `topk_group`; null if there is one group.
moe::GroupsAttr readGroups(ConfigObject &config,
                           const MixtureOfExperts &experts, moe::GroupScore by,
                           mlir::MLIRContext &context);

/// DeepSeek-V3's experts and router: sigmoid scores, groups, and a bias that
/// takes part in the choice alone and so balances the experts without an
/// auxiliary loss (arXiv 2408.15664).
MixtureOfExperts readLossFreeExperts(ConfigObject &config,
                                     mlir::MLIRContext &context);

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// `num_hidden_layers` layers, of which the first `first_k_dense_replace` are
/// dense.
std::vector<Layer> readDenseThenSparse(ConfigObject &config,
                                       const Attention &attention,
                                       const MixtureOfExperts &experts);

} // namespace moec

#endif // MOEC_FRONTEND_FAMILIES_READERS_H
