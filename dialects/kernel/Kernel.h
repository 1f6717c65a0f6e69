//===- Kernel.h - The kernel dialect ------------------------------------------===//
//
// Structured kernels between the model and the targets. KernelOps.td says what they mean.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_DIALECTS_KERNEL_KERNEL_H
#define MOEC_DIALECTS_KERNEL_KERNEL_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace moec::kernel {

/// Memory that a kernel touches.
struct MemoryAccess {
  mlir::Value buffer;
  bool isWrite;
  /// A task touches only the rows of its tile, so that tasks on other rows do not matter to it.
  bool ownRows;
};

} // namespace moec::kernel

#include "dialects/kernel/KernelDialect.h.inc"
#include "dialects/kernel/KernelEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/kernel/KernelAttrs.h.inc"

#include "dialects/kernel/KernelInterfaces.h.inc"

#define GET_OP_CLASSES
#include "dialects/kernel/KernelOps.h.inc"

namespace moec::kernel {

/// Lets one-shot bufferization turn kernels over tensors into kernels over memrefs.
void registerBufferizationModels(mlir::DialectRegistry &registry);

} // namespace moec::kernel

#endif // MOEC_DIALECTS_KERNEL_KERNEL_H
