//===- QuantizeWeights.cpp - Matrices of small integers and scales ------------===//
//
//   moe.weight @w : tensor<96x160xbf16> from […]
//   %y = moe.linear %x, %w : (tensor<?x160xf32>, tensor<96x160xbf16>) -> tensor<?x96xf32>
// becomes, with bits = 8,
//   moe.weight @w : tensor<96x160x!moe.scaled<i8, 1x32, bf16>> from […]
//   %y = moe.linear %x, %w : (tensor<?x160xf32>, tensor<96x160x!moe.scaled<i8, 1x32, bf16>>) -> tensor<?x96xf32>
//
// Only types change; the packer makes the integers. A matrix that is also used otherwise (a tied embedding) keeps its
// type there and becomes a second weight @w.q8 here.
//
//===------------------------------------------------------------------------===//

#include "dialects/moe/Moe.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"

namespace moec {
#define GEN_PASS_DEF_QUANTIZEWEIGHTSPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;

/// Elements along K that share a scale.
static constexpr int64_t kBlock = 32;

/// Whether the rows decide something instead of being passed on: expert scores, or the gate of a whole row. They are
/// few, and an error in them is not averaged out.
static bool isDecision(Value rows) {
  return llvm::any_of(rows.getUsers(), [&](Operation *user) {
    auto gate = dyn_cast<moe::SigmoidGateOp>(user);
    return isa<moe::RouteOp>(user) ||
           (gate && gate.getGate() == rows &&
            gate.getGate().getType().getDimSize(1) == 1);
  });
}

namespace {

struct QuantizeWeightsPass
    : moec::impl::QuantizeWeightsPassBase<QuantizeWeightsPass> {
  using QuantizeWeightsPassBase::QuantizeWeightsPassBase;

  void runOnOperation() override {
    if (bits != 4 && bits != 8) {
      getOperation()->emitError("expected 8 or 4 bits, got ")
          << bits.getValue();
      return signalPassFailure();
    }
    SymbolTable table(getOperation());
    symbols = &table;
    quantizeArguments();
    if (failed(quantizeWeights()))
      signalPassFailure();
  }

  moe::ScaledType scaledType(int64_t width) {
    Builder builder(&getContext());
    return moe::ScaledType::get(&getContext(), builder.getIntegerType(width), 1,
                                kBlock, builder.getBF16Type());
  }

  /// The elements of a matrix in this use, null if they stay as they are.
  moe::ScaledType elementsFor(OpOperand &use) {
    Operation *user = use.getOwner();
    Value operand = use.get();
    if (auto call = dyn_cast<func::CallOp>(user)) {
      auto callee = symbols->lookup<func::FuncOp>(call.getCallee());
      return callee.isDeclaration()
                 ? moe::ScaledType()
                 : elementsFor(callee.getArgument(use.getOperandNumber()));
    }
    // What stands in the step itself is the head, which feels an error most: 8 bits at least.
    bool inStep =
        user->getParentOfType<func::FuncOp>().getName() == moe::kStepFunction;
    moe::ScaledType type = scaledType(inStep ? 8 : bits);
    if (auto op = dyn_cast<moe::LinearOp>(user))
      return op.getWeight() == operand && !isDecision(op.getResult())
                 ? type
                 : moe::ScaledType();
    if (auto op = dyn_cast<moe::ExpertLinearOp>(user))
      return op.getWeight() == operand ? type : moe::ScaledType();
    // A transposed matrix would need blocks along its other dimension: of MLA only the half of kv_b that is not.
    if (auto op = dyn_cast<moe::HeadLinearOp>(user))
      return op.getWeight() == operand && !op.getTransposed()
                 ? type
                 : moe::ScaledType();
    if (auto op = dyn_cast<moe::MlaOp>(user))
      return op.getWUv() == operand ? type : moe::ScaledType();
    return {};
  }

  /// The same of all uses together.
  moe::ScaledType elementsFor(Value value) {
    moe::ScaledType type;
    for (OpOperand &use : value.getUses()) {
      moe::ScaledType found = elementsFor(use);
      if (!found || (type && found != type))
        return {};
      type = found;
    }
    return type;
  }

  void quantizeArguments() {
    // A callee's uses decide for its callers', so nothing changes before all is decided.
    SmallVector<std::pair<BlockArgument, RankedTensorType>> changes;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (!func.isDeclaration())
        for (BlockArgument argument : func.getArguments())
          if (moe::ScaledType elements = elementsFor(argument))
            changes.emplace_back(
                argument,
                cast<RankedTensorType>(argument.getType()).clone(elements));
    for (auto [argument, type] : changes) {
      argument.setType(type);
      auto func = cast<func::FuncOp>(argument.getOwner()->getParentOp());
      func.setFunctionType(FunctionType::get(&getContext(),
                                             func.getBody().getArgumentTypes(),
                                             func.getResultTypes()));
    }
  }

  LogicalResult quantizeWeights() {
    DenseMap<StringAttr, SmallVector<moe::GetWeightOp>> reads;
    getOperation().walk([&](moe::GetWeightOp op) {
      reads[op.getWeightAttr().getAttr()].push_back(op);
    });
    for (auto weight :
         llvm::make_early_inc_range(getOperation().getOps<moe::WeightOp>()))
      if (failed(quantizeWeight(weight, reads[weight.getSymNameAttr()])))
        return failure();
    return success();
  }

  /// The reads of a weight whose uses are quantised get the weight in that type.
  LogicalResult quantizeWeight(moe::WeightOp weight,
                               ArrayRef<moe::GetWeightOp> reads) {
    llvm::MapVector<Type, SmallVector<OpOperand *>> uses;
    for (moe::GetWeightOp read : reads)
      for (OpOperand &use : read->getUses())
        uses[elementsFor(use)].push_back(&use);
    bool isOnlyUse = uses.size() == 1;
    for (auto &[elements, operands] : uses) {
      if (!elements)
        continue;
      auto type = cast<RankedTensorType>(weight.getType());
      if (!isa<FloatType>(type.getElementType()))
        return weight.emitOpError()
               << "expected elements of f32, bf16 or f16 to quantise, got "
               << type.getElementType()
               << ": the checkpoint is quantised already";
      moe::WeightOp quantized = weight;
      if (!isOnlyUse) {
        quantized = weight.clone();
        quantized.setSymName((weight.getSymName() + ".q" +
                              Twine(cast<moe::ScaledType>(elements)
                                        .getStored()
                                        .getIntOrFloatBitWidth()))
                                 .str());
        symbols->insert(quantized, std::next(weight->getIterator()));
      }
      quantized.setType(type.clone(elements));
      for (OpOperand *operand : operands) {
        OpBuilder builder(operand->getOwner());
        operand->set(moe::GetWeightOp::create(
            builder, operand->get().getLoc(), quantized.getType(),
            FlatSymbolRefAttr::get(quantized.getSymNameAttr())));
      }
    }
    for (moe::GetWeightOp read : reads)
      if (read->use_empty())
        read.erase();
    return success();
  }

  SymbolTable *symbols = nullptr;
};

} // namespace
