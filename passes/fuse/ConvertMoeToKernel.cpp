//===- ConvertMoeToKernel.cpp - The model becomes kernels ---------------------===//
//
//   %q = moe.linear %h, %w : (tensor<?x160xf32>, tensor<96x160xbf16>) -> tensor<?x96xf32>
// becomes
//   %p = moe.pack %w <width = 16> : tensor<96x160xbf16> -> tensor<6x160x16xbf16>
//   %q = kernel.gemm ins(%h, %p …) … outs(%init : tensor<?x96xf32>) -> tensor<?x96xf32>
//
// The patterns stand in moe_to_kernel/.
//
//===------------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/fuse/moe_to_kernel/Patterns.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace moec {
#define GEN_PASS_DEF_CONVERTMOETOKERNELPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;

/// Types that are not tensors already.
static void addConversions(TypeConverter &converter, moe::LimitsAttr limits) {
  MLIRContext *context = limits.getContext();
  constexpr int64_t dynamic = ShapedType::kDynamic;
  Type i32 = IntegerType::get(context, 32), f32 = Float32Type::get(context);
  converter.addConversion([](Type type) { return type; });
  converter.addConversion(
      [=](moe::BatchType, SmallVectorImpl<Type> &types) -> LogicalResult {
        types.append(4, RankedTensorType::get({dynamic}, i32));
        return success();
      });
  converter.addConversion([=](moe::CacheType type) -> Type {
    int64_t rows = limits.getSequences() * limits.getPositions();
    return RankedTensorType::get({rows, type.getWidth()},
                                 type.getElementType());
  });
  converter.addConversion([=](moe::RoutingType type,
                              SmallVectorImpl<Type> &types) -> LogicalResult {
    types.push_back(RankedTensorType::get({dynamic}, i32));
    types.push_back(RankedTensorType::get({dynamic}, f32));
    types.append(2, RankedTensorType::get({dynamic, type.getTopK()}, i32));
    types.push_back(RankedTensorType::get({dynamic, 3}, i32));
    return success();
  });
}

namespace {

struct ConvertMoeToKernelPass
    : moec::impl::ConvertMoeToKernelPassBase<ConvertMoeToKernelPass> {
  void runOnOperation() override {
    auto limits =
        getOperation()->getAttrOfType<moe::LimitsAttr>(moe::kLimitsAttr);
    if (!limits) {
      getOperation().emitError() << "expected '" << moe::kLimitsAttr
                                 << "' on the module (moe-set-target sets it)";
      return signalPassFailure();
    }
    TypeConverter converter;
    addConversions(converter, limits);

    RewritePatternSet patterns(&getContext());
    populateRowPatterns(converter, patterns);
    populateAttentionPatterns(converter, patterns);
    populateExpertPatterns(converter, patterns);
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                   converter);
    populateCallOpTypeConversionPattern(patterns, converter);
    populateReturnOpTypeConversionPattern(patterns, converter);

    ConversionTarget target(getContext());
    target.addLegalDialect<arith::ArithDialect, kernel::KernelDialect,
                           math::MathDialect, tensor::TensorDialect>();
    target.addLegalOp<ModuleOp, moe::GetWeightOp, moe::PackOp, moe::WeightOp>();
    target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp func) {
      return converter.isSignatureLegal(func.getFunctionType()) &&
             converter.isLegal(&func.getBody());
    });
    target.addDynamicallyLegalOp<func::CallOp, func::ReturnOp>(
        [&](Operation *op) { return converter.isLegal(op); });
    if (failed(
            applyFullConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
