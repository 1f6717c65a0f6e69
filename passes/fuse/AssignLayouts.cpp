//===- AssignLayouts.cpp - moe.pack moves from its use to the weight ----------===//
//
//   moe.weight @w : tensor<96x160xbf16> from […]
//   func.func private @layer(%w: tensor<96x160xbf16>) { %p = moe.pack %w <width = 16> … }
// becomes
//   moe.weight @w : tensor<96x160xbf16> from […] layout <width = 16>
//   func.func private @layer(%p: tensor<6x160x16xbf16>) { … }
//
//===------------------------------------------------------------------------===//

#include "dialects/kernel/Kernel.h"
#include "dialects/moe/Moe.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace moec {
#define GEN_PASS_DEF_ASSIGNLAYOUTSPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;

/// The one layout in which `values` are packed somewhere; null if nowhere.
static FailureOr<moe::PanelsAttr> findLayout(ValueRange values) {
  moe::PanelsAttr layout;
  for (Value value : values)
    for (Operation *user : value.getUsers()) {
      auto pack = dyn_cast<moe::PackOp>(user);
      if (!pack)
        continue;
      if (layout && layout != pack.getLayout())
        return pack.emitOpError() << "packs a weight as " << pack.getLayout()
                                  << " that is also packed as " << layout;
      layout = pack.getLayout();
    }
  return layout;
}

/// Where row n, column k of a matrix stands in panels.
static AffineMap panelMap(moe::PanelsAttr layout, MLIRContext *context) {
  AffineExpr n = getAffineDimExpr(0, context), k = getAffineDimExpr(1, context);
  int64_t width = layout.getWidth();
  return AffineMap::get(2, 0, {n.floorDiv(width), k, n % width}, context);
}

/// Users of `value`, which now has the packed type, read the panels: packs go away, rows are gathered from panels.
static LogicalResult usePacked(Value value, moe::PanelsAttr layout) {
  for (OpOperand &use : llvm::make_early_inc_range(value.getUses())) {
    Operation *user = use.getOwner();
    if (auto pack = dyn_cast<moe::PackOp>(user)) {
      pack.replaceAllUsesWith(value);
      pack.erase();
      continue;
    }
    auto rowwise = dyn_cast<kernel::RowwiseOp>(user);
    bool isInput = rowwise && llvm::is_contained(rowwise.getInputs(), value);
    if (!isInput || layout.getParts() != 1 || layout.getTranspose())
      return user->emitOpError("cannot read a weight from its panels");
    AffineMap toPanel = panelMap(layout, value.getContext());
    SmallVector<AffineMap> maps(
        rowwise.getInputMaps().getAsValueRange<AffineMapAttr>());
    for (auto [input, map] : llvm::zip(rowwise.getInputs(), maps))
      if (input == value)
        map = toPanel.compose(map);
    rowwise.setInputMapsAttr(Builder(user).getAffineMapArrayAttr(maps));
  }
  return success();
}

/// Moves packs of argument `index` of `func` to its callers.
static LogicalResult hoistToCallers(func::FuncOp func, unsigned index,
                                    ArrayRef<func::CallOp> callers) {
  BlockArgument argument = func.getArgument(index);
  FailureOr<moe::PanelsAttr> layout = findLayout(argument);
  if (failed(layout) || !*layout)
    return layout;
  auto type = cast<RankedTensorType>(argument.getType());
  RankedTensorType packed = layout->getPackedType(type);
  argument.setType(packed);
  if (failed(usePacked(argument, *layout)))
    return failure();
  SmallVector<Type> inputs(func.getArgumentTypes());
  inputs[index] = packed;
  func.setFunctionType(
      FunctionType::get(func.getContext(), inputs, func.getResultTypes()));
  for (func::CallOp call : callers) {
    OpBuilder builder(call);
    call->setOperand(index,
                     moe::PackOp::create(builder, call.getLoc(), packed,
                                         call.getOperand(index), *layout));
  }
  return success();
}

namespace {

struct AssignLayoutsPass
    : moec::impl::AssignLayoutsPassBase<AssignLayoutsPass> {
  void runOnOperation() override {
    if (failed(run(getOperation())))
      signalPassFailure();
  }

  LogicalResult run(ModuleOp module) {
    SymbolTable symbols(module);
    DenseMap<func::FuncOp, SmallVector<func::CallOp>> callers;
    module.walk([&](func::CallOp call) {
      callers[symbols.lookup<func::FuncOp>(call.getCallee())].push_back(call);
    });
    for (auto func : module.getOps<func::FuncOp>())
      if (func.isPrivate() && !func.isDeclaration())
        for (unsigned i = 0; i < func.getNumArguments(); ++i)
          if (failed(hoistToCallers(func, i, callers[func])))
            return failure();

    DenseMap<StringAttr, SmallVector<Value>> values;
    module.walk([&](moe::GetWeightOp op) {
      values[op.getWeightAttr().getAttr()].push_back(op.getResult());
    });
    for (auto weight : module.getOps<moe::WeightOp>()) {
      ArrayRef<Value> uses = values[weight.getSymNameAttr()];
      FailureOr<moe::PanelsAttr> layout = findLayout(uses);
      if (failed(layout))
        return failure();
      if (!*layout)
        continue;
      weight.setLayoutAttr(*layout);
      for (Value use : uses) {
        use.setType(weight.getPackedType());
        if (failed(usePacked(use, *layout)))
          return failure();
      }
    }
    return success();
  }
};

} // namespace
