//===- Float.cpp - Conversions and arithmetic in every rounding mode ------===//
//
// f32 in a directed mode is computed in f64, where the result or its error is exact, rounded there to odd (Boldo and Melquiond, "Emulation of
// FMA and correctly rounded sums", 2008) and then once to f32. f64 has no wider type: the host's rounding mode is changed for the one operation.
//
//===----------------------------------------------------------------------===//
#include "simulator/arithmetic/Float.h"

#include <cfenv>

namespace moec::cudasim {

/// `x` rounded to odd, for a true value that lies above (direction > 0) or below x by less than its last place.
static double toOdd(double x, double direction) {
  if (direction == 0)
    return x;
  uint64_t bits = std::bit_cast<uint64_t>(x);
  if ((direction > 0) != (x > 0))
    --bits;
  return std::bit_cast<double>(bits | 1);
}

double addToOdd(double a, double b) {
  double sum = a + b;
  if (!std::isfinite(sum))
    return sum;
  // Knuth's exact error of an addition.
  double tail = sum - a;
  return toOdd(sum, (a - (sum - tail)) + (b - tail));
}

float toOddFloat(double x) {
  float result = float(x);
  if (isNaN(x) || double(result) == x)
    return result;
  uint32_t bits = std::bit_cast<uint32_t>(result);
  if (std::fabs(double(result)) > std::fabs(x))
    --bits;
  return std::bit_cast<float>(bits | 1);
}

float toFloat(double x, Rounding rounding) {
  float result = float(x);
  if (isNaN(x))
    return result;
  if (rounding == Rounding::TowardZero)
    rounding = x > 0 ? Rounding::Down : Rounding::Up;
  if (rounding == Rounding::Down && double(result) > x)
    return std::nextafter(result, -INFINITY);
  if (rounding == Rounding::Up && double(result) < x)
    return std::nextafter(result, INFINITY);
  return result;
}

/// The 53 upper bits of `magnitude`, rounded to odd, as an f64.
static double toOddDouble(uint64_t magnitude) {
  int drop = 64 - std::countl_zero(magnitude) - 53;
  if (drop > 0) {
    bool rest = (magnitude & ((uint64_t(1) << drop) - 1)) != 0;
    magnitude = (magnitude >> drop | rest) << drop;
  }
  return double(magnitude);
}

float toFloat(uint64_t x, Rounding rounding) {
  return toFloat(toOddDouble(x), rounding);
}

float toFloat(int64_t x, Rounding rounding) {
  double magnitude = toOddDouble(x < 0 ? 0 - uint64_t(x) : uint64_t(x));
  return toFloat(x < 0 ? -magnitude : magnitude, rounding);
}

template <class Int>
static double integerToDouble(Int x, Rounding rounding) {
  double result = double(x);
  auto exact = static_cast<__int128>(x),
       rounded = static_cast<__int128>(result);
  if (rounding == Rounding::TowardZero)
    rounding = x > 0 ? Rounding::Down : Rounding::Up;
  if (rounding == Rounding::Down && rounded > exact)
    return std::nextafter(result, -INFINITY);
  if (rounding == Rounding::Up && rounded < exact)
    return std::nextafter(result, INFINITY);
  return result;
}
double toDouble(int64_t x, Rounding rounding) {
  return integerToDouble(x, rounding);
}
double toDouble(uint64_t x, Rounding rounding) {
  return integerToDouble(x, rounding);
}

namespace {
/// The host's rounding mode, while it lives.
class HostRounding {
public:
  explicit HostRounding(Rounding rounding) : before(std::fegetround()) {
    std::fesetround(rounding == Rounding::Down         ? FE_DOWNWARD
                    : rounding == Rounding::Up         ? FE_UPWARD
                    : rounding == Rounding::TowardZero ? FE_TOWARDZERO
                                                       : FE_TONEAREST);
  }
  ~HostRounding() { std::fesetround(before); }

private:
  int before;
};
} // namespace

namespace directed {

/// The sum of x and y, which are exact in f64. A sum of exactly zero has the sign that the mode wants.
static float sum(double x, double y, Rounding rounding) {
  double result = addToOdd(x, y);
  if (result == 0 && std::signbit(x) != std::signbit(y))
    return rounding == Rounding::Down ? -0.0f : 0.0f;
  return toFloat(result, rounding);
}

float add(float a, float b, Rounding rounding) { return sum(a, b, rounding); }

float mul(float a, float b, Rounding rounding) {
  return toFloat(double(a) * double(b), rounding);
}

float fma(float a, float b, float c, Rounding rounding) {
  return sum(double(a) * double(b), c, rounding);
}

float div(float a, float b, Rounding rounding) {
  double quotient = double(a) / double(b);
  if (!std::isfinite(quotient) || quotient == 0 || std::isinf(b))
    return float(quotient);
  double rest = std::fma(-quotient, double(b), double(a));
  return toFloat(toOdd(quotient, b > 0 ? rest : -rest), rounding);
}

float sqrt(float a, Rounding rounding) {
  double root = std::sqrt(double(a));
  if (!std::isfinite(root) || root == 0)
    return float(root);
  return toFloat(toOdd(root, std::fma(-root, root, double(a))), rounding);
}

// `volatile` keeps the operation between the two changes of the mode.
double add(double a, double b, Rounding rounding) {
  volatile double x = a, y = b;
  HostRounding mode(rounding);
  volatile double result = x + y;
  return result;
}

double mul(double a, double b, Rounding rounding) {
  volatile double x = a, y = b;
  HostRounding mode(rounding);
  volatile double result = x * y;
  return result;
}

double fma(double a, double b, double c, Rounding rounding) {
  volatile double x = a, y = b, z = c;
  HostRounding mode(rounding);
  volatile double result = std::fma(x, y, z);
  return result;
}

double div(double a, double b, Rounding rounding) {
  volatile double x = a, y = b;
  HostRounding mode(rounding);
  volatile double result = x / y;
  return result;
}

double sqrt(double a, Rounding rounding) {
  volatile double x = a;
  HostRounding mode(rounding);
  volatile double result = std::sqrt(x);
  return result;
}

} // namespace directed
} // namespace moec::cudasim
