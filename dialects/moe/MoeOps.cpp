//===- MoeOps.cpp - Verifiers of the moe operations ---------------------------===//
//
// ODS checks each operand alone; what remains here are facts that tie operands
// together. The ids (c1, c2, …) are those of the operation's description in
// MoeOps.td and of its test in test/dialects/moe/invalid.mlir.
//
//===------------------------------------------------------------------------===//

#include "dialects/moe/Moe.h"

#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moec::moe;

#define GET_OP_CLASSES
#include "dialects/moe/MoeOps.cpp.inc"

/// Columns of rows at most: products with counts of heads and with bytes stay
/// inside 64 bits.
static constexpr int64_t kMaxColumns = INT32_MAX;
/// Elements of a weight, and bytes before it, at most; padding in panels and the
/// sum of both stay inside 64 bits.
static constexpr int64_t kMaxWeightElements = int64_t(1) << 48;
static constexpr int64_t kMaxWeightOffset = int64_t(1) << 60;

/// The product and the sum of numbers that are not negative, at most INT64_MAX.
static int64_t product(int64_t lhs, int64_t rhs) {
  int64_t result;
  return llvm::MulOverflow(lhs, rhs, result) ? INT64_MAX : result;
}

static int64_t sum(int64_t lhs, int64_t rhs) {
  int64_t result;
  return llvm::AddOverflow(lhs, rhs, result) ? INT64_MAX : result;
}

/// Columns of a tensor of rows.
static int64_t columns(TypedValue<RankedTensorType> rows) {
  return rows.getType().getDimSize(1);
}

/// The error of a length that follows from something else: "expected the input
/// to be 160 wide (K of the weight), got 96".
static LogicalResult expectWidth(Operation *op, StringRef what, int64_t found,
                                 int64_t expected, StringRef basis) {
  if (found > kMaxColumns)
    return op->emitOpError() << "expected " << what << " to be at most "
                             << kMaxColumns << " wide, got " << found;
  if (found == expected)
    return success();
  return op->emitOpError() << "expected " << what << " to be " << expected
                           << " wide (" << basis << "), got " << found;
}

static LogicalResult expectFinite(Operation *op, StringRef what,
                                  const APFloat &number) {
  if (number.isFinite())
    return success();
  return op->emitOpError() << "expected a finite " << what << ", got "
                           << number.convertToDouble();
}

static LogicalResult expectHeads(Operation *op, StringRef what, int64_t width,
                                 int64_t heads) {
  if (heads < 1)
    return op->emitOpError() << "expected positive heads, got " << heads;
  if (width % heads)
    return op->emitOpError() << "expected heads to divide " << what << ", got "
                             << heads << " heads in " << width << " columns";
  return success();
}

/// `width` columns from `begin` on lie in a head; written so that no sum
/// overflows.
static LogicalResult expectInHead(Operation *op, int64_t begin, int64_t width,
                                  int64_t head) {
  if (begin >= 0 && width <= head && begin <= head - width)
    return success();
  return op->emitOpError() << "expected " << width << " columns from " << begin
                           << " on to lie in a head of " << head;
}

//===--------------------------------------------------------------------------===//
// Weights
//===--------------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || type.getRank() < 1 || type.getRank() > 3)
    return emitOpError() << "expected a tensor of rank 1 to 3, got "
                         << getType();
  if (getParts().empty())
    return emitOpError("expected at least one part");
  int64_t elements = 1;
  for (int64_t extent : type.getShape())
    elements = product(elements, extent);
  if (elements < 1 || elements > kMaxWeightElements)
    return emitOpError() << "expected 1 to 2^48 elements, got " << type;
  if (std::optional<int64_t> offset = getOffset();
      offset && (*offset < 0 || *offset > kMaxWeightOffset))
    return emitOpError() << "expected an offset from 0 to 2^60, got "
                         << *offset;
  auto scaled = dyn_cast<ScaledType>(type.getElementType());
  if (!scaled && !type.getElementType().isIntOrFloat())
    return emitOpError() << "expected elements that are numbers, got "
                         << type.getElementType();
  if (scaled && type.getRank() == 1)
    return emitOpError("expected a matrix of scaled elements, got a vector");
  for (PartAttr part : getParts().getAsRange<PartAttr>()) {
    if (part.getScale() && !scaled)
      return emitOpError() << "expected scaled elements of a part with scales, "
                              "got "
                           << type.getElementType();
    bool stacked = part.getTensor().contains("{expert}") || part.getHeads();
    if (stacked != (type.getRank() == 3))
      return emitOpError() << "expected "
                           << (type.getRank() == 3
                                   ? "parts stacked by {expert} or heads"
                                   : "parts without {expert} or heads")
                           << " (rank " << type.getRank() << "), got " << part;
    if (part.getHeads() && part.getHeads() != type.getDimSize(0))
      return emitOpError() << "expected " << type.getDimSize(0)
                           << " heads (first dimension), got " << part;
  }
  if (!getLayout())
    return success();
  if (type.getRank() == 1)
    return emitOpError("a vector has no panels");
  int64_t rows = type.getDimSize(type.getRank() - 2);
  if (rows % getLayout()->getParts())
    return emitOpError() << "expected the parts of the panels to divide the "
                            "rows, got "
                         << getLayout()->getParts() << " parts of " << rows;
  return success();
}

RankedTensorType WeightOp::getPackedType() {
  auto type = cast<RankedTensorType>(getType());
  return getLayout() ? getLayout()->getPackedType(type) : type;
}

LogicalResult
GetWeightOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto weight =
      symbolTable.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError() << "no moe.weight named " << getWeightAttr();
  if (weight.getPackedType() != getType())
    return emitOpError() << "expected " << weight.getPackedType()
                         << " (type of the weight), got " << getType();
  return success();
}

LogicalResult PackOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  if (input.getRank() < 2)
    return emitOpError() << "expected a matrix or a stack of them, got "
                         << input;
  RankedTensorType packed = getLayout().getPackedType(input);
  if (getType() != packed) // c1
    return emitOpError() << "expected " << packed << " (based on the layout), "
                         << "got " << getType();
  return success();
}

//===--------------------------------------------------------------------------===//
// Rows
//===--------------------------------------------------------------------------===//

LogicalResult EmbeddingOp::verify() {
  return expectWidth(*this, "the result", columns(getResult()), // c1
                     columns(getTable()), "width of the table");
}

LogicalResult SigmoidGateOp::verify() {
  int64_t gate = columns(getGate());
  if (gate == 1)
    return success();
  return expectWidth(*this, "the gate", gate, columns(getInput()), // c1
                     "one column, or the input");
}

LogicalResult RmsNormOp::verify() {
  int64_t heads = getHeads(), width = columns(getInput());
  if (failed(expectHeads(*this, "the row", width, heads))) // c2
    return failure();
  if (!(getEps().convertToDouble() > 0) || !getEps().isFinite()) // c3
    return emitOpError() << "expected a positive eps, got "
                         << getEps().convertToDouble();
  return expectWidth(*this, "the weight", getWeight().getType().getDimSize(0),
                     width / heads, "row / heads"); // c1
}

LogicalResult RoundOp::verify() {
  return expectWidth(*this, "the result", columns(getResult()), // c1
                     columns(getInput()), "the input");
}

LogicalResult LinearOp::verify() {
  int64_t n = getWeight().getType().getDimSize(0);
  if (failed(expectWidth(*this, "the input", columns(getInput()), // c1
                         columns(getWeight()), "K of the weight")) ||
      failed(expectWidth(*this, "the result", columns(getResult()), n, // c2
                         "N of the weight")))
    return failure();
  if (getBias()) // c3
    return expectWidth(*this, "the bias", getBias().getType().getDimSize(0), n,
                       "N of the weight");
  return success();
}

LogicalResult HeadLinearOp::verify() {
  if (failed(expectWidth(*this, "the input", columns(getInput()), // c1
                         product(getHeads(), getK()),
                         "heads * K of the weight")))
    return failure();
  return expectWidth(*this, "the result", columns(getResult()), // c2
                     product(getHeads(), getN()), "heads * N of the weight");
}

LogicalResult GluOp::verify() {
  return expectWidth(*this, "the input", columns(getInput()), // c1
                     product(2, columns(getResult())), "twice the result");
}

LogicalResult SliceOp::verify() {
  int64_t heads = getHeads(), begin = getBegin();
  if (failed(
          expectHeads(*this, "the input", columns(getInput()), heads)) || // c1
      failed(expectHeads(*this, "the result", columns(getResult()), heads)))
    return failure();
  return expectInHead(*this, begin, columns(getResult()) / heads, // c2
                      columns(getInput()) / heads);
}

LogicalResult ConcatOp::verify() {
  if (failed(expectHeads(*this, "lhs", columns(getLhs()), getHeads())) || // c1
      failed(expectHeads(*this, "rhs", columns(getRhs()), getHeads())))
    return failure();
  return expectWidth(*this, "the result", columns(getResult()), // c2
                     sum(columns(getLhs()), columns(getRhs())),
                     "both operands together");
}

//===--------------------------------------------------------------------------===//
// Attention
//===--------------------------------------------------------------------------===//

LogicalResult RopeTableOp::verify() {
  return expectWidth(*this, "the result", columns(getResult()), // c1
                     getRope().getWidth(), "width of the rope");
}

LogicalResult RopeOp::verify() {
  if (failed(
          expectHeads(*this, "the row", columns(getInput()), getHeads()))) // c1
    return failure();
  if (columns(getTable()) % 2) // c3
    return emitOpError() << "expected a table of cosines and sines, got "
                         << columns(getTable()) << " columns";
  return expectInHead(*this, getBegin(), columns(getTable()), // c2
                      columns(getInput()) / getHeads());
}

LogicalResult CacheAppendOp::verify() {
  ArrayRef<int64_t> widths = getCache().getType().getParts(); // c1
  if (getParts().size() != widths.size())
    return emitOpError() << "expected " << widths.size()
                         << " parts (based on the cache), got "
                         << getParts().size();
  for (auto [part, width] : llvm::zip(getParts(), widths))
    if (failed(expectWidth(*this, "the part",
                           cast<RankedTensorType>(part.getType()).getDimSize(1),
                           width, "part of the cache")))
      return failure();
  return success();
}

int64_t AttentionOp::getKeyWidth() {
  int64_t width = 0;
  for (int64_t part : getCache().getType().getParts().take_front(getKeyParts()))
    width += part;
  return width / int64_t(getKvHeads());
}

int64_t AttentionOp::getValueWidth() {
  return getCache().getType().getParts()[getValuePart()] /
         int64_t(getKvHeads());
}

LogicalResult AttentionOp::verify() {
  ArrayRef<int64_t> parts = getCache().getType().getParts();
  int64_t heads = getHeads(), kvHeads = getKvHeads();
  int64_t keyParts = getKeyParts(), valuePart = getValuePart();
  if (keyParts < 1 || keyParts > int64_t(parts.size()) || valuePart < 0 || // c4
      valuePart >= int64_t(parts.size()))
    return emitOpError() << "expected parts of a cache of " << parts.size()
                         << " parts, got keys " << keyParts << " and value "
                         << valuePart;
  if (kvHeads < 1 || heads < 1 || heads % kvHeads) // c1
    return emitOpError() << "expected kv_heads to divide heads, got " << kvHeads
                         << " and " << heads;
  if (keyParts > 1 && kvHeads > 1) // c1
    return emitOpError("expected one kv head when a key has several parts");
  for (int64_t part : {keyParts - 1, valuePart}) // c1
    if (parts[part] % kvHeads)
      return emitOpError() << "expected kv_heads to divide the parts, got "
                           << kvHeads << " and a part of " << parts[part];
  if (failed(
          expectHeads(*this, "the query", columns(getQuery()), heads)) || // c2
      failed(expectWidth(*this, "the query", columns(getQuery()),         // c2
                         product(heads, getKeyWidth()), "heads * key")) ||
      failed(expectFinite(*this, "scale", getScale())))
    return failure();
  return expectWidth(*this, "the result", columns(getResult()), // c3
                     product(heads, getValueWidth()), "heads * value");
}

LogicalResult MlaOp::verify() {
  ArrayRef<int64_t> parts = getCache().getType().getParts();
  auto uk = getWUk().getType(), uv = getWUv().getType();
  if (parts.size() != 2) // c1
    return emitOpError() << "expected a cache of latent and rotary key, got "
                         << parts.size() << " parts";
  if (uk.getDimSize(2) != parts[0] || uv.getDimSize(2) != parts[0]) // c1
    return emitOpError() << "expected weights of a latent of " << parts[0]
                         << " (based on the cache), got " << uk << " and "
                         << uv;
  if (uk.getDimSize(0) != uv.getDimSize(0)) // c2
    return emitOpError() << "expected weights of the same heads, got "
                         << uk.getDimSize(0) << " and " << uv.getDimSize(0);
  int64_t heads = uk.getDimSize(0);
  if (failed(expectWidth(*this, "the query", columns(getQuery()), // c3
                         product(heads, sum(uk.getDimSize(1), parts[1])),
                         "heads * (n + rotary key)")) ||
      failed(expectFinite(*this, "scale", getScale())))
    return failure();
  return expectWidth(*this, "the result", columns(getResult()), // c4
                     product(heads, uv.getDimSize(1)), "heads * v");
}

//===--------------------------------------------------------------------------===//
// Experts
//===--------------------------------------------------------------------------===//

LogicalResult RouteOp::verify() {
  RoutingType routing = getRouting().getType();
  int64_t experts = routing.getExperts();
  if (failed(expectWidth(*this, "the logits", columns(getLogits()),
                         experts, // c1
                         "experts of the routing")))
    return failure();
  if (getBias() && failed(expectWidth(*this, "the bias",
                                      getBias().getType().getDimSize(0), // c2
                                      experts, "experts of the routing")))
    return failure();
  if (failed(expectFinite(*this, "scale", getScale())))
    return failure();
  std::optional<GroupsAttr> groups = getGroups();
  if (!groups)
    return success();
  if (experts % groups->getCount()) // c3
    return emitOpError() << "expected groups to divide the experts, got "
                         << groups->getCount() << " groups of " << experts;
  int64_t size = experts / groups->getCount();
  if (groups->getKeep() * size < routing.getTopK()) // c4
    return emitOpError() << "expected the kept groups to hold top_k "
                         << routing.getTopK() << " experts, got "
                         << groups->getKeep() << " groups of " << size;
  if (groups->getBy() == GroupScore::Top2Sum && size < 2) // c5
    return emitOpError("expected groups of at least two experts for top2_sum");
  return success();
}

LogicalResult ExpertLinearOp::verify() {
  auto weight = getWeight().getType();
  if (weight.getDimSize(0) != getRouting().getType().getExperts()) // c1
    return emitOpError() << "expected a matrix for each of "
                         << getRouting().getType().getExperts()
                         << " experts (based on the routing), got "
                         << weight.getDimSize(0);
  if (failed(expectWidth(*this, "the input", columns(getInput()), // c2
                         weight.getDimSize(2), "K of the weight")))
    return failure();
  return expectWidth(*this, "the result", columns(getResult()), // c3
                     weight.getDimSize(1), "N of the weight");
}
