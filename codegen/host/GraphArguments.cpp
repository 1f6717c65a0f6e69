//===- GraphArguments.cpp - What a graph hands to its tasks -------------------===//

#include "codegen/host/GraphArguments.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace moec;

bool moec::hasDynamicExtent(MemRefType type) {
  return type.getRank() > 0 && type.isDynamicDim(0);
}

GraphArguments::GraphArguments(kernel::GraphOp graph) {
  for (Operation &op : graph.getBody().front())
    for (Value operand : op.getOperands()) {
      auto type = dyn_cast<MemRefType>(operand.getType());
      if (!type || !slots.try_emplace(operand, count).second)
        continue;
      buffers.push_back(operand);
      count += hasDynamicExtent(type) ? 2 : 1;
    }
}

Value moec::makeMemRef(ImplicitLocOpBuilder &b, MemRefType type, Value pointer,
                       Value extent) {
  LLVMTypeConverter converter(b.getContext());
  Location loc = b.getLoc();
  auto descriptor =
      MemRefDescriptor::poison(b, loc, converter.convertType(type));
  descriptor.setAllocatedPtr(b, loc, pointer);
  descriptor.setAlignedPtr(b, loc, pointer);
  descriptor.setConstantOffset(b, loc, 0);
  int64_t stride = 1;
  for (int64_t i = type.getRank() - 1; i >= 0; --i) {
    descriptor.setConstantStride(b, loc, i, stride);
    if (type.isDynamicDim(i)) {
      descriptor.setSize(b, loc, i, extent);
      continue;
    }
    descriptor.setConstantSize(b, loc, i, type.getDimSize(i));
    stride *= type.getDimSize(i);
  }
  return UnrealizedConversionCastOp::create(b, type, Value(descriptor))
      .getResult(0);
}

Value moec::loadElement(ImplicitLocOpBuilder &b, Value array, int64_t at,
                        Type type) {
  Value address = LLVM::GEPOp::create(
      b, LLVM::LLVMPointerType::get(b.getContext()), b.getI64Type(), array,
      ArrayRef<LLVM::GEPArg>{int32_t(at)});
  return LLVM::LoadOp::create(b, type, address);
}
