//===- Register.cpp - Dialects and passes of the tools ------------------------===//

#include "tools/Register.h"

#include "codegen/Pipelines.h"
#include "codegen/cpu/Passes.h"
#include "codegen/cuda/Passes.h"
#include "codegen/host/Passes.h"
#include "dialects/check/Check.h"
#include "dialects/kernel/Kernel.h"
#include "dialects/moe/Moe.h"
#include "passes/Passes.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"

void moec::registerDialects(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry
      .insert<moe::MoeDialect, check::CheckDialect, kernel::KernelDialect>();
  kernel::registerBufferizationModels(registry);
}

void moec::registerPasses() {
  mlir::registerAllPasses();
  registerMoecPasses();
  cpu::registerMoecCpuPasses();
  cuda::registerMoecCudaPasses();
  host::registerMoecHostPasses();
  registerPhasePipelines();
}
