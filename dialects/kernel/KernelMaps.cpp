//===- KernelMaps.cpp - Where the maps of a kernel lead -----------------------===//

#include "dialects/kernel/KernelMaps.h"

#include "mlir/IR/AffineExpr.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace moec::kernel;

static std::optional<int64_t> add(int64_t a, int64_t b) {
  int64_t sum;
  return llvm::AddOverflow(a, b, sum) ? std::nullopt : std::optional(sum);
}

static std::optional<int64_t> multiply(int64_t a, int64_t b) {
  int64_t product;
  return llvm::MulOverflow(a, b, product) ? std::nullopt
                                          : std::optional(product);
}

static std::optional<IndexBounds> sumOf(IndexBounds a, IndexBounds b) {
  std::optional<int64_t> least = add(a.least, b.least), greatest;
  if (!least)
    return std::nullopt;
  if (a.greatest && b.greatest && !(greatest = add(*a.greatest, *b.greatest)))
    return std::nullopt;
  return IndexBounds{*least, greatest};
}

static std::optional<IndexBounds> productOf(IndexBounds a, int64_t factor) {
  if (factor < 0 && !a.greatest)
    return std::nullopt; // no least value
  std::optional<int64_t> least = multiply(a.least, factor), greatest;
  if (!least)
    return std::nullopt;
  if (a.greatest && !(greatest = multiply(*a.greatest, factor)))
    return std::nullopt;
  if (factor < 0)
    std::swap(*least, *greatest);
  return IndexBounds{*least, factor ? greatest : 0};
}

static std::optional<IndexBounds> remainderOf(IndexBounds a, int64_t divisor) {
  bool isSmall = a.least >= 0 && a.greatest && *a.greatest < divisor;
  return isSmall ? a : IndexBounds{0, divisor - 1};
}

std::optional<IndexBounds> moec::kernel::boundsOf(AffineExpr expression,
                                                  ArrayRef<int64_t> sizes) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return IndexBounds{constant.getValue(), constant.getValue()};
  if (isa<AffineSymbolExpr>(expression))
    return IndexBounds{0, std::nullopt};
  if (auto dim = dyn_cast<AffineDimExpr>(expression)) {
    if (dim.getPosition() == 0)
      return IndexBounds{0, std::nullopt};
    return IndexBounds{0, sizes[dim.getPosition() - 1] - 1};
  }
  auto binary = cast<AffineBinaryOpExpr>(expression);
  std::optional<IndexBounds> lhs = boundsOf(binary.getLHS(), sizes);
  std::optional<IndexBounds> rhs = boundsOf(binary.getRHS(), sizes);
  if (!lhs || !rhs)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Add)
    return sumOf(*lhs, *rhs);
  if (!isa<AffineConstantExpr>(binary.getRHS()))
    return std::nullopt;
  int64_t constant = rhs->least;
  if (binary.getKind() == AffineExprKind::Mul)
    return productOf(*lhs, constant);
  if (constant < 1)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Mod)
    return remainderOf(*lhs, constant);
  auto divide = [&](int64_t value) {
    return binary.getKind() == AffineExprKind::FloorDiv
               ? llvm::divideFloorSigned(value, constant)
               : llvm::divideCeilSigned(value, constant);
  };
  IndexBounds quotient{divide(lhs->least), std::nullopt};
  if (lhs->greatest)
    quotient.greatest = divide(*lhs->greatest);
  return quotient;
}

bool moec::kernel::dependsOnDims(AffineExpr expression) {
  return expression
      .walk([](AffineExpr part) {
        return isa<AffineDimExpr>(part) ? WalkResult::interrupt()
                                        : WalkResult::advance();
      })
      .wasInterrupted();
}
