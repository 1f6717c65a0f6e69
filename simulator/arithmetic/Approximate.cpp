//===- Approximate.cpp - The .approx functions ----------------------------===//
#include "simulator/arithmetic/Approximate.h"
#include "simulator/arithmetic/Float.h"

#include <algorithm>

namespace moec::cudasim {

/// 2^x for |x| <= 1100 up to a relative error of 2^-46: 2^round(x) times a Taylor polynomial of the rest. No branches.
static inline double exp2Double(double x) {
  // Adding 1.5 * 2^52 leaves the integer in the low bits.
  constexpr double Shift = 0x1.8p52;
  double shifted = x + Shift, f = x - (shifted - Shift);
  // Coefficients ln(2)^i / i!; written out, since loops in loops are not vectorised.
  double p = 0x1.e8cac7351bb25p-32;
  p = std::fma(p, f, 0x1.e4cf5158b8ecap-28);
  p = std::fma(p, f, 0x1.b5253d395e7c4p-24);
  p = std::fma(p, f, 0x1.62c0223a5c824p-20);
  p = std::fma(p, f, 0x1.ffcbfc588b0c7p-17);
  p = std::fma(p, f, 0x1.430912f86c787p-13);
  p = std::fma(p, f, 0x1.5d87fe78a6731p-10);
  p = std::fma(p, f, 0x1.3b2ab6fba4e77p-7);
  p = std::fma(p, f, 0x1.c6b08d704a0cp-5);
  p = std::fma(p, f, 0x1.ebfbdff82c58fp-3);
  p = std::fma(p, f, 0x1.62e42fefa39efp-1);
  p = std::fma(p, f, 1.0);
  uint64_t exponent = std::bit_cast<uint64_t>(shifted) << 52;
  return std::bit_cast<double>(std::bit_cast<uint64_t>(p) + exponent);
}

static inline double clampedExp2(double x) {
  // Beyond 200 the result is zero or infinite in every narrower format.
  double inside = x < 200 ? (x > -200 ? x : -200.0) : 200.0;
  return x == x ? exp2Double(inside) : x;
}

static double evaluate(Approximation function, double x) {
  switch (function) {
  case Approximation::Ex2:
    return clampedExp2(x);
  case Approximation::Lg2:
    return std::log2(x);
  case Approximation::Rcp:
    return 1 / x;
  case Approximation::Rsqrt:
    return 1 / std::sqrt(x);
  case Approximation::Sqrt:
    return std::sqrt(x);
  case Approximation::Sin:
    return std::sin(x);
  case Approximation::Cos:
    return std::cos(x);
  case Approximation::Tanh:
    return std::tanh(x);
  }
  return x;
}

/// A number in (-1, 1) that depends on all arguments: the finaliser of splitmix64.
static double noise(uint64_t seed, unsigned function, uint64_t operand) {
  uint64_t z =
      seed * 0x9e3779b97f4a7c15 + function * 0xd1342543de82ef95 + operand;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return double(int64_t((z ^ (z >> 31)) | 1)) * 0x1p-63;
}

/// Distance of `x` from its neighbour in f32.
static double ulp(double x) {
  return std::ldexp(1.0, std::max(std::ilogb(x), -126) - 23);
}

/// How far the function may be from `exact` before it is rounded to f32, so that it stays inside the manual's bound after.
static double room(Approximation function, double x, double exact) {
  double magnitude = std::fabs(exact), place = ulp(exact), bound = 0;
  switch (function) {
  case Approximation::Ex2:
    bound = 2 * place;
    break;
  case Approximation::Rcp:
    bound = place;
    break;
  case Approximation::Lg2:
    bound = x > 0.5 && x < 2 ? 0x1p-22 : magnitude * 0x1p-22;
    break;
  case Approximation::Rsqrt:
    bound = magnitude * 1.2788e-7; // 2^-22.9
    break;
  case Approximation::Sqrt:
    bound = magnitude * 0x1p-23;
    break;
  case Approximation::Sin:
  case Approximation::Cos:
    bound = std::fabs(x) <= 6.2831 ? 6.743e-7 : 3.757e-5; // 2^-20.5, 2^-14.7
    break;
  case Approximation::Tanh:
    bound = magnitude * 0x1p-11;
    break;
  }
  return std::max(0.0, bound - place / 2);
}

/// Whether the manual fixes the result. CUDA's expm1f, and erf and tanh of double, scale by 2 to a whole number and keep
/// their documented bounds only because that is exact.
static bool special(Approximation function, double x, double exact) {
  return x == 0 || exact == 0 || !std::isfinite(exact) || !std::isfinite(x) ||
         (function == Approximation::Ex2 && x == std::rint(x));
}

static float perturbed(Approximation function, float x, uint64_t seed) {
  double exact = evaluate(function, x);
  if (special(function, x, exact))
    return float(exact);
  return float(exact +
               room(function, x, exact) *
                   noise(seed, unsigned(function), std::bit_cast<uint32_t>(x)));
}

template <class Function>
static void map(bool ftz, const float *x, float *result, Function function) {
  if (ftz)
    for (unsigned i = 0; i < 32; ++i)
      result[i] = canonical(flush(function(flush(x[i]))));
  else
    for (unsigned i = 0; i < 32; ++i)
      result[i] = canonical(function(x[i]));
}

void approximate(Approximation function, bool ftz, const float *x,
                 float *result, uint64_t seed) {
  if (seed)
    return map(ftz, x, result,
               [=](float v) { return perturbed(function, v, seed); });
  switch (function) {
  // Those that the host has as vector code.
  case Approximation::Ex2:
    return map(ftz, x, result, [](float v) { return float(clampedExp2(v)); });
  case Approximation::Rcp:
    return map(ftz, x, result, [](float v) { return 1.0f / v; });
  case Approximation::Rsqrt:
    return map(ftz, x, result,
               [](float v) { return float(1.0 / std::sqrt(double(v))); });
  case Approximation::Sqrt:
    return map(ftz, x, result, [](float v) { return std::sqrt(v); });
  default:
    return map(ftz, x, result,
               [=](float v) { return float(evaluate(function, v)); });
  }
}

void divideApproximately(bool full, bool ftz, const float *a, const float *b,
                         float *result, uint64_t seed) {
  for (unsigned i = 0; i < 32; ++i) {
    float x = ftz ? flush(a[i]) : a[i], y = ftz ? flush(b[i]) : b[i];
    float magnitude = std::fabs(y), quotient = x / y;
    if (!full && magnitude > 0x1p126f && std::isfinite(y))
      // The reciprocal is flushed to zero.
      quotient = x * std::copysign(0.0f, y);
    else if (!full && magnitude < 0x1p-126f)
      // The reciprocal may be infinite.
      quotient = x * (1.0f / y);
    else if (seed && std::isfinite(quotient) && quotient != 0) {
      double exact = double(x) / double(y);
      uint64_t operands = uint64_t(std::bit_cast<uint32_t>(x)) << 32 |
                          std::bit_cast<uint32_t>(y);
      quotient =
          float(exact + 1.5 * ulp(exact) * noise(seed, 8 + full, operands));
    }
    result[i] = canonical(ftz ? flush(quotient) : quotient);
  }
}

/// Bounds of the 16-bit functions, less their rounding to nearest: relative for ex2, absolute for tanh.
template <Format F>
static void approximateHalf(Approximation function, const uint16_t *x,
                            uint16_t *result, unsigned count, uint64_t seed) {
  constexpr bool brain = F.exponentBits == 8;
  double room = function == Approximation::Ex2
                    ? (brain ? 0x1p-7 - 0x1p-8 : 0x1p-9 * 0.535 - 0x1p-11)
                    : (brain ? 0x1p-8 - 0x1p-9 : 0x1p-11 - 0x1p-12);
  for (unsigned i = 0; i < count; ++i) {
    // `ex2.approx.ftz.bf16` is the only one that flushes.
    bool ftz = brain && function == Approximation::Ex2;
    double value = Half<F>::load(x[i], ftz), exact = evaluate(function, value);
    if (seed && !special(function, value, exact)) {
      double scale = function == Approximation::Ex2 ? std::fabs(exact) : 1.0;
      bool passes = function == Approximation::Tanh && !(x[i] & F.infinity());
      if (!passes)
        exact +=
            room * scale * noise(seed, 16 + unsigned(function) + brain, x[i]);
    }
    result[i] = Half<F>::finish(
        uint16_t(encode<F>(exact, Rounding::NearestEven)), {.ftz = ftz});
  }
}

void approximateF16(Approximation function, const uint16_t *x, uint16_t *result,
                    unsigned count, uint64_t seed) {
  approximateHalf<F16>(function, x, result, count, seed);
}
void approximateBF16(Approximation function, const uint16_t *x,
                     uint16_t *result, unsigned count, uint64_t seed) {
  approximateHalf<BF16>(function, x, result, count, seed);
}

/// Only the upper half of an f64, subnormals as zero.
static double upperHalf(double x) {
  uint64_t bits = std::bit_cast<uint64_t>(x);
  if (isNaN(x))
    return std::bit_cast<double>(uint64_t(0x7fffffff00000000));
  return std::bit_cast<double>(
      bits & ((bits >> 52 & 0x7ff) ? 0xffffffff00000000 : uint64_t(1) << 63));
}
double approximateRcp(double x) { return upperHalf(1 / upperHalf(x)); }
double approximateRsqrt(double x) {
  return upperHalf(1 / std::sqrt(upperHalf(x)));
}

} // namespace moec::cudasim
