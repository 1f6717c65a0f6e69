//===- Moe.h - The moe dialect ------------------------------------------------===//
//
// The model: types, attributes and operations. MoeOps.td says what they mean.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_DIALECTS_MOE_MOE_H
#define MOEC_DIALECTS_MOE_MOE_H

#include "dialects/moe/Real.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/moe/MoeDialect.h.inc"
#include "dialects/moe/MoeEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/moe/MoeAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/moe/MoeTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/moe/MoeOps.h.inc"

namespace moec::moe {

/// Names of the module's attributes.
inline constexpr llvm::StringLiteral kLimitsAttr = "moe.limits";
inline constexpr llvm::StringLiteral kTargetAttr = "moe.target";
inline constexpr llvm::StringLiteral kModelAttr = "moe.model";

/// Bytes of a tensor or memref of static shape as it stands in memory or in the weight file; scaled elements stand in panels
/// (`moe.panels`).
int64_t getStorageBytes(mlir::ShapedType type);

/// Rows and columns of a block of `!moe.scaled` at most.
inline constexpr int64_t kMaxBlock = 1024;

/// The name of the function that processes a step.
inline constexpr llvm::StringLiteral kStepFunction = "step";

} // namespace moec::moe

#endif // MOEC_DIALECTS_MOE_MOE_H
