//===- Passes.h - Passes over moe and kernel ----------------------------------===//

#ifndef MOEC_PASSES_PASSES_H
#define MOEC_PASSES_PASSES_H

#include "mlir/Pass/Pass.h"

#include <cstdint>
#include <string>

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace moec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

/// Bytes of the arena of a step, set by kernel-plan-arena.
inline constexpr llvm::StringLiteral kArenaBytesAttr = "kernel.arena_bytes";

/// Scratch memory of a worker or a device, set when kernels are lowered.
inline constexpr llvm::StringLiteral kScratchBytesAttr = "kernel.scratch_bytes";

/// Bytes that a memref.view of the arena takes at most, set by kernel-plan-arena.
inline constexpr llvm::StringLiteral kBufferBytesAttr = "kernel.bytes";

} // namespace moec

#endif // MOEC_PASSES_PASSES_H
