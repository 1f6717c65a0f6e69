//===- Interleave.cpp - Rows of a panel, element by element ---------------===//
//
// A tile of 16 rows is 16 vectors of 16 bytes, n elements each. As one sequence
// of 16 n elements, element (j, k) stands at j n + k: the bits of j above those
// of k. A perfect shuffle (interleaving the first half of the sequence with the
// second) rotates these bits to the left by one, so four of them bring the
// element to k 16 + j, its place in the panel.
//
//===----------------------------------------------------------------------===//

#include "frontend/Interleave.h"

#include <cstring>

using namespace moec;

static constexpr int64_t kTileRows = 16;
static constexpr int64_t kVectorBytes = 16;

template <typename T>
struct VectorOf {
  typedef T Type __attribute__((vector_size(kVectorBytes)));
};
template <typename T>
using Vector = typename VectorOf<T>::Type;

static Vector<uint8_t> zipLow(Vector<uint8_t> a, Vector<uint8_t> b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21,
                                 6, 22, 7, 23);
}
static Vector<uint8_t> zipHigh(Vector<uint8_t> a, Vector<uint8_t> b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13,
                                 29, 14, 30, 15, 31);
}
static Vector<uint16_t> zipLow(Vector<uint16_t> a, Vector<uint16_t> b) {
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
static Vector<uint16_t> zipHigh(Vector<uint16_t> a, Vector<uint16_t> b) {
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}
static Vector<uint32_t> zipLow(Vector<uint32_t> a, Vector<uint32_t> b) {
  return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}
static Vector<uint32_t> zipHigh(Vector<uint32_t> a, Vector<uint32_t> b) {
  return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}

/// The tile of the rows at this byte; adds to `found` what is not finite.
template <typename T>
static void interleaveTile(const uint8_t *const *rows, int64_t byte,
                           Vector<T> notFinite, Vector<T> &found,
                           uint8_t *out) {
  Vector<T> vectors[kTileRows], shuffled[kTileRows];
  for (int64_t j = 0; j < kTileRows; ++j) {
    std::memcpy(&vectors[j], rows[j] + byte, kVectorBytes);
    found |= Vector<T>((vectors[j] & notFinite) == notFinite);
  }
#pragma GCC unroll 4
  for (int64_t stage = 0; stage < 4; ++stage) {
#pragma GCC unroll 8
    for (int64_t i = 0; i < kTileRows / 2; ++i) {
      shuffled[2 * i] = zipLow(vectors[i], vectors[i + kTileRows / 2]);
      shuffled[2 * i + 1] = zipHigh(vectors[i], vectors[i + kTileRows / 2]);
    }
    std::memcpy(vectors, shuffled, sizeof(vectors));
  }
  std::memcpy(out, vectors, sizeof(vectors));
}

template <typename T>
static bool interleave(const uint8_t *const *rows, int64_t width, int64_t count,
                       T notFinite, uint8_t *out) {
  constexpr int64_t columns = kVectorBytes / sizeof(T);
  int64_t begin = 0;
  bool finite = true;
  if (width == kTileRows) {
    Vector<T> mask = notFinite - Vector<T>{}, found = {};
    for (; begin + columns <= count; begin += columns)
      interleaveTile<T>(rows, begin * sizeof(T), mask, found,
                        out + begin * width * sizeof(T));
    for (int64_t lane = 0; lane < columns; ++lane)
      finite &= !found[lane];
  }
  for (int64_t k = begin; k < count; ++k)
    for (int64_t j = 0; j < width; ++j) {
      T element;
      std::memcpy(&element, rows[j] + k * sizeof(T), sizeof(T));
      finite &= (element & notFinite) != notFinite;
      std::memcpy(out + (k * width + j) * sizeof(T), &element, sizeof(T));
    }
  return finite || notFinite == 0;
}

bool moec::interleaveRows(unsigned elementBytes, const uint8_t *const *rows,
                          int64_t width, int64_t count, uint32_t notFinite,
                          uint8_t *out) {
  switch (elementBytes) {
  case 1:
    return interleave<uint8_t>(rows, width, count, notFinite, out);
  case 2:
    return interleave<uint16_t>(rows, width, count, notFinite, out);
  default:
    return interleave<uint32_t>(rows, width, count, notFinite, out);
  }
}
