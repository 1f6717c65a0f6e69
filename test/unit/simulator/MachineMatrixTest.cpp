//===- MachineMatrixTest.cpp - ldmatrix, movmatrix, mma; refusals ---------===//
#include "test/unit/simulator/RunPtx.h"

#include <bit>

using namespace moec::cudasim;
using namespace moec::cudasim::test;

namespace {

using State = Grid::State;

/// Stores element (row, column) = 8·row + column of an 8x8 matrix of 16 bits, loads it and stores what each lane has got.
std::vector<uint32_t> matrix(const std::string &move) {
  Simulation s;
  std::string text = module(R"(.visible .entry k(.param .u64 out) {
.reg .b32 %r<8>; .reg .b64 %o, %x;
.shared .align 16 .b8 m[128];
ld.param.u64 %o, [out];
mov.u32 %r0, %tid.x;
shl.b32 %r1, %r0, 1;
shl.b32 %r2, %r0, 17;
or.b32 %r2, %r1, %r2;
add.s32 %r2, %r2, 65536;
mov.u32 %r3, m;
shl.b32 %r4, %r0, 2;
add.u32 %r4, %r3, %r4;
st.shared.u32 [%r4], %r2;
bar.sync 0;
and.b32 %r5, %r0, 7;
shl.b32 %r5, %r5, 4;
add.u32 %r5, %r5, %r3;
)" + move + R"(
mul.wide.u32 %x, %r0, 4;
add.s64 %o, %o, %x;
st.global.u32 [%o], %r6;
ret;
})");
  EXPECT_TRUE(s.load(text)) << s.error;
  uint64_t out = s.allocate(128);
  EXPECT_EQ(s.run("k", {}, {out}), State::Finished) << s.failure();
  return s.download<uint32_t>(out, 32);
}

TEST(MachineMatrix, LoadStoreTranspose) {
  auto plain = matrix("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r6}, [%r5];");
  auto transposed =
      matrix("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%r6}, [%r5];");
  auto moved = matrix("ld.shared.u32 %r7, [%r4]; "
                      "movmatrix.sync.aligned.m8n8.trans.b16 %r6, %r7;");
  auto stored = matrix("ld.shared.u32 %r7, [%r4]; bar.warp.sync -1; "
                       "stmatrix.sync.aligned.m8n8.x1.trans.shared.b16 [%r5], "
                       "{%r7}; bar.warp.sync -1; ld.shared.u32 %r6, [%r4];");
  for (uint32_t lane = 0; lane < 32; ++lane) {
    uint32_t g = lane / 4, t = lane % 4;
    EXPECT_EQ(plain[lane], (8 * g + 2 * t) | (8 * g + 2 * t + 1) << 16);
    EXPECT_EQ(transposed[lane], (8 * (2 * t) + g) | (8 * (2 * t + 1) + g)
                                                        << 16);
    EXPECT_EQ(moved[lane], transposed[lane]);
    EXPECT_EQ(stored[lane], transposed[lane]);
  }
}

TEST(MachineMatrix, MmaOfOneElement) {
  // A has a 2 at (row 9, k 5), B a 3 at (k 5, column 6): D has a 6 at (9, 6), and C everywhere else.
  Simulation s;
  ASSERT_TRUE(s.load(module(R"(.visible .entry k(.param .u64 out) {
.reg .pred %p; .reg .b32 %r<4>, %a<4>, %b<2>; .reg .f32 %d<4>; .reg .b64 %o, %x;
ld.param.u64 %o, [out];
mov.u32 %r0, %tid.x;
mov.b32 %a0, 0; mov.b32 %a1, 0; mov.b32 %a2, 0; mov.b32 %a3, 0; mov.b32 %b0, 0; mov.b32 %b1, 0;
setp.eq.u32 %p, %r0, 6;  // g = 1, t = 2: row 9, columns 4 and 5 in register 1
@%p mov.b32 %a1, 0x40000000;
setp.eq.u32 %p, %r0, 26; // n = 6, t = 2: k 4 and 5 in register 0
@%p mov.b32 %b0, 0x40400000;
mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%d0,%d1,%d2,%d3}, {%a0,%a1,%a2,%a3}, {%b0,%b1}, {0f3F800000,0f3F800000,0f3F800000,0f3F800000};
mul.wide.u32 %x, %r0, 16;
add.s64 %o, %o, %x;
st.global.v4.f32 [%o], {%d0,%d1,%d2,%d3};
ret;
})"))) << s.error;
  uint64_t out = s.allocate(512);
  ASSERT_EQ(s.run("k", {}, {out}), State::Finished) << s.failure();
  auto d = s.download<float>(out, 128);
  for (unsigned i = 0; i < 128; ++i)
    EXPECT_EQ(d[i], i == 4 * 7 + 2 ? 7.0f : 1.0f)
        << i; // row 9 = g 1 + 8, columns 6 and 7 = t 3
  Events events;
  for (const Counts &counts : s.grid->counters().instructions())
    events += counts.events;
  EXPECT_EQ(events.mma, 1u);
  EXPECT_EQ(events.mmaFlop, 4096u);
}

TEST(MachineMatrix, NeedsTheWholeWarp) {
  Simulation s;
  ASSERT_TRUE(s.load(
      module(".visible .entry k() { .reg .b32 %r<2>; .reg .pred %p; mov.b32 "
             "%r0, 0; mov.u32 %r1, %tid.x; setp.lt.u32 %p, %r1, 4; @%p exit;\n"
             "movmatrix.sync.aligned.m8n8.trans.b16 %r1, %r0; ret; }")));
  EXPECT_EQ(s.run("k", {}, {}), State::Failed);
  EXPECT_EQ(s.failureKind(), "warp-sync");
}

TEST(MachineDecoder, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(refusal("frobnicate.b32 %d, %a0;").substr(0, 51),
            "test.ptx:19: the simulator does not know 'frobnicat");
  EXPECT_NE(
      refusal("add.rn.s32 %d, %a0, %a1;").find("does not know '.rn' of 'add'"),
      std::string::npos);
  EXPECT_NE(refusal("add.s32 %d, %a0, %a1;x;").find("frob"), 0u);
  for (const char *body :
       {"add.ftz.s32 %d, %a0, %a1;",
        "add.f16 %d, %a0, %a1;",
        "add.s32 %d, %a0;",
        "add.s32 %D, %a0, %a1;",
        "mul.s32 %d, %a0, %a1;",
        "fma.f32 %d, %a0, %a1, %a0;",
        "setp.lo.f32 %p1, %a0, %a1;",
        "setp.xx.s32 %p1, %a0, %a1;",
        "cvt.s32.f32 %d, %a0;",
        "cvt.f32.s32 %d, %a0;",
        "cvt.rn.e4m3x2.f32 %h0, %a0, %a1;",
        "ld.global.u64 %d, [%A0];",
        "ld.shared::cluster.u32 %d, [%a0];",
        "ld.relaxed.global.u32 %d, [%A0];",
        "st.const.u32 [%A0], %d;",
        "bra NOWHERE;",
        "call (%d), nobody, (%d);",
        "mov.u32 %d, %clusterid;",
        "mov.u32 %d, nothing;",
        "mov.u64 %D, %tid.x;",
        "mov.u32 %d, %clock64;",
        "shfl.bfly.b32 %d, %a0, 1, 31;",
        "barrier.cluster.arrive;",
        "wgmma.fence.sync.aligned;",
        "cp.async.bulk.commit_group;",
        "cp.async.cg.shared.global [%a0], [%A0], 8;",
        "tcgen05.wait::ld.sync.aligned;",
        "fence.proxy.tensormap;",
        "mma.sync.aligned.m16n8k64.row.col.s32.s4.s4.s32 {%a0,%a1,%a2,%a3}, "
        "{%a0,%a1,%a2,%a3}, {%a0,%a1}, {%a0,%a1,%a2,%a3};",
        "add.f32 %d, %a0, 1;",
        "lop3.b32 %d, %a0, %a1, %a0, 256;",
        "atom.global.exch.f32 %d, [%A0], %a0;",
        "red.global.cas.b32 [%A0], %a0, %a1;",
        "fence.sc;",
        "selp.u32 %d, 1, 2, %a0;",
        "@%a0 add.s32 %d, %a0, %a1;",
        "setmaxnreg.dec.sync.aligned.u32 40;",
        "ex2.f32 %d, %a0;",
        "mov.b32 %d, {%a0, %a1};",
        "vote.sync.ballot.pred %p1, %p2, -1;"})
    EXPECT_NE(refusal(body), "") << body;
}

TEST(MachineDecoder, FreesVariablesOfARefusedModule) {
  Simulation s;
  uint64_t before = s.memory.used(0);
  EXPECT_FALSE(s.load(module(".global .u32 x[100]; .entry k() { nonsense; }")));
  EXPECT_EQ(s.memory.used(0), before);
  EXPECT_FALSE(
      s.load(module(".global .u64 x = undefined; .entry k() { ret; }")));
  EXPECT_EQ(s.memory.used(0), before);
}

} // namespace
