//===- EvaluateCheck.cpp - Interprets inputs and expectations of tests ----===//

#include "reference/Interpreter.h"

#include "dialects/check/Check.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;

namespace moec::reference {

/// Enough digits to tell any two floats apart.
static std::string print(float value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", value);
  return text;
}

/// The indices of the i-th element: "[2, 0]".
static std::string printIndices(ArrayRef<int64_t> shape, int64_t i) {
  SmallVector<int64_t> indices(shape.size());
  for (int64_t d = shape.size(); d-- > 0; i /= shape[d])
    indices[d] = i % shape[d];
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(indices, os << '[');
  os << ']';
  return text;
}

/// Expects all elements to match, and says where the first ones differ that do
/// not.
static LogicalResult expect(Operation *op, const Tensor &actual,
                            const Tensor &expected,
                            function_ref<bool(float, float)> matches) {
  if (actual.shape != expected.shape) {
    auto diagnostic = op->emitOpError() << "expected shape ";
    llvm::interleave(expected.shape, diagnostic, "x");
    diagnostic << ", found ";
    llvm::interleave(actual.shape, diagnostic, "x");
    return diagnostic;
  }
  int64_t wrong = 0, first = 0;
  for (int64_t i = actual.data.size(); i-- > 0;)
    if (!matches(actual.data[i], expected.data[i])) {
      ++wrong;
      first = i;
    }
  if (!wrong)
    return success();
  return op->emitOpError() << "expected " << print(expected.data[first])
                           << " at " << printIndices(actual.shape, first)
                           << ", found " << print(actual.data[first]) << " ("
                           << wrong << " of " << actual.data.size()
                           << " elements differ)";
}

/// What an expectation compares with, given its operands.
template <typename ExpectOp>
static FailureOr<Tensor> expectedOf(ExpectOp op, ArrayRef<Value> operands) {
  if (op.getExpected())
    return operands[1].as<Tensor>();
  if (auto literal = dyn_cast<DenseFPElementsAttr>(*op.getLiteral()))
    return tensorOf(literal);
  return op.emitOpError("cannot be interpreted: expected a dense literal");
}

static bool isClose(float actual, float expected, double tolerance) {
  return std::abs(double(actual) - expected) <= tolerance;
}

static LogicalResult expectRouting(check::ExpectRoutingOp op,
                                   const Routing &routing) {
  int64_t choices = routing.rows().size();
  if (int64_t(op.getExperts().size()) != choices)
    return op.emitOpError() << "expected " << op.getExperts().size()
                            << " choices, found " << choices;
  double tolerance = op.getTolerance().convertToDouble();
  for (int64_t c = 0; c < choices; ++c) {
    int64_t expert = op.getExperts()[c];
    float weight = op.getWeights()[c];
    if (routing.expert(c) == expert &&
        isClose(routing.weight(c), weight, tolerance))
      continue;
    return op.emitOpError()
           << "expected choice " << c % routing.topK() << " of token "
           << routing.token(c) << " to be expert " << expert << " with weight "
           << print(weight) << ", found expert " << routing.expert(c)
           << " with weight " << print(routing.weight(c));
  }
  return success();
}

FailureOr<Values> evaluateCheck(Operation *op, ArrayRef<Value> operands) {
  using Outcome = FailureOr<Values>;
  auto outcome = [](LogicalResult result) -> Outcome {
    if (failed(result))
      return failure();
    return Values{};
  };
  return TypeSwitch<Operation *, Outcome>(op)
      .Case([&](check::BatchOp op) -> Outcome {
        return Values{Batch{op.getTokens(), op.getPositions(), op.getSlots(),
                            op.getOutputs()}};
      })
      .Case([&](check::CacheOp op) -> Outcome {
        return Values{Cache{op.getType().getParts(), {}}};
      })
      .Case([&](check::RoutingOp op) -> Outcome {
        return Values{Routing(op.getType().getExperts(), op.getType().getTopK(),
                              op.getExperts(), op.getWeights())};
      })
      .Case([&](check::ExpectEqualOp op) -> Outcome {
        FailureOr<Tensor> expected = expectedOf(op, operands);
        if (failed(expected))
          return failure();
        return outcome(expect(
            op, operands[0].as<Tensor>(), *expected, [](float a, float b) {
              return llvm::bit_cast<uint32_t>(a) == llvm::bit_cast<uint32_t>(b);
            }));
      })
      .Case([&](check::ExpectCloseOp op) -> Outcome {
        FailureOr<Tensor> expected = expectedOf(op, operands);
        if (failed(expected))
          return failure();
        double tolerance = op.getTolerance().convertToDouble();
        return outcome(
            expect(op, operands[0].as<Tensor>(), *expected,
                   [&](float a, float b) { return isClose(a, b, tolerance); }));
      })
      .Case([&](check::ExpectRoutingOp op) -> Outcome {
        return outcome(expectRouting(op, operands[0].as<Routing>()));
      })
      .Default([](Operation *op) {
        return op->emitOpError("cannot be interpreted");
      });
}

} // namespace moec::reference
