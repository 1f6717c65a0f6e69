//===- Emit.cpp - Kernels as CUDA C++ -----------------------------------------===//

#include "codegen/cuda/Emit.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moec;
using namespace moec::cuda;
using namespace moec::kernel;

SmallVector<std::string> cuda::loadFused(KernelWriter &w, ValueRange buffers,
                                         ArrayAttr access, StringRef row,
                                         StringRef column, StringRef role) {
  SmallVector<std::string> values;
  for (auto [buffer, kind] :
       llvm::zip_equal(buffers, access.getAsRange<AccessAttr>())) {
    SmallVector<std::string> at;
    if (kind.getValue() != Access::Column)
      at.push_back(row.str());
    if (kind.getValue() != Access::Row)
      at.push_back(column.str());
    values.push_back(w.element(buffer, w.pointer(buffer, role), at));
  }
  return values;
}

LogicalResult cuda::emitEpilogue(KernelWriter &w, Region &epilogue,
                                 ValueRange fused, ArrayAttr access, Value init,
                                 StringRef result, ArrayRef<std::string> sums) {
  w.open("auto epilogue = [&](int row, int column, float " +
         llvm::join(sums, ", float ") + ")");
  SmallVector<std::string> values(sums);
  llvm::append_range(values,
                     loadFused(w, fused, access, "row", "column", "fused"));
  auto results = w.region(epilogue, values, "epilogue");
  if (failed(results))
    return failure();
  w.line(w.element(init, result, {"row", "column"}) + " = " + results->front() +
         ";");
  w.close("};");
  return success();
}

FailureOr<KernelText> cuda::emitKernel(TaskInterface op,
                                       const EmitContext &context) {
  KernelWriter w(op, context.arguments);
  LogicalResult emitted =
      llvm::TypeSwitch<Operation *, LogicalResult>(op)
          .Case([&](AttentionOp op) {
            return emitAttention(w, op, context.limits);
          })
          .Case([&](CombineOp op) { return emitCombine(w, op); })
          .Case([&](GemmOp op) { return emitGemm(w, op); })
          .Case([&](GroupOp op) { return emitGroup(w, op); })
          .Case([&](RouteOp op) { return emitRoute(w, op); })
          .Case([&](RowReduceOp op) { return emitRowReduce(w, op); })
          .Case([&](RowwiseOp op) { return emitRowwise(w, op); })
          .Default([](Operation *op) {
            return op->emitOpError("has no CUDA form");
          });
  if (failed(emitted))
    return failure();
  return std::move(w).finish();
}
