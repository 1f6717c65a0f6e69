//===- GenerateTest.cpp - Splitting, continuing, stopping -----------------===//

#include "runtime/Generate.h"
#include "BigramModel.h"
#include "TestFiles.h"
#include "runtime/Assets.h"
#include "runtime/Forward.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

using namespace moec;
using namespace moec::test;

namespace {

using Ids = std::vector<int32_t>;

class GenerateTest : public testing::Test {
protected:
  void SetUp() override {
    const std::string path = folder / "app";
    appendBundle(path, bigramId, {{"weights", bigramWeightsSection()}});
    moert_options options = {};
    options.threads = 2;
    options.executable_path = path.c_str();
    auto opened = Session::open(moec_model, options);
    ASSERT_TRUE(opened.ok()) << opened.message();
    session = std::move(*opened);
  }

  Ids run(const Ids &prompt) {
    Ids ids;
    auto result = generate(*session, prompt, options, [&](int32_t id) {
      ids.push_back(id);
      return true;
    });
    error = result.message();
    if (result.ok())
      stats = *result;
    return ids;
  }

  TemporaryFolder folder;
  std::unique_ptr<Session> session;
  GenerateOptions options;
  GenerateStats stats;
  std::string error;
};

TEST_F(GenerateTest, GreedyFollowsTheGreatestLogit) {
  options.maxNewTokens = 4;
  EXPECT_EQ(run({3, 509}), (Ids{510, 511, 0, 1}));
  EXPECT_EQ(stats.reason, StopReason::Length);
  EXPECT_EQ(stats.promptTokens, 2);
  EXPECT_EQ(stats.newTokens, 4);
}

TEST_F(GenerateTest, StopsAfterAStopId) {
  options.maxNewTokens = 40;
  options.stopIds = {300, 12};
  EXPECT_EQ(run({9}), (Ids{10, 11, 12}));
  EXPECT_EQ(stats.reason, StopReason::StopId);
}

TEST_F(GenerateTest, StopsWhenTheContextIsFull) {
  options.maxNewTokens = 1000;
  Ids ids = run(Ids(60, 1));
  // Four more positions, and the token after the last of them.
  EXPECT_EQ(ids, (Ids{2, 3, 4, 5, 6}));
  EXPECT_EQ(stats.reason, StopReason::ContextFull);
  EXPECT_EQ(run(Ids(64, 1)), (Ids{2}));
}

TEST_F(GenerateTest, StopsWhenToldTo) {
  options.maxNewTokens = 10;
  int count = 0;
  auto result =
      generate(*session, {5}, options, [&](int32_t) { return ++count < 3; });
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->newTokens, 3);
  EXPECT_EQ(result->reason, StopReason::Callback);
}

TEST_F(GenerateTest, NoTokensWantedNoneMade) {
  EXPECT_EQ(run({5}), Ids());
  EXPECT_EQ(session->counters().steps, 0u);
}

TEST_F(GenerateTest, TheCutOfThePromptDoesNotMatter) {
  Ids prompt(50);
  std::iota(prompt.begin(), prompt.end(), 100);
  options.maxNewTokens = 12;
  options.sampling.temperature = 8;
  options.sampling.seed = 5;
  const Ids expected = run(prompt);
  EXPECT_EQ(expected.size(), 12u);
  for (int64_t chunk : {1, 3, 7, 16}) {
    options.chunk = chunk;
    EXPECT_EQ(run(prompt), expected) << chunk;
  }
  EXPECT_EQ(error, "");
  // 50 tokens in steps of 16.
  uint64_t before = session->counters().steps;
  options.maxNewTokens = 1;
  run(prompt);
  EXPECT_EQ(session->counters().steps - before, 4u);
  options.sampling.seed = 6;
  options.maxNewTokens = 12;
  EXPECT_NE(run(prompt), expected);
}

/// The successor of a token has the greatest logit, 10; once it has occurred it
/// is taken no more.
TEST_F(GenerateTest, TheRepetitionPenaltyKnowsPromptAndAnswer) {
  options.maxNewTokens = 3;
  EXPECT_EQ(run({6, 7, 5}), (Ids{6, 7, 8}));
  options.sampling.repetitionPenalty = 100;
  Ids ids = run({6, 7, 5});
  ASSERT_EQ(ids.size(), 3u);
  EXPECT_EQ(std::set<int32_t>({6, 7, 5, ids[0], ids[1], ids[2]}).size(), 6u);
}

/// Tokens that the slot holds need not be read again.
TEST_F(GenerateTest, HeldTokensAreNotRead) {
  options.maxNewTokens = 6;
  options.sampling.temperature = 8;
  const Ids first = run({3, 1, 4, 1, 5});
  ASSERT_EQ(first.size(), 6u);
  Ids longer = {3, 1, 4, 1, 5};
  longer.insert(longer.end(), first.begin(), first.end() - 1);
  longer.push_back(9);
  options.held = int64_t(longer.size()) - 1;
  const Ids second = run(longer);
  EXPECT_EQ(stats.promptTokens, 1);
  options.held = 0;
  EXPECT_EQ(run(longer), second);
  EXPECT_EQ(stats.promptTokens, int64_t(longer.size()));
}

TEST_F(GenerateTest, PromptsAreChecked) {
  options.maxNewTokens = 1;
  run(Ids(65, 1));
  EXPECT_EQ(error, "the prompt: has 65 tokens, the model's context holds 64");
  run({});
  EXPECT_EQ(error, "the prompt: has no tokens");
  run({1, 512});
  EXPECT_EQ(error, "the prompt: token 1 has id 512, expected 0 to 511");
  options.chunk = 17;
  run({1});
  EXPECT_EQ(error, "--chunk is 17, expected 1 to 16, the model's limit of "
                   "tokens in a step");
}

TEST_F(GenerateTest, ForwardGivesEveryPositionHoweverItIsCut) {
  std::vector<Ids> sequences;
  for (size_t length : {1, 20, 7, 33, 2})
    for (size_t i = 0; i < length; ++i) {
      if (i == 0)
        sequences.emplace_back();
      sequences.back().push_back(int32_t((length * 31 + i * i * 17) % 512));
    }
  for (ForwardOptions how :
       {ForwardOptions{0, 1}, ForwardOptions{1, 1}, ForwardOptions{5, 1},
        ForwardOptions{3, 3}, ForwardOptions{16, 2}}) {
    size_t rows = 0;
    Status status =
        forward(*session, sequences, how,
                [&](size_t sequence, int64_t position, const float *logits) {
                  ++rows;
                  for (int64_t v = 0; v < bigramVocab; ++v)
                    ASSERT_EQ(logits[v], bigramLogit(sequences[sequence],
                                                     size_t(position), v));
                });
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(rows, 63u);
  }
}

TEST_F(GenerateTest, ForwardChecksHowItIsCut) {
  auto refusal = [&](ForwardOptions how) {
    return forward(*session, {{1}}, how, [](size_t, int64_t, const float *) {})
        .message();
  };
  EXPECT_EQ(refusal({0, 4}), "--batch is 4, expected 1 to 3; the model takes 3 "
                             "sequences and a step 16 tokens");
  EXPECT_EQ(refusal({2, 3}), "--batch is 3, expected 1 to 2; the model takes 3 "
                             "sequences and a step 2 tokens");
  EXPECT_NE(refusal({99, 1}), "");
}

GenerationDefaults parse(const std::string &json) {
  auto result = parseGenerationConfig(json, "generation_config.json");
  EXPECT_TRUE(result.ok()) << result.message();
  return result.ok() ? *result : GenerationDefaults();
}

TEST(GenerationConfig, ReadsWhatModelsShip) {
  GenerationDefaults defaults = parse(
      R"({"do_sample": true, "temperature": 0.6, "top_p": 0.95, "top_k": 20,
          "bos_token_id": 0, "eos_token_id": [1, 7]})");
  EXPECT_EQ(defaults.sampling.temperature, 0.6f);
  EXPECT_EQ(defaults.sampling.topP, 0.95f);
  EXPECT_EQ(defaults.sampling.topK, 20);
  EXPECT_EQ(defaults.eosIds, (Ids{1, 7}));
  EXPECT_EQ(parse(R"({"eos_token_id": 2})").eosIds, (Ids{2}));
  defaults =
      parse(R"({"do_sample": true, "min_p": 0.05, "repetition_penalty": 1.1})");
  EXPECT_EQ(defaults.sampling.minP, 0.05f);
  EXPECT_EQ(defaults.sampling.repetitionPenalty, 1.1f);
  // The penalty is for greedy choices, too.
  EXPECT_EQ(parse(R"({"repetition_penalty": 1.1})").sampling.repetitionPenalty,
            1.1f);
}

TEST(GenerationConfig, IsGreedyUnlessToldToSample) {
  EXPECT_EQ(parse(R"({"temperature": 0.6})").sampling.temperature, 0);
  EXPECT_EQ(parse(R"({"do_sample": true})").sampling.temperature, 1);
  GenerationDefaults none = parse(
      R"({"do_sample": true, "temperature": null, "eos_token_id": null})");
  EXPECT_EQ(none.sampling.temperature, 1);
  EXPECT_EQ(none.eosIds, Ids());
}

TEST(GenerationConfig, RefusesWhatMakesNoSense) {
  auto refusal = [](const std::string &json) {
    return parseGenerationConfig(json, "g").message();
  };
  EXPECT_EQ(refusal("[]"), "g: expected an object");
  EXPECT_EQ(refusal(R"({"do_sample": 1})"),
            "g: 'do_sample' is 1, expected true or false");
  EXPECT_EQ(refusal(R"({"do_sample": true, "temperature": -1})"),
            "g: 'temperature' is -1, expected a number that is not negative");
  EXPECT_EQ(refusal(R"({"do_sample": true, "top_k": 1.5})"),
            "g: 'top_k' is 1.5, expected an integer that is not negative");
  EXPECT_EQ(refusal(R"({"do_sample": true, "top_p": 0})"),
            "g: 'top_p' is 0, expected a number above 0 and at most 1");
  EXPECT_EQ(refusal(R"({"do_sample": true, "min_p": 1.5})"),
            "g: 'min_p' is 1.5, expected a number from 0 to 1");
  EXPECT_EQ(refusal(R"({"repetition_penalty": 0})"),
            "g: 'repetition_penalty' is 0, expected a number above 0");
  EXPECT_EQ(
      refusal(R"({"eos_token_id": "x"})"),
      "g: 'eos_token_id' is \"x\", expected a token id or a list of them");
  EXPECT_NE(refusal(R"({"eos_token_id": [18446744073709551615]})"), "");
  EXPECT_NE(refusal("{"), "");
}

} // namespace
