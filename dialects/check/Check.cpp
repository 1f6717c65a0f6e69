//===- Check.cpp - The check dialect --------------------------------------===//
//
// The ids (c1, c2, …) are those of the descriptions in Check.td and of
// test/dialects/check/invalid.mlir.
//
//===----------------------------------------------------------------------===//

#include "dialects/check/Check.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallSet.h"

using namespace mlir;
using namespace moec::check;

#include "dialects/check/CheckDialect.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/check/CheckOps.cpp.inc"

void CheckDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/check/CheckOps.cpp.inc"
      >();
}

LogicalResult BatchOp::verify() {
  size_t size = getTokens().size();
  if (getPositions().size() != size || getSlots().size() != size) // c1
    return emitOpError() << "expected a position and a slot for each of "
                         << size << " tokens, got " << getPositions().size()
                         << " positions and " << getSlots().size() << " slots";
  for (ArrayRef<int64_t> values : {getTokens(), getPositions(), getSlots()})
    for (int64_t value : values)
      if (value < 0) // c2
        return emitOpError()
               << "expected no negative token, position or slot, got " << value;
  for (int64_t row : getOutputs())
    if (row < 0 || row >= int64_t(size)) // c3
      return emitOpError() << "expected outputs below " << size
                           << " (tokens of the step), got " << row;
  llvm::DenseMap<int64_t, int64_t> next;
  for (auto [slot, position] : llvm::zip(getSlots(), getPositions())) {
    if (position < next.lookup(slot)) // c4
      return emitOpError() << "expected growing positions in slot " << slot
                           << ", got " << position << " after "
                           << next.lookup(slot) - 1;
    next[slot] = position + 1;
  }
  return success();
}

LogicalResult RoutingOp::verify() {
  moe::RoutingType type = getType();
  if (getExperts().size() % type.getTopK()) // c1
    return emitOpError() << "expected " << type.getTopK()
                         << " experts for each token, got "
                         << getExperts().size() << " in all";
  if (getWeights().size() != getExperts().size()) // c2
    return emitOpError() << "expected a weight for each of "
                         << getExperts().size() << " experts, got "
                         << getWeights().size();
  for (ArrayRef<int64_t> rest = getExperts(); !rest.empty();
       rest = rest.drop_front(type.getTopK())) {
    llvm::SmallSet<int64_t, 8> seen;
    for (int64_t expert : rest.take_front(type.getTopK())) {
      if (expert < 0 || expert >= type.getExperts()) // c3
        return emitOpError() << "expected experts below " << type.getExperts()
                             << ", got " << expert;
      if (!seen.insert(expert).second) // c4
        return emitOpError() << "expected distinct experts for a token, got "
                             << expert << " twice";
    }
  }
  return success();
}

/// Of a value or a literal there is one, and the literal fits the tensor.
static LogicalResult verifyExpected(Operation *op, Type actual, Value expected,
                                    std::optional<ElementsAttr> literal) {
  if (bool(expected) == literal.has_value())
    return op->emitOpError(
        "expected either a value or a literal to compare with");
  auto tensor = cast<TensorType>(actual);
  Type other = literal ? literal->getType() : expected.getType();
  if (cast<ShapedType>(other).getElementType() !=
          tensor.getElementType() || // c1
      failed(verifyCompatibleShape(other, actual)))
    return op->emitOpError() << "expected something like " << actual
                             << " to compare with, got " << other;
  return success();
}

/// "not (tolerance < 0)" would let NaN pass.
static LogicalResult verifyTolerance(Operation *op, const APFloat &tolerance) {
  if (tolerance.convertToDouble() >= 0)
    return success();
  return op->emitOpError() << "expected a tolerance of at least 0, got "
                           << tolerance.convertToDouble();
}

LogicalResult ExpectEqualOp::verify() {
  return verifyExpected(*this, getActual().getType(), getExpected(),
                        getLiteral());
}

LogicalResult ExpectCloseOp::verify() {
  if (failed(verifyTolerance(*this, getTolerance()))) // c2
    return failure();
  return verifyExpected(*this, getActual().getType(), getExpected(),
                        getLiteral());
}

LogicalResult ExpectRoutingOp::verify() {
  if (getWeights().size() != getExperts().size()) // c1
    return emitOpError() << "expected a weight for each of "
                         << getExperts().size() << " experts, got "
                         << getWeights().size();
  return verifyTolerance(*this, getTolerance()); // c2
}
