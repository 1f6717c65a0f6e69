//===- MachineMemoryTest.cpp - Loads, stores, atomics, copies, checks -----===//
#include "test/unit/simulator/RunPtx.h"

#include <bit>

using namespace moec::cudasim;
using namespace moec::cudasim::test;

namespace {

using State = Grid::State;

/// `k(in, out)`: 32 lanes with %i = in + 8·lane, %o = out + 8·lane, %lane and %l8 = 8·lane.
std::string kernel(const std::string &body, const std::string &before = "") {
  return module(
      before +
      ".visible .entry k(.param .u64 in, .param .u64 out) {\n"
      ".reg .pred %p<8>; .reg .b16 %h<8>; .reg .b32 %lane, %l8, %thread, "
      "%warp, %r<32>; .reg .b64 %i, %o, %in, %out, %x, %A<8>; .reg .f32 "
      "%f<8>;\n"
      "ld.param.u64 %in, [in];\nld.param.u64 %out, [out];\nmov.u32 %lane, "
      "%laneid;\nmov.u32 %thread, %tid.x;\nshr.u32 %warp, %thread, 5;\n"
      "shl.b32 %l8, %lane, 3;\ncvt.u64.u32 %x, %l8;\nadd.s64 %i, %in, "
      "%x;\nadd.s64 %o, %out, %x;\n" +
      body + "\nret;\n}\n");
}

struct Outcome {
  State state;
  std::vector<uint64_t> out;
  std::string kind, failure;
  int lane;
  Counts counts;
};

Outcome run(const std::string &text, uint32_t threads = 32,
            Options options = {}, uint32_t dynamicShared = 0,
            bool writeOut = true) {
  Simulation s;
  s.options = options;
  if (!s.load(text)) {
    ADD_FAILURE() << s.error;
    return {State::Failed, {}, "", s.error, -1, {}};
  }
  std::vector<uint64_t> in(64);
  for (size_t i = 0; i < in.size(); ++i)
    in[i] = 0x0101010101010101 * i;
  Simulation::Shape shape;
  shape.block[0] = threads;
  shape.dynamicShared = dynamicShared;
  uint64_t out =
      writeOut ? s.upload(std::vector<uint64_t>(64, 0)) : s.allocate(512);
  State state = s.run("k", shape, {s.upload(in), out});
  Counts counts;
  for (const Counts &of : s.grid->counters().instructions())
    counts += of;
  return {state,
          s.download<uint64_t>(out, 64),
          s.failureKind(),
          s.failure(),
          s.grid->failure() ? s.grid->failure()->lane : -1,
          counts};
}

TEST(MachineMemory, WidthsAndVectors) {
  Outcome r = run(kernel(R"(
ld.global.s8 %r0, [%i];
ld.global.u8 %r1, [%i+1];
ld.global.v2.u16 {%h0, %h1}, [%i+4];
cvt.u32.u16 %r2, %h1;
ld.global.v2.u32 {%r3, _}, [%i];
add.s32 %r0, %r0, %r1;
st.global.v2.u32 [%o], {%r0, %r2};
)"));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.out[5], 10u | uint64_t(0x0505) << 32);
  Outcome wide =
      run(kernel("and.b32 %r1, %lane, 1; setp.eq.u32 %p1, %r1, 0; @%p1 "
                 "ld.global.nc.L2::128B.v2.u64 {%A0, %A1}, [%i]; @%p1 "
                 "st.global.cs.v2.b64 [%o], {%A1, %A0};"));
  ASSERT_EQ(wide.state, State::Finished) << wide.failure;
  EXPECT_EQ(wide.out[4], 0x0505050505050505u);
  EXPECT_EQ(wide.out[5], 0x0404040404040404u);
  Outcome extended = run(kernel("ld.global.s32 %A0, [%i+4]; st.global.u64 "
                                "[%o], %A0; st.global.u8 [%o+7], %A0;"));
  EXPECT_EQ(extended.out[0x20], 0u) << extended.failure;
}

TEST(MachineMemory, SpacesAndGenericAddresses) {
  Outcome r = run(kernel(R"(
.shared .align 8 .b8 s[256];
.local .align 8 .b8 l[8];
mov.u32 %r0, s;
add.u32 %r0, %r0, %l8;
st.shared.u32 [%r0], 40;
mov.u64 %A0, l;
st.local.u32 [l], 2;
cvt.u64.u32 %A1, %r0;
cvta.shared.u64 %A1, %A1;
cvta.local.u64 %A0, %A0;
and.b32 %r1, %lane, 3;
setp.eq.u32 %p1, %r1, 1;
setp.eq.u32 %p2, %r1, 2;
mov.b64 %A2, %i;
@%p1 mov.b64 %A2, %A0;
@%p2 mov.b64 %A2, %A1;
ld.u32 %r2, [%A2];
isspacep.shared %p3, %A2;
@%p3 add.s32 %r2, %r2, 5000;
ld.const.u32 %r3, [table+4];
add.s32 %r2, %r2, %r3;
mov.u64 %A3, table;
ld.global.u32 %r3, [%A3];
add.s32 %r2, %r2, %r3;
st.global.u32 [%o], %r2;
)",
                         ".const .u32 table[2] = {100000, 200000};\n"));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.out[4], 300000u + 0x04040404u);
  EXPECT_EQ(r.out[5], 300002u);
  EXPECT_EQ(r.out[6], 305040u);
}

TEST(MachineMemory, BoundsAndAlignment) {
  Outcome out = run(kernel("ld.global.u64 %A0, [%i+264];"));
  EXPECT_EQ(out.kind, "out-of-bounds") << out.failure;
  EXPECT_EQ(out.lane, 31);
  EXPECT_NE(out.failure.find("8-byte load"), std::string::npos);
  EXPECT_EQ(run(kernel("mov.u64 %A0, 0; ld.global.u32 %r0, [%A0];")).kind,
            "out-of-bounds");
  EXPECT_EQ(
      run(kernel("setp.eq.u32 %p1, %lane, 3; @%p1 ld.global.u32 %r0, [%in+2];"))
          .kind,
      "misaligned");
  EXPECT_EQ(run(kernel("ld.global.v2.u64 {%A0, %A1}, [%i];")).kind,
            "misaligned");
  EXPECT_EQ(run(kernel(".shared .align 4 .b8 s[128]; mov.u32 %r0, s; add.u32 "
                       "%r0, %r0, %l8; st.shared.u32 [%r0], 1;"))
                .lane,
            16);
  EXPECT_EQ(run(kernel("st.shared.u32 [4], 1;")).kind, "out-of-bounds");
  EXPECT_EQ(run(kernel(".local .align 4 .b8 l[64]; mov.u64 %A0, l; "
                       "st.local.u32 [%A0+64], 1;"))
                .kind,
            "out-of-bounds");
  // A lane that does not take part may have any address.
  EXPECT_EQ(
      run(kernel(
              "setp.lt.u32 %p1, %lane, 31; @%p1 ld.global.u64 %A0, [%i+264];"))
          .state,
      State::Finished);
}

TEST(MachineMemory, UninitialisedReads) {
  Outcome global =
      run(kernel("st.global.u32 [%o], 1; ld.global.u64 %A0, [%o];"), 32, {}, 0,
          false);
  EXPECT_EQ(global.kind, "uninitialised") << global.failure;
  EXPECT_EQ(
      run(kernel(".shared .align 4 .b8 s[128]; ld.shared.u32 %r0, [s];")).kind,
      "uninitialised");
  EXPECT_EQ(run(kernel(".local .align 4 .b8 l[8]; st.local.u16 [l], 1; "
                       "ld.local.u32 %r0, [l];"))
                .kind,
            "uninitialised");
  EXPECT_EQ(run(kernel(".shared .align 4 .b8 s[128]; ld.shared.u32 %r0, [s];"),
                32, Options{.checks = false})
                .state,
            State::Finished);
  EXPECT_EQ(run(kernel("st.global.u64 [%o], 1; ld.global.u64 %A0, [%o]; "
                       "atom.global.add.u64 %A1, [%o], 1;"),
                32, {}, 0, false)
                .state,
            State::Finished);
}

TEST(MachineMemory, DynamicSharedMemory) {
  std::string text = kernel(R"(
.shared .align 4 .b8 fixed[12];
mov.u32 %r0, dynamic;
and.b32 %r1, %r0, 127;
mov.u32 %r2, fixed;
setp.eq.u32 %p1, %lane, 0;
@%p1 st.shared.u32 [%r2], 1;
add.u32 %r0, %r0, %l8;
st.shared.u64 [%r0], %x;
mov.u32 %r3, %dynamic_smem_size;
add.u32 %r1, %r1, %r3;
st.global.u32 [%o], %r1;
)",
                            ".extern .shared .align 128 .b8 dynamic[];\n");
  Outcome r = run(text, 32, {}, 256);
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.out[0], 256u);
  EXPECT_EQ(run(text, 32, {}, 128).kind, "out-of-bounds");
}

TEST(MachineMemory, TheSystemsSharedMemoryLiesBeforeTheBlocks) {
  // Thread 0 fills the system's last 8 bytes and its own 8; the result is made of what must be 1.
  std::string text = kernel(R"(
.shared .align 8 .b8 own[8];
mov.u32 %r0, %reserved_smem_offset_begin;
mov.u32 %r1, %reserved_smem_offset_end;
mov.u32 %r2, %reserved_smem_offset_cap;
sub.u32 %r3, %r1, %r0;
setp.eq.u32 %p1, %r3, %r2;
selp.u32 %r3, 1, 0, %p1;
mov.u32 %r4, own;
setp.ge.u32 %p1, %r4, %r1;
selp.u32 %r5, 2, 0, %p1;
or.b32 %r3, %r3, %r5;
mov.u32 %r5, %total_smem_size;
setp.eq.u32 %p1, %r5, 8;
selp.u32 %r5, 4, 0, %p1;
or.b32 %r3, %r3, %r5;
mov.u32 %r6, %reserved_smem_offset_1;
ld.shared.u64 %A0, [%r6];
setp.ne.u32 %p1, %lane, 0;
@%p1 bra DONE;
st.shared.u64 [%r1-8], 5;
st.shared.u64 [%r4], 8;
ld.shared.u32 %r5, [%r4];
or.b32 %r3, %r3, %r5;
DONE:
st.global.u32 [%o], %r3;
)");
  Outcome r = run(text, 32);
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.out[0], 15u);
  EXPECT_EQ(
      run(kernel(".shared .align 8 .b8 own[8];\nmov.u32 %r0, "
                 "%reserved_smem_offset_1; mov.u32 %r1, own; ld.shared.u32 "
                 "%r2, [%r1+8];"),
          32)
          .kind,
      "out-of-bounds");
}

TEST(MachineMemory, RacesInSharedMemory) {
  std::string race = R"(
.shared .align 8 .b8 s[512];
mov.u32 %r0, s;
shl.b32 %r1, %thread, 3;
add.u32 %r1, %r0, %r1;
st.shared.u64 [%r1], %x;
BARRIER
xor.b32 %r2, %thread, 32;
shl.b32 %r2, %r2, 3;
add.u32 %r2, %r0, %r2;
ld.shared.u64 %A0, [%r2];
)";
  std::string good = race;
  race.replace(race.find("BARRIER"), 7, "// none");
  good.replace(good.find("BARRIER"), 7, "bar.sync 0;");
  Outcome r = run(kernel(race), 64);
  EXPECT_TRUE(r.kind == "race" || r.kind == "uninitialised") << r.failure;
  EXPECT_EQ(run(kernel(good), 64).state, State::Finished)
      << run(kernel(good), 64).failure;
  Outcome two =
      run(kernel(".shared .align 4 .b8 s[4]; st.shared.u32 [s], %warp;"), 64);
  EXPECT_EQ(two.kind, "race") << two.failure;
}

TEST(MachineMemory, LanesThatStoreTheSameValueDoNotRace) {
  std::string store = ".shared .align 16 .b8 s[16]; mov.u32 %r0, s;"
                      "and.b32 %r1, %thread, 1; ";
  // Half the lanes at one word, half at another.
  Outcome same =
      run(kernel(store + "shl.b32 %r2, %r1, 2; add.u32 %r0, %r0, %r2;"
                         "st.shared.u32 [%r0], %r1;"),
          32);
  EXPECT_EQ(same.state, State::Finished) << same.failure;
  // Two values at one word; and vectors that differ in one element.
  EXPECT_EQ(run(kernel(store + "st.shared.u32 [%r0], %r1;"), 32).kind, "race");
  EXPECT_EQ(
      run(kernel(store + "st.shared.v2.u32 [%r0], {%warp, %r1};"), 32).kind,
      "race");
  Options options;
  options.checkGlobalRaces = true;
  Outcome global = run(kernel("st.global.u32 [%in], %warp;"), 32, options);
  EXPECT_EQ(global.state, State::Finished) << global.failure;
  EXPECT_EQ(run(kernel("st.global.u32 [%in], %lane;"), 32, options).kind,
            "race");
}

TEST(MachineAtomics, Operations) {
  auto value = [](const std::string &body, uint64_t wide = 0) {
    Outcome r = run(kernel(
        ".shared .align 8 .b8 s[8]; setp.eq.u32 %p1, %lane, 0; @%p1 "
        "st.shared.u64 [s], " +
        std::to_string(wide) + "; bar.sync 0;\n" + body +
        "\nbar.sync 0; ld.shared.u64 %A7, [s]; st.global.u64 [%o], %A7;"));
    EXPECT_EQ(r.state, State::Finished) << r.failure;
    return r.out[0];
  };
  EXPECT_EQ(value("atom.shared.add.u32 %r0, [s], %lane;"), 496u);
  EXPECT_EQ(value("red.shared.add.u64 [s], 3;"), 96u);
  EXPECT_EQ(value("red.shared.max.s32 [s], %lane;", 5), 31u);
  EXPECT_EQ(value("red.shared.min.u32 [s], %lane;", 5), 0u);
  EXPECT_EQ(value("atom.shared.inc.u32 %r0, [s], 9;"), 32u % 10);
  EXPECT_EQ(value("atom.shared.dec.u32 %r0, [s], 9;", 50), 9u - 31 % 10);
  EXPECT_EQ(value("atom.shared.or.b32 %r0, [s], 6;", 1), 7u);
  EXPECT_EQ(value("atom.shared.xor.b32 %r0, [s], %lane;"), 0u);
  EXPECT_EQ(value("atom.shared.and.b32 %r0, [s], 6;", 0xff), 6u);
  EXPECT_EQ(value("atom.shared.cas.b64 %A0, [s], 7, 9;", 7), 9u);
  EXPECT_EQ(value("red.shared.add.f32 [s], 0f3F000000;"),
            std::bit_cast<uint32_t>(16.0f));
  EXPECT_EQ(
      value("mov.b32 %r1, 0x3c003c00; red.shared.add.noftz.f16x2 [s], %r1;"),
      0x50005000u);
}

TEST(MachineAtomics, SubnormalsOfGlobalFloatsAreFlushed) {
  Outcome r = run(
      kernel("setp.eq.u32 %p1, %lane, 0; @%p1 atom.global.add.f32 %f0, [%o], "
             "0f00000001;"
             ".shared .align 4 .b8 s[4]; @%p1 st.shared.u32 [s], 0; @%p1 "
             "atom.shared.add.f32 %f0, [s], 0f00000001;"
             "mov.u64 %A0, s; cvta.shared.u64 %A0, %A0; @%p1 atom.add.f32 %f0, "
             "[%A0], 0f00000002;"
             "@%p1 ld.shared.u32 %r0, [s]; @%p1 st.global.u32 [%o+4], %r0;"));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.out[0], uint64_t(3) << 32);
}

/// Two stages of cp.async; the wait decides.
std::string copies(const std::string &wait) {
  return kernel(R"(
.shared .align 16 .b8 s[1024];
mov.u32 %r0, s;
shl.b32 %r1, %lane, 3;
add.u32 %r1, %r0, %r1;
cp.async.ca.shared.global [%r1], [%i], 8;
cp.async.commit_group;
cp.async.ca.shared.global [%r1+256], [%i+256], 8, 4;
cp.async.commit_group;
)" + wait + R"(
bar.sync 0;
xor.b32 %r2, %l8, 8;
add.u32 %r2, %r2, %r0;
ld.shared.u64 %A0, [%r2+OFFSET];
st.global.u64 [%o], %A0;
)");
}
std::string withOffset(std::string text, const std::string &offset) {
  return text.replace(text.find("OFFSET"), 6, offset);
}

TEST(MachineAsync, CopiesAndTheirGroups) {
  Outcome r = run(withOffset(copies("cp.async.wait_group 1;"), "0"));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.out[4], 0x0505050505050505u);
  Outcome all = run(withOffset(copies("cp.async.wait_all;"), "256"));
  ASSERT_EQ(all.state, State::Finished) << all.failure;
  EXPECT_EQ(all.out[4], 0x25252525u) << "bytes past src-size are zero";
  // Off by one: the result would be right, the synchronisation is not.
  Outcome early = run(withOffset(copies("cp.async.wait_group 1;"), "256"));
  EXPECT_EQ(early.kind, "async-copy") << early.failure;
  Outcome none = run(withOffset(copies(""), "0"));
  EXPECT_EQ(none.kind, "async-copy") << none.failure;
}

TEST(MachineAsync, IgnoredSourcesAreNotRead) {
  Outcome r = run(kernel(R"(
.shared .align 16 .b8 s[512];
mov.u32 %r0, s;
shl.b32 %r1, %lane, 4;
add.u32 %r0, %r0, %r1;
mov.u64 %A0, 16;
mov.u32 %r3, 0;
cp.async.cg.shared.global [%r0], [%A0], 16, %r3;
cp.async.wait_all;
ld.shared.u64 %A1, [%r0];
st.global.u64 [%o], %A1;
)"));
  EXPECT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(run(kernel(".shared .align 16 .b8 s[16]; cp.async.ca.shared.global "
                       "[s], [%in], 4, 8;"))
                .kind,
            "async-copy");
}

TEST(MachineMbarrier, PhasesAndParity) {
  // Warp 1 waits for 32 arrivals of warp 0 and then sees what it stored.
  std::string text = kernel(R"(
.shared .align 8 .b8 bar[8];
.shared .align 8 .b8 data[256];
setp.eq.u32 %p1, %thread, 0;
@%p1 mbarrier.init.shared::cta.b64 [bar], 32;
bar.sync 0;
mov.u32 %r0, data;
add.u32 %r0, %r0, %l8;
setp.ne.u32 %p2, %warp, 0;
@%p2 bra W;
st.shared.u64 [%r0], %x;
mbarrier.arrive.shared::cta.b64 %A0, [bar];
bra E;
W: mbarrier.try_wait.parity.shared::cta.b64 %p3, [bar], 0;
@!%p3 bra W;
ld.shared.u64 %A1, [%r0];
st.global.u64 [%o], %A1;
E:
)");
  Outcome r = run(text, 64);
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.out[9], 72u);
  Outcome transactions = run(kernel(R"(
.shared .align 8 .b8 bar[8];
setp.eq.u32 %p1, %lane, 0;
@%p1 mbarrier.init.shared.b64 [bar], 1;
bar.warp.sync -1;
@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [bar], 64;
bar.warp.sync -1;
mbarrier.test_wait.parity.shared.b64 %p2, [bar], 0;
@%p1 mbarrier.complete_tx.relaxed.cta.shared.b64 [bar], 64;
bar.warp.sync -1;
mbarrier.test_wait.parity.shared.b64 %p3, [bar], 0;
selp.u32 %r0, 1, 0, %p2;
selp.u32 %r1, 1, 0, %p3;
st.global.v2.u32 [%o], {%r0, %r1};
)"));
  ASSERT_EQ(transactions.state, State::Finished) << transactions.failure;
  EXPECT_EQ(transactions.out[3], uint64_t(1) << 32);
  EXPECT_EQ(run(kernel(".shared .align 8 .b8 bar[8]; "
                       "mbarrier.arrive.shared.b64 _, [bar];"))
                .kind,
            "mbarrier");
  // Nobody arrives: only spinning is left.
  Outcome stuck = run(kernel(
      ".shared .align 8 .b8 bar[8]; setp.eq.u32 %p1, %lane, 0; @%p1 "
      "mbarrier.init.shared.b64 [bar], 1; bar.warp.sync -1;"
      "W: mbarrier.try_wait.parity.shared.b64 %p2, [bar], 0; @!%p2 bra W;"));
  EXPECT_EQ(stuck.state, State::Blocked);
}

TEST(MachineCounters, SectorsAndWavefronts) {
  Outcome r = run(kernel("ld.global.u64 %A0, [%i]; .shared .align 128 .b8 "
                         "s[4096]; mov.u32 %r0, s; shl.b32 %r1, %lane, 7; "
                         "add.u32 %r0, %r0, %r1; st.shared.u32 [%r0], 1;"));
  ASSERT_EQ(r.state, State::Finished) << r.failure;
  EXPECT_EQ(r.counts.events.globalLoad.used, 8u);
  EXPECT_EQ(r.counts.events.sharedStore.used, 32u);
  EXPECT_EQ(r.counts.events.sharedStore.ideal, 1u);
}

} // namespace
