//===- GraphArguments.h - What a graph hands to its tasks ---------------------===//
//
// The arguments of a graph are 64-bit integers (runtime/moert_abi.h): for each memref that its kernels use, in order of first
// use, a pointer, followed by the first extent if that is dynamic. The host side fills them, a task reads them.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_CODEGEN_HOST_GRAPHARGUMENTS_H
#define MOEC_CODEGEN_HOST_GRAPHARGUMENTS_H

#include "dialects/kernel/Kernel.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace moec {

class GraphArguments {
public:
  explicit GraphArguments(kernel::GraphOp graph);

  llvm::ArrayRef<mlir::Value> getBuffers() const { return buffers; }
  /// Where the pointer of `buffer` stands.
  int64_t slotOf(mlir::Value buffer) const { return slots.lookup(buffer); }
  /// Where its first extent stands, which must be dynamic.
  int64_t extentSlotOf(mlir::Value buffer) const { return slotOf(buffer) + 1; }
  /// Slots in all.
  int64_t size() const { return count; }

private:
  llvm::SmallVector<mlir::Value> buffers;
  llvm::DenseMap<mlir::Value, int64_t> slots;
  int64_t count = 0;
};

/// Whether the first extent of a buffer is known only when a step runs.
bool hasDynamicExtent(mlir::MemRefType type);

/// A contiguous memref at `pointer` (an !llvm.ptr); `extent` (an i64) is its first extent if that is dynamic.
mlir::Value makeMemRef(mlir::ImplicitLocOpBuilder &b, mlir::MemRefType type,
                       mlir::Value pointer, mlir::Value extent);

/// Loads element `at` of an array of 64-bit integers or pointers.
mlir::Value loadElement(mlir::ImplicitLocOpBuilder &b, mlir::Value array,
                        int64_t at, mlir::Type type);

} // namespace moec

#endif // MOEC_CODEGEN_HOST_GRAPHARGUMENTS_H
