//===- KernelMaps.h - Where the maps of a kernel lead -------------------------===//
#ifndef MOEC_DIALECTS_KERNEL_KERNELMAPS_H
#define MOEC_DIALECTS_KERNEL_KERNELMAPS_H

#include "mlir/IR/AffineMap.h"

#include <optional>

namespace moec::kernel {

/// The least and the greatest value of an expression. Rows (d0) and indices (symbols) are numbers from 0 of which only a
/// step knows how great they are: what grows with them has no greatest value.
struct IndexBounds {
  int64_t least;
  std::optional<int64_t> greatest;
};

/// Bounds of `expression` where d1, … count to `sizes`; none when it divides by what is no positive constant, or leaves 64 bits.
std::optional<IndexBounds> boundsOf(mlir::AffineExpr expression,
                                    llvm::ArrayRef<int64_t> sizes);

/// Whether some dimension stands in `expression`.
bool dependsOnDims(mlir::AffineExpr expression);

} // namespace moec::kernel

#endif // MOEC_DIALECTS_KERNEL_KERNELMAPS_H
