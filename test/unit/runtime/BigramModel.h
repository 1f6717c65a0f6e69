//===- BigramModel.h - A hand-written model for testing the runtime -------===//
//
// Defines `moec_model` as generated code would: a step of one graph with three
// nodes, a weight and a cache. The logits after a token t with predecessor p
// (read back from the cache, so a cache that is not kept right shows) are
//
//   logits[v] = table[t][v] + 0.25 table[p][v]     (position 0: no second term)
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_TEST_UNIT_RUNTIME_BIGRAMMODEL_H
#define MOEC_TEST_UNIT_RUNTIME_BIGRAMMODEL_H

#include "runtime/moert.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moec::test {

constexpr int64_t bigramVocab = 512;
constexpr int64_t bigramMaxTokens = 16;
constexpr int64_t bigramMaxSequences = 3;
constexpr int64_t bigramMaxContext = 64;
constexpr const char *bigramId = "bigram-1";

/// A weight: 10 for the successor of the token, else something below 1 without
/// pattern.
inline float bigramEntry(int64_t token, int64_t next) {
  if (next == (token + 1) % bigramVocab)
    return 10;
  uint32_t hash = uint32_t(token * bigramVocab + next) * 2654435761u;
  return float(hash >> 8) * 0x1p-24f;
}

/// What the model computes, straight from the formula.
inline float bigramLogit(const std::vector<int32_t> &sequence, size_t position,
                         int64_t v) {
  float logit = bigramEntry(sequence[position], v);
  if (position > 0)
    logit += 0.25f * bigramEntry(sequence[position - 1], v);
  return logit;
}

/// The weights section.
std::vector<float> bigramWeights();

} // namespace moec::test

#endif // MOEC_TEST_UNIT_RUNTIME_BIGRAMMODEL_H
