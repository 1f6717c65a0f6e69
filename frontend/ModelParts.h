//===- ModelParts.h - What the weights of a module are for ----------------===//
//
// The part of the model that a weight belongs to, found from the operations
// that use it: no name of a tensor or a family is looked at.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_FRONTEND_MODELPARTS_H
#define MOEC_FRONTEND_MODELPARTS_H

#include "dialects/moe/Moe.h"
#include "support/Status.h"

#include <optional>
#include <vector>

namespace moec {

/// In the order in which tables show them.
enum class ModelPart {
  Embedding,
  Attention,
  Router,
  Experts,
  SharedExperts,
  DenseMlp,
  Norms,
  Head,
  /// None of them: an operation that this file does not know.
  Other,
};
inline constexpr unsigned kNumModelParts = unsigned(ModelPart::Other) + 1;

/// "embedding", "shared_experts", …
llvm::StringRef modelPartName(ModelPart part);

struct WeightUse {
  moe::WeightOp weight;
  /// Of its first use: a table that is the head as well (tied embeddings)
  /// belongs to the embedding.
  ModelPart part;
  /// Whether it is added; other vectors are factors.
  bool isBias = false;
  /// Whether it gives the logits.
  bool isHead = false;
  /// How many of its matrices a token uses, when it is a stack of experts.
  std::optional<int64_t> topK;
};

/// Of every weight of an imported module, in the module's order. An error for a
/// weight that nothing uses.
Result<std::vector<WeightUse>> findWeightUses(mlir::ModuleOp module);

} // namespace moec

#endif // MOEC_FRONTEND_MODELPARTS_H
