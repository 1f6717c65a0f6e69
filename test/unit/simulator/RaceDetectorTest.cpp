//===- RaceDetectorTest.cpp - What orders accesses, and what does not -----===//
//
// Each test is a small program of a few threads, whose races follow from the memory model of the PTX manual.
//
//===----------------------------------------------------------------------===//
#include "simulator/check/RaceDetector.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

using namespace moec::cudasim;

namespace {

constexpr uint32_t All = ~0u;
constexpr Ordering Relaxed{}, Release{true, false}, Acquire{false, true},
    Both{true, true};

class Races : public testing::Test {
protected:
  RaceDetector detector{RaceDetector::Options{.blocksPerCluster = 2}};
  RaceDetector::Block *block = detector.start(0, 128, 4096);
  std::vector<RaceDetector::Warp *> warps = {
      detector.warp(block, 0), detector.warp(block, 1), detector.warp(block, 2),
      detector.warp(block, 3)};
  uint32_t line = 0;

  RaceDetector::Warp *otherBlock(uint32_t index) {
    return detector.warp(detector.start(index, 32, 256), 0);
  }

  /// All active lanes at `address + lane * stride`.
  const Race *access(bool global, RaceDetector::Warp *warp, Access what,
                     uint64_t address, uint32_t lanes, uint64_t stride) {
    uint64_t addresses[32];
    for (unsigned lane = 0; lane < 32; ++lane)
      addresses[lane] = address + lane * stride;
    what.line = ++line;
    return global ? detector.global(warp, what, addresses, lanes)
                  : detector.shared(warp, what, addresses, lanes);
  }
  const Race *store(RaceDetector::Warp *warp, uint64_t address,
                    uint32_t lanes = All, uint32_t bytes = 4,
                    uint64_t stride = 4) {
    return access(false, warp, {.kind = AccessKind::Write, .bytes = bytes},
                  address, lanes, stride);
  }
  const Race *load(RaceDetector::Warp *warp, uint64_t address,
                   uint32_t lanes = All, uint32_t bytes = 4,
                   uint64_t stride = 4) {
    return access(false, warp, {.kind = AccessKind::Read, .bytes = bytes},
                  address, lanes, stride);
  }
  // In global memory, by one lane.
  static constexpr uint64_t Data = 0x700000001000, Flag = 0x700000002000;
  const Race *put(RaceDetector::Warp *warp, uint64_t address,
                  uint32_t lane = 0) {
    return access(true, warp, {.kind = AccessKind::Write}, address, 1u << lane,
                  0);
  }
  const Race *get(RaceDetector::Warp *warp, uint64_t address,
                  uint32_t lane = 0) {
    return access(true, warp, {.kind = AccessKind::Read}, address, 1u << lane,
                  0);
  }
  const Race *strong(RaceDetector::Warp *warp, AccessKind kind, Scope scope,
                     Ordering ordering, uint64_t address = Flag,
                     uint32_t lane = 0, uint32_t bytes = 4) {
    return access(
        true, warp,
        {.kind = kind, .scope = scope, .ordering = ordering, .bytes = bytes},
        address, 1u << lane, 0);
  }
  void barrier(std::initializer_list<unsigned> of = {0, 1, 2, 3},
               uint32_t id = 0) {
    for (unsigned w : of)
      detector.arrive(warps[w], All, id, true);
    detector.complete(block, id);
  }
};

#define EXPECT_FINE(expression)                                                \
  do {                                                                         \
    const Race *found = (expression);                                          \
    EXPECT_EQ(found, nullptr) << found->text();                                \
  } while (false)
#define EXPECT_RACE(expression) EXPECT_NE((expression), nullptr)

TEST_F(Races, WarpsWithoutABarrier) {
  EXPECT_FINE(store(warps[0], 0));
  const Race *race = load(warps[1], 64);
  ASSERT_NE(race, nullptr);
  EXPECT_TRUE(race->shared);
  EXPECT_EQ(race->address, 64u);
  EXPECT_EQ(race->lane, 0);
  EXPECT_EQ(race->text(), "read races with the write of block 0 warp 0 lane 16 "
                          "at ptx line 1: nothing orders them");
  EXPECT_EQ(store(warps[2], 31 * 4)->access, "write");
}

TEST_F(Races, BarrierOrders) {
  EXPECT_FINE(store(warps[0], 0));
  barrier();
  for (auto *warp : warps)
    EXPECT_FINE(load(warp, 0));
  // Write after read, without a barrier; then with one.
  EXPECT_RACE(store(warps[3], 0));
  barrier();
  EXPECT_FINE(store(warps[3], 0));
}

TEST_F(Races, OneWarpThatSkipsTheBarrierRaces) {
  EXPECT_FINE(store(warps[0], 0));
  barrier({0, 1, 2});
  EXPECT_FINE(load(warps[1], 0));
  EXPECT_RACE(load(warps[3], 0));
}

TEST_F(Races, EveryReaderCounts) {
  // All warps read, with the same and with other lanes; all but one are ordered before the write.
  for (auto *warp : warps)
    EXPECT_FINE(load(warp, 0, 1));
  EXPECT_FINE(load(warps[1], 0, 2, 4, 0));
  barrier({0, 1, 2}, 1);
  EXPECT_RACE(store(warps[0], 0, 1));
  EXPECT_EQ(store(warps[0], 0, 1)->otherWarp, 3u);
  barrier({0, 3}, 2);
  EXPECT_FINE(store(warps[0], 0, 1));
}

TEST_F(Races, LanesOfAWarpAreUnordered) {
  EXPECT_FINE(store(warps[0], 0));
  // Each lane its own word: fine. Its neighbour's: not, until the warp synchronises.
  EXPECT_FINE(load(warps[0], 0));
  EXPECT_RACE(load(warps[0], 4, 0x7fffffff));
  detector.syncWarp(warps[0], All);
  EXPECT_FINE(load(warps[0], 4, 0x7fffffff));
  EXPECT_RACE(store(warps[0], 0));
}

TEST_F(Races, PartOfAWarpSynchronises) {
  EXPECT_FINE(store(warps[0], 0));
  detector.syncWarp(warps[0], 0x3);
  EXPECT_FINE(load(warps[0], 4, 0x1));
  EXPECT_RACE(load(warps[0], 4, 0x4, 4, 0));
  // Knowledge of parts joins where the parts meet.
  EXPECT_FINE(store(warps[1], 512, 0x1));
  detector.syncWarp(warps[1], 0x3);
  detector.syncWarp(warps[1], 0x6);
  EXPECT_FINE(load(warps[1], 512, 0x4, 4, 0));
  EXPECT_RACE(load(warps[1], 512, 0x8, 4, 0));
}

TEST_F(Races, TheSameWordInOneInstruction) {
  EXPECT_RACE(store(warps[0], 0, 0x3, 4, 0));
  EXPECT_FINE(load(warps[0], 128, All, 4, 0));
  // Read by all, overwritten by one of them.
  EXPECT_RACE(store(warps[0], 128, 1));
  detector.syncWarp(warps[0], All);
  EXPECT_FINE(store(warps[0], 128, 1));
}

TEST_F(Races, PartsOfWords) {
  EXPECT_FINE(store(warps[0], 0, All, 2, 2));
  EXPECT_FINE(store(warps[1], 64, All, 1, 1));
  EXPECT_RACE(load(warps[1], 0, 1, 1));
  EXPECT_FINE(store(warps[2], 97, 1, 1));
  EXPECT_FINE(load(warps[2], 96, 1,
                   4)); // three bytes were never touched, one is its own
  EXPECT_RACE(load(warps[2], 92, 1, 4));
  barrier();
  EXPECT_FINE(load(warps[2], 0));
  EXPECT_RACE(store(warps[1], 1, 1, 1));
  barrier();
  EXPECT_FINE(store(warps[1], 0));
  EXPECT_RACE(store(warps[0], 3, 1, 1));
}

TEST_F(Races, WideAccessesCoverTheirWords) {
  EXPECT_FINE(store(warps[0], 0, All, 16, 16));
  EXPECT_RACE(load(warps[1], 508, 1));
  EXPECT_FINE(load(warps[1], 512, 1));
  EXPECT_RACE(load(warps[1], 256, 1, 8));
  EXPECT_RACE(store(warps[1], 264, 1, 8));
}

TEST_F(Races, ReadersOfOneTileByManyWarps) {
  EXPECT_FINE(store(warps[0], 0, All, 16, 16));
  for (int round = 0; round < 3; ++round) {
    barrier();
    for (auto *warp : warps)
      for (int again = 0; again < 2; ++again)
        EXPECT_FINE(load(warp, 0, All, 16, 16));
    barrier();
    EXPECT_FINE(store(warps[round], 0, All, 16, 16));
  }
}

TEST_F(Races, ArriveOrdersOnlyThoseThatWait) {
  EXPECT_FINE(store(warps[0], 0));
  detector.arrive(warps[0], All, 1, false);
  EXPECT_FINE(store(warps[0], 256)); // after the arrival
  detector.arrive(warps[1], All, 1, true);
  detector.complete(block, 1);
  EXPECT_FINE(load(warps[1], 0));
  EXPECT_RACE(load(warps[1], 256));
  EXPECT_FINE(store(warps[1], 512));
  EXPECT_RACE(load(warps[0], 512));
}

TEST_F(Races, DivergedLanesAtABarrier) {
  EXPECT_FINE(store(warps[0], 0));
  detector.arrive(warps[0], 0x0000ffff, 0, true);
  EXPECT_FINE(store(warps[0], 128, 0xffff0000));
  detector.arrive(warps[0], 0xffff0000, 0, true);
  for (unsigned w : {1u, 2u, 3u})
    detector.arrive(warps[w], All, 0, true);
  detector.complete(block, 0);
  EXPECT_FINE(load(warps[1], 0));
  EXPECT_FINE(load(warps[1], 128));
  EXPECT_FINE(load(warps[0], 4, 0x7fffffff));
}

TEST_F(Races, ExitedThreadsHaveArrived) {
  EXPECT_FINE(store(warps[0], 0));
  detector.exit(warps[0], All);
  barrier({1, 2, 3});
  EXPECT_FINE(load(warps[1], 0));
  barrier({1, 2, 3});
  EXPECT_FINE(store(warps[2], 0));
}

TEST_F(Races, Mbarrier) {
  detector.mbarrierInit(warps[0], 0, 1024, 99);
  detector.mbarrierInit(warps[0], 0, 1032, 99);
  barrier();
  EXPECT_FINE(store(warps[0], 0));
  detector.syncWarp(warps[0], All);
  detector.mbarrierArrive(warps[0], 1, block, 1024, Scope::Block);
  EXPECT_FINE(store(warps[0], 256, 1));
  detector.mbarrierComplete(block, 1024);
  EXPECT_RACE(load(warps[1], 0)); // has not waited
  detector.mbarrierWait(warps[1], All, block, 1024, Scope::Block);
  EXPECT_FINE(load(warps[1], 0));
  EXPECT_RACE(load(warps[1], 256, 1)); // after the arrival
  // What the others read must be released back before it is overwritten.
  EXPECT_RACE(store(warps[0], 0));
  detector.mbarrierArrive(warps[1], All, block, 1032, Scope::Block);
  detector.mbarrierComplete(block, 1032);
  detector.mbarrierWait(warps[0], All, block, 1032, Scope::Block);
  EXPECT_FINE(store(warps[0], 0));
}

TEST_F(Races, MbarrierBeforeItsInitialisation) {
  detector.mbarrierInit(warps[0], 0, 1024, 99);
  const Race *race =
      detector.mbarrierArrive(warps[1], 2, block, 1024, Scope::Block);
  ASSERT_NE(race, nullptr);
  EXPECT_EQ(race->text(), "mbarrier operation races with the mbarrier.init of "
                          "block 0 warp 0 lane 0 at ptx line 99: "
                          "nothing orders them");
  EXPECT_EQ(race->lane, 1);
  EXPECT_RACE(detector.mbarrierWait(warps[0], 2, block, 1024,
                                    Scope::Block)); // not even in the same warp
  EXPECT_FINE(detector.mbarrierArrive(warps[0], 1, block, 1024, Scope::Block));
  barrier();
  EXPECT_FINE(
      detector.mbarrierArrive(warps[1], All, block, 1024, Scope::Block));
}

TEST_F(Races, AnArrivalOfOneLaneReleasesThatLane) {
  EXPECT_FINE(store(warps[0], 0));
  detector.mbarrierArrive(warps[0], 1, block, 1024,
                          Scope::Block); // no bar.warp.sync before
  detector.mbarrierComplete(block, 1024);
  detector.mbarrierWait(warps[1], All, block, 1024, Scope::Block);
  EXPECT_FINE(load(warps[1], 0, 1));
  EXPECT_RACE(load(warps[1], 4, 1));
}

TEST_F(Races, ReleaseAndAcquire) {
  auto *other = otherBlock(5);
  EXPECT_FINE(put(warps[0], Data));
  EXPECT_FINE(strong(warps[0], AccessKind::Write, Scope::Device, Release));
  EXPECT_FINE(put(warps[0], Data + 64)); // after the release
  EXPECT_FINE(strong(other, AccessKind::Read, Scope::Device, Acquire));
  EXPECT_FINE(get(other, Data));
  EXPECT_RACE(get(other, Data, 1)); // another lane has acquired nothing
  EXPECT_RACE(get(other, Data + 64));
  detector.syncWarp(other, All);
  EXPECT_FINE(get(other, Data, 1));
}

TEST_F(Races, RelaxedOrdersNothing) {
  auto *other = otherBlock(5);
  EXPECT_FINE(put(warps[0], Data));
  EXPECT_FINE(strong(warps[0], AccessKind::Write, Scope::Device, Relaxed));
  EXPECT_FINE(strong(other, AccessKind::Read, Scope::Device, Acquire));
  EXPECT_RACE(get(other, Data));
}

TEST_F(Races, AcquireWithoutOrderOnTheReadingSide) {
  auto *other = otherBlock(5);
  EXPECT_FINE(put(warps[0], Data));
  EXPECT_FINE(strong(warps[0], AccessKind::Write, Scope::Device, Release));
  EXPECT_FINE(strong(other, AccessKind::Read, Scope::Device, Relaxed));
  EXPECT_RACE(get(other, Data));
}

TEST_F(Races, FencesMakeRelaxedOperationsPatterns) {
  auto *other = otherBlock(5);
  EXPECT_FINE(put(warps[0], Data));
  detector.fence(warps[0], 1, Scope::Device, Both);
  EXPECT_FINE(put(warps[0], Data + 64)); // after the fence
  EXPECT_FINE(strong(warps[0], AccessKind::Write, Scope::System, Relaxed));
  EXPECT_FINE(strong(other, AccessKind::Read, Scope::System, Relaxed));
  EXPECT_RACE(get(other, Data));
  detector.fence(other, 1, Scope::Device, Both);
  EXPECT_FINE(get(other, Data));
  EXPECT_RACE(get(other, Data + 64));
}

TEST_F(Races, AFenceOfTheBlockDoesNotReachAnother) {
  auto *other = otherBlock(5);
  EXPECT_FINE(put(warps[0], Data));
  detector.fence(warps[0], 1, Scope::Block, Both);
  EXPECT_FINE(strong(warps[0], AccessKind::Write, Scope::Device, Relaxed));
  EXPECT_FINE(strong(other, AccessKind::Read, Scope::Device, Acquire));
  EXPECT_RACE(get(other, Data));
  // In the same block it does.
  EXPECT_FINE(strong(warps[1], AccessKind::Read, Scope::Device, Acquire));
  EXPECT_FINE(get(warps[1], Data));
  // A reading fence that is too narrow.
  EXPECT_FINE(put(warps[2], Data + 128));
  EXPECT_FINE(
      strong(warps[2], AccessKind::Write, Scope::Device, Release, Flag + 64));
  EXPECT_FINE(
      strong(other, AccessKind::Read, Scope::Device, Relaxed, Flag + 64));
  detector.fence(other, 1, Scope::Block, Both);
  EXPECT_RACE(get(other, Data + 128));
  detector.fence(other, 1, Scope::Device, Both);
  EXPECT_FINE(get(other, Data + 128));
}

TEST_F(Races, ScopesOfStrongAccesses) {
  auto *cluster = otherBlock(1), *other = otherBlock(5);
  EXPECT_FINE(strong(warps[0], AccessKind::Atomic, Scope::Cluster, Relaxed));
  EXPECT_FINE(strong(cluster, AccessKind::Atomic, Scope::Cluster, Relaxed));
  EXPECT_RACE(strong(other, AccessKind::Atomic, Scope::Cluster, Relaxed));
  EXPECT_EQ(strong(other, AccessKind::Atomic, Scope::Device, Relaxed)->why,
            "their scopes do not include each other");
  EXPECT_FINE(
      strong(warps[0], AccessKind::Atomic, Scope::Block, Relaxed, Flag + 64));
  EXPECT_FINE(
      strong(warps[1], AccessKind::Atomic, Scope::Block, Relaxed, Flag + 64));
  EXPECT_RACE(
      strong(other, AccessKind::Atomic, Scope::Block, Relaxed, Flag + 64));
}

TEST_F(Races, SizesOfStrongAccesses) {
  auto *other = otherBlock(5);
  EXPECT_FINE(
      strong(warps[0], AccessKind::Atomic, Scope::Device, Relaxed, Flag, 0, 8));
  const Race *race =
      strong(other, AccessKind::Atomic, Scope::Device, Relaxed, Flag, 0, 4);
  ASSERT_NE(race, nullptr);
  EXPECT_EQ(race->why, "they differ in size");
}

TEST_F(Races, WeakAgainstAtomic) {
  auto *other = otherBlock(5);
  EXPECT_FINE(strong(warps[0], AccessKind::Reduction, Scope::Device, Relaxed));
  EXPECT_RACE(get(other, Flag));
  EXPECT_RACE(put(other, Flag));
  EXPECT_FINE(strong(other, AccessKind::Read, Scope::Device, Relaxed));
}

TEST_F(Races, PlainStoresOfTheSameValueAreRaces) {
  EXPECT_FINE(put(warps[0], Data));
  EXPECT_RACE(put(otherBlock(5), Data));
}

TEST_F(Races, TicketOfTheLastBlock) {
  // Each block writes its part, fences, and takes a ticket; the last one fences and reads all parts.
  std::vector<RaceDetector::Warp *> blocks;
  for (uint32_t i = 0; i < 8; ++i)
    blocks.push_back(otherBlock(10 + i));
  for (uint32_t i = 0; i < 8; ++i) {
    EXPECT_FINE(put(blocks[i], Data + 4 * i));
    detector.fence(blocks[i], 1, Scope::Device, Both);
    EXPECT_FINE(strong(blocks[i], AccessKind::Atomic, Scope::Device, Relaxed));
  }
  EXPECT_RACE(get(blocks[7], Data));
  detector.fence(blocks[7], 1, Scope::Device, Both);
  for (uint32_t i = 0; i < 8; ++i)
    EXPECT_FINE(get(blocks[7], Data + 4 * i));
  // An earlier one has not seen the later tickets.
  detector.fence(blocks[6], 1, Scope::Device, Both);
  EXPECT_FINE(get(blocks[6], Data + 4 * 5));
  EXPECT_RACE(get(blocks[6], Data + 4 * 7));
}

TEST_F(Races, ReductionsDoNotAcquire) {
  auto *other = otherBlock(5);
  EXPECT_FINE(put(warps[0], Data));
  EXPECT_FINE(strong(warps[0], AccessKind::Atomic, Scope::Device, Release));
  EXPECT_FINE(strong(other, AccessKind::Reduction, Scope::Device, Acquire));
  detector.fence(other, 1, Scope::Device, Both);
  EXPECT_RACE(get(other, Data));
  // But they continue what an atomic released.
  auto *third = otherBlock(7);
  EXPECT_FINE(strong(third, AccessKind::Atomic, Scope::Device, Acquire));
  EXPECT_FINE(get(third, Data));
}

TEST_F(Races, AnOrdinaryStrongWriteEndsTheSequence) {
  auto *other = otherBlock(5), *third = otherBlock(7);
  EXPECT_FINE(put(warps[0], Data));
  EXPECT_FINE(strong(warps[0], AccessKind::Atomic, Scope::Device, Release));
  EXPECT_FINE(strong(other, AccessKind::Write, Scope::Device, Relaxed));
  EXPECT_FINE(strong(third, AccessKind::Read, Scope::Device, Acquire));
  EXPECT_RACE(get(third, Data));
}

TEST_F(Races, CausalityIsTransitive) {
  auto *second = otherBlock(5), *third = otherBlock(7);
  // The whole block writes; one thread releases after the barrier.
  for (unsigned w = 0; w < 4; ++w)
    EXPECT_FINE(access(true, warps[w], {.kind = AccessKind::Write},
                       Data + 0x400 + 128 * w, All, 4));
  barrier();
  EXPECT_FINE(strong(warps[0], AccessKind::Write, Scope::Device, Release));
  EXPECT_FINE(strong(second, AccessKind::Read, Scope::Device, Acquire));
  EXPECT_FINE(
      strong(second, AccessKind::Write, Scope::Device, Release, Flag + 64));
  EXPECT_FINE(
      strong(third, AccessKind::Read, Scope::Device, Acquire, Flag + 64));
  for (unsigned w = 0; w < 4; ++w)
    EXPECT_FINE(access(true, third, {.kind = AccessKind::Read},
                       Data + 0x400 + 128 * w, 1, 4));
  EXPECT_RACE(
      access(true, third, {.kind = AccessKind::Read}, Data + 0x400, 2, 4));
}

TEST_F(Races, GlobalReadersAreRemembered) {
  auto *a = otherBlock(5), *b = otherBlock(7);
  EXPECT_FINE(get(a, Data));
  EXPECT_FINE(get(b, Data));
  const Race *race = put(b, Data);
  ASSERT_NE(race, nullptr);
  EXPECT_EQ(race->otherBlock, 5u);
  EXPECT_FALSE(race->shared);
  // Many readers do not make the word a race for other readers.
  for (uint32_t i = 20; i < 40; ++i)
    EXPECT_FINE(get(otherBlock(i), Data));
  EXPECT_RACE(put(a, Data));
}

TEST_F(Races, GridBarrier) {
  auto *other = otherBlock(5);
  EXPECT_FINE(put(warps[0], Data));
  detector.arriveWide(warps[0], All, 1);
  detector.arriveWide(other, All, 1);
  detector.completeWide(1);
  detector.leaveWide(other, All, 1);
  EXPECT_FINE(get(other, Data));
  EXPECT_FINE(put(other, Data + 64));
  detector.leaveWide(warps[0], All, 1);
  EXPECT_RACE(get(warps[0], Data + 64));
}

TEST_F(Races, SharedMemoryIsOfItsBlock) {
  auto *other = otherBlock(5);
  EXPECT_FINE(store(warps[0], 0));
  EXPECT_FINE(store(other, 0));
  EXPECT_FINE(load(other, 0));
  // Locks in shared memory.
  EXPECT_FINE(store(warps[0], 1024, 1));
  EXPECT_FINE(access(
      false, warps[0],
      {.kind = AccessKind::Write, .scope = Scope::Block, .ordering = Release},
      2048, 1, 0));
  EXPECT_FINE(access(
      false, warps[1],
      {.kind = AccessKind::Atomic, .scope = Scope::Block, .ordering = Acquire},
      2048, 1, 0));
  EXPECT_FINE(load(warps[1], 1024, 1));
}

TEST_F(Races, SwitchedOff) {
  RaceDetector none(RaceDetector::Options{.shared = false, .global = false});
  auto *start = none.start(0, 64, 1024);
  uint64_t addresses[32] = {};
  Access write{.kind = AccessKind::Write};
  for (unsigned w : {0u, 1u}) {
    EXPECT_EQ(none.shared(none.warp(start, w), write, addresses, 1), nullptr);
    EXPECT_EQ(none.global(none.warp(start, w), write, addresses, 1), nullptr);
  }
}

} // namespace
