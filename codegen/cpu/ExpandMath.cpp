//===- ExpandMath.cpp - Transcendental functions become arithmetic ------------===//
//
//   %e = math.exp %x : vector<16xf32>     ->   a polynomial in vector<16xf32>
//   %c = math.cos %a : f64                ->   reduction modulo π/2 and a polynomial in f64
//
//===------------------------------------------------------------------------===//

#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace moec::cpu {
#define GEN_PASS_DEF_CPUEXPANDMATHPASS
#include "codegen/cpu/Passes.h.inc"
} // namespace moec::cpu

using namespace mlir;

namespace {

/// f64 arithmetic on scalars or vectors of one type.
class F64Builder : public ImplicitLocOpBuilder {
public:
  F64Builder(Location loc, OpBuilder &builder, Type type)
      : ImplicitLocOpBuilder(loc, builder), type(type) {}

  Value constant(double value) { return splat(getF64FloatAttr(value), type); }
  Value integer(int64_t value) {
    return splat(getI64IntegerAttr(value), integerType());
  }
  Value fma(Value a, Value b, Value c) {
    return math::FmaOp::create(*this, a, b, c);
  }
  Value mul(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
  /// c[0] + x (c[1] + x (c[2] + …))
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = constant(coefficients.back());
    for (double c : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, constant(c));
    return sum;
  }
  Type integerType() {
    auto vector = dyn_cast<VectorType>(type);
    return vector ? Type(vector.clone(getI64Type())) : Type(getI64Type());
  }

private:
  Value splat(TypedAttr value, Type of) {
    if (auto vector = dyn_cast<VectorType>(of))
      return arith::ConstantOp::create(
          *this, DenseElementsAttr::get(vector, Attribute(value)));
    return arith::ConstantOp::create(*this, value);
  }

  Type type;
};

/// sin(x), or cos(x) = sin(x + π/2), for |x| up to 2^30 or so: n = round(2x/π), r = x - n π/2 with π/2 in three parts, then
/// fdlibm's polynomials of sin and cos on [-π/4, π/4] (error below 2^-58), chosen and signed by n mod 4.
template <typename Op, int quarter>
struct ExpandSine : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!getElementTypeOrSelf(type).isF64())
      return rewriter.notifyMatchFailure(op, "not f64");
    F64Builder b(op.getLoc(), rewriter, type);
    Value x = op.getOperand();
    Value n = math::RoundEvenOp::create(b, b.mul(x, b.constant(M_2_PI)));
    // π/2 in three parts of 33 bits each (fdlibm's pio2_1, pio2_2, pio2_3): the products are exact while n < 2^20.
    Value minus = arith::NegFOp::create(b, n);
    Value r = b.fma(minus, b.constant(1.57079632673412561417e+00), x);
    r = b.fma(minus, b.constant(6.07710050630396597660e-11), r);
    r = b.fma(minus, b.constant(2.02226624879595063154e-21), r);
    Value z = b.mul(r, r);
    Value sine = b.polynomial(
        z, {-1.66666666666666324348e-01, 8.33333333332248946124e-03,
            -1.98412698298579493134e-04, 2.75573137070700676789e-06,
            -2.50507602534068634195e-08, 1.58969099521155010221e-10});
    sine = b.fma(b.mul(sine, z), r, r);
    Value cosine = b.polynomial(
        z, {-0.5, 4.16666666666666019037e-02, -1.38888888888741095749e-03,
            2.48015872894767294178e-05, -2.75573143513906633035e-07,
            2.08757232129817482790e-09, -1.13596475577881948265e-11});
    cosine = b.fma(cosine, z, b.constant(1.0));
    Value turns = arith::AddIOp::create(
        b, arith::FPToSIOp::create(b, b.integerType(), n), b.integer(quarter));
    auto bit = [&](int64_t mask) -> Value {
      Value masked = arith::AndIOp::create(b, turns, b.integer(mask));
      return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, masked,
                                   b.integer(0));
    };
    Value value = arith::SelectOp::create(b, bit(1), cosine, sine);
    Value negated = arith::NegFOp::create(b, value);
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, bit(2), negated, value);
    return success();
  }
};

struct CpuExpandMathPass
    : moec::cpu::impl::CpuExpandMathPassBase<CpuExpandMathPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(
        patterns, [](StringRef name) { return name == "math.exp"; });
    patterns.add<ExpandSine<math::SinOp, 0>, ExpandSine<math::CosOp, 1>>(
        &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
