//===- BenchTest.cpp - Costs, limits and the probe of the machine ---------===//

#include "runtime/Bench.h"
#include "BigramModel.h"
#include "TestFiles.h"
#include "runtime/Cost.h"
#include "runtime/Roof.h"

#include <gtest/gtest.h>

using namespace moec;
using namespace moec::test;

namespace {

/// 8 experts of 100 bytes, 2 chosen; 1000 bytes that every token uses; a head of
/// 300 bytes.
const moert_cost costs[] = {{MOERT_COST_TOKENS, 0, 8, 2, 800, 50},
                            {MOERT_COST_TOKENS, 0, 1, 1, 1000, 500},
                            {MOERT_COST_OUTPUTS, 0, 1, 1, 300, 150}};

moert_model smallModel() {
  moert_model model = {};
  model.num_costs = 3;
  model.costs = costs;
  model.attention_multiply_adds = 7;
  model.attention_bytes = 16;
  return model;
}

TEST(Cost, OneToken) {
  const moert_model model = smallModel();
  Cost cost = stepCost(model, 1, 0, 1);
  // Two experts of 100, all of the rest, one position.
  EXPECT_DOUBLE_EQ(cost.bytes, 200 + 1000 + 300 + 16);
  EXPECT_DOUBLE_EQ(cost.operations, 2 * (50 + 500 + 150 + 7));
  // Ten positions stand before it.
  cost = stepCost(model, 1, 10, 1);
  EXPECT_DOUBLE_EQ(cost.bytes, 200 + 1000 + 300 + 11 * 16);
  EXPECT_DOUBLE_EQ(cost.operations, 2 * (50 + 500 + 150 + 11 * 7));
  // Without logits no head.
  EXPECT_DOUBLE_EQ(stepCost(model, 1, 0, 0).bytes, 200 + 1000 + 16);
}

TEST(Cost, ManyTokensTouchMoreExperts) {
  // Two tokens leave an expert alone with 3/4 * 3/4, so they touch 3.5 of 8 at
  // the mean. They attend to 5 + 1 and 5 + 2 positions.
  const Cost cost = stepCost(smallModel(), 2, 5, 1);
  EXPECT_DOUBLE_EQ(cost.bytes, 350 + 1000 + 300 + 7 * 16);
  EXPECT_DOUBLE_EQ(cost.operations, 2 * (2 * (50 + 500) + 150 + 13 * 7));
  EXPECT_NEAR(stepCost(smallModel(), 100, 0, 0).bytes, 800 + 1000 + 100 * 16,
              1e-6);
}

TEST(Bench, RatesAndLimits) {
  BenchPhase phase;
  phase.tokens = 12;
  phase.seconds = {4, 2, 3, 6};
  phase.cost = {24e9, 60e9};
  EXPECT_DOUBLE_EQ(phase.bestRate(), 6);
  EXPECT_DOUBLE_EQ(phase.medianRate(), 12 / 3.5);
  phase.seconds.push_back(3);
  EXPECT_DOUBLE_EQ(phase.medianRate(), 4);
  // Reading takes 2.4 s at 10 GB/s, computing 0.6 s at 100 GFLOP/s or 6 s at 10.
  EXPECT_DOUBLE_EQ(phase.limitRate({10e9, 100e9}), 5);
  EXPECT_TRUE(phase.limitedByBytes({10e9, 100e9}));
  EXPECT_DOUBLE_EQ(phase.limitRate({10e9, 10e9}), 2);
  EXPECT_FALSE(phase.limitedByBytes({10e9, 10e9}));
  // What is not measured limits nothing.
  EXPECT_DOUBLE_EQ(phase.limitRate({10e9, 0}), 5);
}

TEST(Bench, PhasesAreParsed) {
  auto phases = parseBenchPhases("pp=512,tg=64");
  ASSERT_TRUE(phases.ok()) << phases.message();
  EXPECT_EQ(phases->prefill, 512);
  EXPECT_EQ(phases->decode, 64);
  phases = parseBenchPhases("tg=7");
  ASSERT_TRUE(phases.ok()) << phases.message();
  EXPECT_EQ(phases->prefill, 0);
  EXPECT_EQ(phases->decode, 7);
  for (const char *text :
       {"", "pp", "pp=", "pp=0", "pp=-1", "pp=1,", ",pp=1", "pp=1,pp=2",
        "pp=1x", "xx=1", "pp=1;tg=2", "pp=99999999999999999999"})
    EXPECT_EQ(
        parseBenchPhases(text).message(),
        std::string("expected pp=TOKENS,tg=TOKENS or one of them, got '") +
            text + "'");
}

TEST(Roof, UnitIsTheWidestThatTheCodeUses) {
  EXPECT_EQ(vectorUnit(""), VectorUnit::None);
  // Names that only begin alike.
  EXPECT_EQ(vectorUnit("fma4,avx512fp16x"), VectorUnit::None);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("fma")) {
    EXPECT_EQ(vectorUnit("avx2,fma"), VectorUnit::Avx2);
  }
  EXPECT_EQ(vectorUnit("avx2,fma,avx512f") == VectorUnit::Avx512,
            __builtin_cpu_supports("avx512f") != 0);
#endif
}

TEST(Roof, TheBetterOfTwoMeasurements) {
  const Roof both = Roof{3, 10}.best({4, 9});
  EXPECT_EQ(both.bytesPerSecond, 4);
  EXPECT_EQ(both.operationsPerSecond, 10);
}

} // namespace
