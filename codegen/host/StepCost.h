//===- StepCost.h - What a step reads and computes ----------------------------===//
//
// Derived from the kernels of a step and the types of their operands. The runtime reckons with it how fast the machine could
// be (runtime/Cost.h); no result depends on it.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_CODEGEN_HOST_STEPCOST_H
#define MOEC_CODEGEN_HOST_STEPCOST_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace moec::host {

/// Weights that are used in one way: moert_cost.
struct WeightUse {
  /// Rows are those whose logits are wanted, else tokens.
  bool ofOutputs = false;
  /// A row uses `chosen` of `choices` equal parts of the weights.
  int64_t choices = 1, chosen = 1;
  /// Of all choices.
  int64_t bytes = 0;
  /// Of one row.
  int64_t multiplyAdds = 0;
};

struct StepCost {
  std::vector<WeightUse> weights;
  /// Multiply-adds of a token for each position that it attends to, and bytes of the caches that hold the position.
  int64_t attentionMultiplyAdds = 0;
  int64_t attentionBytes = 0;
};

/// Of `step` and the functions it calls, once their graphs are built and before they are lowered. A weight counts once
/// however many kernels use it, since they find it in the cache. Only matrix products and attention count as arithmetic.
StepCost computeStepCost(mlir::func::FuncOp step);

} // namespace moec::host

#endif // MOEC_CODEGEN_HOST_STEPCOST_H
