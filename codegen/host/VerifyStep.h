//===- VerifyStep.h - What lowering takes for granted of @step ----------------===//
#ifndef MOEC_CODEGEN_HOST_VERIFYSTEP_H
#define MOEC_CODEGEN_HOST_VERIFYSTEP_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace moec::host {

/// That `step` takes arena, batch, caches and logits as the runtime hands them in, that only it calls functions, which have
/// bodies, and that arena and weights were planned. A dump may come from anywhere.
mlir::LogicalResult verifyStep(mlir::func::FuncOp step);

} // namespace moec::host

#endif // MOEC_CODEGEN_HOST_VERIFYSTEP_H
