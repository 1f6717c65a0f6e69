//===- Report.h - What kernels and launches take ------------------------------===//

#ifndef MOEC_CODEGEN_CUDA_REPORT_H
#define MOEC_CODEGEN_CUDA_REPORT_H

#include "codegen/cuda/KernelCompiler.h"

#include "mlir/IR/BuiltinOps.h"

namespace moec::cuda {

/// Tables as text: registers, spills, shared memory and occupancy of each function on each architecture; size and time of
/// compilation of each unit; the launches of each graph with the bytes that they read and write.
std::string describeKernels(mlir::ModuleOp module,
                            llvm::ArrayRef<CompiledUnit> compiled);

} // namespace moec::cuda

#endif // MOEC_CODEGEN_CUDA_REPORT_H
