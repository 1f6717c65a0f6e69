//===- Experts.cpp - Routing and experts --------------------------------------===//

#include "passes/fuse/moe_to_kernel/Patterns.h"

using namespace mlir;
using namespace moec;
using namespace moec::kernel;

using Values = SmallVector<Value>;

namespace {

/// Experts are chosen per token, then all rows are ordered by expert.
struct RoutePattern : MoeToKernelPattern<moe::RouteOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::RouteOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    moe::RoutingType routing = op.getRouting().getType();
    int64_t topK = routing.getTopK();
    Value logits = adaptor.getLogits().front();
    Value count = b.rowCount(logits);
    Value experts = b.empty(count, topK, b.getI32Type());
    Value weights = b.empty(count, topK, b.getF32Type());
    ValueRange bias;
    if (op.getBias())
      bias = adaptor.getBias();
    std::optional<moe::GroupsAttr> groups = op.getGroups();
    auto route = RouteOp::create(
        b, TypeRange{experts.getType(), weights.getType()},
        op.getScore() == moe::Score::Softmax ? Score::Softmax : Score::Sigmoid,
        logits, bias.empty() ? Value() : bias.front(),
        ValueRange{experts, weights}, topK, groups ? groups->getCount() : 0,
        groups ? groups->getKeep() : 0,
        groups && groups->getBy() == moe::GroupScore::Top2Sum,
        op.getRenormalize(),
        llvm::APFloat(float(op.getScale().convertToDouble())));

    Value rowCount = arith::MulIOp::create(
        b, count, arith::ConstantIndexOp::create(b, topK));
    SmallVector<Value> inits{b.empty(rowCount, {}, b.getI32Type()),
                             b.empty(rowCount, {}, b.getF32Type()),
                             b.empty(count, topK, b.getI32Type()),
                             b.empty(count, topK, b.getI32Type()),
                             b.empty(rowCount, 3, b.getI32Type())};
    auto group = GroupOp::create(b, ValueRange(inits).getTypes(),
                                 route.getResults()[0], route.getResults()[1],
                                 inits, routing.getExperts(), IntegerAttr());
    return Values(group.getResults());
  }
};

struct DispatchPattern : MoeToKernelPattern<moe::DispatchOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::DispatchOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    return {gatherRows(b, adaptor.getInput().front(),
                       RoutingValues(adaptor.getRouting()).rows,
                       op.getType().getElementType())};
  }
};

struct ExpertLinearPattern : MoeToKernelPattern<moe::ExpertLinearOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::ExpertLinearOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    RoutingValues routing(adaptor.getRouting());
    return {buildGemm(b, adaptor.getInput().front(),
                      adaptor.getWeight().front(), op.getType().getDimSize(1),
                      /*heads=*/1, /*transposed=*/false, routing.tiles)};
  }
};

/// The routing weight is applied to each row, then rows are added along the tree.
struct CombinePattern : MoeToKernelPattern<moe::CombineOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::CombineOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    RoutingValues routing(adaptor.getRouting());
    Value input = adaptor.getInput().front();
    int64_t columns = columnsOf(input);
    Value weighted = b.elementwise(
        b.rowCount(input), columns,
        {{input, b.elementMap()}, {routing.rowWeights, b.rowMap()}},
        [](ImplicitLocOpBuilder &b, ValueRange args) -> Values {
          return {arith::MulFOp::create(b, args[0], args[1])};
        });
    Value init = b.empty(b.rowCount(routing.places), columns, b.getF32Type());
    auto combine = CombineOp::create(
        b, TypeRange{init.getType()}, weighted, routing.places, routing.merges,
        ValueRange(), ValueRange{init}, b.getArrayAttr({}));
    return {combine.getResults().front()};
  }
};

} // namespace

void moec::populateExpertPatterns(TypeConverter &converter,
                                  RewritePatternSet &patterns) {
  patterns
      .add<CombinePattern, DispatchPattern, ExpertLinearPattern, RoutePattern>(
          converter, patterns.getContext());
}
