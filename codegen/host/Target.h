//===- Target.h - The machine that is compiled for ----------------------------===//

#ifndef MOEC_CODEGEN_HOST_TARGET_H
#define MOEC_CODEGEN_HOST_TARGET_H

#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <string>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace moec::host {

/// LLVM's target machine for `moe.target` of the module; emits an error for a CPU that LLVM does not know.
mlir::FailureOr<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(mlir::ModuleOp module);

/// Features that the code of the module may use and the runtime can check, e.g. "avx2,fma,f16c".
mlir::FailureOr<std::string> requiredFeatures(mlir::ModuleOp module);

} // namespace moec::host

#endif // MOEC_CODEGEN_HOST_TARGET_H
