//===- Passes.h - Code generation for the CPU ---------------------------------===//

#ifndef MOEC_CODEGEN_CPU_PASSES_H
#define MOEC_CODEGEN_CPU_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace moec::cpu {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "codegen/cpu/Passes.h.inc"

/// On a kernel in a graph: the function that runs one of its tasks.
inline constexpr llvm::StringLiteral kTaskAttr = "kernel.task";

} // namespace moec::cpu

#endif // MOEC_CODEGEN_CPU_PASSES_H
