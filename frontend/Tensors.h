//===- Tensors.h - The tensors of a checkpoint, as weights see them -------===//
#ifndef MOEC_FRONTEND_TENSORS_H
#define MOEC_FRONTEND_TENSORS_H

#include "dialects/moe/Moe.h"
#include "frontend/Quantization.h"
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

/// The name of the tensor that a part takes for the given index along the
/// weight's first dimension: `{expert}` in it stands for the index.
std::string tensorName(llvm::StringRef name, int64_t index);

/// The shape of the scales of a matrix in blocks of `rows` x `columns`.
std::vector<int64_t> scaleShape(llvm::ArrayRef<int64_t> shape, int64_t rows,
                                int64_t columns);

/// Hands out tensors by name and shape, and knows which of them nobody asked
/// for. Errors stick, as in Config.h.
class TensorCatalog {
public:
  /// Without a checkpoint every tensor is there, of the type `assumed`, or
  /// quantised as `blocks` says.
  TensorCatalog(const SafeTensorsFolder *checkpoint, std::string folder,
                mlir::Type assumed, std::optional<PublishedBlocks> blocks = {})
      : checkpoint(checkpoint), folder(std::move(folder)), assumed(assumed),
        blocks(std::move(blocks)) {}

  /// The one element type of the tensors of `parts`, each of them of the given
  /// shape, for each index below `count`; parts whose tensors have scales get
  /// their names. When there is no checkpoint, `unlessStored` instead of the
  /// assumed type, if it is given.
  mlir::Type elementType(llvm::MutableArrayRef<moe::PartAttr> parts,
                         int64_t count, llvm::ArrayRef<int64_t> shape,
                         mlir::Type unlessStored = {});

  /// An error for a tensor that was not asked for, unless it may be ignored.
  void finish(llvm::function_ref<bool(const TensorView &)> mayIgnore);

  const Status &status() const { return error; }

private:
  const TensorView *take(const std::string &name,
                         llvm::ArrayRef<int64_t> shape);
  /// The scales of a matrix; null if it has none.
  const TensorView *takeScales(const TensorView &tensor);
  /// Sets the scales of the parts.
  mlir::Type scaledType(llvm::MutableArrayRef<moe::PartAttr> parts,
                        mlir::Type scale);
  mlir::Type announcedType(llvm::MutableArrayRef<moe::PartAttr> parts,
                           llvm::ArrayRef<int64_t> shape);
  void fail(std::string message);

  const SafeTensorsFolder *checkpoint;
  std::string folder;
  mlir::Type assumed;
  std::optional<PublishedBlocks> blocks;
  llvm::StringSet<> taken;
  Status error = Status::success();
};

} // namespace moec

#endif // MOEC_FRONTEND_TENSORS_H
