//===- EmitObject.h - LLVM dialect to an object file --------------------------===//

#ifndef MOEC_CODEGEN_HOST_EMITOBJECT_H
#define MOEC_CODEGEN_HOST_EMITOBJECT_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace moec::host {

/// Optimises a module of the LLVM dialect for its `moe.target` and writes an ELF object file.
mlir::LogicalResult emitObject(mlir::ModuleOp module, const std::string &path);

} // namespace moec::host

#endif // MOEC_CODEGEN_HOST_EMITOBJECT_H
