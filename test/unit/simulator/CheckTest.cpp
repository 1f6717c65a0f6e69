//===- CheckTest.cpp - Mbarriers, asynchronous copies, diagnoses ----------===//
#include "simulator/check/AsyncCopies.h"
#include "simulator/check/Diagnosis.h"
#include "simulator/check/Mbarrier.h"

#include <gtest/gtest.h>

using namespace moec::cudasim;

namespace {

TEST(SimulatorDiagnosis, Text) {
  Diagnosis diagnosis{"race", "write races", "k", {0, 1, 2}, 3, 4,
                      17,     "/moec/ir:%17"};
  EXPECT_EQ(diagnosis.text(), "race: write races (kernel k, block (0,1,2), "
                              "warp 3, lane 4, ptx line 17, /moec/ir:%17)");
  Diagnosis bare{.kind = "deadlock", .message = "all wait", .kernel = "k"};
  EXPECT_EQ(bare.text(), "deadlock: all wait (kernel k, block (0,0,0))");
}

bool contains(const char *error, const char *text) {
  return error && std::string(error).find(text) != std::string::npos;
}

TEST(SimulatorMbarrier, Phases) {
  uint64_t bits = 0xcdcdcdcd;
  Mbarrier barrier(bits);
  EXPECT_FALSE(barrier.live());
  ASSERT_EQ(barrier.init(2).error, nullptr);
  EXPECT_EQ(barrier.pending(), 2u);
  EXPECT_EQ(barrier.parity(), 0u);
  uint64_t state = barrier.state();
  bool done = true;
  ASSERT_EQ(barrier.testParity(0, done).error, nullptr);
  EXPECT_FALSE(done);
  // The phase before the first counts as completed.
  ASSERT_EQ(barrier.testParity(1, done).error, nullptr);
  EXPECT_TRUE(done);
  EXPECT_FALSE(barrier.arrive(1).phaseCompleted);
  EXPECT_TRUE(barrier.arrive(1).phaseCompleted);
  EXPECT_EQ(barrier.pending(), 2u);
  EXPECT_EQ(barrier.parity(), 1u);
  ASSERT_EQ(barrier.test(state, done).error, nullptr);
  EXPECT_TRUE(done);
  ASSERT_EQ(barrier.test(barrier.state(), done).error, nullptr);
  EXPECT_FALSE(done);
  EXPECT_EQ(Mbarrier::pendingCount(state), 2u);
}

TEST(SimulatorMbarrier, TransactionsHoldThePhase) {
  uint64_t bits = 0;
  Mbarrier barrier(bits);
  ASSERT_EQ(barrier.init(1).error, nullptr);
  // A copy may complete before it is expected.
  EXPECT_FALSE(barrier.completeTransactions(512).phaseCompleted);
  EXPECT_EQ(barrier.transactions(), -512);
  EXPECT_FALSE(barrier.expectTransactions(1024).phaseCompleted);
  EXPECT_FALSE(barrier.arrive(1).phaseCompleted);
  EXPECT_EQ(barrier.pending(), 0u);
  EXPECT_EQ(barrier.transactions(), 512);
  EXPECT_TRUE(barrier.completeTransactions(512).phaseCompleted);
  EXPECT_EQ(barrier.pending(), 1u);
}

TEST(SimulatorMbarrier, Misuse) {
  uint64_t bits = 0;
  Mbarrier barrier(bits);
  bool done;
  EXPECT_TRUE(contains(barrier.arrive(1).error, "no mbarrier"));
  EXPECT_TRUE(contains(barrier.testParity(0, done).error, "no mbarrier"));
  EXPECT_TRUE(contains(barrier.expectTransactions(1).error, "no mbarrier"));
  EXPECT_TRUE(contains(barrier.completeTransactions(1).error, "no mbarrier"));
  EXPECT_TRUE(contains(barrier.invalidate().error, "no mbarrier"));
  EXPECT_TRUE(contains(barrier.init(0).error, "1048575"));
  EXPECT_TRUE(contains(barrier.init(1 << 20).error, "1048575"));
  ASSERT_EQ(barrier.init(Mbarrier::MaxCount).error, nullptr);
  EXPECT_EQ(barrier.expected(), Mbarrier::MaxCount);
  EXPECT_TRUE(contains(barrier.init(1).error, "live"));
  ASSERT_EQ(barrier.invalidate().error, nullptr);
  ASSERT_EQ(barrier.init(1).error, nullptr);
  EXPECT_TRUE(contains(barrier.arrive(2).error, "more arrivals"));
  EXPECT_TRUE(contains(barrier.arrive(0).error, "count"));
  EXPECT_TRUE(contains(barrier.arrive(1, true).error, ".noComplete"));
  EXPECT_TRUE(contains(barrier.testParity(2, done).error, "parity"));
  EXPECT_TRUE(contains(barrier.test(12345, done).error, "state"));
  ASSERT_EQ(barrier.expectTransactions(Mbarrier::MaxCount).error, nullptr);
  EXPECT_TRUE(contains(barrier.expectTransactions(1).error, "1048575"));
  EXPECT_EQ(barrier.transactions(), int32_t(Mbarrier::MaxCount));
}

TEST(SimulatorMbarrier, Drop) {
  uint64_t bits = 0;
  Mbarrier barrier(bits);
  ASSERT_EQ(barrier.init(3).error, nullptr);
  EXPECT_FALSE(barrier.arriveDrop(1).phaseCompleted);
  EXPECT_FALSE(barrier.arrive(1).phaseCompleted);
  EXPECT_TRUE(barrier.arrive(1).phaseCompleted);
  EXPECT_EQ(barrier.pending(), 2u);
  EXPECT_TRUE(contains(barrier.arriveDrop(3).error, "arrive_drop"));
}

class Copies : public testing::Test {
protected:
  AsyncCopies copies{64, 1024, AsyncCopies::Mode::Eager};
  std::vector<uint32_t> done;
  AsyncCopies::Complete complete = [this](uint32_t, const AsyncCopy &copy) {
    done.push_back(copy.destination);
  };
};

TEST_F(Copies, GroupsCompleteInOrder) {
  EXPECT_EQ(copies.issue(0, {0, 100, 16, 16, 5}), "");
  copies.commit(0);
  EXPECT_EQ(copies.issue(0, {16, 100, 16, 16, 6}), "");
  EXPECT_EQ(copies.issue(0, {64, 100, 4, 4, 7}), "");
  copies.commit(0);
  copies.commit(0); // an empty group
  EXPECT_EQ(copies.issue(0, {32, 100, 16, 16, 8}), "");
  copies.waitGroup(0, 2, complete);
  EXPECT_EQ(done, (std::vector<uint32_t>{0}));
  copies.waitGroup(0, 2, complete);
  EXPECT_EQ(done.size(), 1u);
  EXPECT_FALSE(copies.find(0, 16));
  ASSERT_TRUE(copies.find(20, 1));
  copies.waitGroup(0, 0, complete);
  EXPECT_EQ(done, (std::vector<uint32_t>{0, 16, 64}));
  // Of no group: only wait_all waits for it.
  EXPECT_EQ(copies.unfinished(0), 1u);
  copies.waitAll(0, complete);
  EXPECT_EQ(copies.unfinished(0), 0u);
  EXPECT_FALSE(copies.anyInFlight());
}

TEST_F(Copies, WaitingIsOfTheThreadAlone) {
  EXPECT_EQ(copies.issue(3, {128, 100, 8, 8, 12}), "");
  copies.waitAll(4, complete);
  EXPECT_TRUE(done.empty());
  auto found = copies.find(132, 1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->thread, 3u);
  EXPECT_FALSE(found->committed);
  EXPECT_FALSE(copies.find(136, 4));
  EXPECT_FALSE(copies.find(120, 8));
  EXPECT_TRUE(copies.find(120, 9));
  EXPECT_EQ(AsyncCopies::describe(*found),
            "bytes 128…135 of shared memory are being copied by thread 3 "
            "(cp.async at "
            "ptx line 12), which has not committed it to a group");
  copies.commit(3);
  EXPECT_NE(AsyncCopies::describe(*copies.find(132, 1))
                .find("has not waited for the group"),
            std::string::npos);
}

TEST_F(Copies, Errors) {
  EXPECT_EQ(copies.issue(1, {0, 100, 16, 16, 5}), "");
  EXPECT_NE(
      copies.issue(2, {8, 100, 8, 8, 6}).find("overwrites what is in flight"),
      std::string::npos);
  EXPECT_NE(
      copies.issue(2, {1020, 100, 8, 8, 6}).find("1024 bytes of shared memory"),
      std::string::npos);
  EXPECT_NE(copies.issue(2, {2, 100, 4, 4, 6}).find("not words"),
            std::string::npos);
}

} // namespace
