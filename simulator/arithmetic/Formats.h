//===- Formats.h - Floating-point formats and conversions -------*- C++ -*-===//
//
// Conversions between f64, f32, tf32, f16, bf16, e4m3, e5m2 and integers, bit for bit as the PTX ISA 9.0 ("cvt") defines them. Values of small
// formats are bit patterns in integers. Every function is pure; the state of the host's floating-point unit must be the default.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_ARITHMETIC_FORMATS_H
#define MOEC_SIMULATOR_ARITHMETIC_FORMATS_H

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace moec::cudasim {

/// `.rn .rz .rm .rp` (and `.rni` … for results that are integers); `.rna` rounds ties away from zero.
enum class Rounding : uint8_t {
  NearestEven,
  TowardZero,
  Down,
  Up,
  NearestAway
};

/// The NaN that operations on f32 give.
constexpr uint32_t CanonicalNaN32 = 0x7fffffff;
/// The NaN that operations on f16 and bf16 give.
constexpr uint16_t CanonicalNaN16 = 0x7fff;

/// A binary format of at most 19 bits: sign, exponent, mantissa.
struct Format {
  unsigned exponentBits, mantissaBits;
  bool hasInfinity;
  constexpr int bias() const { return (1 << (exponentBits - 1)) - 1; }
  /// Pattern of the largest finite value.
  constexpr uint32_t largest() const {
    uint32_t top = ((1u << exponentBits) - 1) << mantissaBits;
    return hasInfinity ? top - 1 : top | ((1u << mantissaBits) - 2);
  }
  constexpr uint32_t infinity() const {
    return ((1u << exponentBits) - 1) << mantissaBits;
  }
  constexpr uint32_t nan() const {
    return (1u << (exponentBits + mantissaBits)) - 1;
  }
  constexpr uint32_t signBit() const {
    return 1u << (exponentBits + mantissaBits);
  }
};
constexpr Format F16{5, 10, true}, BF16{8, 7, true}, E4M3{4, 3, false},
    E5M2{5, 2, true}, TF32{8, 10, true};

/// What `cvt` may add to a rounding mode.
struct Finish {
  bool saturateFinite =
      false; ///< `.satfinite`: beyond the range, the largest finite value of that sign
  bool relu = false;     ///< `.relu`: negative -> +0, NaN -> canonical
  bool saturate = false; ///< `.sat`: clamp to [0, 1], NaN -> +0
};

inline bool isNaN(float x) { return x != x; }
inline bool isNaN(double x) { return x != x; }
/// `.ftz` on an operand or a result: subnormals become zero of the same sign.
inline float flush(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  return std::bit_cast<float>((bits & 0x7f800000) ? bits : bits & 0x80000000);
}
/// Every NaN as the one that f32 operations give.
inline float canonical(float x) {
  return x == x ? x : std::bit_cast<float>(CanonicalNaN32);
}
/// `.sat`: clamps to [0, 1]; NaN and -0 become +0.
inline float saturate(float x) {
  return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f;
}
inline double saturate(double x) { return x > 0.0 ? (x < 1.0 ? x : 1.0) : 0.0; }

/// Rounds a finite or infinite or NaN f32 to a small format.
template <Format F>
inline uint32_t encode(float x, Rounding rounding, Finish finish = {}) {
  uint32_t bits = std::bit_cast<uint32_t>(x), magnitude = bits & 0x7fffffff;
  uint32_t sign = bits >> 31 ? F.signBit() : 0;
  if (magnitude > 0x7f800000)
    return finish.saturate ? 0 : F.nan();
  if (finish.relu && sign)
    return 0;
  if (finish.saturate) {
    if (sign || magnitude == 0)
      return 0;
    if (magnitude >= 0x3f800000)
      return uint32_t(F.bias()) << F.mantissaBits;
  }
  uint32_t result;
  if (magnitude == 0x7f800000) {
    result = finish.saturateFinite ? F.largest()
             : F.hasInfinity       ? F.infinity()
                                   : F.nan();
    return sign | result;
  }
  // value = mantissa * 2^(exponent - 23); a target of exponent e has its last place at e - mantissaBits.
  int biased = int(magnitude >> 23);
  uint32_t mantissa =
      biased ? (magnitude & 0x7fffff) | 0x800000 : magnitude & 0x7fffff;
  int exponent = (biased ? biased : 1) - 127, smallest = 1 - F.bias();
  int places = int(23 - F.mantissaBits) +
               (exponent < smallest ? smallest - exponent : 0);
  if (places > 25)
    places = 25; // all of the mantissa is below half of the last place
  uint32_t kept = mantissa >> places, rest = mantissa & ((1u << places) - 1),
           half = 1u << (places - 1);
  bool up = false;
  switch (rounding) {
  case Rounding::NearestEven:
    up = rest > half || (rest == half && (kept & 1));
    break;
  case Rounding::NearestAway:
    up = rest >= half;
    break;
  case Rounding::TowardZero:
    break;
  case Rounding::Down:
    up = rest != 0 && sign;
    break;
  case Rounding::Up:
    up = rest != 0 && !sign;
    break;
  }
  // The hidden bit of `kept` makes the biased exponent 1 out of 0, and a carry out of the mantissa steps it once more.
  result =
      kept + up +
      (exponent > smallest ? uint32_t(exponent - smallest) << F.mantissaBits
                           : 0);
  if (result > F.largest()) {
    bool toInfinity = rounding == Rounding::NearestEven ||
                      rounding == Rounding::NearestAway ||
                      (rounding == Rounding::Up && !sign) ||
                      (rounding == Rounding::Down && sign);
    result = finish.saturateFinite || !toInfinity ? F.largest()
             : F.hasInfinity                      ? F.infinity()
                                                  : F.nan();
  }
  return sign | result;
}

/// The exact value of a pattern of a small format. NaNs become the canonical NaN.
template <Format F>
inline float decode(uint32_t pattern) {
  uint32_t sign = (pattern & F.signBit()) ? 0x80000000u : 0,
           magnitude = pattern & (F.signBit() - 1);
  if (F.hasInfinity ? magnitude > F.infinity() : magnitude == F.nan())
    return std::bit_cast<float>(CanonicalNaN32);
  if (F.hasInfinity && magnitude == F.infinity())
    return std::bit_cast<float>(sign | 0x7f800000);
  if constexpr (F.exponentBits == 8)
    return std::bit_cast<float>(sign | magnitude << (23 - F.mantissaBits));
  // Shifted into place, the value is too small by 2^(127 - bias), exactly, also where it is subnormal in both formats.
  float scaled = std::bit_cast<float>(magnitude << (23 - F.mantissaBits));
  float scale = std::bit_cast<float>(uint32_t(254 - F.bias()) << 23);
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(scaled * scale));
}

// The common ones by name. Nearest even has a form without branches.

/// `cvt.rn.bf16.f32`.
inline uint16_t toBF16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return uint16_t((bits & 0x7fffffff) > 0x7f800000 ? CanonicalNaN16 : rounded);
}
/// `cvt.f32.bf16`.
inline float fromBF16(uint16_t pattern) {
  return std::bit_cast<float>(uint32_t(pattern) << 16);
}
/// `cvt.rn.f16.f32`.
inline uint16_t toF16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x), magnitude = bits & 0x7fffffff,
           sign = bits >> 16 & 0x8000;
  // Adding a constant whose last place is the target's lets the host round subnormals.
  uint32_t small =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) -
      0x3f000000;
  uint32_t normal =
      (magnitude - (112u << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  uint32_t result = magnitude < (113u << 23) ? small : normal;
  result = magnitude >= 0x477ff000 ? 0x7c00 : result;
  result = magnitude > 0x7f800000 ? uint32_t(CanonicalNaN16) : result | sign;
  return uint16_t(result);
}
/// `cvt.f32.f16`; a NaN becomes the canonical NaN.
inline float fromF16(uint16_t pattern) {
  uint32_t magnitude = pattern & 0x7fff, sign = uint32_t(pattern & 0x8000)
                                                << 16;
  uint32_t finite =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude << 13) * 0x1p112f);
  uint32_t result =
      magnitude >= 0x7c00
          ? (magnitude > 0x7c00 ? CanonicalNaN32 : sign | 0x7f800000)
          : sign | finite;
  return std::bit_cast<float>(result);
}
inline float fromE4M3(uint8_t pattern) { return decode<E4M3>(pattern); }
inline float fromE5M2(uint8_t pattern) { return decode<E5M2>(pattern); }
/// A tf32 operand of mma: the low 13 bits are ignored.
inline float truncateTF32(uint32_t bits) {
  return std::bit_cast<float>(bits & 0xffffe000);
}
/// `cvt.rna.tf32.f32` and the other rounding modes: the pattern in the upper 19 bits.
inline uint32_t toTF32(float x, Rounding rounding, Finish finish = {}) {
  return isNaN(x) ? CanonicalNaN32 : encode<TF32>(x, rounding, finish) << 13;
}

/// f64 -> f32 in any rounding mode (not NearestAway).
float toFloat(double x, Rounding rounding);
/// f64 rounded to odd: a later rounding to 22 bits or fewer is as if there had been only one.
float toOddFloat(double x);
/// f64 -> a small format, rounded once.
template <Format F>
inline uint32_t encode(double x, Rounding rounding, Finish finish = {}) {
  return encode<F>(toOddFloat(x), rounding, finish);
}

/// `.rni .rzi .rmi .rpi`: an integral value of the same type, the sign of zero is kept; f32 NaNs become canonical.
template <class Float>
inline Float toIntegral(Float x, Rounding rounding) {
  switch (rounding) {
  case Rounding::TowardZero:
    x = std::trunc(x);
    break;
  case Rounding::Down:
    x = std::floor(x);
    break;
  case Rounding::Up:
    x = std::ceil(x);
    break;
  case Rounding::NearestAway:
    x = std::round(x);
    break;
  case Rounding::NearestEven:
    x = std::rint(x);
    break;
  }
  if constexpr (sizeof(Float) == 4)
    return canonical(x);
  else
    return x;
}

/// Float -> integer: rounds, clamps to the range of Int. NaN: 0, but 2^(width-1) where the source is f64 or Int has 64 bits. Small formats are converted to
/// f32 first, which is exact.
template <class Int, class Float>
inline Int toInteger(Float x, Rounding rounding) {
  constexpr bool wide = sizeof(Float) == 8 || sizeof(Int) == 8;
  if (isNaN(x))
    return wide ? Int(std::make_unsigned_t<Int>(1) << (8 * sizeof(Int) - 1))
                : Int(0);
  x = toIntegral(x, rounding);
  // Int's maximum + 1 is a power of two, exact in either type.
  constexpr Float above = Float(uint64_t(1) << (8 * sizeof(Int) - 1)) *
                          (std::is_signed_v<Int> ? 1 : 2);
  if (x >= above)
    return std::numeric_limits<Int>::max();
  if (x < Float(std::numeric_limits<Int>::min()))
    return std::numeric_limits<Int>::min();
  return Int(x);
}

/// Integer -> float in any rounding mode (not NearestAway). Narrow integers are extended by the caller.
float toFloat(int64_t x, Rounding rounding);
float toFloat(uint64_t x, Rounding rounding);
double toDouble(int64_t x, Rounding rounding);
double toDouble(uint64_t x, Rounding rounding);
/// Integer -> f16 or bf16, rounded once.
template <Format F, class Int>
inline uint32_t encodeInteger(Int x, Rounding rounding) {
  bool negative = x < 0;
  uint64_t magnitude = negative ? 0 - uint64_t(x) : uint64_t(x);
  // To odd with at most 24 bits, which f32 holds exactly.
  int drop = 64 - std::countl_zero(magnitude) - 24;
  if (drop > 0)
    magnitude =
        (magnitude >> drop | ((magnitude & ((uint64_t(1) << drop) - 1)) != 0))
        << drop;
  float value = float(magnitude);
  return encode<F>(negative ? -value : value, rounding);
}

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_ARITHMETIC_FORMATS_H
