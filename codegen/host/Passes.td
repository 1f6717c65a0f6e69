//===- Passes.td - Code generation for the host -------------------------------===//

#ifndef MOEC_CODEGEN_HOST_PASSES_TD
#define MOEC_CODEGEN_HOST_PASSES_TD

include "mlir/Pass/PassBase.td"

def HostLowerGraphsPass : Pass<"host-lower-graphs", "::mlir::ModuleOp"> {
  let summary = "graphs become submissions to the runtime";
  let description = [{
    EXACT. Each `kernel.graph` becomes a constant descriptor and a call of `moert_graph_submit`; `@step` gets an entry with
    the runtime's signature, and the module the descriptor `moec_model` (runtime/moert_abi.h).
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect"];
}

#endif // MOEC_CODEGEN_HOST_PASSES_TD
