//===- BlockQuantizerTest.cpp - Numbers as small integers and a scale -----===//

#include "frontend/BlockQuantizer.h"

#include "support/DType.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace moec;

namespace {

QuantizedBlock quantize(unsigned bits, const std::vector<float> &x) {
  QuantizedBlock block;
  EXPECT_TRUE(quantizeBlock(bits, x.data(), x.size(), block));
  return block;
}

bool isRefused(unsigned bits, float element) {
  std::vector<float> x(32, 1.0f);
  x[17] = element;
  QuantizedBlock block;
  return !quantizeBlock(bits, x.data(), x.size(), block);
}

std::vector<float> randomBlock(unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, 0.02f);
  std::vector<float> x(32);
  for (float &element : x)
    element = normal(generator);
  return x;
}

double squaredError(const std::vector<float> &x, const QuantizedBlock &block) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    sum += std::pow(double(x[i]) - block.value(i), 2);
  return sum;
}

TEST(BlockQuantizer, ZerosAreExact) {
  for (unsigned bits : {8, 4}) {
    QuantizedBlock block = quantize(bits, std::vector<float>(32, -0.0f));
    for (int64_t i = 0; i < 32; ++i)
      EXPECT_EQ(block.value(i), 0.0f);
  }
}

TEST(BlockQuantizer, EightBitsByHand) {
  // max|x| / 127 = 1/2: q = 2x, half-way cases to even.
  QuantizedBlock block =
      quantize(8, {63.5f, -63.5f, 1, -1, 0.25f, 0.75f, 0.26f, 0});
  EXPECT_EQ(block.scale, 0x3f00);
  int expected[] = {127, -127, 2, -2, 0, 2, 1, 0};
  for (int64_t i = 0; i < 32; ++i)
    EXPECT_EQ(block.values[i], i < 8 ? expected[i] : 0) << i;
  EXPECT_EQ(block.value(5), 1.0f);
}

TEST(BlockQuantizer, IntegersAreChosenForTheStoredScale) {
  // 1/127 is no bf16; the nearest one is 129 * 2^-14. In units of it 0.791314 is
  // 100.503; in units of 1/127 it were 100.497.
  QuantizedBlock block = quantize(8, {1, 0.791314f});
  EXPECT_EQ(block.scale, 0x3c01);
  EXPECT_EQ(block.values[0], 127);
  EXPECT_EQ(block.values[1], 101);
}

TEST(BlockQuantizer, EightBitsAreNearest) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::vector<float> x = randomBlock(seed);
    QuantizedBlock block = quantize(8, x);
    float d = bf16ToFloat(block.scale), greatest = 0;
    for (float element : x)
      greatest = std::max(greatest, std::abs(element));
    EXPECT_EQ(block.scale, floatToBf16(greatest / 127));
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_LE(std::abs(double(x[i]) - block.value(i)), 0.5 * d * 1.0001);
  }
}

TEST(BlockQuantizer, FourBitsFindAScaleThatFits) {
  // All sixteen codes of d = 1/4, and of d = -1/4: no error.
  for (float d : {0.25f, -0.25f}) {
    std::vector<float> x;
    for (int q = -8; q <= 7; ++q)
      x.push_back(d * q);
    QuantizedBlock block = quantize(4, x);
    EXPECT_EQ(bf16ToFloat(block.scale), d);
    for (int64_t i = 0; i < 32; ++i)
      EXPECT_EQ(block.values[i], i < 16 ? int(i) - 8 : 0);
  }
}

TEST(BlockQuantizer, FourBitsAreCloseToTheBestScale) {
  double found = 0, best = 0, plain = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::vector<float> x = randomBlock(seed);
    QuantizedBlock block = quantize(4, x);
    for (int8_t q : block.values) {
      EXPECT_GE(q, -8);
      EXPECT_LE(q, 7);
    }
    // All scales on a fine grid, in double.
    double greatest = 0, least = INFINITY;
    for (float element : x)
      greatest = std::max(greatest, std::abs(double(element)));
    auto errorOf = [&](double d) {
      double sum = 0;
      for (double element : x)
        sum += std::pow(
            element - d * std::clamp(std::nearbyint(element / d), -8.0, 7.0),
            2);
      return sum;
    };
    for (double place = 4; place < 12; place += 0.01)
      for (double sign : {1, -1})
        least = std::min(least, errorOf(sign * greatest / place));
    found += squaredError(x, block);
    best += least;
    plain += errorOf(greatest / 7);
  }
  EXPECT_LE(found, 1.15 * best);
  EXPECT_LE(found, 0.9 * plain);
}

TEST(BlockQuantizer, MagnitudesFromEndToEnd) {
  for (unsigned bits : {8, 4})
    for (int exponent : {-118, -100, -60, 60, 99}) {
      std::vector<float> x = randomBlock(7);
      for (float &element : x) // below 1
        element = std::ldexp(std::clamp(element * 8, -1.0f, 0.99f), exponent);
      QuantizedBlock block = quantize(bits, x);
      double greatest = std::ldexp(1.0, exponent);
      for (size_t i = 0; i < x.size(); ++i)
        EXPECT_LE(std::abs(double(x[i]) - block.value(i)),
                  greatest / (bits == 8 ? 250 : 10))
            << bits << " bits, 2^" << exponent;
    }
}

TEST(BlockQuantizer, TinyBlocksBecomeZeros) {
  for (unsigned bits : {8, 4}) {
    QuantizedBlock block =
        quantize(bits, std::vector<float>(32, std::ldexp(1.0f, -130)));
    for (int64_t i = 0; i < 32; ++i)
      EXPECT_EQ(block.value(i), 0.0f);
  }
}

TEST(BlockQuantizer, RefusesWhatIsNotFinite) {
  for (unsigned bits : {8, 4}) {
    EXPECT_TRUE(isRefused(bits, NAN));
    EXPECT_TRUE(isRefused(bits, -NAN));
    EXPECT_TRUE(isRefused(bits, INFINITY));
    EXPECT_TRUE(isRefused(bits, -INFINITY));
    EXPECT_TRUE(isRefused(bits, 0x1p100f));
    EXPECT_TRUE(isRefused(bits, std::numeric_limits<float>::lowest()));
    EXPECT_FALSE(isRefused(bits, 0x1.fffffep99f));
    QuantizedBlock block;
    std::vector<float> x(32, -0x1.fffffep99f);
    ASSERT_TRUE(quantizeBlock(bits, x.data(), x.size(), block));
    EXPECT_TRUE(std::isfinite(block.value(0)));
  }
}

} // namespace
