//===- Passes.h - Code generation for CUDA ------------------------------------===//

#ifndef MOEC_CODEGEN_CUDA_PASSES_H
#define MOEC_CODEGEN_CUDA_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace moec::cuda {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "codegen/cuda/Passes.h.inc"

/// On a constant of the LLVM dialect: the translation unit whose fatbin it is.
inline constexpr llvm::StringLiteral kUnitAttr = "cuda.unit";

} // namespace moec::cuda

#endif // MOEC_CODEGEN_CUDA_PASSES_H
