//===- Approximate.h - The .approx functions --------------------*- C++ -*-===//
//
// The PTX ISA bounds their errors and does not define their bits. Here they are the correctly rounded result of an evaluation in f64 (whose own error is
// below 2^-45). With a seed, a relative or absolute error inside the manual's bound is added that depends on seed, function and operand alone: as on
// hardware, equal operands give equal results, and what depends on the exact bits shows.
//
// Special values are the manual's; `.ftz` flushes operand and result.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_ARITHMETIC_APPROXIMATE_H
#define MOEC_SIMULATOR_ARITHMETIC_APPROXIMATE_H

#include <cstdint>

namespace moec::cudasim {

enum class Approximation : uint8_t {
  Ex2,
  Lg2,
  Rcp,
  Rsqrt,
  Sqrt,
  Sin,
  Cos,
  Tanh
};

/// Of f32, for 32 lanes; all are computed, whatever is active. `seed` 0: no error is added.
void approximate(Approximation, bool ftz, const float *x, float *result,
                 uint64_t seed = 0);
/// `div.approx.f32` (`full` false) and `div.full.f32`, for 32 lanes.
void divideApproximately(bool full, bool ftz, const float *a, const float *b,
                         float *result, uint64_t seed = 0);
/// `ex2.approx` and `tanh.approx` of f16 or bf16 (`ex2.approx.ftz.bf16`), for `count` elements.
void approximateF16(Approximation, const uint16_t *x, uint16_t *result,
                    unsigned count, uint64_t seed = 0);
void approximateBF16(Approximation, const uint16_t *x, uint16_t *result,
                     unsigned count, uint64_t seed = 0);
/// `rcp.approx.ftz.f64`, `rsqrt.approx.ftz.f64`: from the upper 32 bits of the operand to the upper 32 bits of the result.
double approximateRcp(double x);
double approximateRsqrt(double x);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_ARITHMETIC_APPROXIMATE_H
