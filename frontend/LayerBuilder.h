//===- LayerBuilder.h - A layer's description becomes a function ----------===//
#ifndef MOEC_FRONTEND_LAYERBUILDER_H
#define MOEC_FRONTEND_LAYERBUILDER_H

#include "frontend/Model.h"
#include "frontend/Tensors.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace moec {

/// A weight that is one tensor of the checkpoint, or several of one shape that
/// are joined.
struct WeightSource {
  llvm::SmallVector<moe::PartAttr> parts;
  llvm::SmallVector<int64_t> tensorShape;
  /// The element type when no checkpoint tells it, if it is not that of all
  /// other weights.
  mlir::Type unlessStored;
};

/// Declares `@name : shape`, of the element type of its tensors. The operation
/// belongs to no module yet.
moe::WeightOp declareWeight(TensorCatalog &catalog, mlir::MLIRContext &context,
                            const llvm::Twine &name,
                            llvm::ArrayRef<int64_t> shape,
                            const WeightSource &source);

/// The function of one layer, and the weights that it takes after `%x, %cs,
/// %batch, %cache`. Neither belongs to a module yet.
struct BuiltLayer {
  mlir::func::FuncOp function;
  llvm::SmallVector<moe::WeightOp> weights;

  mlir::Type cacheType() { return function.getArgumentTypes()[3]; }
};

BuiltLayer buildLayer(const Model &model, int64_t index, TensorCatalog &catalog,
                      mlir::MLIRContext &context);

} // namespace moec

#endif // MOEC_FRONTEND_LAYERBUILDER_H
