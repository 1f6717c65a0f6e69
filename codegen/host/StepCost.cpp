//===- StepCost.cpp - What a step reads and computes --------------------------===//

#include "codegen/host/StepCost.h"
#include "dialects/kernel/Kernel.h"
#include "dialects/moe/Moe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace moec;
using namespace moec::host;
using namespace moec::kernel;

namespace {

/// A function that is being looked at, and the call that led there; @step was not called.
struct Frame {
  func::CallOp call;
  const Frame *caller = nullptr;
};

/// How many rows a buffer has: a multiple of the tokens of the step, or of its outputs.
struct Rows {
  bool ofOutputs = false;
  int64_t factor = 1;
};

class CostBuilder {
public:
  explicit CostBuilder(func::FuncOp step) : step(step) {}

  StepCost build() {
    visitFunction(step, Frame());
    return std::move(cost);
  }

private:
  void visitFunction(func::FuncOp func, const Frame &frame) {
    func.walk([&](Operation *op) {
      if (auto call = dyn_cast<func::CallOp>(op)) {
        auto callee =
            step->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(
                call.getCallee());
        if (callee && !callee.isDeclaration())
          visitFunction(callee, {call, &frame});
      } else if (auto task = dyn_cast<TaskInterface>(op)) {
        visitTask(task, frame);
      }
    });
  }

  void visitTask(TaskInterface task, const Frame &frame) {
    Rows rows = rowsOf(task, frame);
    for (const MemoryAccess &access : task.getMemoryAccesses())
      if (!access.isWrite)
        if (auto weight = weightAt(access.buffer, frame)) {
          WeightUse use = useOf(task, access.buffer, rows);
          auto key =
              std::make_tuple(weight.getWeightAttr().getAttr(),
                              int64_t(use.ofOutputs), use.choices, use.chosen);
          if (seen.insert(key).second)
            entryFor(use).bytes +=
                moe::getStorageBytes(cast<ShapedType>(weight.getType()));
        }
    if (auto gemm = dyn_cast<GemmOp>(*task))
      entryFor(useOf(task, gemm.getWeight(), rows)).multiplyAdds +=
          rows.factor * gemm.getN() * gemm.getK() * int64_t(gemm.getHeads()) *
          int64_t(gemm.getParts());
    if (auto attention = dyn_cast<AttentionOp>(*task))
      visitAttention(attention);
  }

  void visitAttention(AttentionOp op) {
    int64_t kvHeads = op.getKvHeads(), key = op.getKey(), value = op.getValue();
    cost.attentionMultiplyAdds += int64_t(op.getHeads()) * (key + value);
    // Keys and values may overlap: a latent is both.
    int64_t keyBegin = op.getKeyBegin(), keyEnd = keyBegin + kvHeads * key;
    int64_t valueBegin = op.getValueBegin(),
            valueEnd = valueBegin + kvHeads * value;
    int64_t shared = std::max<int64_t>(0, std::min(keyEnd, valueEnd) -
                                              std::max(keyBegin, valueBegin));
    int64_t elements = kvHeads * (key + value) - shared;
    auto cache = cast<ShapedType>(op.getCache().getType());
    cost.attentionBytes += moe::getStorageBytes(
        MemRefType::get({elements}, cache.getElementType()));
  }

  /// How `task` uses the weight `buffer`; without sizes.
  WeightUse useOf(TaskInterface task, Value buffer, Rows rows) {
    WeightUse use;
    use.ofOutputs = rows.ofOutputs;
    auto type = cast<ShapedType>(buffer.getType());
    int64_t experts = task.getRoutedExperts();
    if (experts && type.getRank() > 1 && type.getDimSize(0) == experts) {
      use.choices = experts;
      use.chosen = std::min(rows.factor, experts);
    } else if (auto rowwise = dyn_cast<RowwiseOp>(*task);
               rowwise && gathersRows(rowwise, buffer)) {
      int64_t row = llvm::product_of(rowwise.getSizes());
      use.choices = std::max<int64_t>(1, type.getNumElements() / row);
    }
    return use;
  }

  /// Whether each row of `op` reads a part of `buffer` that an index chooses.
  static bool gathersRows(RowwiseOp op, Value buffer) {
    for (auto [input, map] :
         llvm::zip(op.getInputs(),
                   op.getInputMaps().getAsValueRange<AffineMapAttr>()))
      if (input == buffer && llvm::any_of(map.getResults(), hasSymbol))
        return true;
    return false;
  }

  static bool hasSymbol(AffineExpr expression) {
    return expression
        .walk([](AffineExpr part) {
          return isa<AffineSymbolExpr>(part) ? WalkResult::interrupt()
                                             : WalkResult::advance();
        })
        .wasInterrupted();
  }

  WeightUse &entryFor(const WeightUse &use) {
    for (WeightUse &entry : cost.weights)
      if (entry.ofOutputs == use.ofOutputs && entry.choices == use.choices &&
          entry.chosen == use.chosen)
        return entry;
    cost.weights.push_back(use);
    return cost.weights.back();
  }

  /// Follows arguments of functions to what their callers hand in.
  static std::pair<Value, const Frame *> resolve(Value value,
                                                 const Frame *frame) {
    while (auto argument = dyn_cast<BlockArgument>(value)) {
      if (!frame->caller)
        break;
      func::CallOp call = frame->call;
      value = call.getOperand(argument.getArgNumber());
      frame = frame->caller;
    }
    return {value, frame};
  }

  static WeightOp weightAt(Value buffer, const Frame &frame) {
    return resolve(buffer, &frame).first.getDefiningOp<WeightOp>();
  }

  Rows rowsOf(TaskInterface task, const Frame &frame) {
    Value extent = task.getRowExtent();
    if (!extent)
      return {};
    std::optional<Rows> rows = rowsOf(extent, &frame);
    if (!rows)
      task->emitWarning(
          "cannot tell how many rows this kernel has; performance figures "
          "count one for each token");
    return rows.value_or(Rows());
  }

  std::optional<Rows> rowsOf(Value buffer, const Frame *frame) {
    std::tie(buffer, frame) = resolve(buffer, frame);
    if (auto view = buffer.getDefiningOp<memref::ViewOp>())
      return view.getSizes().empty() ? std::nullopt
                                     : extentOf(view.getSizes().front(), frame);
    auto argument = dyn_cast<BlockArgument>(buffer);
    if (!argument)
      return std::nullopt;
    // Arena, tokens, positions, cache rows, output rows, caches, logits.
    unsigned number = argument.getArgNumber();
    if (number >= 1 && number <= 3)
      return Rows();
    if (number == 4 || number + 1 == step.getNumArguments())
      return Rows{/*ofOutputs=*/true};
    return std::nullopt;
  }

  std::optional<Rows> extentOf(Value extent, const Frame *frame) {
    std::tie(extent, frame) = resolve(extent, frame);
    if (auto dim = extent.getDefiningOp<memref::DimOp>())
      return rowsOf(dim.getSource(), frame);
    auto product = extent.getDefiningOp<arith::MulIOp>();
    if (!product)
      return std::nullopt;
    APInt factor;
    for (auto [constant, other] :
         {std::pair(product.getRhs(), product.getLhs()),
          std::pair(product.getLhs(), product.getRhs())})
      if (matchPattern(constant, m_ConstantInt(&factor)))
        if (std::optional<Rows> rows = extentOf(other, frame)) {
          rows->factor *= factor.getSExtValue();
          return rows;
        }
    return std::nullopt;
  }

  func::FuncOp step;
  StepCost cost;
  /// Weights that are counted already, by name and use.
  DenseSet<std::tuple<StringAttr, int64_t, int64_t, int64_t>> seen;
};

} // namespace

StepCost moec::host::computeStepCost(func::FuncOp step) {
  return CostBuilder(step).build();
}
