//===- RoundActivations.cpp - What matrices multiply is rounded ---------------===//
//
//   %q = moe.linear %h, %w : (tensor<?x160xf32>, tensor<96x160xbf16>) -> tensor<?x96xf32>
// becomes
//   %hb = moe.round %h : tensor<?x160xf32> -> tensor<?x160xbf16>
//   %q = moe.linear %hb, %w : (tensor<?x160xbf16>, tensor<96x160xbf16>) -> tensor<?x96xf32>
//
//===------------------------------------------------------------------------===//

#include "dialects/moe/Moe.h"
#include "passes/Passes.h"

#include "mlir/IR/Builders.h"

namespace moec {
#define GEN_PASS_DEF_ROUNDACTIVATIONSPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;

/// Logits of a router decide: a small change of one may choose another expert.
static bool isRouter(Operation *op) {
  return llvm::any_of(op->getUsers(), llvm::IsaPred<moe::RouteOp>);
}

static Value round(OpBuilder &b, Value rows) {
  auto type = cast<RankedTensorType>(rows.getType());
  return moe::RoundOp::create(b, rows.getLoc(), type.clone(b.getBF16Type()),
                              rows);
}

/// Rows are rounded before they are sent to the experts, so that those who share them round them once.
static Value roundDispatched(OpBuilder &b, moe::DispatchOp dispatch) {
  b.setInsertionPoint(dispatch);
  Value rounded = round(b, dispatch.getInput());
  return moe::DispatchOp::create(b, dispatch.getLoc(),
                                 dispatch.getType().clone(b.getBF16Type()),
                                 rounded, dispatch.getRouting());
}

namespace {

struct RoundActivationsPass
    : moec::impl::RoundActivationsPassBase<RoundActivationsPass> {
  void runOnOperation() override {
    OpBuilder b(&getContext());
    getOperation()->walk([&](Operation *op) {
      if (auto attention = dyn_cast<moe::AttentionOp>(op))
        return attention.setRounded(true);
      if (!isa<moe::LinearOp, moe::HeadLinearOp, moe::ExpertLinearOp>(op) ||
          isRouter(op))
        return;
      OpOperand &input = op->getOpOperand(0);
      if (cast<RankedTensorType>(input.get().getType())
              .getElementType()
              .isBF16())
        return;
      if (auto dispatch = input.get().getDefiningOp<moe::DispatchOp>()) {
        input.set(roundDispatched(b, dispatch));
        return;
      }
      b.setInsertionPoint(op);
      input.set(round(b, input.get()));
    });
  }
};

} // namespace
