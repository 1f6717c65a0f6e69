//===- Translation.cpp - moe-translate --kernel-to-cuda -----------------------===//

#include "codegen/cuda/Translation.h"

#include "codegen/cuda/Units.h"
#include "dialects/kernel/Kernel.h"
#include "dialects/moe/Moe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Tools/mlir-translate/Translation.h"

using namespace mlir;
using namespace moec;

void cuda::registerCudaTranslation() {
  static TranslateFromMLIRRegistration registration(
      "kernel-to-cuda", "the CUDA C++ of a module whose kernels have launches",
      [](ModuleOp module, raw_ostream &out) -> LogicalResult {
        FailureOr<std::vector<Unit>> units = emitUnits(module);
        if (failed(units))
          return failure();
        for (const Unit &unit : *units)
          out << "//===--- " << unit.name << ".cu ---===//\n" << unit.source;
        return success();
      },
      [](DialectRegistry &registry) {
        registry.insert<arith::ArithDialect, func::FuncDialect,
                        kernel::KernelDialect, math::MathDialect,
                        memref::MemRefDialect, moe::MoeDialect>();
      });
}
