//===- Translate.cpp - moe-translate --interpret --------------------------===//

#include "reference/Interpreter.h"

#include "dialects/check/Check.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-translate/Translation.h"

using namespace mlir;

void moec::reference::registerInterpretTranslation() {
  static TranslateFromMLIRRegistration registration(
      "interpret",
      "run every function without arguments in the reference interpreter",
      [](ModuleOp module, llvm::raw_ostream &) {
        return interpretModule(module);
      },
      [](DialectRegistry &registry) {
        registry.insert<moe::MoeDialect, check::CheckDialect, func::FuncDialect,
                        arith::ArithDialect, tensor::TensorDialect>();
      });
}
