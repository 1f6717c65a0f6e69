//===- Patterns.h - Patterns of convert-moe-to-kernel -------------------------===//

#ifndef MOEC_PASSES_FUSE_MOE_TO_KERNEL_PATTERNS_H
#define MOEC_PASSES_FUSE_MOE_TO_KERNEL_PATTERNS_H

#include "dialects/moe/Moe.h"
#include "passes/fuse/moe_to_kernel/KernelBuilder.h"

#include "mlir/Transforms/DialectConversion.h"

namespace moec {

/// Columns of a panel: a full vector of f32 on AVX-512, two on AVX2. A constant of all CPU targets, so that one weight file
/// serves them.
inline constexpr int64_t kPanelWidth = 16;

/// The vectors that `!moe.batch` becomes, in this order.
struct BatchValues {
  mlir::Value tokens, positions, cacheRows, outputRows;
  explicit BatchValues(mlir::ValueRange values)
      : tokens(values[0]), positions(values[1]), cacheRows(values[2]),
        outputRows(values[3]) {}
};

/// The results of kernel.group that `!moe.routing` becomes, in this order.
struct RoutingValues {
  mlir::Value rows, rowWeights, places, merges, tiles;
  explicit RoutingValues(mlir::ValueRange values)
      : rows(values[0]), rowWeights(values[1]), places(values[2]),
        merges(values[3]), tiles(values[4]) {}
};

/// A pattern for one operation of moe, with a KernelBuilder at hand.
template <typename Op>
struct MoeToKernelPattern : mlir::OpConversionPattern<Op> {
  using mlir::OpConversionPattern<Op>::OpConversionPattern;
  using Adaptor = typename mlir::OpConversionPattern<Op>::OneToNOpAdaptor;

  /// The values that replace the results of `op`, flattened.
  virtual llvm::SmallVector<mlir::Value> convert(Op op, Adaptor adaptor,
                                                 KernelBuilder &b) const = 0;

  mlir::LogicalResult
  matchAndRewrite(Op op, Adaptor adaptor,
                  mlir::ConversionPatternRewriter &rewriter) const override {
    KernelBuilder b(op.getLoc(), rewriter);
    llvm::SmallVector<mlir::Value> values = convert(op, adaptor, b);
    rewriter.replaceOpWithMultiple(op, {mlir::ValueRange(values)});
    return mlir::success();
  }
};

/// x times the panels of a weight, without prologue and epilogue.
mlir::Value buildGemm(KernelBuilder &b, mlir::Value input, mlir::Value weight,
                      int64_t columns, int64_t heads, bool transposed,
                      mlir::Value groups);

/// Rows of a table or of activations by index, as they are or extended to f32.
mlir::Value gatherRows(KernelBuilder &b, mlir::Value table, mlir::Value index,
                       mlir::Type elementType);

/// Columns of a value of rows.
inline int64_t columnsOf(mlir::Value rows) {
  return llvm::cast<mlir::ShapedType>(rows.getType()).getDimSize(1);
}

void populateRowPatterns(mlir::TypeConverter &converter,
                         mlir::RewritePatternSet &patterns);
void populateAttentionPatterns(mlir::TypeConverter &converter,
                               mlir::RewritePatternSet &patterns);
void populateExpertPatterns(mlir::TypeConverter &converter,
                            mlir::RewritePatternSet &patterns);

} // namespace moec

#endif // MOEC_PASSES_FUSE_MOE_TO_KERNEL_PATTERNS_H
