//===- Tensors.h - The tensors of a checkpoint, as weights see them -------===//
#ifndef MOEC_FRONTEND_TENSORS_H
#define MOEC_FRONTEND_TENSORS_H

#include "dialects/moe/Moe.h"
#include "support/SafeTensors.h"
#include "support/Status.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringSet.h"

namespace moec {

/// The element type of a weight made of tensors of this type; null when weights
/// cannot be.
mlir::Type elementTypeOf(DType dtype, mlir::MLIRContext &context);

/// "[48, 64]", for messages.
std::string showShape(llvm::ArrayRef<int64_t> shape);

/// The name in a part for the given index along the weight's first dimension,
/// which `{expert}` stands for.
std::string tensorName(llvm::StringRef pattern, int64_t index);

/// Hands out tensors by name and shape, and knows which of them nobody asked
/// for. Errors stick, as in Config.h.
class TensorCatalog {
public:
  /// Without a checkpoint every tensor is there, of the type `assumed`.
  TensorCatalog(const SafeTensorsFolder *checkpoint, std::string folder,
                mlir::Type assumed)
      : checkpoint(checkpoint), folder(std::move(folder)), assumed(assumed) {}

  /// The one element type of the tensors of `parts`, each of them of the given
  /// shape, for each index below `count`. When there is no checkpoint,
  /// `unlessStored` instead of the assumed type, if it is given.
  mlir::Type elementType(llvm::ArrayRef<moe::PartAttr> parts, int64_t count,
                         llvm::ArrayRef<int64_t> shape,
                         mlir::Type unlessStored = {});

  /// An error for a tensor that was not asked for, unless it may be ignored.
  void finish(llvm::function_ref<bool(const TensorView &)> mayIgnore);

  const Status &status() const { return error; }

private:
  const TensorView *take(const std::string &name,
                         llvm::ArrayRef<int64_t> shape);
  void fail(std::string message);

  const SafeTensorsFolder *checkpoint;
  std::string folder;
  mlir::Type assumed;
  llvm::StringSet<> taken;
  Status error = Status::success();
};

} // namespace moec

#endif // MOEC_FRONTEND_TENSORS_H
