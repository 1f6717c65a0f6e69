//===- Moe.cpp - The moe dialect and its types --------------------------------===//

#include "dialects/moe/Moe.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;
using namespace moec::moe;

#include "dialects/moe/MoeDialect.cpp.inc"

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
    return expect(isa<CpuTargetAttr>(attribute.getValue()), "#moe.cpu<…>");
  if (name == kModelAttr)
    return expect(isa<DictionaryAttr>(attribute.getValue()), "a dictionary");
  return op->emitError() << "unknown attribute '" << name
                         << "' of the moe dialect";
}

LogicalResult CacheType::verify(function_ref<InFlightDiagnostic()> emitError,
                                ArrayRef<int64_t> parts, Type elementType) {
  if (parts.empty())
    return emitError() << "a cache needs at least one part";
  for (int64_t width : parts)
    if (width <= 0)
      return emitError() << "expected positive widths of a cache's parts, got "
                         << width;
  if (!elementType.isF32())
    return emitError() << "expected a cache of f32, got " << elementType;
  return success();
}

int64_t CacheType::getWidth() const {
  return std::accumulate(getParts().begin(), getParts().end(), int64_t(0));
}

LogicalResult RoutingType::verify(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t experts, int64_t topK) {
  if (topK < 1 || topK > experts)
    return emitError() << "expected 1 <= top_k <= experts, got top_k " << topK
                       << " of " << experts << " experts";
  return success();
}
