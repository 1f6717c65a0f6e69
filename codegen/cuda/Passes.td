//===- Passes.td - Code generation for CUDA -----------------------------------===//

#ifndef MOEC_CODEGEN_CUDA_PASSES_TD
#define MOEC_CODEGEN_CUDA_PASSES_TD

include "mlir/Pass/PassBase.td"

def CudaPlanLaunchesPass : Pass<"cuda-plan-launches", "::mlir::ModuleOp"> {
  let summary = "kernels of a graph get a device function, a grid and parameters";
  let description = [{
    EXACT. Each kernel of a `kernel.graph` gets the attribute `launch`. Kernels whose CUDA C++ is the same but for numbers and
    buffers share a function. Sets `kernel.scratch_bytes` on the module. Does nothing for another target.
  }];
}

def CudaCompileKernelsPass : Pass<"cuda-compile-kernels", "::mlir::ModuleOp"> {
  let summary = "device functions become fatbins in the module";
  let description = [{
    EXACT. Writes the functions that `launch` attributes name as CUDA C++, a translation unit for each kind of kernel, compiles
    the units with NVRTC for each architecture of `moe.target`, and adds their images to the module as constants. Does nothing
    for another target.
  }];
  let options = [
    Option<"dumpFolder", "dump", "std::string", "\"\"",
           "folder for the units, their PTX and machine code, and a table of what each kernel takes">,
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // MOEC_CODEGEN_CUDA_PASSES_TD
