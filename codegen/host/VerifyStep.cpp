//===- VerifyStep.cpp - What lowering takes for granted of @step --------------===//

#include "codegen/host/VerifyStep.h"
#include "dialects/moe/Moe.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace moec;

/// Arena, and the four vectors of the batch.
static constexpr unsigned kBatchEnd = 5;

static bool isVector(Type type, unsigned bits) {
  auto memref = dyn_cast<MemRefType>(type);
  return memref && memref.getRank() == 1 && memref.isDynamicDim(0) &&
         memref.getElementType().isInteger(bits);
}

/// Rows of static width; their number is static in a cache, dynamic in the logits.
static bool isMatrix(Type type, bool dynamicRows) {
  auto memref = dyn_cast<MemRefType>(type);
  return memref && memref.getRank() == 2 &&
         memref.isDynamicDim(0) == dynamicRows && memref.getDimSize(1) > 0 &&
         memref.getElementType().isFloat();
}

static LogicalResult verifySignature(func::FuncOp step) {
  ArrayRef<Type> types = step.getArgumentTypes();
  bool good = !step.isDeclaration() && types.size() > kBatchEnd &&
              isVector(types.front(), 8) &&
              isMatrix(types.back(), /*dynamicRows=*/true);
  for (unsigned i = 1; good && i < kBatchEnd; ++i)
    good = isVector(types[i], 32);
  for (unsigned i = kBatchEnd; good && i + 1 < types.size(); ++i)
    good = isMatrix(types[i], /*dynamicRows=*/false);
  if (good)
    return success();
  return step.emitError()
         << "expected memrefs of arena, batch, caches and logits, got "
         << step.getFunctionType();
}

/// Only @step calls, so that no layer can call itself. Tasks, which no one calls here, may do so.
static LogicalResult verifyCalls(func::FuncOp step) {
  auto module = step->getParentOfType<ModuleOp>();
  WalkResult walk = step.walk([&](func::CallOp call) -> WalkResult {
    auto layer = module.lookupSymbol<func::FuncOp>(call.getCallee());
    if (!layer || layer.isDeclaration() || layer == step)
      return call.emitOpError()
             << "expected a layer with a body, got " << call.getCalleeAttr();
    return layer.walk([](func::CallOp inner) -> WalkResult {
      return inner.emitOpError("expected only @step to call layers");
    });
  });
  return failure(walk.wasInterrupted());
}

LogicalResult host::verifyStep(func::FuncOp step) {
  auto module = step->getParentOfType<ModuleOp>();
  if (failed(verifySignature(step)) || failed(verifyCalls(step)))
    return failure();
  if (!module->getAttrOfType<IntegerAttr>(kArenaBytesAttr))
    return module.emitError() << "expected '" << kArenaBytesAttr
                              << "' on the module (kernel-plan-arena sets it)";
  for (auto weight : module.getOps<moe::WeightOp>())
    if (!weight.getOffset())
      return weight.emitOpError(
          "expected a place in the weight file (moe-plan-weights sets it)");
  return success();
}
