//===- Moe.cpp - The moe dialect and its types --------------------------------===//

#include "dialects/moe/Moe.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;
using namespace moec::moe;

#include "dialects/moe/MoeDialect.cpp.inc"

/// `128x128`
static ParseResult parseBlock(AsmParser &parser, int64_t &rows,
                              int64_t &columns) {
  SmallVector<int64_t> block;
  SMLoc place = parser.getCurrentLocation();
  if (parser.parseDimensionList(block, /*allowDynamic=*/false,
                                /*withTrailingX=*/false))
    return failure();
  if (block.size() != 2)
    return parser.emitError(place, "expected a block of rows x columns");
  rows = block[0];
  columns = block[1];
  return success();
}

static void printBlock(AsmPrinter &printer, int64_t rows, int64_t columns) {
  printer << rows << "x" << columns;
}

#define GET_TYPEDEF_CLASSES
#include "dialects/moe/MoeTypes.cpp.inc"

void MoeDialect::initialize() {
  registerAttributes();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/moe/MoeTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/moe/MoeOps.cpp.inc"
      >();
}

LogicalResult MoeDialect::verifyOperationAttribute(Operation *op,
                                                   NamedAttribute attribute) {
  StringRef name = attribute.getName();
  auto expect = [&](bool valid, StringRef what) -> LogicalResult {
    if (!isa<ModuleOp>(op))
      return op->emitError() << "'" << name << "' belongs on a module";
    if (!valid)
      return op->emitError() << "'" << name << "' must be " << what;
    return success();
  };
  if (name == kLimitsAttr)
    return expect(isa<LimitsAttr>(attribute.getValue()), "#moe.limits<…>");
  if (name == kTargetAttr)
    return expect(isa<CpuTargetAttr, CudaTargetAttr>(attribute.getValue()),
                  "#moe.cpu<…> or #moe.cuda<…>");
  if (name == kModelAttr)
    return expect(isa<DictionaryAttr>(attribute.getValue()), "a dictionary");
  return op->emitError() << "unknown attribute '" << name
                         << "' of the moe dialect";
}

LogicalResult CacheType::verify(function_ref<InFlightDiagnostic()> emitError,
                                ArrayRef<int64_t> parts, Type elementType) {
  if (parts.empty())
    return emitError() << "a cache needs at least one part";
  // Bytes of a row, and of all rows of a cache, are counted in 64 bits.
  constexpr int64_t mostColumns = INT32_MAX;
  int64_t total = 0;
  for (int64_t width : parts) {
    if (width <= 0)
      return emitError() << "expected positive widths of a cache's parts, got "
                         << width;
    if (width > mostColumns - total)
      return emitError() << "expected rows of a cache of at most "
                         << mostColumns << " elements";
    total += width;
  }
  if (!elementType.isF32())
    return emitError() << "expected a cache of f32, got " << elementType;
  return success();
}

int64_t CacheType::getWidth() const {
  return std::accumulate(getParts().begin(), getParts().end(), int64_t(0));
}

LogicalResult ScaledType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 Type stored, int64_t rows, int64_t columns,
                                 Type scale) {
  if (!isa<Float8E4M3FNType>(stored) && !stored.isSignlessInteger(8) &&
      !stored.isSignlessInteger(4))
    return emitError() << "expected stored elements of f8E4M3FN, i8 or i4, got "
                       << stored;
  if (!scale.isF32() && !scale.isBF16())
    return emitError() << "expected scales of f32 or bf16, got " << scale;
  if (rows < 1 || columns < 1 || rows > kMaxBlock || columns > kMaxBlock)
    return emitError() << "expected blocks of 1 to " << kMaxBlock
                       << " rows and columns, got " << rows << "x" << columns;
  if (stored.isSignlessInteger(4) && columns % 8)
    return emitError() << "expected blocks of a multiple of 8 columns of 4-bit "
                          "elements, got "
                       << columns;
  return success();
}

int64_t moec::moe::getStorageBytes(ShapedType type) {
  auto scaled = dyn_cast<ScaledType>(type.getElementType());
  if (!scaled)
    return type.getNumElements() * type.getElementTypeBitWidth() / 8;
  ArrayRef<int64_t> shape = type.getShape();
  int64_t blocks =
      llvm::divideCeil(shape[shape.size() - 2], scaled.getColumns());
  for (int64_t size : shape.drop_back(2))
    blocks *= size;
  int64_t bits =
      scaled.getScale().getIntOrFloatBitWidth() +
      scaled.getColumns() * scaled.getStored().getIntOrFloatBitWidth();
  return blocks * shape.back() * bits / 8;
}

LogicalResult RoutingType::verify(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t experts, int64_t topK) {
  // With the limit of a step's tokens, rows of a routing fit in 32 bits.
  constexpr int64_t mostExperts = int64_t(1) << 20, mostChosen = 1 << 10;
  if (experts > mostExperts || topK > mostChosen)
    return emitError() << "expected at most " << mostExperts << " experts and "
                       << mostChosen << " of them for a token, got " << experts
                       << " and " << topK;
  if (topK < 1 || topK > experts)
    return emitError() << "expected 1 <= top_k <= experts, got top_k " << topK
                       << " of " << experts << " experts";
  return success();
}
