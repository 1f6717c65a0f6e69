//===- DType.h - Element types of stored tensors --------------------------===//
//
// The types a checkpoint can hold, under the names safetensors gives them, and
// the scalar conversions between them. Every conversion to f32 here is exact;
// the one back to bf16 rounds to nearest, ties to even.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_DTYPE_H
#define MOEC_SUPPORT_DTYPE_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace moec {

enum class DType : uint8_t {
  F64,
  F32,
  F16,
  BF16,
  F8_E4M3, ///< the "fn" form: no infinities, one NaN per sign
  F8_E5M2,
  F8_E8M0, ///< an exponent alone: 2^(x-127), 255 is NaN
  I64,
  U64,
  I32,
  U32,
  I16,
  U16,
  I8,
  U8,
  BOOL,
};

/// The spelling of safetensors: "F32", "BF16", "F8_E4M3", …
std::string_view dtypeName(DType dtype);
/// The inverse of dtypeName.
std::optional<DType> parseDType(std::string_view name);
unsigned dtypeBytes(DType dtype);

float bf16ToFloat(uint16_t bits);
float f16ToFloat(uint16_t bits);
float f8E4M3ToFloat(uint8_t bits);
float f8E5M2ToFloat(uint8_t bits);
float f8E8M0ToFloat(uint8_t bits);
/// Round to nearest, ties to even; a NaN stays a NaN (quiet, same sign).
uint16_t floatToBf16(float value);

} // namespace moec

#endif // MOEC_SUPPORT_DTYPE_H
