//===- LayerBuilder.cpp - A layer's description becomes a function --------===//
//
//   h = x + attention(norm(x)),  layer(x) = h + mlp(norm(h))
//
// Weights become arguments in the order of their first use. Each operation's
// location is the name of the part of the model that it computes, so that
// dumps, kernels and profiles speak of `attention.q_a` and `experts.down`.
//
//===----------------------------------------------------------------------===//

#include "frontend/LayerBuilder.h"

using namespace moec;
using namespace mlir;

moe::WeightOp moec::declareWeight(TensorCatalog &catalog, MLIRContext &context,
                                  const Twine &name, ArrayRef<int64_t> shape,
                                  const WeightSource &source) {
  OpBuilder builder(&context);
  // Heads are parts of one tensor; only experts have a tensor for each index.
  bool perExpert = source.parts.front().getTensor().contains("{expert}");
  SmallVector<moe::PartAttr> scaled = source.parts;
  Type elementType =
      catalog.elementType(scaled, perExpert ? shape.front() : 1,
                          source.tensorShape, source.unlessStored);
  SmallVector<Attribute> parts(scaled.begin(), scaled.end());
  StringAttr symbol = builder.getStringAttr(name);
  return moe::WeightOp::create(
      builder, NameLoc::get(symbol), symbol,
      TypeAttr::get(RankedTensorType::get(shape, elementType)),
      builder.getArrayAttr(parts), /*layout=*/moe::PanelsAttr(),
      /*offset=*/IntegerAttr());
}

namespace {

class LayerBuilder {
public:
  LayerBuilder(const Model &model, int64_t index, TensorCatalog &catalog,
               MLIRContext &context)
      : model(model), layer(model.layers[index]), index(index),
        catalog(catalog), context(context), builder(&context) {}

  BuiltLayer build();

private:
  Value attend(const GroupedQueryAttention &attention, Value x);
  Value attend(const LatentAttention &attention, Value x);
  Value feedForward(const DenseMlp &mlp, Value x);
  Value feedForward(const MixtureOfExperts &mixture, Value x);

  /// Gate and up projection, activation, down projection, with the weights
  /// `name.gate_up` and `name.down`.
  Value gatedMlp(const Twine &name, const MlpNames &names, Value x,
                 int64_t width, bool bias);
  Value sharedExpert(const SharedExpert &shared, Value x);
  Value linear(const Twine &name, StringRef tensor, Value x, int64_t width,
               bool bias = false);
  /// Over each of `heads` equal parts of the row.
  Value norm(const Twine &name, StringRef tensor, Value x, double eps,
             int64_t heads = 1);
  /// The norm of a projected query or key of `heads` heads.
  Value headNorm(const Twine &name, StringRef tensor, QueryKeyNorm span,
                 Value x, int64_t heads);
  Value rope(const Twine &name, moe::RopePairs pairs, Value x, int64_t heads,
             int64_t begin);
  Value slice(const Twine &name, Value x, int64_t begin, int64_t width);
  Value glu(const Twine &name, Value x);
  Value add(const Twine &name, Value lhs, Value rhs);
  void appendToCache(ValueRange parts);
  Value experts(const Twine &name, Value x, Value weight, Value routing);

  /// A new argument of the function: a weight of this layer made of tensors of
  /// this layer.
  Value weight(const Twine &name, ArrayRef<int64_t> shape,
               ArrayRef<std::string> tensors, ArrayRef<int64_t> tensorShape,
               Type unlessStored = {});
  Value weight(const Twine &name, ArrayRef<int64_t> shape, const Twine &tensor,
               Type unlessStored = {});
  /// Rows [begin, end) of each head of a tensor of heads.
  Value headWeight(const Twine &name, const Twine &tensor, int64_t heads,
                   int64_t rowsOfHead, int64_t begin, int64_t end,
                   int64_t columns);
  Value weight(const Twine &name, ArrayRef<int64_t> shape,
               const WeightSource &source);
  Value argument(const Twine &name, Type type);

  std::string tensorOf(const Twine &suffix) const {
    return ("model.layers." + Twine(index) + "." + suffix).str();
  }
  Location loc(const Twine &name) {
    return NameLoc::get(builder.getStringAttr(scope + name));
  }
  RankedTensorType rows(int64_t width) {
    return RankedTensorType::get({ShapedType::kDynamic, width},
                                 builder.getF32Type());
  }
  static int64_t width(Value rows) {
    return cast<RankedTensorType>(rows.getType()).getDimSize(1);
  }

  const Model &model;
  const Layer &layer;
  int64_t index;
  TensorCatalog &catalog;
  MLIRContext &context;
  OpBuilder builder;

  /// Stands before the names of operations, not of weights.
  StringRef scope;
  BuiltLayer result;
  Value table, batch, cache;
};

} // namespace

BuiltLayer LayerBuilder::build() {
  result.function = func::FuncOp::create(loc(layer.kind), layer.kind,
                                         builder.getFunctionType({}, {}));
  result.function.setPrivate();
  builder.setInsertionPointToEnd(result.function.addEntryBlock());

  Type cacheType = std::visit(
      [&](const auto &attention) {
        return moe::CacheType::get(&context, attention.cacheParts(),
                                   builder.getF32Type());
      },
      layer.attention);
  Value x = argument("x", rows(model.hidden));
  table = argument("cs", rows(model.rope.width));
  batch = argument("batch", moe::BatchType::get(&context));
  cache = argument("cache", cacheType);

  Value h = norm("attention_norm", "input_layernorm", x, model.normEps);
  scope = "attention.";
  Value attended =
      std::visit([&](const auto &attention) { return attend(attention, h); },
                 layer.attention);
  x = add("residual", x, attended);
  scope = "";
  h = norm("mlp_norm", "post_attention_layernorm", x, model.normEps);
  Value fed = std::visit([&](const auto &mlp) { return feedForward(mlp, h); },
                         layer.mlp);
  x = add("mlp.residual", x, fed);

  func::ReturnOp::create(builder, loc(layer.kind), ValueRange{x, cache});
  result.function.setFunctionType(builder.getFunctionType(
      result.function.front().getArgumentTypes(), {x.getType(), cacheType}));
  return result;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

Value LayerBuilder::attend(const GroupedQueryAttention &attention, Value x) {
  int64_t queryWidth = attention.heads * attention.headDim;
  int64_t keyWidth = attention.kvHeads * attention.headDim;
  bool bias = attention.inputBias;
  Value q = linear("q", "self_attn.q_proj", x, queryWidth, bias);
  Value k = linear("k", "self_attn.k_proj", x, keyWidth, bias);
  Value v = linear("v", "self_attn.v_proj", x, keyWidth, bias);
  q = headNorm("q_norm", "self_attn.q_norm", attention.norm, q,
               attention.heads);
  k = headNorm("k_norm", "self_attn.k_norm", attention.norm, k,
               attention.kvHeads);
  q = rope("q_rope", attention.pairs, q, attention.heads, 0);
  k = rope("k_rope", attention.pairs, k, attention.kvHeads, 0);
  appendToCache({k, v});
  Value o = moe::AttentionOp::create(
      builder, loc("scores"), rows(queryWidth), q, cache, batch,
      attention.heads, attention.kvHeads, /*key_parts=*/1, /*value_part=*/1,
      APFloat(attention.scale));
  return linear("o", "self_attn.o_proj", o, model.hidden, attention.outputBias);
}

Value LayerBuilder::attend(const LatentAttention &attention, Value x) {
  int64_t heads = attention.heads;
  int64_t queryWidth = heads * (attention.nope + attention.rope);
  Value q;
  if (attention.queryRank) {
    q = linear("q_a", "self_attn.q_a_proj", x, *attention.queryRank);
    q = norm("q_a_norm", "self_attn.q_a_layernorm", q, attention.normEps);
    q = linear("q_b", "self_attn.q_b_proj", q, queryWidth);
  } else {
    q = linear("q", "self_attn.q_proj", x, queryWidth);
  }
  q = rope("q_rope", attention.pairs, q, heads, attention.nope);

  // The latent and, beside it, the rotary key that all heads share.
  Value compressed = linear("kv_a", "self_attn.kv_a_proj_with_mqa", x,
                            attention.latent + attention.rope);
  Value latent = slice("latent", compressed, 0, attention.latent);
  latent =
      norm("kv_a_norm", "self_attn.kv_a_layernorm", latent, attention.normEps);
  Value key = slice("k", compressed, attention.latent, attention.rope);
  key = rope("k_rope", attention.pairs, key, /*heads=*/1, 0);
  appendToCache({latent, key});

  int64_t rowsOfHead = attention.nope + attention.value;
  Value wUk = headWeight("w_uk", "self_attn.kv_b_proj.weight", heads,
                         rowsOfHead, 0, attention.nope, attention.latent);
  Value wUv =
      headWeight("w_uv", "self_attn.kv_b_proj.weight", heads, rowsOfHead,
                 attention.nope, rowsOfHead, attention.latent);
  Value o =
      moe::MlaOp::create(builder, loc("scores"), rows(heads * attention.value),
                         q, cache, wUk, wUv, batch, APFloat(attention.scale));
  return linear("o", "self_attn.o_proj", o, model.hidden);
}

void LayerBuilder::appendToCache(ValueRange parts) {
  cache =
      moe::CacheAppendOp::create(builder, loc("cache"), cache, parts, batch);
}

//===----------------------------------------------------------------------===//
// Feed forward
//===----------------------------------------------------------------------===//

Value LayerBuilder::feedForward(const DenseMlp &mlp, Value x) {
  return gatedMlp("mlp", {"mlp"}, x, mlp.width, mlp.bias);
}

Value LayerBuilder::feedForward(const MixtureOfExperts &mixture, Value x) {
  Value logits = linear("router", mixture.router, x, mixture.experts);
  Value bias;
  if (mixture.choiceBias)
    bias = weight("router_bias", {mixture.experts},
                  mixture.router + ".e_score_correction_bias",
                  builder.getF32Type());
  auto routingType =
      moe::RoutingType::get(&context, mixture.experts, mixture.topK);
  Value routing = moe::RouteOp::create(
      builder, loc("route"), routingType, mixture.score, logits, bias,
      mixture.groups, mixture.renormalize, APFloat(mixture.scale));

  auto matrix = [&](StringRef name) {
    return tensorOf(mixture.names.prefix + "." + name + ".weight");
  };
  Value gateUp = weight("experts.gate_up",
                        {mixture.experts, 2 * mixture.width, model.hidden},
                        {matrix(mixture.names.gate), matrix(mixture.names.up)},
                        {mixture.width, model.hidden});
  Value down =
      weight("experts.down", {mixture.experts, model.hidden, mixture.width},
             {matrix(mixture.names.down)}, {model.hidden, mixture.width});
  Value y = moe::DispatchOp::create(builder, loc("dispatch"), x, routing);
  y = experts("experts.gate_up", y, gateUp, routing);
  y = glu("experts.glu", y);
  y = experts("experts.down", y, down, routing);
  y = moe::CombineOp::create(builder, loc("combine"), y, routing);
  if (!mixture.shared)
    return y;
  return add("shared.add", y, sharedExpert(*mixture.shared, x));
}

Value LayerBuilder::sharedExpert(const SharedExpert &shared, Value x) {
  Value y = gatedMlp("shared", shared.names, x, shared.width, /*bias=*/false);
  if (!shared.gate)
    return y;
  Value gate = linear("shared.gate", *shared.gate, x, 1);
  return moe::SigmoidGateOp::create(builder, loc("shared.scale"), y, gate);
}

Value LayerBuilder::gatedMlp(const Twine &name, const MlpNames &names, Value x,
                             int64_t width, bool bias) {
  auto halves = [&](StringRef kind) {
    std::string prefix = names.prefix + ".";
    return SmallVector<std::string>{tensorOf(prefix + names.gate + "." + kind),
                                    tensorOf(prefix + names.up + "." + kind)};
  };
  Value gateUp = weight(name + ".gate_up", {2 * width, model.hidden},
                        halves("weight"), {width, model.hidden});
  Value gateUpBias;
  if (bias)
    gateUpBias =
        weight(name + ".gate_up_bias", {2 * width}, halves("bias"), {width});
  Value y = moe::LinearOp::create(builder, loc(name + ".gate_up"),
                                  rows(2 * width), x, gateUp, gateUpBias);
  y = glu(name + ".glu", y);
  return linear(name + ".down", names.prefix + "." + names.down, y,
                model.hidden, bias);
}

Value LayerBuilder::experts(const Twine &name, Value x, Value weight,
                            Value routing) {
  int64_t n = cast<RankedTensorType>(weight.getType()).getDimSize(1);
  return moe::ExpertLinearOp::create(builder, loc(name), rows(n), x, weight,
                                     routing);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

Value LayerBuilder::linear(const Twine &name, StringRef tensor, Value x,
                           int64_t n, bool bias) {
  Value matrix = weight(name, {n, width(x)}, tensor + ".weight");
  Value biasVector;
  if (bias)
    biasVector = weight(name + "_bias", {n}, tensor + ".bias");
  return moe::LinearOp::create(builder, loc(name), rows(n), x, matrix,
                               biasVector);
}

Value LayerBuilder::norm(const Twine &name, StringRef tensor, Value x,
                         double eps, int64_t heads) {
  Value scale = weight(name, {width(x) / heads}, tensor + ".weight");
  return moe::RmsNormOp::create(builder, loc(name), x, scale, APFloat(eps),
                                heads);
}

Value LayerBuilder::headNorm(const Twine &name, StringRef tensor,
                             QueryKeyNorm span, Value x, int64_t heads) {
  switch (span) {
  case QueryKeyNorm::None:
    return x;
  case QueryKeyNorm::Head:
    return norm(name, tensor, x, model.normEps, heads);
  case QueryKeyNorm::Row:
    return norm(name, tensor, x, model.normEps);
  }
  llvm_unreachable("no such span");
}

Value LayerBuilder::rope(const Twine &name, moe::RopePairs pairs, Value x,
                         int64_t heads, int64_t begin) {
  return moe::RopeOp::create(builder, loc(name), x.getType(), pairs, x, table,
                             heads, begin);
}

Value LayerBuilder::slice(const Twine &name, Value x, int64_t begin,
                          int64_t n) {
  return moe::SliceOp::create(builder, loc(name), rows(n), x, begin);
}

Value LayerBuilder::glu(const Twine &name, Value x) {
  return moe::GluOp::create(builder, loc(name), rows(width(x) / 2),
                            moe::Activation::Silu, x);
}

Value LayerBuilder::add(const Twine &name, Value lhs, Value rhs) {
  return moe::AddOp::create(builder, loc(name), lhs, rhs);
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

Value LayerBuilder::weight(const Twine &name, ArrayRef<int64_t> shape,
                           ArrayRef<std::string> tensors,
                           ArrayRef<int64_t> tensorShape, Type unlessStored) {
  WeightSource source;
  for (const std::string &tensor : tensors)
    source.parts.push_back(moe::PartAttr::get(&context, tensor, {}, 0, 0, 0));
  source.tensorShape.assign(tensorShape.begin(), tensorShape.end());
  source.unlessStored = unlessStored;
  return weight(name, shape, source);
}

Value LayerBuilder::weight(const Twine &name, ArrayRef<int64_t> shape,
                           const Twine &tensor, Type unlessStored) {
  return weight(name, shape, {tensorOf(tensor)}, shape, unlessStored);
}

Value LayerBuilder::headWeight(const Twine &name, const Twine &tensor,
                               int64_t heads, int64_t rowsOfHead, int64_t begin,
                               int64_t end, int64_t columns) {
  WeightSource source;
  source.parts.push_back(
      moe::PartAttr::get(&context, tensorOf(tensor), {}, heads, begin, end));
  source.tensorShape = {heads * rowsOfHead, columns};
  return weight(name, {heads, end - begin, columns}, source);
}

Value LayerBuilder::weight(const Twine &name, ArrayRef<int64_t> shape,
                           const WeightSource &source) {
  moe::WeightOp op = declareWeight(
      catalog, context, "layers." + Twine(index) + "." + name, shape, source);
  result.weights.push_back(op);
  return argument(name, op.getType());
}

Value LayerBuilder::argument(const Twine &name, Type type) {
  return result.function.front().addArgument(
      type, NameLoc::get(builder.getStringAttr(name)));
}

BuiltLayer moec::buildLayer(const Model &model, int64_t index,
                            TensorCatalog &catalog, MLIRContext &context) {
  return LayerBuilder(model, index, catalog, context).build();
}
