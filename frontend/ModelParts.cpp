//===- ModelParts.cpp - What the weights of a module are for --------------===//

#include "frontend/ModelParts.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace moec;
using namespace mlir;

llvm::StringRef moec::modelPartName(ModelPart part) {
  switch (part) {
  case ModelPart::Embedding:
    return "embedding";
  case ModelPart::Attention:
    return "attention";
  case ModelPart::Router:
    return "router";
  case ModelPart::Experts:
    return "experts";
  case ModelPart::SharedExperts:
    return "shared_experts";
  case ModelPart::DenseMlp:
    return "dense_mlp";
  case ModelPart::Norms:
    return "norms";
  case ModelPart::Head:
    return "head";
  case ModelPart::Other:
    return "other";
  }
  llvm_unreachable("unknown part");
}

/// Whether an operation of this kind uses the value directly.
template <typename Op>
static bool feeds(Value value) {
  return llvm::any_of(value.getUsers(),
                      [](Operation *user) { return isa<Op>(user); });
}

/// The part that a linear map computes: of an MLP if it stands beside a gated
/// linear unit, of the router if it gives its logits, of what it gates if it is
/// a gate; in a step itself it is the head, and what remains of a layer is
/// attention.
static ModelPart partOf(moe::LinearOp linear) {
  auto function = linear->getParentOfType<func::FuncOp>();
  if (function.getName() == moe::kStepFunction)
    return ModelPart::Head;
  Value result = linear.getResult();
  if (feeds<moe::RouteOp>(result))
    return ModelPart::Router;
  for (Operation *user : result.getUsers())
    if (auto gate = dyn_cast<moe::SigmoidGateOp>(user))
      if (gate.getGate() == result)
        if (auto gated = gate.getInput().getDefiningOp<moe::LinearOp>())
          return partOf(gated);
  bool isMlp = feeds<moe::GluOp>(result) ||
               linear.getInput().getDefiningOp<moe::GluOp>();
  if (!isMlp)
    return ModelPart::Attention;
  // An MLP beside routed experts is shared by all tokens.
  return function.getOps<moe::RouteOp>().empty() ? ModelPart::DenseMlp
                                                 : ModelPart::SharedExperts;
}

/// What the operation that owns `operand` does with the weight in it.
static WeightUse describeUse(OpOperand &operand) {
  WeightUse use;
  use.part = ModelPart::Other;
  llvm::TypeSwitch<Operation *>(operand.getOwner())
      .Case([&](moe::EmbeddingOp) { use.part = ModelPart::Embedding; })
      .Case([&](moe::RmsNormOp) { use.part = ModelPart::Norms; })
      .Case([&](moe::RouteOp) {
        use.part = ModelPart::Router;
        use.isBias = true;
      })
      .Case([&](moe::ExpertLinearOp op) {
        use.part = ModelPart::Experts;
        use.topK = op.getRouting().getType().getTopK();
      })
      .Case<moe::MlaOp, moe::HeadLinearOp>(
          [&](Operation *) { use.part = ModelPart::Attention; })
      .Case([&](moe::LinearOp op) {
        use.part = partOf(op);
        use.isBias = operand.get() == op.getBias();
        use.isHead = use.part == ModelPart::Head;
      });
  return use;
}

Result<std::vector<WeightUse>> moec::findWeightUses(ModuleOp module) {
  llvm::MapVector<StringAttr, std::optional<WeightUse>> uses;
  llvm::DenseMap<StringAttr, moe::WeightOp> weights;
  for (auto weight : module.getOps<moe::WeightOp>()) {
    uses.insert({weight.getSymNameAttr(), std::nullopt});
    weights[weight.getSymNameAttr()] = weight;
  }
  auto record = [&](moe::GetWeightOp get, OpOperand &operand) {
    StringAttr name = get.getWeightAttr().getAttr();
    WeightUse use = describeUse(operand);
    use.weight = weights.lookup(name);
    std::optional<WeightUse> &known = uses[name];
    if (known)
      known->isHead |= use.isHead;
    else
      known = use;
  };
  SymbolTableCollection symbols;
  module.walk([&](moe::GetWeightOp get) {
    for (OpOperand &operand : get.getResult().getUses()) {
      auto call = dyn_cast<func::CallOp>(operand.getOwner());
      if (!call) {
        record(get, operand);
        continue;
      }
      auto callee = symbols.lookupNearestSymbolFrom<func::FuncOp>(
          call, call.getCalleeAttr());
      Value argument = callee.getArgument(operand.getOperandNumber());
      for (OpOperand &inner : argument.getUses())
        record(get, inner);
    }
  });

  std::vector<WeightUse> result;
  for (auto &[name, use] : uses) {
    if (!use)
      return Status::error("weight '" + name.str() + "': nothing uses it");
    result.push_back(*use);
  }
  return result;
}
