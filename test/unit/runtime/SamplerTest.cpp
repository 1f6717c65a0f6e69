//===- SamplerTest.cpp - From logits to the next token --------------------===//

#include "runtime/Sampler.h"
#include "runtime/Philox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

using namespace moec;

namespace {

using Words = std::array<uint32_t, 4>;

// The known answers that the authors publish with Random123 (kat_vectors,
// philox4x32 10).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                       {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, UniformIsBelowOneAndDependsOnEachKey) {
  std::set<double> seen;
  for (uint64_t seed : {0ull, 1ull, 1ull << 40})
    for (uint64_t sequence : {0ull, 1ull, 1ull << 40})
      for (uint64_t position : {0ull, 1ull, 1ull << 40}) {
        double value = uniform(seed, sequence, position);
        EXPECT_GE(value, 0);
        EXPECT_LT(value, 1);
        seen.insert(value);
      }
  EXPECT_EQ(seen.size(), 27u);
}

int32_t choose(const SamplerOptions &options, const std::vector<float> &logits,
               uint64_t position = 0) {
  Sampler sampler(options);
  auto id =
      sampler.choose(logits.data(), int64_t(logits.size()), {0, position});
  EXPECT_TRUE(id.ok()) << id.message();
  return id.ok() ? *id : -1;
}

/// How often each id is drawn.
std::vector<double> frequencies(const SamplerOptions &options,
                                const std::vector<float> &logits,
                                uint64_t draws = 20000) {
  Sampler sampler(options);
  std::vector<double> counts(logits.size());
  for (uint64_t position = 0; position < draws; ++position) {
    auto id =
        sampler.choose(logits.data(), int64_t(logits.size()), {0, position});
    EXPECT_TRUE(id.ok());
    counts[size_t(*id)] += 1.0 / double(draws);
  }
  return counts;
}

std::vector<float> logsOf(const std::vector<double> &probabilities) {
  std::vector<float> logits;
  for (double p : probabilities)
    logits.push_back(float(std::log(p)));
  return logits;
}

TEST(Sampler, GreedyTakesTheLowestOfEqualIds) {
  EXPECT_EQ(choose({}, {1, 3, 2, 3}), 1);
  EXPECT_EQ(choose({}, {-INFINITY, -5}), 1);
}

TEST(Sampler, RefusesLogitsThatAreNoNumbers) {
  std::vector<float> logits = {1, NAN, 2, NAN};
  EXPECT_EQ(Sampler({}).choose(logits.data(), 4, {0, 9}).message(),
            "the logits for position 9 hold 2 NaN of 4");
  logits = {1, INFINITY};
  EXPECT_EQ(Sampler({}).choose(logits.data(), 2, {}).message(),
            "the logits for position 0 have no finite maximum");
  logits = {-INFINITY, -INFINITY};
  EXPECT_FALSE(Sampler({}).choose(logits.data(), 2, {}).ok());
}

// 20000 draws: a standard deviation is at most 0.0036.
TEST(Sampler, DrawsByProbability) {
  SamplerOptions options;
  options.temperature = 1;
  auto found = frequencies(options, logsOf({0.5, 0.1, 0.3, 0.1}));
  EXPECT_NEAR(found[0], 0.5, 0.015);
  EXPECT_NEAR(found[1], 0.1, 0.015);
  EXPECT_NEAR(found[2], 0.3, 0.015);
  EXPECT_NEAR(found[3], 0.1, 0.015);
}

TEST(Sampler, TemperatureIsAnExponent) {
  SamplerOptions options;
  options.temperature = 0.5;
  // Squares: 0.64 : 0.04.
  auto found = frequencies(options, logsOf({0.8, 0.2}));
  EXPECT_NEAR(found[0], 0.64 / 0.68, 0.015);
}

TEST(Sampler, TopKKeepsTheLikeliest) {
  SamplerOptions options;
  options.temperature = 1;
  options.topK = 2;
  auto found = frequencies(options, logsOf({0.2, 0.4, 0.3, 0.1}));
  EXPECT_EQ(found[0], 0);
  EXPECT_EQ(found[3], 0);
  EXPECT_NEAR(found[1], 4.0 / 7, 0.015);
  // Of equal ones those of lower ids.
  found = frequencies(options, {1, 1, 1, 1});
  EXPECT_EQ(found[2] + found[3], 0);
  EXPECT_NEAR(found[0], 0.5, 0.015);
}

TEST(Sampler, TopPKeepsTheFewestThatSumToIt) {
  SamplerOptions options;
  options.temperature = 1;
  options.topP = 0.75f;
  auto found = frequencies(options, logsOf({0.1, 0.5, 0.1, 0.3}));
  EXPECT_EQ(found[0] + found[2], 0);
  EXPECT_NEAR(found[1], 5.0 / 8, 0.015);
  options.topP = 0.01f;
  EXPECT_EQ(choose(options, {1, 2, 0}), 1);
}

TEST(Sampler, TopPCountsWithinTopK) {
  SamplerOptions options;
  options.temperature = 1;
  options.topK = 2;
  // Of the two that top-k keeps, the first has 0.4 / 0.7 = 0.57 of the
  // probability.
  options.topP = 0.55f;
  auto found = frequencies(options, logsOf({0.3, 0.4, 0.3}));
  EXPECT_EQ(found[0] + found[2], 0);
}

TEST(Sampler, MinPKeepsWhatIsLikelyEnoughBesideTheLikeliest) {
  SamplerOptions options;
  options.temperature = 1;
  options.minP = 0.45f; // of 0.4: 0.18
  auto found = frequencies(options, logsOf({0.2, 0.4, 0.3, 0.1}));
  EXPECT_EQ(found[3], 0);
  EXPECT_NEAR(found[0], 2.0 / 9, 0.015);
  EXPECT_NEAR(found[1], 4.0 / 9, 0.015);
  // After the temperature: squares are 0.04, 0.16, 0.09, 0.01, and 0.45 of the
  // greatest is 0.072.
  options.temperature = 0.5;
  found = frequencies(options, logsOf({0.2, 0.4, 0.3, 0.1}));
  EXPECT_EQ(found[0] + found[3], 0);
  EXPECT_NEAR(found[1], 0.16 / 0.25, 0.015);
  // The stricter of two limits counts.
  options.topK = 1;
  EXPECT_NEAR(frequencies(options, logsOf({0.2, 0.4, 0.3, 0.1}))[1], 1, 1e-9);
  options.minP = 1;
  options.topK = 0;
  EXPECT_NEAR(frequencies(options, logsOf({0.2, 0.4, 0.3, 0.1}))[1], 1, 1e-9);
}

TEST(Sampler, RepetitionPenaltyLowersLogitsOfEitherSign) {
  SamplerOptions options;
  options.repetitionPenalty = 2;
  std::vector<float> logits = {3, 4, -1, -1.5};
  Sampler sampler(options);
  auto choose = [&] { return *sampler.choose(logits.data(), 4, {}); };
  EXPECT_EQ(choose(), 1);
  sampler.see(1); // 4 / 2
  EXPECT_EQ(choose(), 0);
  sampler.see(0); // 3 / 2
  sampler.see(0); // once is enough
  EXPECT_EQ(choose(), 1);
  logits = {-5, -5, -1, -1.5};
  EXPECT_EQ(choose(), 2);
  sampler.see(2); // -1 * 2
  EXPECT_EQ(choose(), 3);
  sampler.see(1000); // beyond the vocabulary
  EXPECT_EQ(choose(), 3);
}

TEST(Sampler, RepetitionPenaltyChangesTheDistribution) {
  SamplerOptions options;
  options.temperature = 1;
  options.repetitionPenalty = 0.5f; // rewards
  Sampler sampler(options);
  sampler.see(1);
  // e^0 : e^(0.5 / 0.5)
  std::vector<float> logits = {0, 0.5f};
  double count = 0;
  for (uint64_t position = 0; position < 20000; ++position)
    count += *sampler.choose(logits.data(), 2, {0, position}) / 20000.0;
  EXPECT_NEAR(count, std::exp(1) / (1 + std::exp(1)), 0.015);
}

TEST(Sampler, ALargeFlatVocabularyIsDrawnFromEverywhere) {
  SamplerOptions options;
  options.temperature = 1;
  std::vector<float> logits(5000, 0.0f);
  auto found = frequencies(options, logits, 2000);
  double upperHalf = 0;
  for (size_t i = 2500; i < 5000; ++i)
    upperHalf += found[i];
  // A standard deviation is 0.011.
  EXPECT_NEAR(upperHalf, 0.5, 0.05);
  options.topP = 0.5f;
  found = frequencies(options, logits, 2000);
  for (size_t i = 2500; i < 5000; ++i)
    EXPECT_EQ(found[i], 0);
}

TEST(Sampler, ADrawDependsOnItsPositionAloneNotOnEarlierOnes) {
  SamplerOptions options;
  options.temperature = 1;
  options.seed = 3;
  std::vector<float> logits(100, 0.0f);
  Sampler sampler(options);
  std::vector<int32_t> forth, back;
  for (uint64_t position = 0; position < 20; ++position)
    forth.push_back(*sampler.choose(logits.data(), 100, {1, position}));
  for (uint64_t position = 20; position-- > 0;)
    back.push_back(*sampler.choose(logits.data(), 100, {1, position}));
  std::reverse(back.begin(), back.end());
  EXPECT_EQ(forth, back);
  EXPECT_GT(std::set<int32_t>(forth.begin(), forth.end()).size(), 10u);
}

} // namespace
