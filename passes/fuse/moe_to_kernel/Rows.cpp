//===- Rows.cpp - Norms, linear maps and elementwise rows ---------------------===//

#include "passes/fuse/moe_to_kernel/Patterns.h"

using namespace mlir;
using namespace moec;
using namespace moec::kernel;

using Values = SmallVector<Value>;

Value moec::buildGemm(KernelBuilder &b, Value input, Value weight,
                      int64_t columns, int64_t heads, bool transposed,
                      Value groups) {
  auto layout =
      moe::PanelsAttr::get(b.getContext(), kPanelWidth, 1, transposed);
  auto packed = moe::PackOp::create(
      b, layout.getPackedType(cast<RankedTensorType>(weight.getType())), weight,
      layout);
  Value init = b.empty(b.rowCount(input), columns, b.getF32Type());
  auto none = b.getArrayAttr({});
  auto gemm = GemmOp::create(b, TypeRange{init.getType()}, input, packed,
                             /*gather=*/Value(), groups, ValueRange(),
                             ValueRange(), ValueRange{init}, none, none, heads,
                             /*parts=*/1, ColumnsAttr());
  return gemm.getResults().front();
}

/// A stored element as f32.
static Value extend(ImplicitLocOpBuilder &b, Value value) {
  if (value.getType().isF32())
    return value;
  return arith::ExtFOp::create(b, b.getF32Type(), value);
}

Value moec::gatherRows(KernelBuilder &b, Value table, Value index,
                       Type elementType) {
  int64_t columns = columnsOf(table);
  Value init = b.empty(b.rowCount(index), columns, elementType);
  return b.rowwise({columns}, {{table, b.map(1, 1, {b.symbol(0), b.dim(1)})}},
                   init, {b.map(1, 1, {b.dim(0), b.dim(1)})},
                   {.indices = index},
                   [&](ImplicitLocOpBuilder &b, ValueRange args) -> Values {
                     bool isStored = args[0].getType() == elementType;
                     return {isStored ? args[0] : extend(b, args[0])};
                   });
}

static Value constant(ImplicitLocOpBuilder &b, double value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
}

namespace {

struct EmbeddingPattern : MoeToKernelPattern<moe::EmbeddingOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::EmbeddingOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    return {gatherRows(b, adaptor.getTable().front(),
                       BatchValues(adaptor.getBatch()).tokens,
                       b.getF32Type())};
  }
};

struct OutputRowsPattern : MoeToKernelPattern<moe::OutputRowsOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::OutputRowsOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    return {gatherRows(b, adaptor.getInput().front(),
                       BatchValues(adaptor.getBatch()).outputRows,
                       b.getF32Type())};
  }
};

/// A row reduction to 1/sqrt(mean + eps), and the scaling of each element.
struct RmsNormPattern : MoeToKernelPattern<moe::RmsNormOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::RmsNormOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    Value input = adaptor.getInput().front();
    int64_t heads = op.getHeads(), columns = columnsOf(input);
    int64_t width = columns / heads;
    Value count = b.rowCount(input);
    SmallVector<int64_t> statShape;
    if (heads > 1)
      statShape.push_back(heads);
    Value statInit = b.empty(count, statShape, b.getF32Type());
    auto reduce = RowReduceOp::create(b, TypeRange{statInit.getType()},
                                      Reduction::SumSquares, input,
                                      ValueRange{statInit}, heads);
    b.buildRegion(reduce.getEpilogue(), {b.getF32Type()},
                  [&](ImplicitLocOpBuilder &b, ValueRange args) -> Values {
                    Value mean = arith::DivFOp::create(
                        b, args[0], constant(b, double(width)));
                    Value shifted = arith::AddFOp::create(
                        b, mean, constant(b, op.getEps().convertToDouble()));
                    Value root = math::SqrtOp::create(b, shifted);
                    return {arith::DivFOp::create(b, constant(b, 1.0), root)};
                  });
    Value stat = reduce.getResults().front();
    Value init = b.empty(count, columns, b.getF32Type());
    SmallVector<int64_t> sizes;
    AffineExpr column = b.dim(1), inHead = b.dim(1);
    SmallVector<AffineExpr> statPlace{b.dim(0)};
    if (heads > 1) {
      sizes.push_back(heads);
      statPlace.push_back(b.dim(1));
      column = b.dim(1) * width + b.dim(2);
      inHead = b.dim(2);
    }
    sizes.push_back(width);
    auto element = b.map(sizes.size(), 0, {b.dim(0), column});
    return {b.rowwise(
        sizes,
        {{input, element},
         {stat, b.map(sizes.size(), 0, statPlace)},
         {adaptor.getWeight().front(), b.map(sizes.size(), 0, {inHead})}},
        init, {element}, {},
        [](ImplicitLocOpBuilder &b, ValueRange args) -> Values {
          Value scaled = arith::MulFOp::create(b, args[0], args[1]);
          return {arith::MulFOp::create(b, scaled, extend(b, args[2]))};
        })};
  }
};

struct RoundPattern : MoeToKernelPattern<moe::RoundOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::RoundOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    Value input = adaptor.getInput().front();
    Type narrow = op.getType().getElementType();
    int64_t columns = columnsOf(input);
    return {b.rowwise({columns}, {{input, b.elementMap()}},
                      b.empty(b.rowCount(input), columns, narrow),
                      {b.elementMap()}, {},
                      [&](ImplicitLocOpBuilder &b, ValueRange args) -> Values {
                        return {arith::TruncFOp::create(b, narrow, args[0])};
                      })};
  }
};

struct LinearPattern : MoeToKernelPattern<moe::LinearOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::LinearOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    int64_t columns = op.getType().getDimSize(1);
    Value result = buildGemm(b, adaptor.getInput().front(),
                             adaptor.getWeight().front(), columns, /*heads=*/1,
                             /*transposed=*/false, /*groups=*/Value());
    if (!op.getBias())
      return {result};
    return {b.elementwise(
        b.rowCount(result), columns,
        {{result, b.elementMap()}, {adaptor.getBias().front(), b.columnMap()}},
        [](ImplicitLocOpBuilder &b, ValueRange args) -> Values {
          return {arith::AddFOp::create(b, args[0], extend(b, args[1]))};
        })};
  }
};

struct HeadLinearPattern : MoeToKernelPattern<moe::HeadLinearOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::HeadLinearOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    return {buildGemm(b, adaptor.getInput().front(),
                      adaptor.getWeight().front(), op.getType().getDimSize(1),
                      op.getHeads(), op.getTransposed(), Value())};
  }
};

struct GluPattern : MoeToKernelPattern<moe::GluOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::GluOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    Value input = adaptor.getInput().front();
    int64_t columns = op.getType().getDimSize(1);
    return {b.elementwise(
        b.rowCount(input), columns,
        {{input, b.elementMap()}, {input, b.elementMap(columns)}},
        [](ImplicitLocOpBuilder &b, ValueRange args) -> Values {
          Value negated = arith::NegFOp::create(b, args[0]);
          Value denominator = arith::AddFOp::create(
              b, constant(b, 1.0), math::ExpOp::create(b, negated));
          Value silu = arith::DivFOp::create(b, args[0], denominator);
          return {arith::MulFOp::create(b, silu, args[1])};
        })};
  }
};

struct AddPattern : MoeToKernelPattern<moe::AddOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::AddOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    Value lhs = adaptor.getLhs().front(), rhs = adaptor.getRhs().front();
    return {
        b.elementwise(b.rowCount(lhs), columnsOf(lhs),
                      {{lhs, b.elementMap()}, {rhs, b.elementMap()}},
                      [](ImplicitLocOpBuilder &b, ValueRange args) -> Values {
                        return {arith::AddFOp::create(b, args[0], args[1])};
                      })};
  }
};

struct SigmoidGatePattern : MoeToKernelPattern<moe::SigmoidGateOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::SigmoidGateOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    Value input = adaptor.getInput().front(), gate = adaptor.getGate().front();
    AffineMap gatePlace = b.elementMap();
    if (columnsOf(gate) == 1)
      gatePlace =
          b.map(1, 0, {b.dim(0), getAffineConstantExpr(0, b.getContext())});
    return {b.elementwise(
        b.rowCount(input), columnsOf(input),
        {{input, b.elementMap()}, {gate, gatePlace}},
        [](ImplicitLocOpBuilder &b, ValueRange args) -> Values {
          Value negated = arith::NegFOp::create(b, args[1]);
          Value denominator = arith::AddFOp::create(
              b, constant(b, 1.0), math::ExpOp::create(b, negated));
          Value sigmoid =
              arith::DivFOp::create(b, constant(b, 1.0), denominator);
          return {arith::MulFOp::create(b, args[0], sigmoid)};
        })};
  }
};

/// `init` with columns [to, to + width) of each of its heads taken from columns [from, …) of the heads of `input`.
Value copyColumns(KernelBuilder &b, Value input, int64_t from, Value init,
                  int64_t to, int64_t width, int64_t heads) {
  int64_t inStride = columnsOf(input) / heads;
  int64_t outStride = columnsOf(init) / heads;
  SmallVector<int64_t> sizes{width};
  AffineExpr read = b.dim(1) + from, write = b.dim(1) + to;
  if (heads > 1) {
    sizes = {heads, width};
    read = b.dim(1) * inStride + b.dim(2) + from;
    write = b.dim(1) * outStride + b.dim(2) + to;
  }
  return b.rowwise(sizes, {{input, b.map(sizes.size(), 0, {b.dim(0), read})}},
                   init, {b.map(sizes.size(), 0, {b.dim(0), write})},
                   {.rows = input},
                   [](ImplicitLocOpBuilder &, ValueRange args) -> Values {
                     return {args[0]};
                   });
}

struct SlicePattern : MoeToKernelPattern<moe::SliceOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::SliceOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    Value input = adaptor.getInput().front();
    int64_t columns = op.getType().getDimSize(1), heads = op.getHeads();
    Value init = b.empty(b.rowCount(input), columns, b.getF32Type());
    return {
        copyColumns(b, input, op.getBegin(), init, 0, columns / heads, heads)};
  }
};

struct ConcatPattern : MoeToKernelPattern<moe::ConcatOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::ConcatOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    Value lhs = adaptor.getLhs().front(), rhs = adaptor.getRhs().front();
    int64_t heads = op.getHeads();
    int64_t left = columnsOf(lhs) / heads, right = columnsOf(rhs) / heads;
    Value init =
        b.empty(b.rowCount(lhs), op.getType().getDimSize(1), b.getF32Type());
    Value half = copyColumns(b, lhs, 0, init, 0, left, heads);
    return {copyColumns(b, rhs, 0, half, left, right, heads)};
  }
};

} // namespace

void moec::populateRowPatterns(TypeConverter &converter,
                               RewritePatternSet &patterns) {
  patterns.add<AddPattern, ConcatPattern, EmbeddingPattern, GluPattern,
               HeadLinearPattern, LinearPattern, OutputRowsPattern,
               RmsNormPattern, RoundPattern, SigmoidGatePattern, SlicePattern>(
      converter, patterns.getContext());
}
