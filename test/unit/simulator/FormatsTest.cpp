//===- FormatsTest.cpp - Conversions against tables of exact values -------===//
//
// The oracle knows nothing of bits: it has the list of all finite values of a format, made with ldexp from the definition, and looks for neighbours.
//
//===----------------------------------------------------------------------===//
#include "simulator/arithmetic/Float.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace moec::cudasim;

namespace {

/// All finite values >= 0 of a format; the index is the pattern.
template <Format F>
const std::vector<double> &magnitudes() {
  static const std::vector<double> values = [] {
    std::vector<double> result;
    unsigned m = F.mantissaBits, exponents = 1u << F.exponentBits;
    int bias = int(exponents / 2) - 1;
    for (unsigned e = 0; e < exponents; ++e)
      for (unsigned f = 0; f < 1u << m; ++f) {
        bool top = e == exponents - 1;
        // IEEE formats keep the top exponent for infinity and NaN, e4m3 only its last pattern for NaN.
        if (F.hasInfinity ? top : top && f == (1u << m) - 1)
          continue;
        double fraction = std::ldexp(double(f), -int(m));
        result.push_back(e == 0 ? std::ldexp(fraction, 1 - bias)
                                : std::ldexp(1 + fraction, int(e) - bias));
      }
    return result;
  }();
  return values;
}

/// Pattern of `x` (finite), by looking for its neighbours.
template <Format F>
uint32_t expected(double x, Rounding rounding, bool satfinite) {
  const auto &values = magnitudes<F>();
  double magnitude = std::fabs(x);
  bool negative = std::signbit(x);
  uint32_t sign = negative ? 1u << (F.exponentBits + F.mantissaBits) : 0;
  auto above = std::lower_bound(values.begin(), values.end(), magnitude);
  if (above != values.end() && *above == magnitude)
    return sign | uint32_t(above - values.begin());
  uint32_t up = uint32_t(above - values.begin()), down = up - 1;
  bool away = (rounding == Rounding::Up && !negative) ||
              (rounding == Rounding::Down && negative);
  bool nearest =
      rounding == Rounding::NearestEven || rounding == Rounding::NearestAway;
  // The value after the largest, if there were one more.
  size_t last = values.size() - 1;
  double next = above == values.end()
                    ? values[last] + (values[last] - values[last - 1])
                    : *above;
  if (nearest) {
    double toUp = next - magnitude, toDown = magnitude - values[down];
    away =
        toUp < toDown ||
        (toUp == toDown && (rounding == Rounding::NearestAway || up % 2 == 0));
    away |= magnitude >= next;
  }
  uint32_t beyond = satfinite       ? uint32_t(last)
                    : F.hasInfinity ? uint32_t(last + 1)
                                    : uint32_t(last + 1);
  return sign | (!away ? down : above == values.end() ? beyond : up);
}

constexpr Rounding Modes[] = {Rounding::NearestEven, Rounding::TowardZero,
                              Rounding::Down, Rounding::Up,
                              Rounding::NearestAway};

template <Format F>
void checkEncode() {
  const auto &values = magnitudes<F>();
  std::vector<float> inputs;
  auto around = [&](double x) {
    float f = float(x);
    inputs.insert(inputs.end(),
                  {f, std::nextafterf(f, 0), std::nextafterf(f, INFINITY)});
  };
  for (size_t i = 0; i < values.size(); ++i) {
    around(values[i]);
    double next =
        i + 1 < values.size() ? values[i + 1] : 2 * values[i] - values[i - 1];
    around((values[i] + next) / 2);
  }
  std::mt19937 random(1);
  for (int i = 0; i < 100000; ++i)
    inputs.push_back(std::bit_cast<float>(uint32_t(random())));
  for (float x : inputs)
    for (float y : {x, -x})
      if (std::isfinite(y))
        for (Rounding rounding : Modes)
          for (bool satfinite : {false, true})
            ASSERT_EQ(encode<F>(y, rounding, {.saturateFinite = satfinite}),
                      expected<F>(y, rounding, satfinite))
                << y << " mode " << int(rounding) << " satfinite " << satfinite;
}

TEST(SimulatorFormats, EncodeIsTheNeighbourThatTheModeWants) {
  checkEncode<F16>();
  checkEncode<BF16>();
  checkEncode<E4M3>();
  checkEncode<E5M2>();
  checkEncode<TF32>();
}

template <Format F>
void checkDecode() {
  const auto &values = magnitudes<F>();
  for (uint32_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(double(decode<F>(i)), values[i]) << i;
    ASSERT_EQ(double(decode<F>(i | F.signBit())), -values[i]) << i;
    ASSERT_TRUE(std::signbit(decode<F>(i | F.signBit())));
  }
  uint32_t patterns = 1u << (1 + F.exponentBits + F.mantissaBits);
  for (uint32_t i = uint32_t(values.size()); i < patterns / 2; ++i) {
    bool infinite = F.hasInfinity && i == values.size();
    ASSERT_EQ(std::isinf(decode<F>(i)), infinite) << i;
    ASSERT_EQ(std::isnan(decode<F>(i)), !infinite) << i;
  }
}

TEST(SimulatorFormats, DecodeOfEveryPattern) {
  checkDecode<F16>();
  checkDecode<BF16>();
  checkDecode<E4M3>();
  checkDecode<E5M2>();
  checkDecode<TF32>();
}

TEST(SimulatorFormats, FormsWithoutBranchesAreTheSame) {
  for (uint32_t i = 0; i < 1u << 16; ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(fromF16(uint16_t(i))),
              std::bit_cast<uint32_t>(decode<F16>(i)));
    if (float x = decode<BF16>(i); !std::isnan(x))
      ASSERT_EQ(std::bit_cast<uint32_t>(fromBF16(uint16_t(i))),
                std::bit_cast<uint32_t>(x));
  }
  std::mt19937 random(2);
  auto check = [](uint32_t bits) {
    float x = std::bit_cast<float>(bits);
    ASSERT_EQ(toF16(x), encode<F16>(x, Rounding::NearestEven))
        << std::hex << bits;
    ASSERT_EQ(toBF16(x), encode<BF16>(x, Rounding::NearestEven))
        << std::hex << bits;
  };
  for (uint32_t high = 0; high < 1u << 16; ++high)
    for (uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu, 0x1000u,
                         0x0fffu, 0x1001u})
      check(high << 16 | low);
  for (int i = 0; i < 1000000; ++i)
    check(uint32_t(random()));
}

// PTX ISA, "cvt": the special cases, by hand.
TEST(SimulatorFormats, SpecialValues) {
  float nan = NAN, inf = INFINITY;
  auto rn = Rounding::NearestEven;
  EXPECT_EQ(encode<F16>(nan, rn), 0x7fffu);
  EXPECT_EQ(encode<BF16>(-nan, rn), 0x7fffu);
  EXPECT_EQ(encode<F16>(-inf, Rounding::TowardZero), 0xfc00u);
  EXPECT_EQ(encode<E4M3>(nan, rn, {.saturateFinite = true}), 0x7fu);
  EXPECT_EQ(encode<E5M2>(nan, rn, {.saturateFinite = true}), 0x7fu);
  // 448, 57344 are the largest finite values.
  EXPECT_EQ(encode<E4M3>(inf, rn, {.saturateFinite = true}), 0x7eu);
  EXPECT_EQ(encode<E4M3>(-1e9f, rn, {.saturateFinite = true}), 0xfeu);
  EXPECT_EQ(decode<E4M3>(0x7e), 448.0f);
  EXPECT_EQ(encode<E5M2>(inf, rn, {.saturateFinite = true}), 0x7bu);
  EXPECT_EQ(decode<E5M2>(0x7b), 57344.0f);
  EXPECT_EQ(encode<F16>(inf, rn, {.saturateFinite = true}), 0x7bffu);
  EXPECT_EQ(encode<F16>(-3.0f, rn, {.relu = true}), 0u);
  EXPECT_EQ(encode<F16>(3.0f, rn, {.relu = true}), 0x4200u);
  EXPECT_EQ(encode<F16>(nan, rn, {.relu = true}), 0x7fffu);
  EXPECT_EQ(encode<F16>(nan, rn, {.saturate = true}), 0u);
  EXPECT_EQ(encode<F16>(-0.0f, rn, {.saturate = true}), 0u);
  EXPECT_EQ(encode<F16>(2.0f, rn, {.saturate = true}), 0x3c00u);
  EXPECT_EQ(encode<BF16>(0.25f, rn, {.saturate = true}), 0x3e80u);
  // 1 + 2^-11 is half way between two values of tf32.
  EXPECT_EQ(toTF32(1 + 0x1p-11f, Rounding::NearestAway), 0x3f802000u);
  EXPECT_EQ(toTF32(1 + 0x1p-11f, rn), 0x3f800000u);
  EXPECT_EQ(toTF32(nan, rn), 0x7fffffffu);
  EXPECT_EQ(std::bit_cast<uint32_t>(truncateTF32(0x3f801fff)), 0x3f800000u);
  EXPECT_EQ(std::bit_cast<uint32_t>(saturate(-0.0f)), 0u);
  EXPECT_EQ(saturate(nan), 0.0f);
  EXPECT_EQ(std::bit_cast<uint32_t>(flush(-0x1p-130f)), 0x80000000u);
  EXPECT_EQ(flush(0x1p-126f), 0x1p-126f);
}

TEST(SimulatorFormats, FromF64RoundsOnce) {
  // Half way for f16 after a first rounding to f32, a little more before it.
  double x = 1 + 0x1p-11 + 0x1p-40;
  EXPECT_EQ(encode<F16>(x, Rounding::NearestEven), 0x3c01u);
  EXPECT_EQ(encode<F16>(float(x), Rounding::NearestEven), 0x3c00u);
  EXPECT_EQ(toFloat(1 + 0x1p-40, Rounding::Up), 1 + 0x1p-23f);
  EXPECT_EQ(toFloat(1 + 0x1p-40, Rounding::Down), 1.0f);
  EXPECT_EQ(toFloat(-1 - 0x1p-40, Rounding::TowardZero), -1.0f);
  EXPECT_EQ(toFloat(1e300, Rounding::TowardZero), 0x1.fffffep127f);
  EXPECT_EQ(toFloat(1e300, Rounding::NearestEven), INFINITY);
  EXPECT_EQ(toFloat(-1e300, Rounding::Up), -0x1.fffffep127f);
  EXPECT_EQ(toFloat(1e-300, Rounding::Up), 0x1p-149f);
}

TEST(SimulatorFormats, ToInteger) {
  auto rz = Rounding::TowardZero, rn = Rounding::NearestEven;
  EXPECT_EQ(toInteger<int32_t>(2.5f, rn), 2);
  EXPECT_EQ(toInteger<int32_t>(3.5f, rn), 4);
  EXPECT_EQ(toInteger<int32_t>(-2.5f, rz), -2);
  EXPECT_EQ(toInteger<int32_t>(-2.5f, Rounding::Down), -3);
  EXPECT_EQ(toInteger<int32_t>(-2.5f, Rounding::Up), -2);
  EXPECT_EQ(toInteger<int32_t>(3e9f, rz), INT32_MAX);
  EXPECT_EQ(toInteger<int32_t>(-3e9f, rz), INT32_MIN);
  EXPECT_EQ(toInteger<uint32_t>(-1.0f, rz), 0u);
  EXPECT_EQ(toInteger<uint32_t>(5e9f, rz), UINT32_MAX);
  EXPECT_EQ(toInteger<uint64_t>(INFINITY, rz), UINT64_MAX);
  EXPECT_EQ(toInteger<int8_t>(200.0f, rz), 127);
  EXPECT_EQ(toInteger<uint16_t>(65535.9f, rz), 65535);
  // NaN: 0, or the top bit where 64 bits are involved.
  EXPECT_EQ(toInteger<int32_t>(NAN, rz), 0);
  EXPECT_EQ(toInteger<uint32_t>(NAN, rz), 0u);
  EXPECT_EQ(toInteger<int32_t>(double(NAN), rz), INT32_MIN);
  EXPECT_EQ(toInteger<uint32_t>(double(NAN), rz), 0x80000000u);
  EXPECT_EQ(toInteger<int64_t>(NAN, rz), INT64_MIN);
  EXPECT_EQ(toInteger<uint64_t>(NAN, rz), uint64_t(1) << 63);
  EXPECT_TRUE(std::signbit(toIntegral(-0.25f, rn)));
  EXPECT_EQ(std::bit_cast<uint32_t>(
                toIntegral(std::bit_cast<float>(0x7fc00001u), rn)),
            CanonicalNaN32);
}

TEST(SimulatorFormats, FromInteger) {
  // 2^24 + 1 and 2^53 + 1 are half way.
  EXPECT_EQ(toFloat(int64_t(16777217), Rounding::NearestEven), 16777216.0f);
  EXPECT_EQ(toFloat(int64_t(16777217), Rounding::Up), 16777218.0f);
  EXPECT_EQ(toFloat(int64_t(-16777217), Rounding::TowardZero), -16777216.0f);
  EXPECT_EQ(toFloat(int64_t(-16777217), Rounding::Down), -16777218.0f);
  EXPECT_EQ(toFloat(UINT64_MAX, Rounding::TowardZero), 0x1.fffffep63f);
  EXPECT_EQ(toFloat(UINT64_MAX, Rounding::NearestEven), 0x1p64f);
  // Just above half way, which 53 bits cannot hold.
  EXPECT_EQ(toFloat((uint64_t(1) << 63) + (uint64_t(1) << 39) + 1,
                    Rounding::NearestEven),
            0x1.000002p63f);
  EXPECT_EQ(toDouble(int64_t(9007199254740993), Rounding::NearestEven),
            9007199254740992.0);
  EXPECT_EQ(toDouble(int64_t(9007199254740993), Rounding::Up),
            9007199254740994.0);
  EXPECT_EQ(toDouble(UINT64_MAX, Rounding::TowardZero), 0x1.fffffffffffffp63);
  EXPECT_EQ(encodeInteger<F16>(2049, Rounding::NearestEven), 0x6800u);
  EXPECT_EQ(encodeInteger<F16>(2049, Rounding::Up), 0x6801u);
  EXPECT_EQ(encodeInteger<F16>(-70000, Rounding::NearestEven), 0xfc00u);
  EXPECT_EQ(encodeInteger<BF16>((int64_t(1) << 40) + (int64_t(1) << 32) + 1,
                                Rounding::NearestEven),
            0x5381u);
}

} // namespace
