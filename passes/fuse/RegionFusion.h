//===- RegionFusion.h - What the fusion passes share --------------------------===//

#ifndef MOEC_PASSES_FUSE_REGIONFUSION_H
#define MOEC_PASSES_FUSE_REGIONFUSION_H

#include "dialects/kernel/Kernel.h"

#include "mlir/IR/PatternMatch.h"

namespace moec {

/// The one-dimensional elementwise kernel that gives all of `value`: each element of each row is written once, in its own
/// row, from what stands elsewhere. Null if `value` is something else.
kernel::RowwiseOp getElementwiseProducer(mlir::Value value);

/// Clones the body of `region` at the insertion point with `arguments` for its block arguments; returns what it yields.
llvm::SmallVector<mlir::Value> inlineBody(mlir::OpBuilder &builder,
                                          mlir::Region &region,
                                          mlir::ValueRange arguments);

/// How an operand of a one-dimensional rowwise kernel is indexed, if that is one of the accesses of a fused operand; `row`
/// is what stands for the row in its map (d0, or the symbol of a gather).
std::optional<kernel::Access> classifyAccess(mlir::AffineMap map,
                                             mlir::AffineExpr row);

/// Whether `map` is (row, d1 + begin); the begin if so.
std::optional<int64_t> matchElement(mlir::AffineMap map, mlir::AffineExpr row);

} // namespace moec

#endif // MOEC_PASSES_FUSE_REGIONFUSION_H
