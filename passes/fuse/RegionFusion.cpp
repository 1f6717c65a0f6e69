//===- RegionFusion.cpp - What the fusion passes share ------------------------===//

#include "passes/fuse/RegionFusion.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace moec;
using namespace moec::kernel;

RowwiseOp moec::getElementwiseProducer(Value value) {
  auto op = value.getDefiningOp<RowwiseOp>();
  if (!op || op.getInPlace() || op.getSizes().size() != 1 ||
      op.getOutputMaps().size() != 1)
    return nullptr;
  auto type = cast<ShapedType>(value.getType());
  if (type.getRank() != 2 || type.getDimSize(1) != op.getSizes().front())
    return nullptr;
  auto map = cast<AffineMapAttr>(op.getOutputMaps()[0]).getValue();
  MLIRContext *context = op.getContext();
  if (map.getResult(0) != getAffineDimExpr(0, context) ||
      map.getResult(1) != getAffineDimExpr(1, context))
    return nullptr;
  return op;
}

SmallVector<Value> moec::inlineBody(OpBuilder &builder, Region &region,
                                    ValueRange arguments) {
  IRMapping mapping;
  mapping.map(region.getArguments(), arguments);
  for (Operation &op : region.front().without_terminator())
    builder.clone(op, mapping);
  SmallVector<Value> results;
  for (Value value : region.front().getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(value));
  return results;
}

std::optional<int64_t> moec::matchElement(AffineMap map, AffineExpr row) {
  if (map.getNumResults() != 2 || map.getResult(0) != row)
    return std::nullopt;
  AffineExpr begin = simplifyAffineExpr(
      map.getResult(1) - getAffineDimExpr(1, map.getContext()),
      map.getNumDims(), map.getNumSymbols());
  auto constant = dyn_cast<AffineConstantExpr>(begin);
  return constant ? std::optional<int64_t>(constant.getValue()) : std::nullopt;
}

std::optional<Access> moec::classifyAccess(AffineMap map, AffineExpr row) {
  if (map.getNumResults() == 1 && map.getResult(0) == row)
    return Access::Row;
  if (map.getNumResults() == 1 &&
      map.getResult(0) == getAffineDimExpr(1, map.getContext()))
    return Access::Column;
  if (matchElement(map, row) == 0)
    return Access::Element;
  return std::nullopt;
}
