//===- ModelBuilder.cpp - A model's description becomes a module ----------===//
//
// Every layer is built as a function of its own, then those that turn out equal
// (structure, shapes, element types) are merged: the IR itself decides what a
// kind of layer is, so no comparison of descriptions can forget a field.
//
//===----------------------------------------------------------------------===//

#include "frontend/ModelBuilder.h"

#include "frontend/LayerBuilder.h"

using namespace moec;
using namespace mlir;

namespace {

class ModelBuilder {
public:
  ModelBuilder(const Model &model, TensorCatalog &catalog, MLIRContext &context)
      : model(model), catalog(catalog), context(context), builder(&context) {}

  OwningOpRef<ModuleOp> build();

private:
  void buildLayers();
  void buildStep(moe::WeightOp embed, moe::WeightOp finalNorm,
                 moe::WeightOp head);
  moe::WeightOp declare(const Twine &name, StringRef tensor,
                        ArrayRef<int64_t> shape);
  Value get(moe::WeightOp weight) {
    return moe::GetWeightOp::create(builder, weight.getLoc(), weight.getType(),
                                    weight.getSymName());
  }
  Location loc(const Twine &name) {
    return NameLoc::get(builder.getStringAttr(name));
  }
  RankedTensorType rows(int64_t width) {
    return RankedTensorType::get({ShapedType::kDynamic, width},
                                 builder.getF32Type());
  }

  const Model &model;
  TensorCatalog &catalog;
  MLIRContext &context;
  OpBuilder builder;
  ModuleOp module;
  /// Of each layer; equal layers share their function.
  SmallVector<BuiltLayer> layers;
  /// The functions that remain.
  SmallVector<func::FuncOp> kinds;
};

} // namespace

/// Equal but for locations, which only differ between kinds of layers, and
/// names, which are handed out later.
static bool isSameKind(func::FuncOp lhs, func::FuncOp rhs) {
  return lhs.getFunctionType() == rhs.getFunctionType() &&
         OperationEquivalence::isRegionEquivalentTo(
             &lhs.getBody(), &rhs.getBody(),
             OperationEquivalence::IgnoreLocations);
}

void ModelBuilder::buildLayers() {
  for (size_t index = 0; index < model.layers.size(); ++index) {
    BuiltLayer layer = buildLayer(model, index, catalog, context);
    for (moe::WeightOp weight : layer.weights)
      builder.insert(weight);
    auto *known = llvm::find_if(kinds, [&](func::FuncOp kind) {
      return isSameKind(kind, layer.function);
    });
    if (known == kinds.end()) {
      kinds.push_back(layer.function);
    } else {
      layer.function.erase();
      layer.function = *known;
    }
    layers.push_back(std::move(layer));
  }
}

moe::WeightOp ModelBuilder::declare(const Twine &name, StringRef tensor,
                                    ArrayRef<int64_t> shape) {
  WeightSource source;
  source.parts.push_back(moe::PartAttr::get(&context, tensor, {}, 0, 0, 0));
  source.tensorShape.assign(shape.begin(), shape.end());
  moe::WeightOp weight = declareWeight(catalog, context, name, shape, source);
  builder.insert(weight);
  return weight;
}

OwningOpRef<ModuleOp> ModelBuilder::build() {
  OwningOpRef<ModuleOp> owner =
      ModuleOp::create(builder, builder.getUnknownLoc());
  module = *owner;
  builder.setInsertionPointToEnd(module.getBody());

  int64_t hidden = model.hidden, vocab = model.vocab;
  moe::WeightOp embed =
      declare("embed", "model.embed_tokens.weight", {vocab, hidden});
  buildLayers();
  moe::WeightOp finalNorm =
      declare("final_norm", "model.norm.weight", {hidden});
  moe::WeightOp head =
      model.tiedEmbeddings
          ? embed
          : declare("lm_head", "lm_head.weight", {vocab, hidden});
  // The symbol table gives functions of one name different ones.
  SymbolTable symbols(module);
  for (func::FuncOp kind : kinds)
    symbols.insert(kind);
  buildStep(embed, finalNorm, head);
  return owner;
}

void ModelBuilder::buildStep(moe::WeightOp embed, moe::WeightOp finalNorm,
                             moe::WeightOp head) {
  SmallVector<Type> arguments = {moe::BatchType::get(&context)};
  SmallVector<Location> locations = {loc("batch")};
  SmallVector<Type> results = {rows(model.vocab)};
  for (auto [index, layer] : llvm::enumerate(layers)) {
    arguments.push_back(layer.cacheType());
    results.push_back(layer.cacheType());
    locations.push_back(loc("cache." + Twine(index)));
  }
  auto step =
      func::FuncOp::create(builder, loc(moe::kStepFunction), moe::kStepFunction,
                           builder.getFunctionType(arguments, results));
  Block *body = builder.createBlock(&step.getBody(), {}, arguments, locations);

  Value batch = body->getArgument(0);
  Value x = moe::EmbeddingOp::create(builder, loc("embed"), rows(model.hidden),
                                     get(embed), batch);
  auto rope = moe::RopeAttr::get(&context, model.rope.width, model.rope.theta,
                                 model.rope.scaling);
  Value table = moe::RopeTableOp::create(builder, loc("rope"),
                                         rows(model.rope.width), rope, batch);

  SmallVector<Value> caches;
  for (auto [index, layer] : llvm::enumerate(layers)) {
    SmallVector<Value> operands = {x, table, batch,
                                   body->getArgument(1 + index)};
    for (moe::WeightOp weight : layer.weights)
      operands.push_back(get(weight));
    auto call = func::CallOp::create(builder, loc("layers." + Twine(index)),
                                     layer.function, operands);
    x = call.getResult(0);
    caches.push_back(call.getResult(1));
  }

  // Only the rows whose logits are wanted go on.
  x = moe::OutputRowsOp::create(builder, loc("output_rows"), x, batch);
  x = moe::RmsNormOp::create(builder, loc("final_norm"), x, get(finalNorm),
                             APFloat(model.normEps));
  Value logits = moe::LinearOp::create(builder, loc("lm_head"),
                                       rows(model.vocab), x, get(head),
                                       /*bias=*/Value());
  SmallVector<Value> returned = {logits};
  returned.append(caches);
  func::ReturnOp::create(builder, loc(moe::kStepFunction), returned);
}

OwningOpRef<ModuleOp> moec::buildModel(const Model &model,
                                       TensorCatalog &catalog,
                                       MLIRContext &context) {
  return ModelBuilder(model, catalog, context).build();
}
