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

namespace {

/// A block is eight vectors of four: sums have the same order on every machine.
typedef float Vector __attribute__((vector_size(16)));
constexpr int64_t kVectors = kBlock / 4;

using Vectors = Vector[kVectors];

/// A block whose integers are still in f32.
struct Candidate {
  float scale;
  Vectors values;
  float error;
};

} // namespace

static Vector splat(float x) { return Vector{x, x, x, x}; }

/// To the nearest integers, ties to even, of magnitudes < 2^22. Adding a number
/// whose last bit is worth one leaves the rounding to the addition.
static Vector roundToIntegers(Vector x) {
  Vector shift = splat(0x1.8p23f);
  return (x + shift) - shift;
}

/// A scale as it is stored; 0 unless it is a normal number, whose reciprocal is
/// finite.
static float storableScale(float d) {
  d = bf16ToFloat(floatToBf16(d));
  return std::abs(d) >= 0x1p-126f ? d : 0;
}

/// Σ x y
static float dot(const Vectors &x, const Vectors &y) {
  Vector sum = {};
  for (int64_t i = 0; i < kVectors; ++i)
    sum += x[i] * y[i];
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

static float squaredError(const Vectors &x, const Candidate &candidate) {
  Vectors differences;
  for (int64_t i = 0; i < kVectors; ++i)
    differences[i] = x[i] - splat(candidate.scale) * candidate.values[i];
  return dot(differences, differences);
}

static void quantizeTo(const Vectors &x, float scale, float least,
                       float greatest, Candidate &result) {
  result.scale = scale;
  Vector inverse = splat(1 / scale), low = splat(least), high = splat(greatest);
  for (int64_t i = 0; i < kVectors; ++i) {
    Vector q = roundToIntegers(x[i] * inverse);
    q = q < low ? low : q;
    result.values[i] = q > high ? high : q;
  }
}

/// Searches the scale of least squared error of 4-bit integers.
static Candidate searchScale(const Vectors &x, float extreme) {
  Candidate best{};
  best.error = INFINITY;
  // The extreme at -6.5 wastes codes, at -9 it is cut to -8; in between lies the
  // best compromise for the others.
  for (float place = 6.75f; place < 9; place += 0.5f) {
    Candidate candidate;
    quantizeTo(x, storableScale(-extreme / place), -8, 7, candidate);
    candidate.error = squaredError(x, candidate);
    if (candidate.error < best.error)
      best = candidate;
  }
  Candidate refined = best;
  refined.scale =
      storableScale(dot(x, best.values) / dot(best.values, best.values));
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
  if (!(magnitude < 0x1p100f))
    return false;

  Candidate result{};
  Vectors vectors;
  std::memcpy(vectors, padded, sizeof(padded));
  if (bits == 8) {
    if (float scale = storableScale(magnitude / 127))
      quantizeTo(vectors, scale, -127, 127, result);
  } else {
    if (magnitude >= 0x1p-120f) {
      // Squares of numbers near either end of f32 are no numbers; the search
      // sees all blocks with their extreme near 1.
      int exponent;
      std::frexp(magnitude, &exponent);
      float toOne = std::ldexp(1.0f, -exponent);
      const float *extreme =
          std::find_if(padded, padded + kBlock, [&](float element) {
            return std::abs(element) == magnitude;
          });
      for (Vector &vector : vectors)
        vector *= splat(toOne);
      result = searchScale(vectors, *extreme * toOne);
      result.scale *= std::ldexp(1.0f, exponent);
    }
  }
  block.scale = floatToBf16(result.scale);
  for (int64_t i = 0; i < kBlock; ++i)
    block.values[i] = int8_t(result.values[i / 4][i % 4]);
  return true;
}
