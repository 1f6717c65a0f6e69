//===- KernelBuilder.h - Building kernels over tensors ------------------------===//

#ifndef MOEC_PASSES_FUSE_MOE_TO_KERNEL_KERNELBUILDER_H
#define MOEC_PASSES_FUSE_MOE_TO_KERNEL_KERNELBUILDER_H

#include "dialects/kernel/Kernel.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace moec {

/// What a kernel.rowwise reads or writes, and where: an affine map of (d0 = row, d1, …) and of the symbols of the indices.
struct MappedValue {
  mlir::Value value;
  mlir::AffineMap map;
};

/// Builds the body of a region from its arguments; returns what it yields.
using BodyBuilder = llvm::function_ref<llvm::SmallVector<mlir::Value>(
    mlir::ImplicitLocOpBuilder &, mlir::ValueRange)>;

/// A builder of kernels and of what they need, at one location.
class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  /// d_i and s_i of the maps.
  mlir::AffineExpr dim(unsigned i) { return getAffineDimExpr(i); }
  mlir::AffineExpr symbol(unsigned i) { return getAffineSymbolExpr(i); }

  /// Rows of `rows` as an index.
  mlir::Value rowCount(mlir::Value rows);
  /// tensor<?x…columns> with `count` rows and no contents.
  mlir::Value empty(mlir::Value count, llvm::ArrayRef<int64_t> columns,
                    mlir::Type elementType);

  /// A region with one block of these argument types.
  void buildRegion(mlir::Region &region, mlir::TypeRange types,
                   BodyBuilder body);

  /// Options of a rowwise kernel that most do not need.
  struct Rowwise {
    /// Values whose rows the symbols are.
    mlir::ValueRange indices = {};
    /// The value that counts the rows; the init when null.
    mlir::Value rows = nullptr;
    bool inPlace = false;
  };
  /// Writes `init` at `outputs` and returns its new value.
  mlir::Value rowwise(llvm::ArrayRef<int64_t> sizes,
                      llvm::ArrayRef<MappedValue> inputs, mlir::Value init,
                      llvm::ArrayRef<mlir::AffineMap> outputs,
                      const Rowwise &options, BodyBuilder body);

  /// Rows of `columns` f32, `count` of them, each element from the inputs at its place.
  mlir::Value elementwise(mlir::Value count, int64_t columns,
                          llvm::ArrayRef<MappedValue> inputs, BodyBuilder body);
  /// Maps of a one-dimensional rowwise kernel without indices: the element (d0, d1 + begin), the row, the column.
  mlir::AffineMap elementMap(int64_t begin = 0) {
    return map(1, 0, {dim(0), dim(1) + begin});
  }
  mlir::AffineMap rowMap() { return map(1, 0, {dim(0)}); }
  mlir::AffineMap columnMap() { return map(1, 0, {dim(1)}); }

  /// The map of `results` for a rowwise kernel of `sizes` inner dimensions and `symbols` indices.
  mlir::AffineMap map(unsigned sizes, unsigned symbols,
                      llvm::ArrayRef<mlir::AffineExpr> results) {
    return mlir::AffineMap::get(1 + sizes, symbols, results, getContext());
  }

private:
  mlir::AffineExpr getAffineDimExpr(unsigned i) {
    return mlir::getAffineDimExpr(i, getContext());
  }
  mlir::AffineExpr getAffineSymbolExpr(unsigned i) {
    return mlir::getAffineSymbolExpr(i, getContext());
  }
};

} // namespace moec

#endif // MOEC_PASSES_FUSE_MOE_TO_KERNEL_KERNELBUILDER_H
