//===- Mma.h - Matrix multiply-accumulate of a warp -------------*- C++ -*-===//
//
// D = A B + C on fragments: arrays of 32 lanes per register. The ISA leaves order and rounding of the sums open. `InOrder` is f32 fma in the order of k
// from C; `Hardware` is the arithmetic that was published of the tensor cores (spec: truncated fused sums, Mma.cpp).
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_ARITHMETIC_MMA_H
#define MOEC_SIMULATOR_ARITHMETIC_MMA_H

#include <cstdint>
#include <optional>

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

/// One element of the fused sums of tensor cores: c + sum a[i] b[i], every summand truncated to `fraction` bits below the largest exponent, the sum truncated to an
/// f32 of `kept` mantissa bits (23; 13 for fp8 on Ada and wgmma fp8). Operands are exact values of their formats.
float fusedSum(const float *a, const float *b, unsigned count, float c,
               unsigned fraction, unsigned kept = 23);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_ARITHMETIC_MMA_H
