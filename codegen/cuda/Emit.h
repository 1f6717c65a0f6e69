//===- Emit.h - Kernels as CUDA C++ -------------------------------------------===//
//
// One pattern per kernel operation. Emission reads the IR and changes nothing. What a pattern cannot express is an error at
// the operation.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_CODEGEN_CUDA_EMIT_H
#define MOEC_CODEGEN_CUDA_EMIT_H

#include "codegen/cuda/KernelWriter.h"
#include "dialects/moe/Moe.h"

namespace moec::cuda {

/// What patterns know beside the operation.
struct EmitContext {
  const GraphArguments &arguments;
  moe::LimitsAttr limits;
};

mlir::FailureOr<KernelText> emitKernel(kernel::TaskInterface op,
                                       const EmitContext &context);

//===--- one pattern per operation; see the device header of the same name ---===//
mlir::LogicalResult emitGemm(KernelWriter &w, kernel::GemmOp op);
mlir::LogicalResult emitRowReduce(KernelWriter &w, kernel::RowReduceOp op);
mlir::LogicalResult emitRowwise(KernelWriter &w, kernel::RowwiseOp op);
mlir::LogicalResult emitAttention(KernelWriter &w, kernel::AttentionOp op,
                                  moe::LimitsAttr limits);
mlir::LogicalResult emitRoute(KernelWriter &w, kernel::RouteOp op);
mlir::LogicalResult emitGroup(KernelWriter &w, kernel::GroupOp op);
mlir::LogicalResult emitCombine(KernelWriter &w, kernel::CombineOp op);

/// Statements that load the operands fused into a kernel for the element (row, column), by their access; returns their names.
llvm::SmallVector<std::string>
loadFused(KernelWriter &w, mlir::ValueRange buffers, mlir::ArrayAttr access,
          llvm::StringRef row, llvm::StringRef column, llvm::StringRef role);

/// `auto epilogue`: what becomes of the sums of an element (row, column) of `init`, whose pointer is `result`.
mlir::LogicalResult emitEpilogue(KernelWriter &w, mlir::Region &epilogue,
                                 mlir::ValueRange fused, mlir::ArrayAttr access,
                                 mlir::Value init, llvm::StringRef result,
                                 llvm::ArrayRef<std::string> sums);

} // namespace moec::cuda

#endif // MOEC_CODEGEN_CUDA_EMIT_H
