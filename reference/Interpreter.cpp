//===- Interpreter.cpp - Evaluates modules of moe operations --------------===//

#include "reference/Interpreter.h"

#include "dialects/check/Check.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace moec::reference {

/// A recursive function would otherwise end the process.
static constexpr size_t kMaxCallDepth = 64;
/// A splat is a few bytes of IR and any number of elements.
static constexpr int64_t kMaxConstantElements = int64_t(1) << 28;

Interpreter::Interpreter(ModuleOp module, WeightLoader loadWeight,
                         Observer observe)
    : module(module), loadWeight(std::move(loadWeight)),
      observe(std::move(observe)) {}

FailureOr<Values> Interpreter::call(StringRef name, ArrayRef<Value> arguments) {
  auto function = symbols.lookupNearestSymbolFrom<func::FuncOp>(
      module, StringAttr::get(module.getContext(), name));
  if (!function)
    return module.emitError() << "no function named @" << name;
  return call(function, arguments);
}

FailureOr<Values> Interpreter::call(func::FuncOp function,
                                    ArrayRef<Value> arguments) {
  if (function.isExternal())
    return function.emitError()
           << "cannot interpret @" << function.getName() << ": it has no body";
  if (arguments.size() != function.getNumArguments())
    return function.emitError()
           << "expected " << function.getNumArguments() << " arguments of @"
           << function.getName() << ", got " << arguments.size();
  llvm::DenseMap<mlir::Value, Value> values;
  for (auto [argument, value] :
       llvm::zip_equal(function.getArguments(), arguments)) {
    if (!value.conformsTo(argument.getType()))
      return function.emitError()
             << "argument " << argument.getArgNumber() << " of @"
             << function.getName() << " is no " << argument.getType();
    values[argument] = value;
  }

  auto lookup = [&](OperandRange operands) {
    return llvm::map_to_vector(
        operands, [&](mlir::Value operand) { return values.at(operand); });
  };
  for (Operation &op : function.front().without_terminator()) {
    Values operands = lookup(op.getOperands());
    FailureOr<Values> results = evaluate(&op, operands);
    if (failed(results))
      return failure();
    if (observe)
      observe({&op, operands, *results, path});
    for (auto [result, value] : llvm::zip_equal(op.getResults(), *results))
      values[result] = value;
  }
  Operation *terminator = function.front().getTerminator();
  if (!isa<func::ReturnOp>(terminator))
    return terminator->emitOpError("cannot be interpreted");
  return lookup(terminator->getOperands());
}

FailureOr<Values> Interpreter::evaluateCall(func::CallOp op,
                                            ArrayRef<Value> operands) {
  if (path.size() == kMaxCallDepth)
    return op.emitOpError()
           << "nests deeper than " << kMaxCallDepth << " calls";
  auto callee = symbols.lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getCalleeAttr().getAttr());
  path.push_back(op);
  FailureOr<Values> results = call(callee, operands);
  path.pop_back();
  return results;
}

static FailureOr<Values> evaluateConstant(arith::ConstantOp op) {
  auto elements = dyn_cast<DenseFPElementsAttr>(op.getValue());
  if (!elements)
    return op.emitOpError() << "cannot be interpreted: expected a dense tensor "
                               "of floats, got "
                            << op.getType();
  if (elements.getNumElements() > kMaxConstantElements)
    return op.emitOpError() << "cannot be interpreted: more than "
                            << kMaxConstantElements << " elements";
  return Values{tensorOf(elements)};
}

static FailureOr<Values> evaluateCast(tensor::CastOp op, const Value &operand) {
  if (!operand.conformsTo(op.getType()))
    return op.emitOpError() << "value is no " << op.getType();
  return Values{operand};
}

FailureOr<Values> Interpreter::evaluate(Operation *op,
                                        ArrayRef<Value> operands) {
  if (isa_and_present<moe::MoeDialect>(op->getDialect()))
    return evaluateMoe(*this, op, operands);
  if (isa_and_present<check::CheckDialect>(op->getDialect()))
    return evaluateCheck(op, operands);
  return TypeSwitch<Operation *, FailureOr<Values>>(op)
      .Case([&](func::CallOp op) { return evaluateCall(op, operands); })
      .Case([&](arith::ConstantOp op) { return evaluateConstant(op); })
      .Case([&](tensor::CastOp op) { return evaluateCast(op, operands[0]); })
      .Default([](Operation *op) {
        return op->emitOpError("cannot be interpreted");
      });
}

FailureOr<Value> Interpreter::weight(moe::GetWeightOp op) {
  auto weight = symbols.lookupNearestSymbolFrom<moe::WeightOp>(
      op, op.getWeightAttr().getAttr());
  auto [entry, isNew] = weights.try_emplace(weight);
  if (!isNew)
    return entry->second;
  if (!loadWeight)
    return op.emitOpError("cannot be interpreted: no weights are given");
  FailureOr<Tensor> tensor = loadWeight(weight);
  if (failed(tensor))
    return failure();
  Value value(std::move(*tensor));
  if (!value.conformsTo(weight.getType()))
    return weight.emitOpError("loaded value has another shape");
  return entry->second = value;
}

LogicalResult interpretModule(ModuleOp module) {
  Interpreter interpreter(module);
  bool found = false, passed = true;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal() || function.getNumArguments())
      continue;
    found = true;
    passed &= succeeded(interpreter.call(function, {}));
  }
  if (!found)
    return module.emitError("no function without arguments to interpret");
  return success(passed);
}

} // namespace moec::reference
