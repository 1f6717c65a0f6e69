//===- Summary.cpp - What a model is made of and what a step reads --------===//

#include "frontend/Summary.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cmath>

using namespace moec;
using namespace mlir;

double moec::expectedExperts(int64_t experts, int64_t topK, int64_t tokens) {
  return experts * (1 - std::pow(1 - double(topK) / experts, tokens));
}

PartSummary ModelSummary::total() const {
  PartSummary sum;
  for (const PartSummary &part : parts) {
    sum.parameters += part.parameters;
    sum.activeParameters += part.activeParameters;
    sum.bytes += part.bytes;
  }
  return sum;
}

int64_t ModelSummary::cacheBytesPerToken() const {
  int64_t bytes = 0;
  for (const LayerSummary &layer : layers)
    bytes += layer.count * layer.cacheBytesPerToken;
  return bytes;
}

double ModelSummary::weightBytesPerStep(int64_t tokens) const {
  double bytes = sharedBytes + double(tokens) * embeddingRowBytes;
  for (const ExpertBytes &stack : expertBytes)
    bytes += stack.bytes * expectedExperts(stack.experts, stack.topK, tokens) /
             stack.experts;
  return bytes;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// Bytes of a weight in the checkpoint. Blocks of scales begin anew with each
/// part.
static int64_t storedBytes(moe::WeightOp weight) {
  auto type = cast<RankedTensorType>(weight.getType());
  auto scaled = dyn_cast<moe::ScaledType>(type.getElementType());
  if (!scaled)
    return moe::getStorageBytes(type);
  ArrayRef<int64_t> shape = type.getShape();
  int64_t parts = weight.getParts().size();
  int64_t matrices = shape.size() == 3 ? shape[0] : 1;
  int64_t rows = shape[shape.size() - 2] / parts;
  // The heads of a tensor share its blocks.
  if (cast<moe::PartAttr>(weight.getParts()[0]).getHeads()) {
    rows *= matrices;
    matrices = 1;
  }
  int64_t blocks = matrices * parts * llvm::divideCeil(rows, scaled.getRows()) *
                   llvm::divideCeil(shape.back(), scaled.getColumns());
  return (type.getNumElements() *
              int64_t(scaled.getStored().getIntOrFloatBitWidth()) +
          blocks * int64_t(scaled.getScale().getIntOrFloatBitWidth())) /
         8;
}

static void addWeight(const WeightUse &use, ModelSummary &summary) {
  moe::WeightOp weight = use.weight;
  auto type = cast<RankedTensorType>(weight.getType());
  int64_t parameters = type.getNumElements(), bytes = storedBytes(weight);
  PartSummary &part = summary.parts[unsigned(use.part)];
  part.parameters += parameters;
  part.bytes += bytes;
  if (use.topK) {
    int64_t experts = type.getDimSize(0);
    part.activeParameters += parameters / experts * *use.topK;
    auto isAlike = [&](const ModelSummary::ExpertBytes &stack) {
      return stack.experts == experts && stack.topK == *use.topK;
    };
    auto stack = llvm::find_if(summary.expertBytes, isAlike);
    if (stack == summary.expertBytes.end())
      stack = summary.expertBytes.insert(stack, {experts, *use.topK, 0});
    stack->bytes += bytes;
    return;
  }
  part.activeParameters += parameters;
  if (use.part == ModelPart::Embedding && !use.isHead)
    summary.embeddingRowBytes += bytes / type.getDimSize(0);
  else
    summary.sharedBytes += bytes;
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

static LayerSummary summarizeLayer(func::CallOp call, func::FuncOp function) {
  LayerSummary layer;
  layer.kind = function.getName().str();
  for (Value operand : call.getOperands()) {
    if (auto cache = dyn_cast<moe::CacheType>(operand.getType()))
      layer.cacheBytesPerToken +=
          cache.getWidth() * cache.getElementType().getIntOrFloatBitWidth() / 8;
    if (operand.getDefiningOp<moe::GetWeightOp>())
      layer.parameters +=
          cast<RankedTensorType>(operand.getType()).getNumElements();
  }
  for (auto route : function.getOps<moe::RouteOp>()) {
    layer.experts = route.getRouting().getType().getExperts();
    layer.topK = route.getRouting().getType().getTopK();
  }
  return layer;
}

static void addLayers(ModuleOp module, func::FuncOp step,
                      ModelSummary &summary) {
  SymbolTable symbols(module);
  for (auto call : step.getOps<func::CallOp>()) {
    auto known = llvm::find_if(summary.layers, [&](const LayerSummary &layer) {
      return layer.kind == call.getCallee();
    });
    if (known == summary.layers.end())
      known = summary.layers.insert(
          known,
          summarizeLayer(call, symbols.lookup<func::FuncOp>(call.getCallee())));
    ++known->count;
  }
}

Result<ModelSummary> moec::summarize(ModuleOp module) {
  ModelSummary summary;
  auto step = module.lookupSymbol<func::FuncOp>(moe::kStepFunction);
  auto model = module->getAttrOfType<DictionaryAttr>(moe::kModelAttr);
  if (!step || !model)
    return Status::error("expected an imported module");
  if (auto name = model.getAs<StringAttr>("name"))
    summary.name = name.str();
  if (auto type = model.getAs<StringAttr>("type"))
    summary.type = type.str();
  if (auto vocab = model.getAs<IntegerAttr>("vocab"))
    summary.vocab = vocab.getInt();
  if (auto positions = model.getAs<IntegerAttr>("max_positions"))
    summary.maxPositions = positions.getInt();
  MOEC_ASSIGN_OR_RETURN(std::vector<WeightUse> uses, findWeightUses(module));
  for (const WeightUse &use : uses)
    addWeight(use, summary);
  addLayers(module, step, summary);
  return summary;
}
