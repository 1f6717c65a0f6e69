//===- EvaluateMoe.cpp - Interprets moe operations ------------------------===//
//
// Unpacks operands and attributes for the functions of Ops.h, and checks what
// types cannot say: how many rows a tensor has, which tokens a batch holds and
// which positions a cache has seen.
//
//===----------------------------------------------------------------------===//

#include "reference/Interpreter.h"
#include "reference/Ops.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moec::moe;

namespace moec::reference {

/// How many rows the row operands of `op` have: as many as its batch or routing
/// says, or as many as the first of them.
static std::optional<int64_t> rowsOf(Operation *op, ArrayRef<Value> operands) {
  for (const Value &operand : operands) {
    if (operand.is<Batch>())
      return operand.as<Batch>().size();
    if (operand.is<Routing>())
      return isa<DispatchOp>(op) ? operand.as<Routing>().tokens()
                                 : operand.as<Routing>().rows().size();
  }
  for (auto [operand, type] : llvm::zip(operands, op->getOperandTypes()))
    if (auto tensor = dyn_cast<RankedTensorType>(type);
        tensor && tensor.isDynamicDim(0))
      return operand.as<Tensor>().size(0);
  return std::nullopt;
}

static LogicalResult checkRows(Operation *op, ArrayRef<Value> operands) {
  std::optional<int64_t> rows = rowsOf(op, operands);
  for (auto [i, type] : llvm::enumerate(op->getOperandTypes())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (tensor && tensor.isDynamicDim(0) &&
        operands[i].as<Tensor>().size(0) != *rows)
      return op->emitOpError()
             << "expected " << *rows << " rows of operand " << i << ", got "
             << operands[i].as<Tensor>().size(0);
  }
  return success();
}

static LogicalResult checkTokens(Operation *op, const Batch &batch,
                                 const Tensor &table) {
  for (int64_t token : batch.tokens)
    if (token < 0 || token >= table.size(0))
      return op->emitOpError() << "expected tokens below " << table.size(0)
                               << " (rows of the table), got " << token;
  return success();
}

/// Every token sees all positions of its sequence up to its own.
static LogicalResult checkSeen(Operation *op, const Batch &batch,
                               const Cache &cache) {
  for (int64_t t = 0; t < batch.size(); ++t)
    for (int64_t j = 0; j <= batch.positions[t]; ++j)
      if (!cache.rows.count({batch.slots[t], j}))
        return op->emitOpError() << "the cache has not seen position " << j
                                 << " of slot " << batch.slots[t];
  return success();
}

/// Width of the result.
static int64_t columns(Operation *op) {
  return cast<RankedTensorType>(op->getResult(0).getType()).getDimSize(1);
}

FailureOr<Values> evaluateMoe(Interpreter &interpreter, Operation *op,
                              ArrayRef<Value> operands) {
  if (failed(checkRows(op, operands)))
    return failure();
  auto tensor = [&](unsigned i) -> const Tensor & {
    return operands[i].as<Tensor>();
  };
  auto optionalTensor = [&](unsigned i) {
    return i < operands.size() ? &tensor(i) : nullptr;
  };
  auto batch = [&](unsigned i) -> const Batch & {
    return operands[i].as<Batch>();
  };
  auto cache = [&](unsigned i) -> const Cache & {
    return operands[i].as<Cache>();
  };
  auto routing = [&](unsigned i) -> const Routing & {
    return operands[i].as<Routing>();
  };
  using Outcome = FailureOr<Values>;

  return TypeSwitch<Operation *, Outcome>(op)
      .Case([&](GetWeightOp op) -> Outcome {
        FailureOr<Value> weight = interpreter.weight(op);
        if (failed(weight))
          return failure();
        return Values{*weight};
      })
      // Rows.
      .Case([&](EmbeddingOp op) -> Outcome {
        if (failed(checkTokens(op, batch(1), tensor(0))))
          return failure();
        return Values{embedding(tensor(0), batch(1))};
      })
      .Case([&](OutputRowsOp op) -> Outcome {
        return Values{outputRows(tensor(0), batch(1))};
      })
      .Case([&](RmsNormOp op) -> Outcome {
        return Values{rmsNorm(tensor(0), tensor(1),
                              op.getEps().convertToDouble(), op.getHeads())};
      })
      .Case([&](RoundOp) -> Outcome { return Values{round(tensor(0))}; })
      .Case([&](LinearOp op) -> Outcome {
        return Values{linear(tensor(0), tensor(1), optionalTensor(2))};
      })
      .Case([&](HeadLinearOp op) -> Outcome {
        return Values{headLinear(tensor(0), tensor(1), op.getTransposed())};
      })
      .Case([&](GluOp op) -> Outcome {
        return Values{glu(op.getActivation(), tensor(0))};
      })
      .Case([&](AddOp op) -> Outcome {
        return Values{add(tensor(0), tensor(1))};
      })
      .Case([&](SigmoidGateOp op) -> Outcome {
        return Values{sigmoidGate(tensor(0), tensor(1))};
      })
      .Case([&](SliceOp op) -> Outcome {
        return Values{
            slice(tensor(0), op.getBegin(), columns(op), op.getHeads())};
      })
      .Case([&](ConcatOp op) -> Outcome {
        return Values{concat(tensor(0), tensor(1), op.getHeads())};
      })
      // Attention.
      .Case([&](RopeTableOp op) -> Outcome {
        return Values{ropeTable(op.getRope(), batch(0))};
      })
      .Case([&](RopeOp op) -> Outcome {
        return Values{rope(op.getPairs(), tensor(0), tensor(1), op.getHeads(),
                           op.getBegin())};
      })
      .Case([&](CacheAppendOp op) -> Outcome {
        SmallVector<const Tensor *> parts;
        for (unsigned i = 0; i < op.getParts().size(); ++i)
          parts.push_back(&tensor(1 + i));
        return Values{
            cacheAppend(cache(0), parts, operands.back().as<Batch>())};
      })
      .Case([&](AttentionOp op) -> Outcome {
        if (failed(checkSeen(op, batch(2), cache(1))))
          return failure();
        AttentionShape shape = {
            int64_t(op.getHeads()), int64_t(op.getKvHeads()),
            int64_t(op.getKeyParts()), int64_t(op.getValuePart()),
            op.getScale().convertToDouble()};
        if (op.getRounded())
          return Values{
              attention(round(tensor(0)), round(cache(1)), batch(2), shape)};
        return Values{attention(tensor(0), cache(1), batch(2), shape)};
      })
      .Case([&](MlaOp op) -> Outcome {
        if (failed(checkSeen(op, batch(4), cache(1))))
          return failure();
        return Values{mla(tensor(0), cache(1), tensor(2), tensor(3), batch(4),
                          op.getScale().convertToDouble())};
      })
      // Experts.
      .Case([&](RouteOp op) -> Outcome {
        RouteRule rule = {op.getScore(), op.getGroups(), op.getRenormalize(),
                          op.getScale().convertToDouble()};
        return Values{route(tensor(0), optionalTensor(1),
                            op.getRouting().getType().getTopK(), rule)};
      })
      .Case([&](DispatchOp op) -> Outcome {
        return Values{dispatch(tensor(0), routing(1))};
      })
      .Case([&](ExpertLinearOp op) -> Outcome {
        return Values{expertLinear(tensor(0), tensor(1), routing(2))};
      })
      .Case([&](CombineOp op) -> Outcome {
        return Values{combine(tensor(0), routing(1))};
      })
      .Default([](Operation *op) {
        return op->emitOpError("cannot be interpreted");
      });
}

} // namespace moec::reference
