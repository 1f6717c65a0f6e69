//===- moe-translate.cpp - Into, out of and through moe IR ----------------===//

#include "codegen/cuda/Translation.h"
#include "frontend/Translation.h"
#include "reference/Interpreter.h"

#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"

int main(int argc, char **argv) {
  moec::registerImportTranslation();
  moec::reference::registerInterpretTranslation();
  moec::cuda::registerCudaTranslation();
  return mlir::failed(mlir::mlirTranslateMain(
      argc, argv, "moe-translate: translations of the moec compiler\n"));
}
