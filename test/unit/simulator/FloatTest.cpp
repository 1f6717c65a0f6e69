//===- FloatTest.cpp - Arithmetic in every rounding mode ------------------===//
//
// f32 against the host's own rounding modes; f64 by the exact sign of the error; f16 and bf16 against 113-bit arithmetic.
//
//===----------------------------------------------------------------------===//
#include "simulator/arithmetic/Float.h"
#include "simulator/arithmetic/Approximate.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <random>

using namespace moec::cudasim;

namespace {

uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }
float value(uint32_t x) { return std::bit_cast<float>(x); }

/// Any f32 in half of the cases; else ordinary numbers with few exponents, and special ones.
class Operands {
public:
  float next() {
    uint32_t x = uint32_t(random());
    static constexpr uint32_t special[] = {
        0,          0x80000000, 1,          0x807fffff, 0x7f7fffff, 0xff7fffff,
        0x7f800000, 0xff800000, 0x7fc00000, 0x00800000, 0x3f800000, 0xbf800001};
    switch (random() % 4) {
    case 0:
      return value(special[x % std::size(special)]);
    case 1:
      return value((x & 0x807fffff) | (120 + x % 16) << 23);
    default:
      return value(x);
    }
  }

private:
  std::mt19937 random{7};
};

template <class Function>
float hostRounded(int mode, Function function) {
  std::fesetround(mode);
  volatile float result = function();
  std::fesetround(FE_TONEAREST);
  return result;
}

template <Rounding R>
void checkDirected(int host) {
  Operands operands;
  constexpr Mode mode{R};
  for (int i = 0; i < 300000; ++i) {
    volatile float a = operands.next(), b = operands.next(),
                   c = operands.next();
    auto same = [&](float got, float want, const char *what) {
      ASSERT_EQ(bits(got), std::isnan(want) ? CanonicalNaN32 : bits(want))
          << what << " " << a << " " << b << " " << c;
    };
    same(add<mode>(float(a), float(b)),
         hostRounded(host, [&] { return a + b; }), "add");
    same(sub<mode>(float(a), float(b)),
         hostRounded(host, [&] { return a - b; }), "sub");
    same(mul<mode>(float(a), float(b)),
         hostRounded(host, [&] { return a * b; }), "mul");
    same(fma<mode>(float(a), float(b), float(c)),
         hostRounded(host, [&] { return std::fma(a, b, c); }), "fma");
    same(div<mode>(float(a), float(b)),
         hostRounded(host, [&] { return a / b; }), "div");
    same(rcp<mode>(float(a)), hostRounded(host, [&] { return 1 / a; }), "rcp");
    same(sqrt<mode>(float(a)), hostRounded(host, [&] { return std::sqrt(a); }),
         "sqrt");
  }
}

TEST(SimulatorFloat, F32LikeTheHostInEachMode) {
  checkDirected<Rounding::NearestEven>(FE_TONEAREST);
  checkDirected<Rounding::TowardZero>(FE_TOWARDZERO);
  checkDirected<Rounding::Down>(FE_DOWNWARD);
  checkDirected<Rounding::Up>(FE_UPWARD);
}

TEST(SimulatorFloat, F64DirectedModesBracketTheExactResult) {
  std::mt19937_64 random(3);
  auto draw = [&] {
    return std::bit_cast<double>((random() & 0x800fffffffffffff) |
                                 (1013 + random() % 20) << 52);
  };
  constexpr Mode down{Rounding::Down}, up{Rounding::Up},
      zero{Rounding::TowardZero};
  for (int i = 0; i < 20000; ++i) {
    double a = draw(), b = draw();
    auto bracket = [&](double low, double high, double chopped, auto error,
                       const char *what) {
      // error(r) has the sign of the exact result less r, exactly.
      ASSERT_GE(error(low), 0) << what;
      ASSERT_LE(error(high), 0) << what;
      ASSERT_EQ(high, error(low) == 0 ? low : std::nextafter(low, INFINITY))
          << what;
      ASSERT_EQ(chopped, low > 0 ? low : high) << what;
    };
    bracket(
        mul<down>(a, b), mul<up>(a, b), mul<zero>(a, b),
        [&](double r) { return std::fma(a, b, -r); }, "mul");
    bracket(
        div<down>(a, b), div<up>(a, b), div<zero>(a, b),
        [&](double r) { return std::fma(-r, b, a) * (b > 0 ? 1 : -1); }, "div");
    double root = std::fabs(a);
    bracket(
        sqrt<down>(root), sqrt<up>(root), sqrt<zero>(root),
        [&](double r) { return std::fma(-r, r, root); }, "sqrt");
    auto sumError = [&](double r) {
      return double(__float128(a) + __float128(b) - __float128(r));
    };
    bracket(add<down>(a, b), add<up>(a, b), add<zero>(a, b), sumError, "add");
  }
  EXPECT_EQ((fma<down>(0x1p0 + 0x1p-52, 0x1p0 + 0x1p-52, -1.0)), 0x1.0p-51);
  EXPECT_EQ((fma<up>(0x1p0 + 0x1p-52, 0x1p0 + 0x1p-52, -1.0)),
            0x1.0000000000000p-51 + 0x1p-103);
}

TEST(SimulatorFloat, FlushAndSaturate) {
  constexpr Mode ftz{.ftz = true}, sat{.sat = true};
  float tiny = 0x1p-127f;
  EXPECT_EQ(bits(add<ftz>(tiny, tiny)),
            0u); // operands are flushed: 2 tiny would be normal
  EXPECT_EQ(bits(mul<ftz>(-0x1p-100f, 0x1p-40f)), 0x80000000u);
  EXPECT_EQ(bits(add<Mode{}>(tiny, tiny)), bits(0x1p-126f));
  EXPECT_EQ((fma<sat>(2.0f, 3.0f, 0.0f)), 1.0f);
  EXPECT_EQ(bits(fma<sat>(-2.0f, 3.0f, 0.0f)), 0u);
  EXPECT_EQ(bits(mul<sat>(NAN, 1.0f)), 0u);
  EXPECT_EQ(bits(add<Mode{}>(value(0xffc12345), 1.0f)), CanonicalNaN32);
  EXPECT_EQ(bits(sub<Mode{}>(INFINITY, INFINITY)), CanonicalNaN32);
}

TEST(SimulatorFloat, MinMax) {
  constexpr MinMax min{}, max{.max = true},
      maxNaN{.max = true, .propagateNaN = true};
  constexpr MinMax xorsign{.max = true, .xorsign = true, .abs = true};
  EXPECT_EQ(bits(minmax<min>(0.0f, -0.0f)), 0x80000000u);
  EXPECT_EQ(bits(minmax<max>(-0.0f, 0.0f)), 0u);
  EXPECT_EQ((minmax<min>(NAN, 3.0f)), 3.0f);
  EXPECT_EQ((minmax<max>(-5.0f, NAN)), -5.0f);
  EXPECT_EQ(bits(minmax<max>(value(0xffc00001), value(0x7fc00001))),
            CanonicalNaN32);
  EXPECT_EQ(bits(minmax<maxNaN>(NAN, 3.0f)), CanonicalNaN32);
  EXPECT_EQ((minmax<xorsign>(-2.0f, 1.0f)), -2.0f);
  EXPECT_EQ((minmax<xorsign>(-2.0f, -3.0f)), 3.0f);
  EXPECT_EQ((minmax<min>(-1.0, -2.0)), -2.0);
  EXPECT_EQ((minmax<max>(-INFINITY, 1e30f)), 1e30f);
}

/// The nearest f16 or bf16 of an exact value, ties to even, by search among all patterns.
template <Format F>
uint16_t nearest(__float128 x) {
  bool negative = x < 0;
  if (negative)
    x = -x;
  uint32_t low = 0, high = F.infinity(); // value(low) <= x < value(high)
  auto exact = [](uint32_t pattern) -> __float128 {
    // One step beyond the largest, as if the exponents went on.
    if (pattern == F.infinity())
      return __float128(2) * decode<F>(pattern - (1u << F.mantissaBits));
    return decode<F>(pattern);
  };
  if (x >= exact(high))
    return uint16_t(high | (negative ? 0x8000 : 0));
  while (high - low > 1) {
    uint32_t middle = (low + high) / 2;
    (exact(middle) <= x ? low : high) = middle;
  }
  __float128 toLow = x - exact(low), toHigh = exact(high) - x;
  uint32_t result =
      toLow < toHigh || (toLow == toHigh && low % 2 == 0) ? low : high;
  return uint16_t(result | (negative ? 0x8000 : 0));
}

template <Format F>
void checkHalf() {
  std::mt19937 random(11);
  for (int i = 0; i < 300000; ++i) {
    // Of few exponents, so that 113 bits hold everything: all in the middle or all among subnormals.
    auto draw = [&] {
      uint32_t x = uint32_t(random()),
               exponents = F.exponentBits == 8 ? 16 : 31;
      uint32_t exponent =
          x % exponents + (F.exponentBits == 8 && i % 2 ? 120 : 0);
      return uint16_t((x >> 16 & 0x8000) | exponent << F.mantissaBits |
                      (x >> 21 & ((1u << F.mantissaBits) - 1)));
    };
    uint16_t a = draw(), b = draw(), c = draw();
    __float128 x = decode<F>(a), y = decode<F>(b), z = decode<F>(c);
    auto same = [&](uint16_t got, __float128 want, const char *what) {
      uint16_t pattern = nearest<F>(want);
      // The sign of a zero: not told apart by the oracle.
      if ((pattern & 0x7fff) == 0 && (got & 0x7fff) == 0)
        return;
      ASSERT_EQ(got, pattern)
          << what << std::hex << " " << a << " " << b << " " << c;
    };
    same(Half<F>::add(a, b, {}), x + y, "add");
    same(Half<F>::sub(a, b, {}), x - y, "sub");
    same(Half<F>::mul(a, b, {}), x * y, "mul");
    same(Half<F>::fma(a, b, c, {}), x * y + z, "fma");
  }
}

TEST(SimulatorFloat, HalfRoundsOnce) {
  checkHalf<F16>();
  checkHalf<BF16>();
  // The product is half way between two bf16, the addend, 2^-100, is beyond any f64 sum: up.
  uint16_t a = toBF16(1 + 0x1p-7f), b = toBF16(1.5f), tiny = toBF16(0x1p-100f);
  // (1 + 2^-7) 1.5 = 1.5 + 1.5 2^-7 = 1.5 + 2^-7 + 2^-8.
  EXPECT_EQ(fromBF16(Half<BF16>::fma(a, b, tiny, {})), 1.5f + 0x1p-6f);
  EXPECT_EQ(fromBF16(Half<BF16>::fma(a, b, tiny ^ 0x8000, {})), 1.5f + 0x1p-7f);
}

TEST(SimulatorFloat, HalfModifiers) {
  auto h = [](float x) { return toF16(x); };
  EXPECT_EQ(Half<F16>::add(h(1), h(1), {.sat = true}), h(1));
  EXPECT_EQ(Half<F16>::sub(h(1), h(2), {.sat = true}), 0);
  EXPECT_EQ(Half<F16>::add(0x7e00, h(1), {.sat = true}), 0);
  EXPECT_EQ(Half<F16>::add(0xfe01, h(1), {}), 0x7fff);
  EXPECT_EQ(Half<F16>::add(0x0001, 0x0001, {.ftz = true}), 0);
  EXPECT_EQ(Half<F16>::add(0x0001, 0x0001, {}), 2);
  EXPECT_EQ(Half<F16>::mul(h(0x1p-10f), h(-0x1p-10f), {.ftz = true}), 0x8000);
  EXPECT_EQ(Half<F16>::fma(h(1), h(-3), h(1), {.relu = true}), 0);
  EXPECT_EQ(Half<F16>::fma(0x7e00, h(-3), h(1), {.relu = true}), 0x7fff);
  EXPECT_EQ(Half<F16>::minmax<MinMax{}>(0x7e00, h(2)), h(2));
  EXPECT_EQ((Half<F16>::minmax<MinMax{.max = true, .propagateNaN = true}>(
                0x7e00, h(2))),
            0x7fff);
  EXPECT_EQ(Half<BF16>::minmax<MinMax{}>(0x0000, 0x8000), 0x8000);
}

class Approximately {
public:
  Approximately(Approximation function, bool ftz = false, uint64_t seed = 0)
      : function(function), ftz(ftz), seed(seed) {}
  float operator()(float x) const {
    float in[32], out[32];
    std::fill_n(in, 32, x);
    approximate(function, ftz, in, out, seed);
    for (float same : out)
      EXPECT_EQ(bits(same), bits(out[0]));
    return out[0];
  }

private:
  Approximation function;
  bool ftz;
  uint64_t seed;
};

TEST(SimulatorApproximate, SpecialValues) {
  Approximately ex2(Approximation::Ex2), lg2(Approximation::Lg2),
      rcp(Approximation::Rcp), rsqrt(Approximation::Rsqrt),
      sqrt(Approximation::Sqrt), sin(Approximation::Sin),
      cos(Approximation::Cos), tanh(Approximation::Tanh);
  EXPECT_EQ(ex2(-0.0f), 1.0f);
  EXPECT_EQ(bits(ex2(-INFINITY)), 0u);
  EXPECT_EQ(ex2(INFINITY), INFINITY);
  EXPECT_EQ(ex2(128.0f), INFINITY);
  EXPECT_EQ(ex2(-149.0f), 0x1p-149f);
  EXPECT_EQ(bits(ex2(-1e30f)), 0u);
  EXPECT_EQ(bits(Approximately(Approximation::Ex2, true)(-130.0f)), 0u);
  EXPECT_EQ(bits(ex2(-NAN)), CanonicalNaN32);
  EXPECT_EQ(lg2(-0.0f), -INFINITY);
  EXPECT_EQ(bits(lg2(-1.0f)), CanonicalNaN32);
  EXPECT_EQ(lg2(0x1p-140f), -140.0f);
  EXPECT_EQ(Approximately(Approximation::Lg2, true)(0x1p-140f), -INFINITY);
  EXPECT_EQ(rcp(-0.0f), -INFINITY);
  EXPECT_EQ(bits(rcp(-INFINITY)), 0x80000000u);
  EXPECT_EQ(rsqrt(-0.0f), -INFINITY);
  EXPECT_EQ(rsqrt(0.0f), INFINITY);
  EXPECT_EQ(bits(sqrt(-0.0f)), 0x80000000u);
  EXPECT_EQ(bits(sqrt(-1.0f)), CanonicalNaN32);
  EXPECT_EQ(bits(sin(INFINITY)), CanonicalNaN32);
  EXPECT_EQ(bits(cos(-INFINITY)), CanonicalNaN32);
  EXPECT_EQ(bits(sin(-0.0f)), 0x80000000u);
  EXPECT_EQ(tanh(INFINITY), 1.0f);
  EXPECT_EQ(tanh(0x1p-140f), 0x1p-140f);
}

TEST(SimulatorApproximate, CorrectlyRounded) {
  std::mt19937 random(5);
  for (int i = 0; i < 100000; ++i) {
    float x = std::ldexp(float(int32_t(random())), -24 - int(random() % 12));
    ASSERT_EQ(bits(Approximately(Approximation::Ex2)(x)),
              bits(float(std::exp2((long double)x))))
        << x;
    float y = std::fabs(x);
    ASSERT_EQ(bits(Approximately(Approximation::Lg2)(y)),
              bits(float(std::log2((long double)y))))
        << x;
    ASSERT_EQ(bits(Approximately(Approximation::Rsqrt)(y)),
              bits(float(1 / std::sqrt((long double)y))))
        << x;
    ASSERT_EQ(bits(Approximately(Approximation::Tanh)(x)),
              bits(float(std::tanh((long double)x))))
        << x;
  }
}

TEST(SimulatorApproximate, PerturbationKeepsPowersOfTwo) {
  for (int n = -126; n < 128; ++n)
    EXPECT_EQ(Approximately(Approximation::Ex2, true, 1)(float(n)),
              std::ldexp(1.0f, n));
}

TEST(SimulatorApproximate, PerturbationStaysInTheBound) {
  struct Bound {
    Approximation function;
    long double (*exact)(long double);
    double relative, absolute;
  };
  const Bound bounds[] = {
      {Approximation::Rsqrt, [](long double x) { return 1 / std::sqrt(x); },
       std::exp2(-22.9), 0},
      {Approximation::Sqrt, [](long double x) { return std::sqrt(x); }, 0x1p-23,
       0},
      {Approximation::Tanh, [](long double x) { return std::tanh(x); }, 0x1p-11,
       0},
      {Approximation::Sin, [](long double x) { return std::sin(x); }, 0,
       std::exp2(-20.5)},
      {Approximation::Cos, [](long double x) { return std::cos(x); }, 0,
       std::exp2(-20.5)},
      // 2 ulp and 1 ulp: at least 2^-24 of the value each.
      {Approximation::Ex2, [](long double x) { return std::exp2(x); }, 0x1p-22,
       0},
      {Approximation::Rcp, [](long double x) { return 1 / x; }, 0x1p-23, 0},
  };
  std::mt19937 random(6);
  for (const Bound &bound : bounds) {
    int changed = 0, differ = 0;
    for (int i = 0; i < 20000; ++i) {
      float x = float(random() % 6000001 + 1) * 1e-6f;
      float exact = Approximately(bound.function)(x),
            got = Approximately(bound.function, false, 1)(x);
      long double want = bound.exact(x), error = std::fabs(got - want);
      ASSERT_LE(error, bound.relative * std::fabs(want) + bound.absolute)
          << int(bound.function) << " " << x;
      ASSERT_EQ(bits(got), bits(Approximately(bound.function, false, 1)(x)));
      changed += got != exact;
      differ += got != Approximately(bound.function, false, 2)(x);
    }
    EXPECT_GT(changed, 4000) << int(bound.function);
    EXPECT_GT(differ, 4000) << int(bound.function);
  }
  EXPECT_EQ(Approximately(Approximation::Ex2, false, 1)(0.0f), 1.0f);
}

TEST(SimulatorApproximate, Division) {
  auto divide = [](bool full, float x, float y) {
    float a[32], b[32], result[32];
    std::fill_n(a, 32, x), std::fill_n(b, 32, y);
    divideApproximately(full, false, a, b, result);
    return result[31];
  };
  EXPECT_EQ(divide(false, 7, 2), 3.5f);
  EXPECT_EQ(bits(divide(false, -7, 0x1p127f)), 0x80000000u);
  EXPECT_EQ(bits(divide(false, INFINITY, 0x1.8p126f)), CanonicalNaN32);
  EXPECT_EQ(divide(true, -7, 0x1p127f), -7 * 0x1p-127f);
  EXPECT_EQ(divide(false, 1, INFINITY), 0.0f);
  EXPECT_EQ(divide(false, 1, 0), INFINITY);
}

TEST(SimulatorApproximate, SixteenBits) {
  uint16_t x[4] = {toF16(0), toF16(-1), toF16(3), 0x7c00}, result[4];
  approximateF16(Approximation::Ex2, x, result, 4);
  EXPECT_EQ(result[0], toF16(1));
  EXPECT_EQ(result[1], toF16(0.5f));
  EXPECT_EQ(result[2], toF16(8));
  EXPECT_EQ(result[3], 0x7c00);
  uint16_t y[2] = {0x0001, toBF16(2)}, rounded[2];
  approximateBF16(Approximation::Ex2, y, rounded, 2);
  EXPECT_EQ(rounded[0], toBF16(1));
  EXPECT_EQ(rounded[1], toBF16(4));
  // tanh(0.5) = 0.46212; the last place of f16 there is 2^-12.
  uint16_t z[1] = {toF16(0.5f)}, t[1];
  approximateF16(Approximation::Tanh, z, t, 1);
  EXPECT_EQ(t[0], toF16(0.46211717f));
  EXPECT_EQ(std::bit_cast<uint64_t>(approximateRcp(3.0)) & 0xffffffff, 0u);
  EXPECT_NEAR(approximateRcp(3.0), 1.0 / 3, 0x1p-20);
  EXPECT_EQ(approximateRcp(-0x1p-1040), -INFINITY);
  EXPECT_EQ(approximateRsqrt(16.0), 0.25);
}

} // namespace
