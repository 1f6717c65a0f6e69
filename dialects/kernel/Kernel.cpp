//===- Kernel.cpp - The kernel dialect and its attributes ---------------------===//

#include "dialects/kernel/Kernel.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moec::kernel;

#include "dialects/kernel/KernelDialect.cpp.inc"
#include "dialects/kernel/KernelEnums.cpp.inc"
#include "dialects/kernel/KernelInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/kernel/KernelAttrs.cpp.inc"

LogicalResult
ParameterAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                      ParameterKind kind, int64_t value, int64_t bytes) {
  if (bytes != 4 && bytes != 8)
    return emitError() << "expected a parameter of 4 or 8 bytes, got " << bytes;
  if (kind == ParameterKind::Argument && value < 0)
    return emitError() << "expected an argument of the graph, got " << value;
  return success();
}

LogicalResult EntryAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                StringRef name, StringRef unit, int64_t threads,
                                int64_t rowTile, int64_t columnTiles,
                                int64_t mostRows, int64_t positionTile) {
  if (threads < 1 || threads > 1024)
    return emitError() << "expected blocks of 1 to 1024 threads, got "
                       << threads;
  if (rowTile < 1 || columnTiles < 1)
    return emitError() << "expected positive tiles, got row_tile " << rowTile
                       << ", column_tiles " << columnTiles;
  if (mostRows < 0 || positionTile < 0)
    return emitError() << "expected no negative numbers, got most_rows "
                       << mostRows << ", position_tile " << positionTile;
  return success();
}

void KernelDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/kernel/KernelAttrs.cpp.inc"
      >();
}

void KernelDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialects/kernel/KernelOps.cpp.inc"
      >();
}
