//===- Mma.h - Matrix multiply-accumulate of a warp -------------*- C++ -*-===//
//
// D = A B + C on fragments: arrays of 32 lanes per register. The ISA leaves order and rounding of the sums open. `InOrder` is f32 fma in the order of k
// from C; `Hardware` is the arithmetic that was published of the tensor cores (spec: truncated fused sums, Mma.cpp).
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_ARITHMETIC_MMA_H
#define MOEC_SIMULATOR_ARITHMETIC_MMA_H

#include <cstdint>

namespace moec::cudasim {

enum class MatrixType : uint8_t {
  F16,
  BF16,
  TF32,
  E4M3,
  E5M2,
  S8,
  U8,
  F64,
  F32,
  S32
};

/// One `mma.sync.aligned.mMnNkK.row.col.D.A.B.C`.
struct MmaShape {
  unsigned m = 16, n = 8, k = 16;
  MatrixType a = MatrixType::BF16, b = MatrixType::BF16;
  /// Of C and D: F16, F32, S32 or F64.
  MatrixType accumulator = MatrixType::F32;
  bool saturateFinite = false; ///< `.satfinite` of integers

  /// Whether it is one of the instructions that are implemented.
  bool supported() const;
  /// Registers per lane: of 32 bits, for F64 of 64 bits.
  unsigned registersA() const, registersB() const, registersC() const;
  /// 2 M N K.
  uint64_t flop() const { return 2ull * m * n * k; }
};

enum class MmaArithmetic : uint8_t { InOrder, Hardware };

/// Executes one shape. Registers are arrays of 32 lanes; d may be c.
class Mma {
public:
  /// `shape` must be supported. `architecture` (80, 89, 90, 100, …) matters for `Hardware`.
  explicit Mma(const MmaShape &shape,
               MmaArithmetic arithmetic = MmaArithmetic::InOrder,
               unsigned architecture = 80);
  void operator()(const uint32_t *const *a, const uint32_t *const *b,
                  const uint32_t *const *c, uint32_t *const *d) const {
    execute(*this, a, b, c, d);
  }
  /// The same for F64.
  void operator()(const double *const *a, const double *const *b,
                  const double *const *c, double *const *d) const;

  MmaShape shape;
  MmaArithmetic arithmetic;
  unsigned architecture;

private:
  using Execute = void (*)(const Mma &, const uint32_t *const *,
                           const uint32_t *const *, const uint32_t *const *,
                           uint32_t *const *);
  Execute execute = nullptr;
};

/// The sum of products that tensor cores compute, as "MMA-Sim" (arXiv 2511.10909) describes it: exact products; every summand truncated toward zero to `fraction`
/// bits below the largest exponent among them; an exact sum; the result truncated to `kept` bits of mantissa.
struct FusedSum {
  /// Smallest exponents of normal numbers of the operands' formats: subnormals are not normalised.
  int smallestA = -126, smallestB = -126;
  int fraction = 25, kept = 23;
  /// Rounds the sum to nearest even to f16 instead; c and the result are exact values of f16.
  bool half = false;

  /// c + a[0] b[0] + … . NaN is the canonical NaN.
  float operator()(const float *a, const float *b, unsigned count,
                   float c) const;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_ARITHMETIC_MMA_H
