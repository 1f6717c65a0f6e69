//===- PlanWeights.cpp - Each weight gets its place in the weight file --------===//
//
//   moe.weight @w : tensor<96x160xbf16> from […] layout <width = 16>
//   %w = moe.get_weight @w : tensor<6x160x16xbf16>
// becomes
//   moe.weight @w : tensor<96x160xbf16> from […] layout <width = 16> at 4096
//   %m = kernel.weight @w : memref<6x160x16xbf16>
//   %w = bufferization.to_tensor %m restrict
//
//===------------------------------------------------------------------------===//

#include "dialects/kernel/Kernel.h"
#include "dialects/moe/Moe.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MathExtras.h"

namespace moec {
#define GEN_PASS_DEF_PLANWEIGHTSPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;

/// A cache line, so that no vector of a panel crosses one.
static constexpr int64_t kWeightAlignment = 64;

namespace {

struct PlanWeightsPass : moec::impl::PlanWeightsPassBase<PlanWeightsPass> {
  void runOnOperation() override {
    Builder builder(&getContext());
    int64_t offset = 0;
    for (auto weight : getOperation().getOps<moe::WeightOp>()) {
      weight.setOffsetAttr(builder.getI64IntegerAttr(offset));
      int64_t bytes = moe::getStorageBytes(weight.getPackedType());
      offset = llvm::alignTo(offset + bytes, kWeightAlignment);
    }
    getOperation().walk([](moe::GetWeightOp op) {
      OpBuilder b(op);
      auto type = cast<RankedTensorType>(op.getType());
      auto buffer = kernel::WeightOp::create(
          b, op.getLoc(),
          MemRefType::get(type.getShape(), type.getElementType()),
          op.getWeightAttr());
      op.replaceAllUsesWith(bufferization::ToTensorOp::create(
                                b, op.getLoc(), type, buffer, /*restrict=*/true)
                                .getResult());
      op.erase();
    });
  }
};

} // namespace
