//===- CountersTest.cpp - Sectors, wavefronts and reports -----------------===//
#include "simulator/count/Counters.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace moec::cudasim;

namespace {

struct Lanes {
  uint64_t at[32];
  template <class Function>
  Lanes(Function function) {
    for (unsigned lane = 0; lane < 32; ++lane)
      at[lane] = function(lane);
  }
};

TEST(SimulatorCounters, GlobalSectors) {
  Lanes packed([](unsigned l) { return 0x1000 + 4 * l; });
  EXPECT_EQ(globalSectors(packed.at, ~0u, 4), 4u);
  EXPECT_EQ(globalSectors(packed.at, 0xff, 4), 1u);
  EXPECT_EQ(globalSectors(packed.at, 0x80000001, 4), 2u);
  EXPECT_EQ(globalSectors(packed.at, 0, 4), 0u);
  Lanes strided([](unsigned l) { return 0x1000 + 32 * l; });
  EXPECT_EQ(globalSectors(strided.at, ~0u, 4), 32u);
  Lanes shifted([](unsigned l) { return 0x1010 + 4 * l; });
  EXPECT_EQ(globalSectors(shifted.at, ~0u, 4), 5u);
  Lanes backwards([](unsigned l) { return 0x1000 + 16 * (31 - l); });
  EXPECT_EQ(globalSectors(backwards.at, ~0u, 16), 16u);
  Lanes same([](unsigned) { return 0x1004; });
  EXPECT_EQ(globalSectors(same.at, ~0u, 4), 1u);
  Lanes twice([](unsigned l) { return 0x1000 + 64 * (l % 2); });
  EXPECT_EQ(globalSectors(twice.at, ~0u, 4), 2u);
}

TEST(SimulatorCounters, SharedWavefronts) {
  auto check = [](const Lanes &lanes, uint32_t active, uint32_t bytes,
                  unsigned used, unsigned ideal) {
    Wavefronts waves = sharedWavefronts(lanes.at, active, bytes);
    EXPECT_EQ(waves.used, used);
    EXPECT_EQ(waves.ideal, ideal);
  };
  check([](unsigned l) { return 4 * l; }, ~0u, 4, 1, 1);
  check([](unsigned) { return 400; }, ~0u, 4, 1, 1);        // broadcast
  check([](unsigned l) { return 8 * l; }, ~0u, 4, 2, 1);    // every second bank
  check([](unsigned l) { return 128 * l; }, ~0u, 4, 32, 1); // one bank
  check([](unsigned l) { return 128 * (l / 4); }, ~0u, 4, 8,
        1);                                                // 8 words in it
  check([](unsigned l) { return 132 * l; }, ~0u, 4, 1, 1); // padded
  check([](unsigned l) { return 2 * l; }, ~0u, 2, 1, 1);   // two lanes a word
  check([](unsigned l) { return 8 * l; }, ~0u, 8, 2, 2);
  check([](unsigned l) { return 16 * l; }, ~0u, 16, 4, 4);
  check([](unsigned l) { return 16 * l; }, 0xff00, 16, 1,
        1); // one phase has active lanes
  check([](unsigned l) { return 128 * l; }, ~0u, 16, 32,
        4); // 8 in each of 4 phases
  check([](unsigned l) { return 256 * l; }, 0x3, 4, 2, 1);
  check([](unsigned l) { return 16 * l; }, 0, 16, 0, 0);
}

TEST(SimulatorCounters, MatrixWavefronts) {
  // Rows of 64 elements of 2 bytes: all 8 in the same banks; with the usual xor, none.
  Lanes rows([](unsigned l) { return 128 * (l % 8) + 16 * (l / 8); });
  EXPECT_EQ(matrixWavefronts(rows.at, 4).used, 32u);
  EXPECT_EQ(matrixWavefronts(rows.at, 4).ideal, 4u);
  Lanes swizzled(
      [](unsigned l) { return 128 * (l % 8) + 16 * ((l / 8) ^ (l % 8)); });
  EXPECT_EQ(matrixWavefronts(swizzled.at, 4).used, 4u);
  Lanes padded([](unsigned l) { return 144 * (l % 8); });
  EXPECT_EQ(matrixWavefronts(padded.at, 1).used, 1u);
}

TEST(SimulatorCounters, SectorSet) {
  SectorSet set;
  set.add(0, 0);
  EXPECT_EQ(set.count(), 0u);
  set.add(31, 2);
  EXPECT_EQ(set.count(), 2u);
  set.add(0, 64);
  EXPECT_EQ(set.count(), 2u);
  // Across words of 64 sectors and pages of 2048.
  set.add(2047 * 32, 100 * 32);
  EXPECT_EQ(set.count(), 102u);
  set.add(0x7000000000, 200 * 32);
  EXPECT_EQ(set.count(), 302u);
  SectorSet other;
  other.add(0x7000000000 + 199 * 32, 64);
  set.merge(other);
  EXPECT_EQ(set.count(), 303u);
}

TEST(SimulatorCounters, Launch) {
  Counters counters(3);
  Lanes packed([](unsigned l) { return 0x1000 + 4 * l; }),
      strided([](unsigned l) { return 0x1000 + 32 * l; });
  counters.issue(0, ~0u);
  counters.global(0, Counters::Direction::Load, packed.at, ~0u, 4);
  counters.issue(0, 0xf);
  counters.global(0, Counters::Direction::Load, strided.at, 0xf, 4);
  counters.issue(1, ~0u);
  counters.global(1, Counters::Direction::Atomic, packed.at, ~0u, 4);
  counters.global(1, Counters::Direction::Atomic, packed.at, 0, 4);
  counters.issue(2, ~0u);
  uint32_t bytes[32];
  for (unsigned l = 0; l < 32; ++l)
    bytes[l] = l < 16 ? 16 : 0;
  Lanes sources([](unsigned l) { return 0x8000 + 16 * l; }),
      shared([](unsigned l) { return 16 * l; });
  counters.asyncCopy(2, sources.at, shared.at, bytes, ~0u, 16);

  const Events &load = counters.instructions()[0].events;
  EXPECT_EQ(load.globalLoad, (Traffic{2, 144, 8, 5}));
  EXPECT_EQ(counters.instructions()[0].warpInstructions, 2u);
  EXPECT_EQ(counters.instructions()[0].threadInstructions, 36u);
  EXPECT_EQ(counters.instructions()[1].events.globalAtomic,
            (Traffic{1, 128, 4, 4}));
  const Events &copy = counters.instructions()[2].events;
  EXPECT_EQ(copy.globalLoad,
            (Traffic{1, 256, 8, 8})); // lanes that read nothing touch nothing
  EXPECT_EQ(copy.sharedStore, (Traffic{1, 512, 4, 4}));
  EXPECT_EQ(copy.asyncCopies, 32u);
  EXPECT_EQ(copy.asyncBytes, 512u);
  // Four sectors are loaded by both instructions and by the atomic; which also stores them.
  EXPECT_EQ(counters.uniqueLoadSectors(), 4u + 8u);
  EXPECT_EQ(counters.uniqueStoreSectors(), 4u);
}

TEST(SimulatorCounters, Report) {
  auto launch = [] {
    Counters counters(3);
    counters.issue(0, ~0u);
    counters.issue(1, 1);
    counters.events(1).mma = 1;
    counters.events(1).mmaFlop = 4096;
    return counters;
  };
  std::vector<InstructionInfo> infos = {
      {InstructionClass::Integer, 7, ""},
      {InstructionClass::Matrix, 8, "/moec/ir:%3"},
      {InstructionClass::Move, 9, "never executed"}};
  CounterReport report = CounterReport::of(launch(), infos);
  report.kernel = "k\xff";
  EXPECT_EQ(report.total.warpInstructions, 2u);
  EXPECT_EQ(report.classes[unsigned(InstructionClass::Matrix)].events.mmaFlop,
            4096u);
  EXPECT_EQ(report.lines.size(), 2u);
  CounterReport twice = report;
  twice += CounterReport::of(launch(), infos);
  EXPECT_EQ(twice.launches, 2u);
  EXPECT_EQ(twice.lines.at("ptx:7").threadInstructions, 64u);

  EXPECT_EQ(report.json(), report.json());
  auto json = nlohmann::json::parse(report.json());
  EXPECT_EQ(json["lines"]["/moec/ir:%3"]["mma_flop"], 4096);
  EXPECT_EQ(json["classes"]["integer"]["thread_instructions"], 32);
  EXPECT_FALSE(json["classes"].contains("move"));
  EXPECT_FALSE(json["total"].contains("atomics"));
  EXPECT_EQ(nlohmann::json::parse(moec::cudasim::json({report, twice})).size(),
            2u);

  Counters sum = launch();
  sum += launch();
  EXPECT_EQ(sum.instructions()[0].warpInstructions, 2u);
}

} // namespace
