//===- DTypeTest.cpp - Element types of stored tensors --------------------===//
#include "support/DType.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

using namespace moec;

namespace {

uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

TEST(DType, NamesAndSizes) {
  struct {
    DType dtype;
    const char *name;
    unsigned bytes;
  } rows[] = {{DType::F64, "F64", 8},         {DType::F32, "F32", 4},
              {DType::F16, "F16", 2},         {DType::BF16, "BF16", 2},
              {DType::F8_E4M3, "F8_E4M3", 1}, {DType::F8_E5M2, "F8_E5M2", 1},
              {DType::F8_E8M0, "F8_E8M0", 1}, {DType::I64, "I64", 8},
              {DType::U64, "U64", 8},         {DType::I32, "I32", 4},
              {DType::U32, "U32", 4},         {DType::I16, "I16", 2},
              {DType::U16, "U16", 2},         {DType::I8, "I8", 1},
              {DType::U8, "U8", 1},           {DType::BOOL, "BOOL", 1}};
  for (const auto &row : rows) {
    EXPECT_EQ(dtypeName(row.dtype), row.name);
    EXPECT_EQ(parseDType(row.name), row.dtype);
    EXPECT_EQ(dtypeBytes(row.dtype), row.bytes) << row.name;
  }
  EXPECT_FALSE(parseDType("F7"));
  EXPECT_FALSE(parseDType("f32"));
  EXPECT_FALSE(parseDType(""));
}

TEST(DType, Bf16) {
  EXPECT_EQ(bf16ToFloat(0x3f80), 1.0f);
  EXPECT_EQ(bf16ToFloat(0xc040), -3.0f);
  EXPECT_EQ(bitsOf(bf16ToFloat(0x8000)), 0x80000000u);
  EXPECT_EQ(bf16ToFloat(0x0001), 0x1p-133f);
}

TEST(DType, F16) {
  EXPECT_EQ(f16ToFloat(0x3c00), 1.0f);
  EXPECT_EQ(f16ToFloat(0xc200), -3.0f);
  EXPECT_EQ(f16ToFloat(0x7bff), 65504.0f);
  EXPECT_EQ(f16ToFloat(0x0400), 0x1p-14f);        // smallest normal
  EXPECT_EQ(f16ToFloat(0x03ff), 1023 * 0x1p-24f); // greatest subnormal
  EXPECT_EQ(f16ToFloat(0x0001), 0x1p-24f);
  EXPECT_EQ(bitsOf(f16ToFloat(0x8000)), 0x80000000u);
  EXPECT_EQ(f16ToFloat(0xfc00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(f16ToFloat(0x7e01)));
}

/// Every value against the definition of its format, in double.
double valueByDefinition(uint8_t bits, int exponentBits, int mantissaBits,
                         int bias) {
  int exponent = bits >> mantissaBits & ((1 << exponentBits) - 1);
  int mantissa = bits & ((1 << mantissaBits) - 1);
  double value = exponent == 0 ? std::ldexp(mantissa, 1 - bias - mantissaBits)
                               : std::ldexp((1 << mantissaBits) + mantissa,
                                            exponent - bias - mantissaBits);
  return bits & 0x80 ? -value : value;
}

TEST(DType, F8E4M3) {
  for (int bits = 0; bits < 256; ++bits) {
    if ((bits & 0x7f) == 0x7f)
      EXPECT_TRUE(std::isnan(f8E4M3ToFloat(bits)));
    else
      EXPECT_EQ(f8E4M3ToFloat(bits), valueByDefinition(bits, 4, 3, 7)) << bits;
  }
  EXPECT_EQ(f8E4M3ToFloat(0x7e), 448.0f);
  EXPECT_EQ(bitsOf(f8E4M3ToFloat(0x80)), 0x80000000u);
}

TEST(DType, F8E5M2) {
  for (int bits = 0; bits < 256; ++bits) {
    float value = f8E5M2ToFloat(bits);
    if ((bits & 0x7f) > 0x7c) {
      EXPECT_TRUE(std::isnan(value)) << bits;
    } else if ((bits & 0x7f) == 0x7c) {
      EXPECT_EQ(value, bits & 0x80 ? -INFINITY : INFINITY);
    } else {
      EXPECT_EQ(value, valueByDefinition(bits, 5, 2, 15)) << bits;
    }
  }
  EXPECT_EQ(f8E5M2ToFloat(0x7b), 57344.0f);
  EXPECT_EQ(f8E5M2ToFloat(0x7c), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(f8E5M2ToFloat(0x7d)));
}

TEST(DType, F8E8M0) {
  for (int bits = 0; bits < 255; ++bits)
    EXPECT_EQ(f8E8M0ToFloat(bits), std::pow(2.0, bits - 127)) << bits;
  EXPECT_TRUE(std::isnan(f8E8M0ToFloat(255)));
}

TEST(DType, FloatToBf16RoundsToNearestEven) {
  EXPECT_EQ(floatToBf16(1.0f), 0x3f80);
  EXPECT_EQ(floatToBf16(1.0f + 0x1p-8f), 0x3f80); // tie, to even below
  EXPECT_EQ(floatToBf16(1.0f + 0x1p-7f + 0x1p-8f),
            0x3f82); // tie, to even above
  EXPECT_EQ(floatToBf16(1.0f + 0x1p-8f + 0x1p-20f), 0x3f81); // just above a tie
  EXPECT_EQ(floatToBf16(-1.0f - 0x1p-8f - 0x1p-20f), 0xbf81);
  EXPECT_EQ(floatToBf16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(floatToBf16(-0.0f), 0x8000);
}

TEST(DType, FloatToBf16KeepsNaN) {
  for (uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xffffffffu, 0xffc00000u}) {
    float nan;
    std::memcpy(&nan, &bits, sizeof(nan));
    EXPECT_TRUE(std::isnan(bf16ToFloat(floatToBf16(nan)))) << bits;
    EXPECT_EQ(floatToBf16(nan) >> 15, bits >> 31);
  }
}

TEST(DType, Bf16RoundTrips) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    if (!std::isnan(bf16ToFloat(bits))) {
      ASSERT_EQ(floatToBf16(bf16ToFloat(bits)), bits);
    }
  }
}

} // namespace
