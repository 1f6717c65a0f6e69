//===- BlockQuantizer.cpp - Numbers as small integers and a scale ---------===//

#include "frontend/BlockQuantizer.h"

#include "support/DType.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace moec;

static constexpr int64_t kBlock = kQuantizedBlock;

float QuantizedBlock::value(int64_t i) const {
  return bf16ToFloat(scale) * values[i];
}

/// To the nearest integer, ties to even, of |x| < 2^22. Adding a number whose
/// last bit is worth one leaves the rounding to the addition.
static float roundToInteger(float x) {
  constexpr float shift = 0x1.8p23f;
  return (x + shift) - shift;
}

/// A scale as it is stored; 0 unless it is a normal number, whose reciprocal is
/// finite.
static float storableScale(float d) {
  d = bf16ToFloat(floatToBf16(d));
  return std::abs(d) >= 0x1p-126f ? d : 0;
}

namespace {

/// A block with integers still in f32, which vectorises.
struct Candidate {
  float scale;
  float values[kBlock];
  float error;
};

} // namespace

/// Σ over a block, in eight lanes: the same order on every machine, and one that
/// vector units can follow.
template <typename Term>
static float sum(Term term) {
  float lanes[8] = {};
  for (int64_t i = 0; i < kBlock; i += 8)
    for (int64_t lane = 0; lane < 8; ++lane)
      lanes[lane] += term(i + lane);
  for (int64_t half = 4; half; half /= 2)
    for (int64_t lane = 0; lane < half; ++lane)
      lanes[lane] += lanes[lane + half];
  return lanes[0];
}

static float squaredError(const float *x, const Candidate &candidate) {
  return sum([&](int64_t i) {
    float difference = x[i] - candidate.scale * candidate.values[i];
    return difference * difference;
  });
}

static void quantizeTo(const float *x, float scale, float low, float high,
                       Candidate &result) {
  result.scale = scale;
  float inverse = 1 / scale;
  for (int64_t i = 0; i < kBlock; ++i)
    result.values[i] =
        std::min(std::max(roundToInteger(x[i] * inverse), low), high);
}

/// Searches the scale of least squared error of 4-bit integers.
static Candidate searchScale(const float *x, float extreme) {
  constexpr float low = -8, high = 7;
  Candidate best{};
  best.error = INFINITY;
  // The extreme at -6.5 wastes codes, at -9 it is cut to -8; in between lies the
  // best compromise for the others.
  for (float place = 6.5f; place <= 9; place += 0.25f) {
    Candidate candidate;
    quantizeTo(x, storableScale(-extreme / place), low, high, candidate);
    candidate.error = squaredError(x, candidate);
    if (candidate.error < best.error)
      best = candidate;
  }
  float products = sum([&](int64_t i) { return x[i] * best.values[i]; });
  float squares =
      sum([&](int64_t i) { return best.values[i] * best.values[i]; });
  Candidate refined = best;
  refined.scale = storableScale(products / squares);
  refined.error = squaredError(x, refined);
  return refined.error < best.error ? refined : best;
}

bool moec::quantizeBlock(unsigned bits, const float *x, int64_t count,
                         QuantizedBlock &block) {
  float padded[kBlock] = {};
  std::copy_n(x, count, padded);
  // Magnitudes compare like their bits, and what is not finite is above all.
  uint32_t greatest = 0;
  for (float element : padded) {
    uint32_t magnitude;
    std::memcpy(&magnitude, &element, sizeof(magnitude));
    greatest = std::max(greatest, magnitude & 0x7fffffffu);
  }
  float magnitude;
  std::memcpy(&magnitude, &greatest, sizeof(magnitude));
  if (!(magnitude < 0x1p126f))
    return false;

  Candidate result{};
  if (bits == 8) {
    if (float scale = storableScale(magnitude / 127))
      quantizeTo(padded, scale, -127, 127, result);
  } else {
    if (magnitude >= 0x1p-120f) {
      // Squares of numbers near either end of f32 are no numbers; the search
      // sees all blocks with their extreme near 1.
      int exponent;
      std::frexp(magnitude, &exponent);
      float toOne = std::ldexp(1.0f, -exponent);
      float extreme = 0;
      for (float &element : padded) {
        element *= toOne;
        extreme = std::abs(element) > std::abs(extreme) ? element : extreme;
      }
      result = searchScale(padded, extreme);
      result.scale *= std::ldexp(1.0f, exponent);
    }
  }
  block.scale = floatToBf16(result.scale);
  for (int64_t i = 0; i < kBlock; ++i)
    block.values[i] = int8_t(result.values[i]);
  return true;
}
