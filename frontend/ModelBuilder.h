//===- ModelBuilder.h - A model's description becomes a module ------------===//
#ifndef MOEC_FRONTEND_MODELBUILDER_H
#define MOEC_FRONTEND_MODELBUILDER_H

#include "frontend/Model.h"
#include "frontend/Tensors.h"

#include "mlir/IR/OwningOpRef.h"

namespace moec {

/// `@step`, a function for each distinct kind of layer and the declarations of
/// all weights. What the catalog lacks is an error of the catalog; the module
/// is then of no use.
mlir::OwningOpRef<mlir::ModuleOp> buildModel(const Model &model,
                                             TensorCatalog &catalog,
                                             mlir::MLIRContext &context);

} // namespace moec

#endif // MOEC_FRONTEND_MODELBUILDER_H
