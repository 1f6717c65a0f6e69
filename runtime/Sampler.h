//===- Sampler.h - From logits to the next token --------------------------===//
//
// In this order, as in transformers: repetition penalty, temperature, top-k,
// top-p, min-p, one draw. Tokens are ordered by logit, equal ones by id, so
// every choice is defined. The draw depends on (seed, sequence, position)
// alone. Scores are f32; sums of probabilities are
// f64, since a f32 sum over a vocabulary would lose its tail.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_SAMPLER_H
#define MOEC_RUNTIME_SAMPLER_H

#include "support/Status.h"

#include <cstdint>
#include <vector>

namespace moec {

struct SamplerOptions {
  /// 0: the token of the greatest logit.
  float temperature = 0;
  /// Only the `topK` likeliest tokens; 0: all.
  int64_t topK = 0;
  /// Only the fewest likeliest tokens whose probabilities sum to `topP`; 1:
  /// all.
  float topP = 1;
  /// Only tokens that are at least `minP` times as likely as the likeliest; 0:
  /// all.
  float minP = 0;
  /// Logits of tokens that were seen are divided by this if they are positive,
  /// else multiplied; also when the greatest is taken. 1: none.
  float repetitionPenalty = 1;
  uint64_t seed = 0;
};

/// Which token is chosen: the one at `position` of sequence number `sequence`.
struct SamplePoint {
  uint64_t sequence = 0;
  uint64_t position = 0;
};

class Sampler {
public:
  explicit Sampler(const SamplerOptions &options) : options(options) {}

  /// The repetition penalty is for this token from now on.
  void see(int32_t id);

  /// An error if a logit is NaN or if none is finite.
  Result<int32_t> choose(const float *logits, int64_t vocab, SamplePoint point);

private:
  struct Candidate {
    float logit;
    float weight; ///< exp((logit - greatest) / temperature), its probability
                  ///< times their sum
    int32_t id;
  };

  /// The logits with the repetition penalty; valid until the next call.
  const float *penalize(const float *logits, int64_t vocab);
  int32_t draw(const float *logits, int64_t vocab, float greatest,
               SamplePoint point);
  /// Brings the candidates before `count` into order; those before `sorted`
  /// are.
  void sortUpTo(size_t count);
  /// First candidate at which the running sum of weights satisfies `reached`,
  /// and that sum.
  template <typename Predicate>
  std::pair<size_t, double> walk(Predicate reached);
  /// Sum of the weights that are at least `weight`.
  double massAbove(float weight);

  SamplerOptions options;
  /// By id, as far as any were seen.
  std::vector<bool> seen;
  std::vector<float> penalized;
  std::vector<Candidate> candidates;
  size_t sorted = 0;
};

} // namespace moec

#endif // MOEC_RUNTIME_SAMPLER_H
