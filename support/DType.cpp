//===- DType.cpp - Element types of stored tensors ------------------------===//
#include "support/DType.h"

#include <cmath>
#include <cstring>
#include <iterator>

using namespace moec;

namespace {

struct Info {
  std::string_view name;
  unsigned bytes;
};

/// In the order of the enum.
constexpr Info infos[] = {
    {"F64", 8},     {"F32", 4},     {"F16", 2},     {"BF16", 2},
    {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"F8_E8M0", 1}, {"I64", 8},
    {"U64", 8},     {"I32", 4},     {"U32", 4},     {"I16", 2},
    {"U16", 2},     {"I8", 1},      {"U8", 1},      {"BOOL", 1},
};
static_assert(std::size(infos) == unsigned(DType::BOOL) + 1);

float bitsToFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

} // namespace

std::string_view moec::dtypeName(DType dtype) {
  return infos[unsigned(dtype)].name;
}

std::optional<DType> moec::parseDType(std::string_view name) {
  for (unsigned i = 0; i < std::size(infos); ++i)
    if (infos[i].name == name)
      return DType(i);
  return std::nullopt;
}

unsigned moec::dtypeBytes(DType dtype) { return infos[unsigned(dtype)].bytes; }

float moec::bf16ToFloat(uint16_t bits) {
  return bitsToFloat(uint32_t(bits) << 16);
}

float moec::f16ToFloat(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 0x1f;
  uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0x1f)
    return bitsToFloat(sign | 0x7f800000 | mantissa << 13);
  if (exponent == 0) // zero and subnormals: mantissa * 2^-24
    return std::copysign(float(mantissa) * 0x1p-24f, bitsToFloat(sign));
  return bitsToFloat(sign | (exponent + (127 - 15)) << 23 | mantissa << 13);
}

float moec::f8E4M3ToFloat(uint8_t bits) {
  uint32_t sign = uint32_t(bits & 0x80) << 24;
  uint32_t exponent = (bits >> 3) & 0xf;
  uint32_t mantissa = bits & 0x7;
  if (exponent == 0xf && mantissa == 0x7)
    return bitsToFloat(sign | 0x7fc00000);
  if (exponent == 0) // zero and subnormals: mantissa * 2^-9
    return std::copysign(float(mantissa) * 0x1p-9f, bitsToFloat(sign));
  return bitsToFloat(sign | (exponent + (127 - 7)) << 23 | mantissa << 20);
}

// E5M2 is the upper half of an f16.
float moec::f8E5M2ToFloat(uint8_t bits) {
  return f16ToFloat(uint16_t(bits << 8));
}

float moec::f8E8M0ToFloat(uint8_t bits) {
  return bits == 0xff ? bitsToFloat(0x7fc00000)
                      : std::ldexp(1.0f, int(bits) - 127);
}

uint16_t moec::floatToBf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if (std::isnan(value)) // rounding could carry a NaN's mantissa away
    return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
