//===- KernelOps.cpp - Verifiers of the kernel operations ---------------------===//
//
// The ids (c1, c2, …) recur in test/dialects/kernel/invalid.mlir.
//
//===------------------------------------------------------------------------===//

#include "dialects/kernel/Kernel.h"

#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moec::kernel;

#define GET_OP_CLASSES
#include "dialects/kernel/KernelOps.cpp.inc"

//===--------------------------------------------------------------------------===//
// Shared checks
//===--------------------------------------------------------------------------===//

/// Over tensors a kernel has a result for each init, over memrefs none; the two are not mixed.
static LogicalResult verifyInits(Operation *op, size_t expectedInits) {
  auto dps = cast<DestinationStyleOpInterface>(op);
  if (dps.getDpsInits().size() != expectedInits)
    return op->emitOpError() << "expected " << expectedInits << " inits, got "
                             << dps.getDpsInits().size();
  if (!dps.hasPureTensorSemantics() && !dps.hasPureBufferSemantics())
    return op->emitOpError("expected tensors or memrefs, not both");
  return success();
}

static LogicalResult expectRank(Operation *op, StringRef what, Value value,
                                int64_t expected) {
  int64_t found = cast<ShapedType>(value.getType()).getRank();
  if (found == expected)
    return success();
  return op->emitOpError() << "expected " << what << " of rank " << expected
                           << ", got " << value.getType();
}

static LogicalResult expectPositive(Operation *op, StringRef what,
                                    int64_t value) {
  if (value > 0)
    return success();
  return op->emitOpError() << "expected positive " << what << ", got " << value;
}

/// A region takes `expected` arguments and yields `results` values.
static LogicalResult verifyRegion(Operation *op, Region &region, StringRef name,
                                  TypeRange expected, size_t results) {
  if (region.getArgumentTypes() != expected)
    return op->emitOpError()
           << "expected arguments (" << expected << ") of the " << name
           << ", got (" << region.getArgumentTypes() << ")";
  auto yield = dyn_cast<YieldOp>(region.front().getTerminator());
  if (!yield || yield->getNumOperands() != results)
    return op->emitOpError()
           << "expected the " << name << " to yield " << results << " values";
  for (Operation &inner : region.front().without_terminator())
    if (!isa<arith::ArithDialect, math::MathDialect>(inner.getDialect()))
      return op->emitOpError() << "expected only arith and math in the " << name
                               << ", got " << inner.getName();
  return success();
}

static void addElementTypes(SmallVectorImpl<Type> &types, ValueRange values) {
  for (Value value : values)
    types.push_back(cast<ShapedType>(value.getType()).getElementType());
}

static LogicalResult verifyAccess(Operation *op, StringRef name,
                                  ValueRange operands, ArrayAttr access) {
  if (operands.size() != access.size())
    return op->emitOpError()
           << "expected an access for each of the " << operands.size()
           << " operands of the " << name << ", got " << access.size();
  for (auto [operand, kind] :
       llvm::zip(operands, access.getAsRange<AccessAttr>())) {
    int64_t rank = kind.getValue() == Access::Element ? 2 : 1;
    if (cast<ShapedType>(operand.getType()).getRank() != rank)
      return op->emitOpError()
             << "expected an operand of rank " << rank << " for access "
             << stringifyAccess(kind.getValue()) << ", got "
             << operand.getType();
  }
  return success();
}

static LogicalResult expectColumns(Operation *op, StringRef what, Value value,
                                   int64_t expected) {
  int64_t found = cast<ShapedType>(value.getType()).getShape().back();
  if (found == expected)
    return success();
  return op->emitOpError() << "expected " << what << " to be " << expected
                           << " wide, got " << found;
}

//===--------------------------------------------------------------------------===//
// gemm
//===--------------------------------------------------------------------------===//

std::pair<int64_t, int64_t> GemmOp::getInputColumns() {
  if (auto columns = getIn())
    return {columns->getBegin(), columns->getStride()};
  return {0, getK()};
}

Type GemmOp::getInputElement() {
  if (getPrologue().empty())
    return getInput().getType().getElementType();
  return getPrologue().front().getTerminator()->getOperand(0).getType();
}

int64_t GemmOp::getN() {
  // The last panel may be padded: the result says how many columns there are.
  auto init = cast<ShapedType>(getInits().front().getType());
  return init.getDimSize(1) / int64_t(getHeads());
}

LogicalResult GemmOp::verify() {
  if (failed(verifyInits(*this, 1)) ||
      failed(verifyAccess(*this, "prologue", getPrologueIns(),
                          getPrologueAccess())) ||
      failed(verifyAccess(*this, "epilogue", getEpilogueIns(),
                          getEpilogueAccess())))
    return failure();
  if (failed(expectPositive(*this, "heads", getHeads())) ||        // c8
      failed(expectRank(*this, "an input", getInput(), 2)) ||      // c9
      failed(expectRank(*this, "an init", getInits().front(), 2))) // c10
    return failure();
  if (getParts() != 1 && getParts() != 2) // c11
    return emitOpError() << "expected 1 or 2 parts, got " << getParts();
  bool stacked = getHeads() > 1 || getGroups();
  ArrayRef<int64_t> weight = getWeight().getType().getShape();
  if (int64_t(weight.size()) != (stacked ? 4 : 3)) // c1
    return emitOpError() << "expected a weight of rank " << (stacked ? 4 : 3)
                         << " in panels, got " << getWeight().getType();
  if (failed(expectPositive(*this, "panel width", getPanelWidth()))) // c12
    return failure();
  auto [begin, stride] = getInputColumns();
  int64_t lastColumn = begin + (int64_t(getHeads()) - 1) * stride + getK();
  int64_t inputColumns = getInput().getType().getDimSize(1);
  if (begin < 0 || stride < 0 || lastColumn > inputColumns) // c13
    return emitOpError() << "expected an input of at least " << lastColumn
                         << " columns (based on the weight), got "
                         << inputColumns;
  if (getHeads() > 1 && weight[0] != int64_t(getHeads())) // c2
    return emitOpError() << "expected a matrix for each of " << getHeads()
                         << " heads, got " << weight[0];
  if (getHeads() > 1 && getGroups()) // c3
    return emitOpError("expected heads or groups, not both");
  int64_t panels = weight.take_back(3)[0], parts = getParts();
  int64_t panelsNeeded = llvm::divideCeil(getN(), getPanelWidth()) * parts;
  if (panels != panelsNeeded) // c4
    return emitOpError() << "expected " << panelsNeeded << " panels for "
                         << getN() << " columns of " << parts << " parts, got "
                         << panels;
  Type f32 = Float32Type::get(getContext());
  if (!getPrologue().empty()) {
    SmallVector<Type> types{getInput().getType().getElementType()};
    addElementTypes(types, getPrologueIns());
    if (failed(verifyRegion(*this, getPrologue(), "prologue", types, 1))) // c5
      return failure();
  }
  if (!getEpilogue().empty()) {
    SmallVector<Type> types(parts, f32);
    addElementTypes(types, getEpilogueIns());
    if (failed(verifyRegion(*this, getEpilogue(), "epilogue", types, 1))) // c6
      return failure();
  } else if (parts != 1) {
    return emitOpError("expected an epilogue that joins the parts"); // c7
  }
  return success();
}

//===--------------------------------------------------------------------------===//
// Row kernels
//===--------------------------------------------------------------------------===//

LogicalResult RowReduceOp::verify() {
  if (failed(verifyInits(*this, 1)))
    return failure();
  if (failed(expectPositive(*this, "heads", getHeads())) || // c3
      failed(expectRank(*this, "an input", getInput(), 2))) // c4
    return failure();
  if (getInput().getType().getDimSize(1) % int64_t(getHeads())) // c1
    return emitOpError() << "expected heads to divide the row, got "
                         << getHeads() << " heads in " << getInput().getType();
  Type f32 = Float32Type::get(getContext());
  return verifyRegion(*this, getEpilogue(), "epilogue", {f32}, 1); // c2
}

LogicalResult RowwiseOp::verify() {
  if (failed(verifyInits(*this, 1)))
    return failure();
  unsigned dims = 1 + getSizes().size();
  if (getInputs().size() != getInputMaps().size()) // c1
    return emitOpError() << "expected a map for each of " << getInputs().size()
                         << " inputs, got " << getInputMaps().size();
  auto checkMap = [&](AffineMap map, Value operand) -> LogicalResult { // c2
    int64_t rank = cast<ShapedType>(operand.getType()).getRank();
    if (map.getNumDims() != dims ||
        map.getNumSymbols() != getIndices().size() ||
        map.getNumResults() != rank)
      return emitOpError() << "expected maps of " << dims << " dimensions and "
                           << getIndices().size() << " symbols to rank " << rank
                           << ", got " << AffineMapAttr::get(map);
    return success();
  };
  SmallVector<Type> types;
  for (auto [input, map] :
       llvm::zip(getInputs(), getInputMaps().getAsValueRange<AffineMapAttr>()))
    if (failed(checkMap(map, input)))
      return failure();
  addElementTypes(types, getInputs());
  Value init = getInits().front();
  for (AffineMap map : getOutputMaps().getAsValueRange<AffineMapAttr>()) {
    if (failed(checkMap(map, init)))
      return failure();
    if (getInPlace())
      addElementTypes(types, init);
  }
  return verifyRegion(*this, getBody(), "body", types, // c3
                      getOutputMaps().size());
}

//===--------------------------------------------------------------------------===//
// Attention
//===--------------------------------------------------------------------------===//

LogicalResult AttentionOp::verify() {
  if (failed(verifyInits(*this, 1)) ||
      failed(expectRank(*this, "a query", getQuery(), 2)) ||       // c5
      failed(expectRank(*this, "a cache", getCache(), 2)) ||       // c6
      failed(expectRank(*this, "an init", getInits().front(), 2))) // c7
    return failure();
  if (failed(expectColumns(*this, "the query", getQuery(), // c1
                           getHeads() * getKey())) ||
      failed(expectColumns(*this, "the result", getInits().front(), // c2
                           getHeads() * getValue())))
    return failure();
  if (getKvHeads() < 1 || getHeads() % getKvHeads()) // c3
    return emitOpError() << "expected kv_heads to divide heads, got "
                         << getKvHeads() << " and " << getHeads();
  int64_t width = getCache().getType().getDimSize(1);
  int64_t keyEnd = getKeyBegin() + getKvHeads() * getKey();
  int64_t valueEnd = getValueBegin() + getKvHeads() * getValue();
  if (keyEnd > width || valueEnd > width) // c4
    return emitOpError() << "expected keys and values in a row of " << width
                         << ", got them end at " << keyEnd << " and "
                         << valueEnd;
  return success();
}

//===--------------------------------------------------------------------------===//
// Experts
//===--------------------------------------------------------------------------===//

LogicalResult RouteOp::verify() {
  if (failed(verifyInits(*this, 2)) ||
      failed(expectRank(*this, "logits", getLogits(), 2))) // c4
    return failure();
  int64_t experts = getExperts(), topK = getTopK();
  if (topK < 1 || topK > experts) // c1
    return emitOpError() << "expected 1 <= top_k <= " << experts << ", got "
                         << topK;
  if (int64_t groups = getGroupCount(); groups && experts % groups) // c2
    return emitOpError() << "expected groups to divide " << experts
                         << " experts, got " << groups;
  for (Value init : getInits())
    if (failed(expectColumns(*this, "the init", init, topK))) // c3
      return failure();
  return success();
}

LogicalResult GroupOp::verify() { return verifyInits(*this, 5); }

LogicalResult CombineOp::verify() {
  if (failed(verifyInits(*this, 1)) ||
      failed(verifyAccess(*this, "epilogue", getEpilogueIns(),
                          getEpilogueAccess())))
    return failure();
  if (getEpilogue().empty())
    return success();
  SmallVector<Type> types{Float32Type::get(getContext())};
  addElementTypes(types, getEpilogueIns());
  return verifyRegion(*this, getEpilogue(), "epilogue", types, 1); // c1
}

//===--------------------------------------------------------------------------===//
// graph
//===--------------------------------------------------------------------------===//

LogicalResult GraphOp::verify() {
  for (auto [index, op] : llvm::enumerate(getBody().front())) {
    if (!isa<TaskInterface>(op)) // c1
      return op.emitOpError("is no kernel, and only kernels stand in a graph");
    auto waits = op.getAttrOfType<ArrayAttr>(TaskInterface::kWaits);
    if (!waits) // c2
      return op.emitOpError("expected 'waits' in a graph");
    if (!llvm::all_of(waits, llvm::IsaPred<WaitAttr>)) // c4
      return op.emitOpError("expected a list of waits");
    auto tiles = op.getAttrOfType<DenseI64ArrayAttr>(TaskInterface::kTiles);
    if (tiles && (tiles.size() != 2 || tiles[0] < 1 || tiles[1] < 1)) // c5
      return op.emitOpError("expected tiles of positive rows and columns");
    for (WaitAttr wait : waits.getAsRange<WaitAttr>())
      if (wait.getProducer() < 0 || wait.getProducer() >= int64_t(index)) // c3
        return op.emitOpError()
               << "expected to wait for a kernel before it (" << index
               << " of them), got " << wait.getProducer();
  }
  return success();
}
