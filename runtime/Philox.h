//===- Philox.h - Counter-based random numbers ----------------------------===//
//
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy
// as 1, 2, 3", 2011). A number is a function of a key and a counter and there
// is no state, so what is drawn for one token cannot depend on which others are
// in the step.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_PHILOX_H
#define MOEC_RUNTIME_PHILOX_H

#include <array>
#include <cstdint>

namespace moec {

inline std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter,
                                          std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = uint64_t(0xD2511F53) * counter[0];
    uint64_t product1 = uint64_t(0xCD9E8D57) * counter[2];
    counter = {
        uint32_t(product1 >> 32) ^ counter[1] ^ key[0], uint32_t(product1),
        uint32_t(product0 >> 32) ^ counter[3] ^ key[1], uint32_t(product0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// A number in [0, 1) for a token of a sequence.
inline double uniform(uint64_t seed, uint64_t sequence, uint64_t position) {
  std::array<uint32_t, 4> bits =
      philox4x32({uint32_t(position), uint32_t(position >> 32),
                  uint32_t(sequence), uint32_t(sequence >> 32)},
                 {uint32_t(seed), uint32_t(seed >> 32)});
  return static_cast<double>((uint64_t(bits[0]) << 32 | bits[1]) >> 11) *
         0x1p-53;
}

} // namespace moec

#endif // MOEC_RUNTIME_PHILOX_H
