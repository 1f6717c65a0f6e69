//===- ExpertsTest.cpp - Routing, groups and sums of experts on the device ----===//

#include "test/unit/device/DeviceProgram.h"
#include "test/unit/device/Oracle.h"
#include "test/unit/device/Random.h"

#include "gtest/gtest.h"

using namespace moec;
using namespace moec::test;

namespace {

/// What the elements of logits and biases are.
enum class Values { Normal, Few, Extreme };

void checkRoute(DeviceProgram &program, Random &random,
                const oracle::RouteRule &rule, Values values, bool hasBias) {
  int32_t rows = random.between(1, 6), experts = rule.experts, topK = rule.topK;
  auto element = [&]() -> float {
    if (values == Values::Normal)
      return random.normal() * 3;
    if (values == Values::Few) // many ties
      return float(random.between(-2, 2));
    constexpr float special[] = {NAN,    -INFINITY, 0.0f,  -0.0f,
                                 100.0f, -100.0f,   1e-30f};
    int i = random.between(0, 13);
    return i < 7 ? special[i] : random.normal();
  };
  std::vector<float> logits(size_t(rows) * experts), bias(experts);
  for (float &x : logits)
    x = element();
  for (float &x : bias)
    x = values == Values::Normal ? random.normal() * 0.1f : element();
  std::vector<int32_t> expected(size_t(rows) * topK);
  std::vector<float> expectedWeights(expected.size());
  for (int t = 0; t < rows; ++t)
    oracle::route(rule, &logits[t * experts], hasBias ? bias.data() : nullptr,
                  &expected[t * topK], &expectedWeights[t * topK]);

  DeviceBuffer dLogits = upload(logits), dBias = upload(bias),
               chosen = reserve<int32_t>(expected.size()),
               weights = reserve<float>(expected.size()), none(nullptr, 0);
  std::string kernel = std::string(rule.softmax ? "softmax_" : "sigmoid_") +
                       (experts <= 32    ? "1"
                        : experts <= 128 ? "4"
                                         : "16");
  program.run(kernel, {1, unsigned(rows + 3) / 4, 1}, 128, dLogits,
              hasBias ? dBias : none, chosen, weights, rows, experts, topK,
              int32_t(rule.groups), int32_t(rule.keep), int32_t(rule.top2),
              int32_t(rule.renormalize), rule.scale);
  EXPECT_EQ(download<int32_t>(chosen), expected)
      << experts << " experts, " << rule.groups << " groups";
  EXPECT_EQ(countDifferences(download<float>(weights), expectedWeights), 0u)
      << experts << " experts, " << rule.groups;
}

} // namespace

TEST(DeviceRoute, ChoosesAsTheOracleDoes) {
  DeviceProgram program("experts.cu");
  Random random(3);
  for (int i = 0; i < 90; ++i) {
    int experts = i % 3 == 0 ? random.between(1, 512) : random.between(1, 140);
    int topK = random.between(1, std::min(experts, 12));
    oracle::RouteRule rule = {
        i % 2 == 0, experts, topK, 0, 0, false, i % 4 < 2, i % 5 ? 1.0f : 2.5f};
    checkRoute(program, random, rule, Values(i % 3), i % 7 < 4);
  }
}

TEST(DeviceRoute, LimitsGroups) {
  DeviceProgram program("experts.cu");
  Random random(4);
  for (int i = 0; i < 60; ++i) {
    int size = random.between(2, 17),
        groups = i == 0 ? 32 : random.between(1, 9),
        keep = random.between(1, groups);
    // Sometimes more experts than the kept groups have.
    int topK = random.between(1, std::min(size * groups, size * keep + 2));
    oracle::RouteRule rule = {i % 2 == 0, size * groups, topK,       groups,
                              keep,       i % 4 < 2,     i % 3 == 0, 1.5f};
    checkRoute(program, random, rule, Values(i % 3), i % 5 < 3);
  }
}

/// Groups the rows of random choices, then adds rows by `places` and `merges`.
TEST(DeviceExperts, GroupAndCombine) {
  DeviceProgram program("experts.cu");
  Random random(5);
  for (int i = 0; i < 24; ++i) {
    int32_t tokens = i == 0 ? 512 : random.between(1, i % 4 ? 40 : 300),
            experts = i < 2 ? 512 : random.between(1, 512);
    int32_t topK = random.between(1, std::min(experts, i < 2 ? 8 : 20)),
            rowTile = i % 2 ? 16 : random.between(1, 70);
    if (i % 5 == 4)
      experts = topK + i % 2; // nearly all rows of a token everywhere
    std::vector<int32_t> chosen;
    for (int t = 0; t < tokens; ++t)
      for (int32_t expert : random.choice(experts, topK))
        chosen.push_back(expert);
    size_t rows = chosen.size();
    std::vector<float> weights = random.normals(rows);
    oracle::Grouped expected = oracle::group(chosen, weights, topK, rowTile);
    DeviceBuffer dChosen = upload(chosen), dWeights = upload(weights),
                 dRows = reserve<int32_t>(rows),
                 rowWeights = reserve<float>(rows),
                 places = reserve<int32_t>(rows),
                 merges = reserve<int32_t>(rows),
                 tiles = reserve<int32_t>(3 * rows);
    program.run("group_rows", {1, 1, 1}, 512, dChosen, dWeights, dRows,
                rowWeights, places, merges, tiles, tokens, topK, experts,
                rowTile);
    EXPECT_EQ(download<int32_t>(dRows), expected.rows);
    EXPECT_EQ(download<int32_t>(places), expected.places);
    EXPECT_EQ(download<int32_t>(tiles), expected.tiles);
    EXPECT_EQ(countDifferences(download<float>(rowWeights), expected.weights),
              0u);

    if (tokens > 40)
      continue;
    int32_t columns = random.between(1, 300);
    std::vector<float> input = random.normals(rows * columns),
                       residual = random.normals(size_t(tokens) * columns),
                       shared = random.normals(residual.size()), sums;
    for (int t = 0; t < tokens; ++t)
      for (int c = 0; c < columns; ++c) {
        std::vector<std::pair<int, float>> terms;
        for (int j = t * topK; j < (t + 1) * topK; ++j)
          terms.push_back(
              {chosen[j], input[size_t(expected.places[j]) * columns + c]});
        float sum = oracle::addAlongTree(terms, 0, experts);
        sums.push_back(residual[sums.size()] + (sum + shared[sums.size()]));
      }
    DeviceBuffer dInput = upload(input), dResidual = upload(residual),
                 dShared = upload(shared),
                 init = reserve<float>(residual.size());
    program.run("combine_rows",
                {unsigned(columns + 127) / 128, unsigned(tokens), 1}, 128,
                dInput, places, merges, dResidual, dShared, init, tokens,
                columns, topK);
    EXPECT_EQ(countDifferences(download<float>(init), sums), 0u)
        << tokens << " tokens, " << experts << " experts, " << topK;
  }
}
