//===- Units.h - Translation units of a module --------------------------------===//

#ifndef MOEC_CODEGEN_CUDA_UNITS_H
#define MOEC_CODEGEN_CUDA_UNITS_H

#include "codegen/cuda/KernelCompiler.h"

#include "mlir/IR/BuiltinOps.h"

namespace moec::cuda {

/// The functions that `launch` attributes name as CUDA C++, in the order of their first use. Changes nothing.
mlir::FailureOr<std::vector<Unit>> emitUnits(mlir::ModuleOp module);

} // namespace moec::cuda

#endif // MOEC_CODEGEN_CUDA_UNITS_H
