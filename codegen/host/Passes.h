//===- Passes.h - Code generation for the host --------------------------------===//

#ifndef MOEC_CODEGEN_HOST_PASSES_H
#define MOEC_CODEGEN_HOST_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace moec::host {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "codegen/host/Passes.h.inc"

} // namespace moec::host

#endif // MOEC_CODEGEN_HOST_PASSES_H
