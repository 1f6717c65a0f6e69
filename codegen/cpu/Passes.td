//===- Passes.td - Code generation for the CPU --------------------------------===//

#ifndef MOEC_CODEGEN_CPU_PASSES_TD
#define MOEC_CODEGEN_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def CpuLowerTasksPass : Pass<"cpu-lower-tasks", "::mlir::ModuleOp"> {
  let summary = "kernels of a graph become task functions of loops and vectors";
  let description = [{
    EXACT. Each kernel of a `kernel.graph` becomes a function `(args, row tile, column tile, scratch)` in explicit vector
    code; equal kernels share one. The graph keeps the names of its tasks; `host-lower-graphs` submits it.
    Sets `kernel.scratch_bytes` on the module. Does nothing for another target.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect", "::mlir::ub::UBDialect"];
}

def CpuExpandMathPass : Pass<"cpu-expand-math"> {
  let summary = "transcendental functions become arithmetic";
  let description = [{
    One implementation for scalars and vectors, so that a tail rounds like the rest: `exp` in f32 by upstream's polynomial,
    `sin` and `cos` in f64 by reduction modulo π/2 in three parts and fdlibm's polynomials.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

#endif // MOEC_CODEGEN_CPU_PASSES_TD
