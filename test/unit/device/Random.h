//===- Random.h - Inputs of device tests --------------------------------------===//
#ifndef MOEC_TEST_UNIT_DEVICE_RANDOM_H
#define MOEC_TEST_UNIT_DEVICE_RANDOM_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

namespace moec::test {

class Random {
public:
  explicit Random(uint32_t seed) : engine(seed) {}

  int between(int low, int high) {
    return low +
           static_cast<int>(engine() % static_cast<uint32_t>(high - low + 1));
  }
  /// Nearly normal, variance about 1.
  float normal() {
    float sum = 0;
    for (int i = 0; i < 4; ++i)
      sum += static_cast<float>(engine() >> 8) * 0x1p-24f - 0.5f;
    return sum * 1.7f;
  }
  std::vector<float> normals(size_t count) {
    std::vector<float> result(count);
    for (float &x : result)
      x = normal();
    return result;
  }
  /// `count` of [0, experts), ascending.
  std::vector<int32_t> choice(int experts, int count) {
    std::vector<int32_t> all(static_cast<size_t>(experts));
    std::iota(all.begin(), all.end(), 0);
    for (int i = 0; i < count; ++i)
      std::swap(all[i], all[between(i, experts - 1)]);
    all.resize(count);
    std::sort(all.begin(), all.end());
    return all;
  }

private:
  std::mt19937 engine;
};

/// How many elements differ in their bits; NaN equals NaN.
inline size_t countDifferences(const std::vector<float> &a,
                               const std::vector<float> &b) {
  size_t result = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    result += std::memcmp(&a[i], &b[i], sizeof(float)) != 0 &&
              !(std::isnan(a[i]) && std::isnan(b[i]));
  return result;
}

} // namespace moec::test

#endif // MOEC_TEST_UNIT_DEVICE_RANDOM_H
