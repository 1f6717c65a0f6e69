//===- Sampler.cpp - From logits to the next token ------------------------===//

#include "runtime/Sampler.h"
#include "runtime/Philox.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

using namespace moec;

void Sampler::see(int32_t id) {
  if (static_cast<size_t>(id) >= seen.size())
    seen.resize(static_cast<size_t>(id) + 1);
  seen[static_cast<size_t>(id)] = true;
}

const float *Sampler::penalize(const float *logits, int64_t vocab) {
  if (options.repetitionPenalty == 1 || seen.empty())
    return logits;
  penalized.assign(logits, logits + vocab);
  const size_t count = std::min(seen.size(), penalized.size());
  for (size_t i = 0; i < count; ++i)
    if (seen[i])
      penalized[i] = penalized[i] > 0
                         ? penalized[i] / options.repetitionPenalty
                         : penalized[i] * options.repetitionPenalty;
  return penalized.data();
}

Result<int32_t> Sampler::choose(const float *logits, int64_t vocab,
                                SamplePoint point) {
  logits = penalize(logits, vocab);
  int64_t best = 0;
  int64_t numNan = 0;
  float greatest = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < vocab; ++i) {
    numNan += std::isnan(logits[i]);
    if (logits[i] > greatest) {
      greatest = logits[i];
      best = i;
    }
  }
  if (numNan || !std::isfinite(greatest))
    return Status::error("the logits for position " +
                         std::to_string(point.position) +
                         (numNan ? " hold " + std::to_string(numNan) +
                                       " NaN of " + std::to_string(vocab)
                                 : std::string(" have no finite maximum")));
  if (options.temperature == 0)
    return static_cast<int32_t>(best);
  return draw(logits, vocab, greatest, point);
}

void Sampler::sortUpTo(size_t count) {
  count = std::min(count, candidates.size());
  if (count <= sorted)
    return;
  auto before = [](const Candidate &a, const Candidate &b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  };
  auto first = candidates.begin() + static_cast<ptrdiff_t>(sorted);
  auto last = candidates.begin() + static_cast<ptrdiff_t>(count);
  std::nth_element(first, last, candidates.end(), before);
  std::sort(first, last, before);
  sorted = count;
}

template <typename Predicate>
std::pair<size_t, double> Sampler::walk(Predicate reached) {
  double sum = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    // Most of the probability is in few tokens, so ordering the whole
    // vocabulary is seldom needed.
    if (i == sorted)
      sortUpTo(std::max<size_t>(64, 4 * sorted));
    sum += candidates[i].weight;
    if (reached(sum))
      return {i, sum};
  }
  return {candidates.size() - 1, sum};
}

double Sampler::massAbove(float weight) {
  // Those below come later in the order.
  double mass = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (i == sorted)
      sortUpTo(std::max<size_t>(64, 4 * sorted));
    if (candidates[i].weight < weight)
      break;
    mass += candidates[i].weight;
  }
  return mass;
}

int32_t Sampler::draw(const float *logits, int64_t vocab, float greatest,
                      SamplePoint point) {
  candidates.resize(static_cast<size_t>(vocab));
  for (int64_t i = 0; i < vocab; ++i)
    candidates[i] = {logits[i],
                     std::exp((logits[i] - greatest) / options.temperature),
                     static_cast<int32_t>(i)};
  sorted = 0;
  if (options.topK > 0 && options.topK < vocab) {
    sortUpTo(static_cast<size_t>(options.topK));
    candidates.resize(sorted);
  }

  double mass = 0;
  for (const Candidate &candidate : candidates)
    mass += candidate.weight;
  if (options.topP < 1)
    mass = walk([&](double sum) { return sum >= options.topP * mass; }).second;
  if (options.minP > 0)
    mass = std::min(mass, massAbove(options.minP));
  double target = uniform(options.seed, point.sequence, point.position) * mass;
  return candidates[walk([&](double sum) { return sum > target; }).first].id;
}
