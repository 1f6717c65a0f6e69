//===- MachineControlTest.cpp - Divergence, calls, barriers, warps --------===//
#include "test/unit/simulator/RunPtx.h"

#include <numeric>
#include <set>

using namespace moec::cudasim;
using namespace moec::cudasim::test;

namespace {

using State = Grid::State;
using Shape = Simulation::Shape;

/// A kernel `k(out)` whose thread t stores %d (32 bits) at out[t], t counted over the grid.
std::string threadKernel(const std::string &body,
                         const std::string &declarations = "",
                         const std::string &before = "") {
  return module(before +
                ".visible .entry k(.param .u64 out) {\n"
                ".reg .pred %p<8>; .reg .b32 %d, %thread, %lane, %warp, "
                "%r<16>; .reg .b64 %o, %x, %A<8>;\n" +
                declarations +
                "ld.param.u64 %o, [out];\nmov.u32 %thread, %tid.x;\nmov.u32 "
                "%lane, %laneid;\nshr.u32 %warp, %thread, 5;\n"
                "mov.u32 %r0, %ctaid.x;\nmov.u32 %r1, %ntid.x;\nmad.lo.s32 "
                "%r2, %r0, %r1, %thread;\nmul.wide.u32 %x, %r2, 4;\n"
                "add.s64 %x, %o, %x;\nmov.u32 %d, 0;\n" +
                body + "\nst.global.u32 [%x], %d;\nret;\n}\n");
}

struct Outcome {
  State state;
  std::vector<uint32_t> out;
  std::string failure, kind;
  uint64_t executed;
};

Outcome run(const std::string &text, Shape shape = {}, Options options = {}) {
  Simulation s;
  s.options = options;
  if (!s.load(text)) {
    ADD_FAILURE() << s.error;
    return {State::Failed, {}, s.error, "", 0};
  }
  size_t threads = size_t(shape.grid[0]) * shape.block[0];
  uint64_t out = s.upload(std::vector<uint32_t>(threads + 16, 0));
  State state = s.run("k", shape, {out});
  return {state, s.download<uint32_t>(out, threads + 16), s.failure(),
          s.failureKind(), s.grid->executed()};
}

Shape threads(uint32_t block, uint32_t grid = 1) {
  Shape shape;
  shape.block[0] = block;
  shape.grid[0] = grid;
  return shape;
}

TEST(MachineControl, DivergenceAndReconvergence) {
  // Lanes loop as often as their number says; all 32 vote together behind the loop.
  Outcome r = run(threadKernel(R"(
L: setp.ge.u32 %p1, %d, %lane;
@%p1 bra E;
add.s32 %d, %d, 1;
bra L;
E: vote.sync.ballot.b32 %r3, 1, -1;
popc.b32 %r3, %r3;
mad.lo.u32 %d, %r3, 100, %d;
)"));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(r.out[lane], 3200 + lane);
}

TEST(MachineControl, ExitedLanesAreNotWaitedFor) {
  Outcome r = run(threadKernel(R"(
setp.lt.u32 %p1, %lane, 8;
@%p1 exit;
activemask.b32 %d;
bar.sync 0;
redux.sync.add.s32 %r3, %lane, 0xffffff00;
add.s32 %d, %d, %r3;
)"),
                  threads(64));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.out[7], 0u);
  EXPECT_EQ(r.out[8], 0xffffff00u + (31 * 32 / 2 - 28));
  EXPECT_EQ(r.out[32 + 8], 0xffffff00u + (31 * 32 / 2 - 28));
}

TEST(MachineControl, IndexedBranch) {
  Outcome r = run(threadKernel(R"(
and.b32 %r3, %lane, 3;
T: .branchtargets L0, L1, L2, L3;
brx.idx %r3, T;
L0: mov.u32 %d, 10; bra E;
L1: mov.u32 %d, 11; bra E;
L2: mov.u32 %d, 12; bra E;
L3: mov.u32 %d, 13;
E:
)"));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(r.out[lane], 10 + lane % 4);
  Outcome bad = run(threadKernel("T: .branchtargets L; brx.idx %lane, T; L:"));
  EXPECT_EQ(bad.kind, "branch");
}

TEST(MachineControl, RecursionAndDivergentCalls) {
  std::string factorial = R"(
.func (.param .b32 result) fac(.param .b32 n) {
.reg .pred %p; .reg .b32 %a, %b;
ld.param.u32 %a, [n];
setp.le.u32 %p, %a, 1;
@%p bra BASE;
sub.s32 %b, %a, 1;
{ .param .b32 x; .param .b32 y; st.param.b32 [x], %b; call.uni (y), fac, (x); ld.param.b32 %b, [y]; }
mul.lo.s32 %a, %a, %b;
st.param.b32 [result], %a;
ret;
BASE: st.param.b32 [result], 1;
ret;
}
.func (.reg .b32 r) twice(.reg .b32 v, .reg .pred q) { add.s32 r, v, v; @q add.s32 r, r, 1; ret; }
)";
  Outcome r = run(threadKernel(R"(
and.b32 %r3, %lane, 7;
{ .param .b32 x; .param .b32 y; st.param.b32 [x], %r3; call.uni (y), fac, (x); ld.param.b32 %d, [y]; }
setp.eq.u32 %p1, %r3, 3;
@!%p1 call (%d), twice, (%d, %p1);
)",
                               "", factorial));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  uint32_t expected[] = {1, 1, 2, 6, 24, 120, 720, 5040};
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(r.out[lane], lane % 8 == 3 ? 6 : 2 * expected[lane % 8]);

  Outcome endless = run(threadKernel(
      R"({ .param .b32 x; .param .b32 y; st.param.b32 [x], -1; call.uni (y), fac, (x); })",
      "", factorial));
  EXPECT_EQ(endless.kind, "stack") << endless.failure;
}

TEST(MachineControl, LocalMemoryOfCallsIsTheirOwn) {
  Outcome r = run(threadKernel(
      R"(
.local .align 8 .b8 buffer[16];
mov.u64 %A0, buffer;
st.local.u32 [%A0+4], %lane;
cvta.local.u64 %A1, %A0;
call clobber;
ld.u32 %d, [%A1+4];
)",
      "",
      R"(.func clobber { .local .align 4 .b8 mine[16]; .reg .b64 %a; mov.u64 %a, mine; st.local.u32 [%a+4], -1; st.local.u32 [mine+8], -1; ret; })"));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(r.out[lane], lane);
}

/// Lane 0 spins on a flag that lane 31 of its own warp sets later: groups take turns.
TEST(MachineControl, LanesMayWaitForLanesOfTheirWarp) {
  Outcome r = run(threadKernel(R"(
.shared .align 4 .b8 flag[4];
setp.ne.u32 %p1, %lane, 31;
@%p1 bra S;
st.volatile.shared.u32 [flag], 7;
bra S2;
S: setp.ne.u32 %p2, %lane, 0;
@%p2 bra S2;
W: ld.volatile.shared.u32 %d, [flag];
setp.ne.u32 %p3, %d, 7;
@%p3 bra W;
S2:
)"),
                  {}, Options{.checks = false});
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.out[0], 7u);
}

TEST(MachineControl, LockPerLane) {
  for (uint64_t seed : {0, 1, 2, 3}) {
    // Every thread of 3 blocks takes the lock and adds one.
    Outcome r = run(threadKernel(R"(
mov.u64 %A0, %o;
add.s64 %A0, %A0, 768;
L: atom.global.acquire.gpu.cas.b32 %r3, [%A0], 0, 1;
setp.ne.u32 %p1, %r3, 0;
@%p1 bra L;
ld.global.u32 %r4, [%A0+4];
add.s32 %r4, %r4, 1;
st.global.u32 [%A0+4], %r4;
atom.global.release.gpu.exch.b32 %r5, [%A0], 0;
)"),
                    threads(64, 3), Options{.seed = seed});
    ASSERT_EQ(r.state, State::Finished) << r.failure;
    EXPECT_EQ(r.out[193], 192u);
  }
}

TEST(MachineBarrier, WaitsForAllWarpsAndReduces) {
  Outcome r = run(threadKernel(R"(
setp.lt.u32 %p1, %thread, 70;
bar.red.popc.u32 %d, 0, %p1;
bar.red.and.pred %p2, 1, %p1;
bar.red.or.pred %p3, 2, %p1;
@%p2 add.s32 %d, %d, 1000;
@%p3 add.s32 %d, %d, 2000;
)"),
                  threads(96));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  for (uint32_t t = 0; t < 96; ++t)
    EXPECT_EQ(r.out[t], 2070u);
}

TEST(MachineBarrier, ProducerAndConsumerWithNamedBarriers) {
  Outcome r = run(threadKernel(R"(
.shared .align 4 .b8 data[128];
mov.u32 %r5, data;
shl.b32 %r6, %lane, 2;
add.u32 %r5, %r5, %r6;
setp.ne.u32 %p1, %warp, 0;
@%p1 bra C;
st.shared.u32 [%r5], %lane;
bar.arrive 3, 64;
bra E;
C: bar.sync 3, 64;
ld.shared.u32 %d, [%r5];
E:
)"),
                  threads(64));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.out[32 + 9], 9u);
}

TEST(MachineBarrier, DivergedWarpReconvergesFirst) {
  // Half of the lanes take a detour before the barrier: no error.
  Outcome r = run(threadKernel(R"(
setp.lt.u32 %p1, %lane, 16;
@%p1 bra B;
add.s32 %d, %d, 5;
B: bar.sync 0;
)"),
                  threads(64));
  EXPECT_EQ(r.state, State::Finished) << r.failure;
  Outcome two = run(threadKernel("setp.lt.u32 %p1, %lane, 16; @%p1 bra B; "
                                 "bar.sync 0; bra E; B: bar.sync 0; E:"));
  EXPECT_EQ(two.state, State::Failed);
  EXPECT_EQ(two.kind, "warp-sync") << two.failure;
  // Without .aligned, lanes may come from several places.
  Outcome apart =
      run(threadKernel("setp.lt.u32 %p1, %lane, 16; @%p1 bra B; barrier.sync "
                       "0; bra E; B: barrier.sync 0; E:"),
          threads(64));
  EXPECT_EQ(apart.state, State::Finished) << apart.failure;
}

TEST(MachineBarrier, Misuse) {
  EXPECT_EQ(run(threadKernel("bar.sync 0, 33;")).kind, "barrier");
  EXPECT_EQ(run(threadKernel("bar.sync %lane;")).kind, "barrier");
  EXPECT_EQ(run(threadKernel("add.s32 %r3, %warp, 16; bar.sync %r3;")).kind,
            "barrier");
  EXPECT_EQ(run(threadKernel("mov.u32 %r3, 0; bar.arrive 1, %r3;")).kind,
            "barrier");
  EXPECT_EQ(
      run(threadKernel(
              "add.s32 %r3, %warp, 1; shl.b32 %r3, %r3, 6; bar.sync 0, %r3;"),
          threads(64))
          .kind,
      "barrier");
}

TEST(MachineBarrier, DeadlockIsReported) {
  Outcome r = run(threadKernel("setp.ne.u32 %p1, %warp, 0; @%p1 bra B; "
                               "bar.sync 1; bra E; B: bar.sync 2; E:"),
                  threads(64));
  ASSERT_EQ(r.kind, "deadlock");
  EXPECT_NE(r.failure.find("wait at barrier 1"), std::string::npos)
      << r.failure;
  EXPECT_NE(r.failure.find("barrier 2: 32 of 64 threads arrived"),
            std::string::npos)
      << r.failure;
}

TEST(MachineWarpSync, MissingLanesAreReported) {
  Outcome r =
      run(threadKernel("setp.lt.u32 %p1, %lane, 16; @%p1 bra E; "
                       "vote.sync.ballot.b32 %d, 1, -1; E: bar.warp.sync -1;"));
  EXPECT_EQ(r.kind, "warp-sync") << r.failure;
  EXPECT_EQ(run(threadKernel("vote.sync.ballot.b32 %d, 1, 0xffff;")).kind,
            "warp-sync");
}

TEST(MachineWarpSync, DisjointMembers) {
  Outcome r = run(threadKernel(R"(
setp.lt.u32 %p1, %lane, 16;
selp.u32 %r3, 0x0000ffff, 0xffff0000, %p1;
redux.sync.add.u32 %d, %lane, %r3;
)"));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.out[0], 120u);
  EXPECT_EQ(r.out[31], 376u);
}

TEST(MachineWarpSync, Shuffles) {
  auto lanes = [](const std::string &body) {
    Outcome r = run(threadKernel("add.s32 %r3, %lane, 100;" + body));
    EXPECT_EQ(r.state, State::Finished) << r.failure;
    return r.out;
  };
  auto up = lanes(
      "shfl.sync.up.b32 %d|%p1, %r3, 1, 0, -1; @!%p1 add.s32 %d, %d, 1000;");
  EXPECT_EQ(up[0], 1100u); // its own value, out of range
  EXPECT_EQ(up[5], 104u);
  auto down = lanes(
      "shfl.sync.down.b32 %d|%p1, %r3, 4, 31, -1; @!%p1 add.s32 %d, %d, 1000;");
  EXPECT_EQ(down[27], 131u);
  EXPECT_EQ(down[28], 1128u);
  EXPECT_EQ(lanes("shfl.sync.bfly.b32 %d, %r3, 3, 31, -1;")[6], 105u);
  // Segments of 8: c = ((32 - 8) << 8) | 31.
  auto segment = lanes("shfl.sync.idx.b32 %d, %r3, 2, 6175, -1;");
  EXPECT_EQ(segment[1], 102u);
  EXPECT_EQ(segment[30], 126u);
  Outcome inactive =
      run(threadKernel("setp.lt.u32 %p1, %lane, 16; @!%p1 bra E; "
                       "shfl.sync.idx.b32 %d, %lane, 20, 31, 0xffff; E:"));
  EXPECT_EQ(inactive.kind, "warp-sync");
}

TEST(MachineWarpSync, VoteMatchElect) {
  auto lanes = [](const std::string &body, uint64_t seed = 0) {
    Outcome r = run(threadKernel(body), {}, Options{.seed = seed});
    EXPECT_EQ(r.state, State::Finished) << r.failure;
    return r.out;
  };
  std::string toRegister = "selp.u32 %d, 1, 0, %p2;";
  EXPECT_EQ(
      lanes("setp.lt.u32 %p1, %lane, 3; vote.sync.any.pred %p2, %p1, -1;" +
            toRegister)[9],
      1u);
  EXPECT_EQ(
      lanes("setp.lt.u32 %p1, %lane, 3; vote.sync.all.pred %p2, %p1, -1;" +
            toRegister)[9],
      0u);
  EXPECT_EQ(
      lanes("setp.lt.u32 %p1, %lane, 3; vote.sync.uni.pred %p2, !%p1, -1;" +
            toRegister)[9],
      0u);
  EXPECT_EQ(
      lanes("setp.lt.u32 %p1, %lane, 3; vote.sync.ballot.b32 %d, %p1, -1;")[9],
      7u);
  EXPECT_EQ(lanes("and.b32 %r3, %lane, 3; match.any.sync.b32 %d, %r3, -1;")[6],
            0x44444444u);
  EXPECT_EQ(lanes("match.all.sync.b32 %d|%p2, 5, -1;")[6], 0xffffffffu);
  EXPECT_EQ(lanes("match.all.sync.b32 %d|%p2, %lane, -1;")[6], 0u);
  EXPECT_EQ(lanes("sub.s32 %r3, %lane, 4; redux.sync.min.s32 %d, %r3, -1;")[1],
            uint32_t(-4));
  std::set<uint32_t> leaders;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    auto all = lanes("elect.sync %r3|%p2, -1;" + toRegister, seed);
    EXPECT_EQ(std::accumulate(all.begin(), all.begin() + 32, 0u), 1u);
    for (uint32_t lane = 0; lane < 32; ++lane)
      if (all[lane])
        leaders.insert(lane);
  }
  EXPECT_GT(leaders.size(), 1u) << "the seed must change the leader";
}

TEST(MachineGrid, WavesAndCooperation) {
  // Block 0 waits for block 2: with two resident blocks at a time it never comes.
  std::string text = threadKernel(R"(
setp.eq.u32 %p1, %r0, 2;
@!%p1 bra W;
st.release.gpu.global.u32 [%o+512], 1;
bra E;
W: setp.ne.u32 %p2, %r0, 0;
@%p2 bra E;
S: ld.acquire.gpu.global.u32 %r3, [%o+512];
setp.eq.u32 %p3, %r3, 0;
@%p3 bra S;
E: mov.u32 %d, %nctaid.x;
)");
  Shape shape = threads(32, 4);
  shape.resident = 4;
  Outcome r = run(text, shape);
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.out[96], 4u);
  shape.resident = 1;
  EXPECT_EQ(run(text, shape).state, State::Blocked);
  shape.cooperative = true;
  EXPECT_EQ(run(text, shape).kind, "launch");
}

TEST(MachineGrid, ClocksAdvanceSoThatTimeOutsFire) {
  Simulation s;
  ASSERT_TRUE(s.load(threadKernel(R"(
mov.u64 %A0, %globaltimer;
L: ld.volatile.global.u32 %r3, [%o+128];
mov.u64 %A1, %globaltimer;
sub.u64 %A1, %A1, %A0;
setp.lt.u64 %p1, %A1, 1000000000;
@%p1 bra L;
mov.u32 %d, 9;
)"))) << s.error;
  uint64_t out = s.upload(std::vector<uint32_t>(64, 0));
  State state = s.run("k", {}, {out});
  ASSERT_EQ(state, State::Blocked);
  EXPECT_NE(s.grid->blockedReport().find("warp 0"), std::string::npos);
  EXPECT_TRUE(s.grid->passTime(2000000000));
  while ((state = s.grid->advance(100000)) == State::Running) {
  }
  EXPECT_EQ(state, State::Finished);
  EXPECT_EQ(s.download<uint32_t>(out, 1)[0], 9u);
}

TEST(MachineGrid, LaunchesAreChecked) {
  Simulation s;
  ASSERT_TRUE(
      s.load(module(".visible .entry k(.param .u32 a) .maxntid 64 { ret; } "
                    ".visible .entry q() .reqntid 32,2 { ret; }")));
  EXPECT_EQ(s.run("k", threads(96), {1}), State::Failed);
  EXPECT_EQ(s.failureKind(), "launch");
  EXPECT_EQ(s.run("k", threads(64), {1}), State::Finished);
  EXPECT_EQ(s.run("q", threads(64), {}), State::Failed);
  EXPECT_EQ(s.run("k", threads(2048), {1}), State::Failed);
}

TEST(MachineGrid, SeedsAreDeterministicAndChangeTheOrder) {
  // Each block takes a ticket.
  std::string text = threadKernel(
      "setp.eq.u32 %p1, %lane, 0; @%p1 atom.global.add.u32 %d, [%o+1024], 1;");
  Shape shape = threads(32, 8);
  shape.resident = 8;
  std::set<std::vector<uint32_t>> orders;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    Outcome first = run(text, shape, Options{.seed = seed}),
            again = run(text, shape, Options{.seed = seed});
    ASSERT_EQ(first.state, State::Finished) << first.failure;
    EXPECT_EQ(first.out, again.out);
    orders.insert(first.out);
  }
  EXPECT_GT(orders.size(), 2u);
}

TEST(MachineControl, TrapAndAssertName) {
  Outcome r = run(threadKernel("setp.eq.u32 %p1, %thread, 37; @%p1 trap;"),
                  threads(64));
  EXPECT_EQ(r.kind, "trap");
  EXPECT_NE(r.failure.find("warp 1, lane 5"), std::string::npos) << r.failure;
}

} // namespace
