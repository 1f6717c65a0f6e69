//===- Float.h - Arithmetic with a rounding mode ----------------*- C++ -*-===//
//
// add, sub, mul, fma, div, rcp, sqrt, min, max of f32, f64, f16 and bf16. To nearest even they are the host's operations, so that loops over 32 lanes
// become vector code; the other modes are rarer and slower.
//
// f32 results that are NaN are 0x7fffffff, those of f16 and bf16 are 0x7fff. f64 NaNs are the host's.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_ARITHMETIC_FLOAT_H
#define MOEC_SIMULATOR_ARITHMETIC_FLOAT_H

#include "simulator/arithmetic/Formats.h"

namespace moec::cudasim {

/// The operations in a mode other than NearestEven. NaNs are the host's.
namespace directed {
float add(float a, float b, Rounding);
float mul(float a, float b, Rounding);
float fma(float a, float b, float c, Rounding);
float div(float a, float b, Rounding);
float sqrt(float a, Rounding);
double add(double a, double b, Rounding);
double mul(double a, double b, Rounding);
double fma(double a, double b, double c, Rounding);
double div(double a, double b, Rounding);
double sqrt(double a, Rounding);
} // namespace directed

/// Modifiers of an f32 or f64 operation; `.ftz` and `.sat` exist for f32 only.
struct Mode {
  Rounding rounding = Rounding::NearestEven;
  bool ftz = false, sat = false;
};

namespace detail {
template <Mode M>
inline float in(float x) {
  if constexpr (M.ftz)
    return flush(x);
  return x;
}
template <Mode M>
inline double in(double x) {
  return x;
}
template <Mode M>
inline float out(float x) {
  if constexpr (M.ftz)
    x = flush(x);
  if constexpr (M.sat)
    return saturate(x);
  return canonical(x);
}
template <Mode M>
inline double out(double x) {
  return x;
}
} // namespace detail

template <Mode M, class T>
inline T add(T a, T b) {
  a = detail::in<M>(a), b = detail::in<M>(b);
  if constexpr (M.rounding == Rounding::NearestEven)
    return detail::out<M>(a + b);
  else
    return detail::out<M>(directed::add(a, b, M.rounding));
}
template <Mode M, class T>
inline T sub(T a, T b) {
  return add<M>(a, -b);
}
template <Mode M, class T>
inline T mul(T a, T b) {
  a = detail::in<M>(a), b = detail::in<M>(b);
  if constexpr (M.rounding == Rounding::NearestEven)
    return detail::out<M>(a * b);
  else
    return detail::out<M>(directed::mul(a, b, M.rounding));
}
template <Mode M, class T>
inline T fma(T a, T b, T c) {
  a = detail::in<M>(a), b = detail::in<M>(b), c = detail::in<M>(c);
  if constexpr (M.rounding == Rounding::NearestEven)
    return detail::out<M>(std::fma(a, b, c));
  else
    return detail::out<M>(directed::fma(a, b, c, M.rounding));
}
template <Mode M, class T>
inline T div(T a, T b) {
  a = detail::in<M>(a), b = detail::in<M>(b);
  if constexpr (M.rounding == Rounding::NearestEven)
    return detail::out<M>(a / b);
  else
    return detail::out<M>(directed::div(a, b, M.rounding));
}
template <Mode M, class T>
inline T rcp(T a) {
  return div<M>(T(1), a);
}
template <Mode M, class T>
inline T sqrt(T a) {
  a = detail::in<M>(a);
  if constexpr (M.rounding == Rounding::NearestEven)
    return detail::out<M>(std::sqrt(a));
  else
    return detail::out<M>(directed::sqrt(a, M.rounding));
}

/// `min`, `max`: a NaN loses, unless `.NaN` lets it win as the canonical NaN; -0 < +0; `.abs` takes magnitudes, `.xorsign.abs` gives them the
/// product's sign.
struct MinMax {
  bool max = false, ftz = false, propagateNaN = false, xorsign = false,
       abs = false;
};
template <MinMax M, class T>
inline T minmax(T a, T b) {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  constexpr Bits sign = Bits(1) << (8 * sizeof(T) - 1);
  constexpr Bits nan =
      sizeof(T) == 4 ? Bits(CanonicalNaN32) : Bits(0x7ff8000000000000);
  if constexpr (M.ftz)
    a = flush(a), b = flush(b);
  Bits x = std::bit_cast<Bits>(a), y = std::bit_cast<Bits>(b),
       signs = (x ^ y) & sign;
  if constexpr (M.abs || M.xorsign) {
    x &= ~sign, y &= ~sign;
    a = std::bit_cast<T>(x), b = std::bit_cast<T>(y);
  }
  // Patterns of either sign in the order of their values, -0 below +0.
  using Signed = std::make_signed_t<Bits>;
  auto key = [](Bits bits) {
    return Signed(bits) < 0 ? Signed(~bits ^ sign) : Signed(bits);
  };
  Bits result = (M.max ? key(x) > key(y) : key(x) < key(y)) ? x : y;
  bool aNaN = a != a, bNaN = b != b;
  if constexpr (M.propagateNaN)
    result = aNaN || bNaN ? nan : result;
  else
    result = aNaN ? (bNaN ? nan : y) : bNaN ? x : result;
  if constexpr (M.xorsign)
    result = result == nan ? result : result | signs;
  return std::bit_cast<T>(result);
}

/// Modifiers of an f16 or bf16 operation; all round to nearest even.
struct HalfMode {
  bool ftz = false, sat = false, relu = false;
};
/// add, sub, mul, fma, min, max of one f16 or bf16; the packed forms are two of these.
template <Format F>
struct Half {
  static_assert(F.exponentBits + F.mantissaBits == 15);
  static float load(uint16_t x, bool ftz) {
    if (ftz && !(x & F.infinity()))
      x &= 0x8000;
    return F.exponentBits == 8 ? fromBF16(x) : fromF16(x);
  }
  static uint16_t finish(uint16_t x, HalfMode mode) {
    if (mode.ftz && !(x & F.infinity()))
      x &= 0x8000;
    uint16_t magnitude = x & 0x7fff;
    bool nan = magnitude > F.infinity();
    if (mode.sat) {
      constexpr uint16_t one = uint16_t(F.bias() << F.mantissaBits);
      return nan || x >> 15 ? 0 : magnitude > one ? one : x;
    }
    if (nan)
      return CanonicalNaN16;
    return mode.relu && x >> 15 ? 0 : x;
  }
  static uint16_t round(float x) {
    return F.exponentBits == 8 ? toBF16(x) : toF16(x);
  }
  /// Sums of two need 2 * 11 + 2 bits at most to be rounded twice without harm: f32 has them.
  static uint16_t add(uint16_t a, uint16_t b, HalfMode mode) {
    return finish(round(load(a, mode.ftz) + load(b, mode.ftz)), mode);
  }
  static uint16_t sub(uint16_t a, uint16_t b, HalfMode mode) {
    return add(a, b ^ 0x8000, mode);
  }
  /// Products are exact in f64 (in f32 those of bf16 can underflow).
  static uint16_t mul(uint16_t a, uint16_t b, HalfMode mode) {
    double product = double(load(a, mode.ftz)) * double(load(b, mode.ftz));
    return finish(uint16_t(encode<F>(product, Rounding::NearestEven)), mode);
  }
  static uint16_t fma(uint16_t a, uint16_t b, uint16_t c, HalfMode mode);
  /// `min`/`max` with the modifiers of MinMax.
  template <MinMax M>
  static uint16_t minmax(uint16_t a, uint16_t b) {
    MinMax constexpr wide = {M.max, false, M.propagateNaN, M.xorsign, M.abs};
    float result = cudasim::minmax<wide>(load(a, M.ftz), load(b, M.ftz));
    return isNaN(result) ? CanonicalNaN16 : round(result);
  }
};
/// `a + b` rounded to odd, exactly: no later rounding to 51 bits or fewer can tell it from the sum.
double addToOdd(double a, double b);
template <Format F>
inline uint16_t Half<F>::fma(uint16_t a, uint16_t b, uint16_t c,
                             HalfMode mode) {
  double product = double(load(a, mode.ftz)) * double(load(b, mode.ftz));
  return finish(uint16_t(encode<F>(addToOdd(product, load(c, mode.ftz)),
                                   Rounding::NearestEven)),
                mode);
}

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_ARITHMETIC_FLOAT_H
