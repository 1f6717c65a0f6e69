//===- Weights.h - Random weights in panels -----------------------------------===//
//
// Written from dialects/moe/MoeAttrs.td (#moe.panels): the bytes, and what each element is worth.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_TEST_UNIT_DEVICE_WEIGHTS_H
#define MOEC_TEST_UNIT_DEVICE_WEIGHTS_H

#include "test/unit/device/Random.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace moec::test {

inline float fromBf16(uint16_t bits) {
  return std::bit_cast<float>(uint32_t(bits) << 16);
}
/// To nearest even; of finite numbers.
inline uint16_t toBf16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

/// A stored element: its bits and its value.
struct StoredElement {
  uint32_t bits;
  float value;
};

enum class Storage { F32, Bf16, F16, F8, I8, I4 };

inline int bitsOf(Storage storage) {
  switch (storage) {
  case Storage::F32:
    return 32;
  case Storage::Bf16:
  case Storage::F16:
    return 16;
  case Storage::F8:
  case Storage::I8:
    return 8;
  case Storage::I4:
    return 4;
  }
  return 0;
}

inline StoredElement randomElement(Storage storage, Random &random) {
  switch (storage) {
  case Storage::F32: {
    float x = random.normal();
    return {std::bit_cast<uint32_t>(x), x};
  }
  case Storage::Bf16: {
    uint16_t bits = toBf16(random.normal());
    return {bits, fromBf16(bits)};
  }
  case Storage::F16: { // sign, exponent 1 to 17 (bias 15), mantissa of 10 bits
    int sign = random.between(0, 1), exponent = random.between(1, 17),
        mantissa = random.between(0, 1023);
    float x =
        std::ldexp(1 + static_cast<float>(mantissa) / 1024, exponent - 15);
    return {static_cast<uint32_t>(sign << 15 | exponent << 10 | mantissa),
            sign ? -x : x};
  }
  case Storage::
      F8: { // sign, exponent (bias 7; 0: subnormal), mantissa of 3 bits; 15 and 7 is NaN
    int sign = random.between(0, 1), exponent = random.between(0, 15),
        mantissa = random.between(0, exponent == 15 ? 6 : 7);
    float x = exponent ? std::ldexp(1 + static_cast<float>(mantissa) / 8,
                                    exponent - 7)
                       : std::ldexp(static_cast<float>(mantissa) / 8, -6);
    return {static_cast<uint32_t>(sign << 7 | exponent << 3 | mantissa),
            sign ? -x : x};
  }
  case Storage::I8: {
    int x = random.between(-128, 127);
    return {static_cast<uint32_t>(x) & 0xFF, static_cast<float>(x)};
  }
  case Storage::I4: {
    int x = random.between(-8, 7);
    return {static_cast<uint32_t>(x) & 0xF, static_cast<float>(x)};
  }
  }
  return {};
}

/// Matrices of `panels` panels of 16 columns and k steps.
struct Weights {
  std::vector<uint8_t> bytes;
  /// [matrix, panel, step, column]
  std::vector<float> values;
};

/// `block` 0: elements without scales; else they have f32 scales (`scaleBytes` 4) or bf16 scales.
inline Weights randomWeights(Storage storage, int block, int scaleBytes,
                             int panels, int k, Random &random) {
  constexpr int width = 16;
  Weights weights;
  const int bits = bitsOf(storage), steps = block ? block : k;
  for (int panel = 0; panel < panels; ++panel)
    for (int first = 0; first < k; first += steps) {
      float scales[width];
      for (float &scale : scales) {
        scale = 1;
        if (!block)
          continue;
        scale = std::ldexp(std::abs(random.normal()) + 0.01f, -6);
        uint16_t half = toBf16(scale);
        if (scaleBytes == 2)
          scale = fromBf16(half);
        const auto *bytes = scaleBytes == 2
                                ? reinterpret_cast<uint8_t *>(&half)
                                : reinterpret_cast<uint8_t *>(&scale);
        weights.bytes.insert(weights.bytes.end(), bytes, bytes + scaleBytes);
      }
      const size_t begin = weights.bytes.size();
      weights.bytes.resize(begin +
                           static_cast<size_t>(steps * width * bits / 8));
      for (int i = 0; i < steps && first + i < k; ++i)
        for (int column = 0; column < width; ++column) {
          StoredElement element = randomElement(storage, random);
          uint8_t *at = weights.bytes.data() + begin;
          if (bits == 4) {
            uint32_t word;
            at += (i / 8 * width + column) * 4;
            std::memcpy(&word, at, 4);
            word |= element.bits << (4 * (i % 8));
            std::memcpy(at, &word, 4);
          } else {
            std::memcpy(at + (i * width + column) * bits / 8, &element.bits,
                        static_cast<size_t>(bits / 8));
          }
          weights.values.push_back(element.value * scales[column]);
        }
    }
  return weights;
}

} // namespace moec::test

#endif // MOEC_TEST_UNIT_DEVICE_WEIGHTS_H
