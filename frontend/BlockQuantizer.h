//===- BlockQuantizer.h - Numbers as small integers and a scale -----------===//
//
// Symmetric quantisation of a row in blocks of 32 elements: x ≈ d q with one
// scale d a block. d is rounded to bf16 before the integers are chosen, so they
// make up for its rounding. What the packer writes and what the interpreter
// computes with is both this function's.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_FRONTEND_BLOCKQUANTIZER_H
#define MOEC_FRONTEND_BLOCKQUANTIZER_H

#include <cstdint>

namespace moec {

/// Elements that share a scale.
inline constexpr int64_t kQuantizedBlock = 32;

/// d and q of a block. d q is exact in f32. Elements beyond those given are 0.
struct QuantizedBlock {
  /// bf16
  uint16_t scale;
  int8_t values[kQuantizedBlock];

  float value(int64_t i) const;
};

/// Quantises `count` elements, at most a block, to integers of 8 or 4 bits:
///
/// - 8 bits: d = max|x| / 127, q = round(x / d), so |q| ≤ 127;
/// - 4 bits: -8 ≤ q ≤ 7. The element of greatest magnitude m is tried at
///   several places near -8 (d may be negative), the d of least squared error
///   is kept, and once replaced by the best one for its q, Σ x q / Σ q².
///
/// A block whose d would be no normal number (max|x| below about 1e-36) becomes
/// zeros. False, and no block, if an element is not finite or reaches 2^100:
/// executables may compute with d 2^20.
bool quantizeBlock(unsigned bits, const float *x, int64_t count,
                   QuantizedBlock &block);

} // namespace moec

#endif // MOEC_FRONTEND_BLOCKQUANTIZER_H
