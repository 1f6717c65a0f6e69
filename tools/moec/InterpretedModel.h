//===- InterpretedModel.h - A checkpoint, interpreted ---------------------===//
#ifndef MOEC_TOOLS_MOEC_INTERPRETEDMODEL_H
#define MOEC_TOOLS_MOEC_INTERPRETEDMODEL_H

#include "reference/Interpreter.h"
#include "support/SafeTensors.h"
#include "support/Status.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <string>
#include <vector>

namespace moec {

/// What a layer computed, row after row over all steps.
struct LayerTrace {
  std::vector<float> hidden;
  /// The experts of each token in ascending order and their weights; empty
  /// unless the layer routes.
  std::vector<int64_t> experts;
  std::vector<float> weights;
};

/// The elements of a weight as the interpreter wants them. A failure is emitted at the weight.
mlir::FailureOr<reference::Tensor>
loadInterpretedWeight(moe::WeightOp weight, const SafeTensorsFolder &checkpoint);

/// The imported module of a checkpoint, its caches, and what its layers
/// computed since the last reset. A layer is a call in
/// `@step`; its first result is the residual stream.
class InterpretedModel {
public:
  /// With matrices quantised to `quantizeBits`, unless that is 0.
  static Result<std::unique_ptr<InterpretedModel>>
  import(const std::string &folder, int64_t quantizeBits = 0);
  InterpretedModel(const InterpretedModel &) = delete;
  InterpretedModel &operator=(const InterpretedModel &) = delete;

  /// Forgets all sequences.
  void reset();
  /// The logits of the batch's outputs.
  Result<reference::Tensor> step(const reference::Batch &batch);

  const std::vector<LayerTrace> &layers() const { return trace; }

private:
  InterpretedModel(SafeTensorsFolder checkpoint);
  Status quantize(int64_t bits);
  void observe(const reference::Evaluation &evaluation);

  SafeTensorsFolder checkpoint;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp stepFunction;
  std::unique_ptr<reference::Interpreter> interpreter;
  reference::Values caches;
  std::vector<LayerTrace> trace;
  /// The layer that is being evaluated.
  size_t layer = 0;
};

} // namespace moec

#endif // MOEC_TOOLS_MOEC_INTERPRETEDMODEL_H
