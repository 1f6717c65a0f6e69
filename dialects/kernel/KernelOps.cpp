//===- KernelOps.cpp - Verifiers of the kernel operations ---------------------===//
//
// The ids (c1, c2, …) recur in test/dialects/kernel/invalid.mlir.
//
//===------------------------------------------------------------------------===//

#include "dialects/kernel/Kernel.h"
#include "dialects/kernel/KernelMaps.h"

#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moec::kernel;

#define GET_OP_CLASSES
#include "dialects/kernel/KernelOps.cpp.inc"

//===--------------------------------------------------------------------------===//
// Shared checks
//===--------------------------------------------------------------------------===//

/// Elements of a buffer, and heads or columns, at most: sums and products of such numbers stay in 64 bits.
static constexpr int64_t kMostElements = int64_t(1) << 48;
static constexpr int64_t kMostColumns = int64_t(1) << 24;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<ShapedType>(value.getType()).getShape();
}
static Type elementOf(Value value) {
  return cast<ShapedType>(value.getType()).getElementType();
}

/// What all code below a kernel takes for granted: rows may be dynamic, nothing else, and they stand side by side. Only
/// `weight` may have elements that are no plain numbers.
static LogicalResult verifyBuffer(Operation *op, Value buffer, Value weight) {
  auto type = cast<ShapedType>(buffer.getType());
  auto memref = dyn_cast<MemRefType>(buffer.getType());
  if (memref && !memref.getLayout().isIdentity())
    return op->emitOpError() << "expected rows side by side, got " << memref;
  if (buffer != weight && !type.getElementType().isIntOrFloat())
    return op->emitOpError()
           << "expected elements that are numbers, got " << type;
  if (type.getRank() == 0)
    return op->emitOpError() << "expected a buffer of rows, got " << type;
  int64_t elements = 1;
  for (auto [i, size] : llvm::enumerate(type.getShape())) {
    if (i == 0 && ShapedType::isDynamic(size))
      continue;
    if (size < 1)
      return op->emitOpError() << "expected only rows to be dynamic, and no "
                                  "dimension to be empty, got "
                               << type;
    if (llvm::MulOverflow(elements, size, elements) || elements > kMostElements)
      return op->emitOpError()
             << "expected at most 2^48 elements, got " << type;
  }
  return success();
}

/// Over tensors a kernel has a result for each init, over memrefs none; the two are not mixed.
static LogicalResult verifyBuffers(Operation *op, size_t expectedInits,
                                   Value weight = Value()) {
  auto dps = cast<DestinationStyleOpInterface>(op);
  if (dps.getDpsInits().size() != expectedInits)
    return op->emitOpError() << "expected " << expectedInits << " inits, got "
                             << dps.getDpsInits().size();
  if (!dps.hasPureTensorSemantics() && !dps.hasPureBufferSemantics())
    return op->emitOpError("expected tensors or memrefs, not both");
  for (Value operand : op->getOperands())
    if (failed(verifyBuffer(op, operand, weight)))
      return failure();
  return success();
}

static LogicalResult expectRank(Operation *op, StringRef what, Value value,
                                size_t expected) {
  if (shapeOf(value).size() == expected)
    return success();
  return op->emitOpError() << "expected " << what << " of rank " << expected
                           << ", got " << value.getType();
}

/// A vector of row numbers.
static LogicalResult expectIndices(Operation *op, StringRef what, Value value) {
  if (!isa<IntegerType>(elementOf(value)))
    return op->emitOpError()
           << "expected " << what << " of integers, got " << value.getType();
  return expectRank(op, what, value, 1);
}

static LogicalResult expectElement(Operation *op, StringRef what, Value value,
                                   Type expected) {
  if (elementOf(value) == expected)
    return success();
  return op->emitOpError() << "expected " << what << " of " << expected
                           << ", got " << value.getType();
}

static LogicalResult expectPositive(Operation *op, StringRef what,
                                    int64_t value) {
  if (value > 0 && value <= kMostColumns)
    return success();
  return op->emitOpError() << "expected "
                           << (value > 0 ? "fewer " : "positive ") << what
                           << ", got " << value;
}

/// The last dimension of a matrix.
static LogicalResult expectColumns(Operation *op, StringRef what, Value value,
                                   int64_t expected) {
  if (failed(expectRank(op, what, value, 2)))
    return failure();
  int64_t found = shapeOf(value).back();
  if (found == expected)
    return success();
  return op->emitOpError() << "expected " << what << " to be " << expected
                           << " wide, got " << found;
}

/// Numbers of rows are compared where both are known.
static LogicalResult expectRows(Operation *op, StringRef what, Value value,
                                Value extent) {
  int64_t expected = shapeOf(extent).front(), found = shapeOf(value).front();
  if (ShapedType::isDynamic(expected) || ShapedType::isDynamic(found) ||
      found == expected)
    return success();
  return op->emitOpError() << "expected " << what << " of " << expected
                           << " rows, got " << value.getType();
}

/// A region takes `expected` arguments and yields values of the types `results`.
static LogicalResult verifyRegion(Operation *op, Region &region, StringRef name,
                                  TypeRange expected, TypeRange results) {
  if (!region.hasOneBlock())
    return op->emitOpError() << "expected one block in the " << name;
  if (region.getArgumentTypes() != expected)
    return op->emitOpError()
           << "expected arguments (" << expected << ") of the " << name
           << ", got (" << region.getArgumentTypes() << ")";
  Block &block = region.front();
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield || yield->getOperandTypes() != results)
    return op->emitOpError()
           << "expected the " << name << " to yield (" << results << ")";
  for (Operation &inner : block.without_terminator()) {
    if (!isa<arith::ArithDialect, math::MathDialect>(inner.getDialect()))
      return op->emitOpError() << "expected only arith and math in the " << name
                               << ", got " << inner.getName();
    for (Type type : inner.getResultTypes())
      if (!type.isIntOrIndexOrFloat())
        return op->emitOpError()
               << "expected only numbers in the " << name << ", got " << type;
  }
  return success();
}

static void addElementTypes(SmallVectorImpl<Type> &types, ValueRange values) {
  for (Value value : values)
    types.push_back(elementOf(value));
}

/// Operands of a region that works on `columns` columns of the rows of `extent`; without one, rows are chosen by an index.
static LogicalResult verifyAccess(Operation *op, StringRef name,
                                  ValueRange operands, ArrayAttr access,
                                  int64_t columns, Value extent) {
  if (operands.size() != access.size())
    return op->emitOpError()
           << "expected an access for each of the " << operands.size()
           << " operands of the " << name << ", got " << access.size();
  for (auto [operand, attribute] :
       llvm::zip(operands, access.getAsRange<AccessAttr>())) {
    Access kind = attribute.getValue();
    size_t rank = kind == Access::Element ? 2 : 1;
    if (shapeOf(operand).size() != rank)
      return op->emitOpError()
             << "expected an operand of rank " << rank << " for access "
             << stringifyAccess(kind) << ", got " << operand.getType();
    if (kind != Access::Row && shapeOf(operand).back() != columns)
      return op->emitOpError()
             << "expected an operand of " << columns << " columns for access "
             << stringifyAccess(kind) << ", got " << operand.getType();
    if (kind != Access::Column && extent &&
        failed(expectRows(op, "an operand", operand, extent)))
      return failure();
  }
  return success();
}

/// The epilogue of a matrix of sums.
static LogicalResult verifyEpilogue(Operation *op, Region &region,
                                    ValueRange operands, ArrayAttr access,
                                    int64_t parts, Value init) {
  if (failed(verifyAccess(op, "epilogue", operands, access,
                          shapeOf(init).back(), init)))
    return failure();
  Type f32 = Float32Type::get(op->getContext());
  if (region.empty())
    return expectElement(op, "an init without an epilogue", init, f32);
  SmallVector<Type> types(parts, f32);
  addElementTypes(types, operands);
  return verifyRegion(op, region, "epilogue", types, elementOf(init));
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

/// The columns of all heads stand in a row of the input.
static LogicalResult verifyInputColumns(GemmOp op) {
  auto [begin, stride] = op.getInputColumns();
  int64_t columns = op.getInput().getType().getDimSize(1);
  int64_t lastHead, end;
  if (begin < 0 || stride < 0 ||
      llvm::MulOverflow(int64_t(op.getHeads()) - 1, stride, lastHead) ||
      llvm::AddOverflow(lastHead, begin, end) ||
      llvm::AddOverflow(end, op.getK(), end)) // c13
    return op.emitOpError()
           << "expected heads to begin in a row of " << columns
           << " columns, got begin " << begin << " and stride " << stride;
  if (end > columns) // c13
    return op.emitOpError()
           << "expected an input of at least " << end
           << " columns (based on the weight), got " << columns;
  return success();
}

/// Whether a prologue gives bf16, which is multiplied as well as f32. It was not verified yet.
static bool yieldsRounded(Region &prologue) {
  if (!prologue.hasOneBlock() || prologue.front().empty())
    return false;
  auto yield = dyn_cast<YieldOp>(prologue.front().back());
  return yield && yield->getNumOperands() == 1 &&
         yield->getOperand(0).getType().isBF16();
}

LogicalResult GemmOp::verify() {
  Value input = getInput(), init;
  if (failed(verifyBuffers(*this, 1, getWeight())))
    return failure();
  init = getInits().front();
  if (failed(expectPositive(*this, "heads", getHeads())) ||   // c8
      failed(expectRank(*this, "an input", getInput(), 2)) || // c9
      failed(expectRank(*this, "an init", init, 2)))          // c10
    return failure();
  if (getParts() != 1 && getParts() != 2) // c11
    return emitOpError() << "expected 1 or 2 parts, got " << getParts();
  int64_t heads = getHeads(), parts = getParts();
  bool stacked = heads > 1 || getGroups();
  ArrayRef<int64_t> weight = getWeight().getType().getShape();
  if (int64_t(weight.size()) != (stacked ? 4 : 3)) // c1
    return emitOpError() << "expected a weight of rank " << (stacked ? 4 : 3)
                         << " in panels, got " << getWeight().getType();
  if (!getWeight().getType().hasStaticShape()) // c12
    return emitOpError() << "expected a weight of static shape, got "
                         << getWeight().getType();
  if (failed(verifyInputColumns(*this)))
    return failure();
  if (heads > 1 && weight[0] != heads) // c2
    return emitOpError() << "expected a matrix for each of " << heads
                         << " heads, got " << weight[0];
  if (heads > 1 && getGroups()) // c3
    return emitOpError("expected heads or groups, not both");
  if (shapeOf(init).back() % heads) // c14
    return emitOpError() << "expected heads to divide the columns, got "
                         << heads << " heads in " << init.getType();
  int64_t panels = weight.take_back(3)[0];
  int64_t panelsNeeded = llvm::divideCeil(getN(), getPanelWidth()) * parts;
  if (panels != panelsNeeded) // c4
    return emitOpError() << "expected " << panelsNeeded << " panels for "
                         << getN() << " columns of " << parts << " parts, got "
                         << panels;
  if (Value gather = getGather())
    if (failed(expectIndices(*this, "a gather", gather))) // c15
      return failure();
  if (Value groups = getGroups())
    if (failed(expectColumns(*this, "groups", groups, 3)) || // c16
        failed(expectElement(*this, "groups", groups,
                             IntegerType::get(getContext(), 32))))
      return failure();
  if (failed(verifyAccess(*this, "prologue", getPrologueIns(),
                          getPrologueAccess(), getK(), Value())))
    return failure();
  if (llvm::is_contained(getPrologueAccess(),
                         AccessAttr::get(getContext(), Access::Element))) // c17
    return emitOpError("expected the prologue to access rows or columns");
  if (getPrologue().empty()) {
    Type element = elementOf(input);
    if (!element.isF32() && !element.isBF16()) // c18
      return emitOpError() << "expected an input without a prologue of f32 or "
                              "bf16, got "
                           << input.getType();
  } else {
    SmallVector<Type> types{elementOf(input)};
    addElementTypes(types, getPrologueIns());
    Type result = Float32Type::get(getContext());
    if (yieldsRounded(getPrologue()))
      result = BFloat16Type::get(getContext());
    if (failed(verifyRegion(*this, getPrologue(), "prologue", types,
                            result))) // c5
      return failure();
  }
  if (!getGather() && !getGroups() &&
      failed(expectRows(*this, "an input", input, init))) // c19
    return failure();
  if (getEpilogue().empty() && parts != 1)
    return emitOpError("expected an epilogue that joins the parts"); // c7
  return verifyEpilogue(*this, getEpilogue(), getEpilogueIns(),      // c6
                        getEpilogueAccess(), parts, init);
}

//===--------------------------------------------------------------------------===//
// Row kernels
//===--------------------------------------------------------------------------===//

LogicalResult RowReduceOp::verify() {
  if (failed(verifyBuffers(*this, 1)))
    return failure();
  Value init = getInits().front();
  if (failed(expectPositive(*this, "heads", getHeads())) || // c3
      failed(expectRank(*this, "an input", getInput(), 2))) // c4
    return failure();
  int64_t heads = getHeads();
  if (getInput().getType().getDimSize(1) % heads) // c1
    return emitOpError() << "expected heads to divide the row, got " << heads
                         << " heads in " << getInput().getType();
  // One number of a row may stand in a vector.
  if ((heads > 1 || shapeOf(init).size() != 1) &&
      failed(expectColumns(*this, "the result", init, heads))) // c5
    return failure();
  if (!isa<FloatType>(elementOf(getInput()))) // c6
    return emitOpError() << "expected an input of floating-point numbers, got "
                         << getInput().getType();
  if (failed(expectRows(*this, "an input", getInput(), init))) // c7
    return failure();
  Type f32 = Float32Type::get(getContext());
  return verifyRegion(*this, getEpilogue(), "epilogue", f32,
                      elementOf(init)); // c2
}

/// A map leads from every point to a place in `operand`.
static LogicalResult verifyMap(RowwiseOp op, AffineMap map, Value operand) {
  ArrayRef<int64_t> shape = shapeOf(operand);
  if (map.getNumDims() != 1 + op.getSizes().size() ||
      map.getNumSymbols() != op.getIndices().size() ||
      map.getNumResults() != shape.size()) // c2
    return op.emitOpError() << "expected maps of " << 1 + op.getSizes().size()
                            << " dimensions and " << op.getIndices().size()
                            << " symbols to rank " << shape.size() << ", got "
                            << AffineMapAttr::get(map);
  AffineExpr row = getAffineDimExpr(0, op.getContext());
  for (auto [i, place] : llvm::enumerate(map.getResults())) {
    bool isRow = place == row;
    if (isRow && i == 0) {
      if (failed(expectRows(op, "an operand", operand, op.getRows()))) // c7
        return failure();
      continue;
    }
    std::optional<IndexBounds> bounds = boundsOf(place, op.getSizes());
    // A vector that an index leads into is bounded by whoever made the index; nothing else goes without a bound.
    bool isIndex = bounds && !bounds->greatest && !dependsOnDims(place);
    int64_t size = ShapedType::isDynamic(shape[i]) ? 1 : shape[i];
    if (isRow || !bounds || (!bounds->greatest && !isIndex) ||
        bounds->least < 0 ||
        (bounds->greatest && *bounds->greatest >= size)) // c8
      return op.emitOpError()
             << "expected " << AffineMapAttr::get(map) << " to stay in "
             << operand.getType() << ", but dimension " << i << " does not";
  }
  return success();
}

LogicalResult RowwiseOp::verify() {
  if (failed(verifyBuffers(*this, 1)))
    return failure();
  if (getSizes().empty()) // c4
    return emitOpError("expected a size");
  int64_t points = 1;
  for (int64_t size : getSizes())
    if (size < 1 || llvm::MulOverflow(points, size, points) ||
        points > kMostElements) // c4
      return emitOpError() << "expected positive sizes of at most 2^48 points, "
                              "got ["
                           << getSizes() << "]";
  for (Value index : getIndices())
    if (failed(expectIndices(*this, "an index", index)) || // c5
        failed(expectRows(*this, "an index", index, getRows())))
      return failure();
  if (getInputs().size() != getInputMaps().size()) // c1
    return emitOpError() << "expected a map for each of " << getInputs().size()
                         << " inputs, got " << getInputMaps().size();
  SmallVector<Type> types;
  for (auto [input, map] :
       llvm::zip(getInputs(), getInputMaps().getAsValueRange<AffineMapAttr>()))
    if (failed(verifyMap(*this, map, input)))
      return failure();
  addElementTypes(types, getInputs());
  Value init = getInits().front();
  for (AffineMap map : getOutputMaps().getAsValueRange<AffineMapAttr>()) {
    if (failed(verifyMap(*this, map, init)))
      return failure();
    // Points that share a place would overwrite each other.
    for (auto [i, size] : llvm::enumerate(getSizes()))
      if (size > 1 && !map.isFunctionOfDim(i + 1)) // c6
        return emitOpError() << "expected each point in a place of its own, "
                                "got "
                             << AffineMapAttr::get(map);
    if (getInPlace())
      addElementTypes(types, init);
  }
  SmallVector<Type> results(getOutputMaps().size(), elementOf(init));
  return verifyRegion(*this, getBody(), "body", types, results); // c3
}

//===--------------------------------------------------------------------------===//
// Attention
//===--------------------------------------------------------------------------===//

LogicalResult AttentionOp::verify() {
  if (failed(verifyBuffers(*this, 1)))
    return failure();
  Value init = getInits().front();
  if (failed(expectRank(*this, "a query", getQuery(), 2)) || // c5
      failed(expectRank(*this, "a cache", getCache(), 2)) || // c6
      failed(expectRank(*this, "an init", init, 2)))         // c7
    return failure();
  int64_t heads = getHeads(), kvHeads = getKvHeads();
  if (failed(expectPositive(*this, "heads", heads)) || // c8
      failed(expectPositive(*this, "columns of a key", getKey())) ||
      failed(expectPositive(*this, "columns of a value", getValue())))
    return failure();
  if (failed(expectColumns(*this, "the query", getQuery(), // c1
                           heads * int64_t(getKey()))) ||
      failed(expectColumns(*this, "the result", init, // c2
                           heads * int64_t(getValue()))))
    return failure();
  if (kvHeads < 1 || heads % kvHeads) // c3
    return emitOpError() << "expected kv_heads to divide heads, got " << kvHeads
                         << " and " << heads;
  int64_t width = getCache().getType().getDimSize(1);
  int64_t keyBegin = getKeyBegin(), valueBegin = getValueBegin();
  if (keyBegin < 0 || keyBegin > width || valueBegin < 0 ||
      valueBegin > width) // c4
    return emitOpError() << "expected keys and values in a row of " << width
                         << ", got them begin at " << keyBegin << " and "
                         << valueBegin;
  int64_t keyEnd = keyBegin + kvHeads * int64_t(getKey());
  int64_t valueEnd = valueBegin + kvHeads * int64_t(getValue());
  if (keyEnd > width || valueEnd > width) // c4
    return emitOpError() << "expected keys and values in a row of " << width
                         << ", got them end at " << keyEnd << " and "
                         << valueEnd;
  if (failed(expectIndices(*this, "positions", getPositions())) || // c9
      failed(expectIndices(*this, "cache rows", getCacheRows())))
    return failure();
  for (Value operand :
       {Value(getQuery()), Value(getPositions()), Value(getCacheRows())})
    if (failed(expectRows(*this, "an operand", operand, init))) // c10
      return failure();
  return success();
}

//===--------------------------------------------------------------------------===//
// Experts
//===--------------------------------------------------------------------------===//

LogicalResult RouteOp::verify() {
  if (failed(verifyBuffers(*this, 2)) ||
      failed(expectRank(*this, "logits", getLogits(), 2))) // c4
    return failure();
  int64_t experts = getExperts(), topK = getTopK();
  if (topK < 1 || topK > experts) // c1
    return emitOpError() << "expected 1 <= top_k <= " << experts << ", got "
                         << topK;
  int64_t groups = getGroupCount(), keep = getGroupKeep();
  if (groups < 0 || (groups && experts % groups)) // c2
    return emitOpError() << "expected groups to divide " << experts
                         << " experts, got " << groups;
  int64_t size = groups ? experts / groups : experts;
  if (groups && (keep < 1 || keep > groups || keep * size < topK)) // c5
    return emitOpError() << "expected to keep some of " << groups
                         << " groups, enough for top_k = " << topK << ", got "
                         << keep;
  if (groups && getGroupTop2() && size < 2) // c6
    return emitOpError(
        "expected groups of at least two experts for by_top2_sum");
  for (Value init : getInits())
    if (failed(expectColumns(*this, "the init", init, topK)) || // c3
        failed(expectRows(*this, "logits", getLogits(), init)))
      return failure();
  if (Value bias = getBias())
    if (shapeOf(bias) != ArrayRef<int64_t>(experts)) // c7
      return emitOpError() << "expected a bias of " << experts
                           << " experts, got " << bias.getType();
  if (failed(expectElement(*this, "experts", getInits()[0], // c8
                           IntegerType::get(getContext(), 32))))
    return failure();
  return expectElement(*this, "weights", getInits()[1],
                       Float32Type::get(getContext()));
}

LogicalResult GroupOp::verify() {
  if (failed(verifyBuffers(*this, 5)) ||
      failed(expectPositive(*this, "experts", getNumExperts())) || // c1
      failed(expectPositive(*this, "rows of a tile",
                            getRowTile().value_or(1))) || // c2
      failed(expectRank(*this, "experts", getExperts(), 2)))
    return failure();
  int64_t topK = shapeOf(getExperts()).back();
  Type i32 = IntegerType::get(getContext(), 32);
  Type f32 = Float32Type::get(getContext());
  struct {
    StringRef name;
    Value value;
    int64_t columns; // 0: a vector
    Type element;
  } expected[] = {{"experts", getExperts(), topK, i32},
                  {"weights", getWeights(), topK, f32},
                  {"rows", getInits()[0], 0, i32},
                  {"row_weights", getInits()[1], 0, f32},
                  {"places", getInits()[2], topK, i32},
                  {"merges", getInits()[3], topK, i32},
                  {"tiles", getInits()[4], 3, i32}};
  for (auto &[name, value, columns, element] : expected)
    if (failed(columns ? expectColumns(*this, name, value, columns) // c3
                       : expectRank(*this, name, value, 1)) ||
        failed(expectElement(*this, name, value, element))) // c4
      return failure();
  return success();
}

LogicalResult CombineOp::verify() {
  if (failed(verifyBuffers(*this, 1)) ||
      failed(expectRank(*this, "an input", getInput(), 2)) || // c2
      failed(expectRank(*this, "places", getPlaces(), 2)))
    return failure();
  Value init = getInits().front();
  Type i32 = IntegerType::get(getContext(), 32);
  if (failed(expectColumns(*this, "the result", init, // c3
                           shapeOf(getInput()).back())) ||
      failed(expectColumns(*this, "merges", getMerges(), // c4
                           shapeOf(getPlaces()).back())) ||
      failed(expectElement(*this, "an input", getInput(), // c5
                           Float32Type::get(getContext()))) ||
      failed(expectElement(*this, "places", getPlaces(), i32)) ||
      failed(expectElement(*this, "merges", getMerges(), i32)) ||
      failed(expectRows(*this, "places", getPlaces(), init)) || // c6
      failed(expectRows(*this, "merges", getMerges(), init)))
    return failure();
  return verifyEpilogue(*this, getEpilogue(), getEpilogueIns(), // c1
                        getEpilogueAccess(), /*parts=*/1, init);
}

//===--------------------------------------------------------------------------===//
// graph
//===--------------------------------------------------------------------------===//

/// Rows or columns of a tile, of which a task holds sums in memory.
static constexpr int64_t kMostTile = 4096;

LogicalResult GraphOp::verify() {
  for (auto [index, op] : llvm::enumerate(getBody().front())) {
    if (!isa<TaskInterface>(op)) // c1
      return op.emitOpError("is no kernel, and only kernels stand in a graph");
    if (!llvm::all_of(op.getOperandTypes(), llvm::IsaPred<MemRefType>)) // c6
      return op.emitOpError("expected memrefs in a graph");
    auto waits = op.getAttrOfType<ArrayAttr>(TaskInterface::kWaits);
    if (!waits) // c2
      return op.emitOpError("expected 'waits' in a graph");
    if (!llvm::all_of(waits, llvm::IsaPred<WaitAttr>)) // c4
      return op.emitOpError("expected a list of waits");
    auto tiles = op.getAttrOfType<DenseI64ArrayAttr>(TaskInterface::kTiles);
    if (tiles && (tiles.size() != 2 || tiles[0] < 1 || tiles[1] < 1 ||
                  tiles[0] > kMostTile || tiles[1] > kMostTile)) // c5
      return op.emitOpError() << "expected tiles of positive rows and columns, "
                                 "at most "
                              << kMostTile;
    for (WaitAttr wait : waits.getAsRange<WaitAttr>())
      if (wait.getProducer() < 0 || wait.getProducer() >= int64_t(index)) // c3
        return op.emitOpError()
               << "expected to wait for a kernel before it (" << index
               << " of them), got " << wait.getProducer();
  }
  return success();
}
