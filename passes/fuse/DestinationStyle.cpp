//===- DestinationStyle.cpp - Functions write into tensors of their callers ---===//
//
//   func.func private @layer(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
//     %e = tensor.empty(%t)
//     %y = kernel.… outs(%e)
//     return %y
//   }
// becomes
//   func.func private @layer(%x: tensor<?x64xf32>, %out: tensor<?x64xf32>) -> tensor<?x64xf32> {
//     %y = kernel.… outs(%out)
//     return %y
//   }
//
//===------------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace moec {
#define GEN_PASS_DEF_DESTINATIONSTYLEPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;

/// The tensor.empty in which `value` starts, through chains of kernels; null if it starts elsewhere (a cache argument).
static tensor::EmptyOp startOf(Value value) {
  while (auto dps = value.getDefiningOp<DestinationStyleOpInterface>())
    value = dps.getTiedOpOperand(cast<OpResult>(value))->get();
  return value.getDefiningOp<tensor::EmptyOp>();
}

namespace {

struct DestinationStylePass
    : moec::impl::DestinationStylePassBase<DestinationStylePass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      if (func.isDeclaration())
        continue;
      Operation *terminator = func.getBody().front().getTerminator();
      for (OpOperand &result : terminator->getOpOperands()) {
        tensor::EmptyOp empty = startOf(result.get());
        if (!empty)
          continue;
        if (failed(func.insertArgument(func.getNumArguments(), empty.getType(),
                                       {}, empty.getLoc())))
          return signalPassFailure();
        Value out = func.getArguments().back();
        getOperation().walk([&](func::CallOp call) {
          if (call.getCallee() == func.getName())
            addDestination(call, result.getOperandNumber());
        });
        empty.replaceAllUsesWith(out);
        empty.erase();
      }
    }
  }

  /// The new argument of a call is an empty tensor with the rows of the call's first operand.
  static void addDestination(func::CallOp call, unsigned result) {
    OpBuilder b(call);
    auto type = cast<RankedTensorType>(call.getResult(result).getType());
    Value rows = tensor::DimOp::create(b, call.getLoc(), call.getOperand(0), 0);
    SmallVector<Value> operands(call.getOperands());
    operands.push_back(
        tensor::EmptyOp::create(b, call.getLoc(), type.getShape(),
                                type.getElementType(), ValueRange{rows}));
    call->setOperands(operands);
  }
};

} // namespace
