//===- MachineArithmeticTest.cpp - Integer, float, conversion -------------===//
//
// Expected values are worked out by hand from the PTX ISA's definitions, or by the host's arithmetic of the same definition.
//
//===----------------------------------------------------------------------===//
#include "test/unit/simulator/RunPtx.h"

#include <bit>
#include <cmath>
#include <random>

using namespace moec::cudasim;
using namespace moec::cudasim::test;

namespace {

uint64_t f(float x) { return std::bit_cast<uint32_t>(x); }
uint64_t g(double x) { return std::bit_cast<uint64_t>(x); }

/// One row, a 32-bit result.
uint64_t one(const std::string &body, std::vector<uint64_t> row) {
  auto all = evaluate(body, {std::move(row)});
  return all.empty() ? ~uint64_t(0) : all[0];
}
uint64_t oneWide(const std::string &body, std::vector<uint64_t> row) {
  auto all = evaluate(body, {std::move(row)}, true);
  return all.empty() ? ~uint64_t(0) : all[0];
}

TEST(MachineInteger, AddSubMulAndTheirEdges) {
  EXPECT_EQ(one("add.s32 %d, %a0, %a1;", {0x7fffffff, 1}), 0x80000000u);
  EXPECT_EQ(one("add.sat.s32 %d, %a0, %a1;", {0x7fffffff, 1}), 0x7fffffffu);
  EXPECT_EQ(one("sub.sat.s32 %d, %a0, %a1;", {0x80000000, 1}), 0x80000000u);
  EXPECT_EQ(one("mul.hi.s32 %d, %a0, %a1;", {0xffffffff, 2}), 0xffffffffu);
  EXPECT_EQ(one("mul.hi.u32 %d, %a0, %a1;", {0xffffffff, 2}), 1u);
  EXPECT_EQ(oneWide("mul.wide.s32 %D, %a0, %a1;", {0xffffffff, 3}),
            uint64_t(-3));
  EXPECT_EQ(oneWide("mul.wide.u32 %D, %a0, %a1;", {0xffffffff, 3}),
            0x2fffffffdu);
  EXPECT_EQ(oneWide("mul.hi.u64 %D, %A0, %A1;", {~0ull, ~0ull}), ~1ull);
  EXPECT_EQ(oneWide("mul.hi.s64 %D, %A0, %A1;", {~0ull, 5}), ~0ull);
  EXPECT_EQ(oneWide("mad.lo.s64 %D, %A0, %A1, %A0;", {7, 6}), 49u);
  EXPECT_EQ(oneWide("mad.wide.s32 %D, %a0, %a1, %A0;", {5, 0xfffffffe}),
            uint64_t(-5));
  EXPECT_EQ(one("cvt.u16.u32 %h0, %a0; cvt.u16.u32 %h1, %a1; mul.wide.u16 %d, "
                "%h0, %h1;",
                {65535, 65535}),
            0xfffe0001u);
  EXPECT_EQ(one("cvt.u16.u32 %h0, %a0; mul.lo.s16 %h1, %h0, %h0; cvt.s32.s16 "
                "%d, %h1;",
                {300}),
            24464u);
  EXPECT_EQ(one("mad.hi.sat.s32 %d, %a0, %a0, %a1;", {0x80000000, 0x7fffffff}),
            0x7fffffffu);
  EXPECT_EQ(one("abs.s32 %d, %a0;", {uint32_t(-9)}), 9u);
  EXPECT_EQ(one("neg.s32 %d, %a0;", {0x80000000}), 0x80000000u);
  EXPECT_EQ(one("min.s32 %d, %a0, %a1;", {0xffffffff, 1}), 0xffffffffu);
  EXPECT_EQ(one("min.u32 %d, %a0, %a1;", {0xffffffff, 1}), 1u);
  EXPECT_EQ(one("sad.s32 %d, %a0, %a1, 10;", {uint32_t(-4), 3}), 17u);
  EXPECT_EQ(one("mul24.lo.u32 %d, %a0, %a1;", {0xff000003, 5}), 15u);
  EXPECT_EQ(one("div.s32 %d, %a0, %a1;", {uint32_t(-7), 2}), uint32_t(-3));
  EXPECT_EQ(one("rem.s32 %d, %a0, %a1;", {uint32_t(-7), 2}), uint32_t(-1));
  EXPECT_EQ(one("div.s32 %d, %a0, %a1;", {0x80000000, 0xffffffff}),
            0x80000000u);
  EXPECT_EQ(one("add.u16x2 %d, %a0, %a1;", {0xffff0001, 0x00020003}),
            0x00010004u);
  EXPECT_EQ(one("max.s16x2 %d, %a0, %a1;", {0xffff0001, 0x0002fff0}),
            0x00020001u);
}

TEST(MachineInteger, DivisionByZeroIsReported) {
  Simulation s;
  ASSERT_TRUE(s.load(laneKernel("div.u32 %d, %a0, %a1;", 2, false))) << s.error;
  std::vector<uint64_t> in(64, 1);
  in[32 + 5] = 0;
  EXPECT_EQ(s.run("k", {}, {s.upload(in), s.allocate(256)}),
            Grid::State::Failed);
  EXPECT_EQ(s.failureKind(), "arithmetic");
  EXPECT_EQ(s.grid->failure()->lane, 5);
}

TEST(MachineInteger, CarryChains) {
  EXPECT_EQ(oneWide("add.cc.u32 %t1, %a0, %a1; addc.u32 %t2, 0, 0; mov.b64 %D, "
                    "{%t1, %t2};",
                    {0xffffffff, 2}),
            0x100000001u);
  EXPECT_EQ(oneWide("sub.cc.u32 %t1, %a0, %a1; subc.u32 %t2, 5, 0; mov.b64 %D, "
                    "{%t1, %t2};",
                    {1, 2}),
            0x4ffffffffu);
  EXPECT_EQ(oneWide("mad.lo.cc.u32 %t1, %a0, %a1, %a0; madc.hi.u32 %t2, %a0, "
                    "%a1, 7; mov.b64 %D, {%t1, %t2};",
                    {0xffffffff, 0xffffffff}),
            // 0xffffffff² = 0xfffffffe00000001; + 0xffffffff carries.
            (uint64_t(uint32_t(0xfffffffeu + 7 + 1)) << 32) | 0u);
}

TEST(MachineBits, ShiftsClamp) {
  EXPECT_EQ(one("shl.b32 %d, %a0, %a1;", {1, 32}), 0u);
  EXPECT_EQ(one("shr.s32 %d, %a0, %a1;", {0x80000000, 77}), 0xffffffffu);
  EXPECT_EQ(one("shr.u32 %d, %a0, %a1;", {0x80000000, 31}), 1u);
  EXPECT_EQ(oneWide("shl.b64 %D, %A0, %a1;", {1, 63}), 1ull << 63);
  EXPECT_EQ(oneWide("shr.u64 %D, %A0, %a1;", {~0ull, 64}), 0u);
  EXPECT_EQ(
      one("cvt.u16.u32 %h0, %a0; shr.s16 %h1, %h0, 20; cvt.u32.u16 %d, %h1;",
          {0x8000}),
      0xffffu);
  EXPECT_EQ(one("shf.l.wrap.b32 %d, %a0, %a1, 36;", {0xabcdef01, 0x12345678}),
            0x2345678au);
  EXPECT_EQ(one("shf.r.clamp.b32 %d, %a0, %a1, 40;", {0xabcdef01, 0x12345678}),
            0x12345678u);
  EXPECT_EQ(one("shf.r.wrap.b32 %d, %a0, %a1, 8;", {0xabcdef01, 0x12345678}),
            0x78abcdefu);
}

TEST(MachineBits, NthSetBit) {
  // Bits 2, 4, 5 and 7.
  auto find = [](uint32_t base, int32_t n) {
    return one("fns.b32 %d, %a0, %a1, %a2;", {0xb4, base, uint32_t(n)});
  };
  EXPECT_EQ(find(0, 1), 2u);
  EXPECT_EQ(find(0, 3), 5u);
  EXPECT_EQ(find(0, 5), 0xffffffffu);
  EXPECT_EQ(find(4, 1), 4u);
  EXPECT_EQ(find(6, 1), 7u);
  EXPECT_EQ(find(7, -2), 5u);
  EXPECT_EQ(find(3, -1), 2u);
  EXPECT_EQ(find(31, -5), 0xffffffffu);
  EXPECT_EQ(find(4, 0), 4u);
  EXPECT_EQ(find(3, 0), 0xffffffffu);
  EXPECT_EQ(find(0, INT32_MIN), 0xffffffffu);
  EXPECT_NE(refusal("fns.u32 %d, %a0, %a1, 1;"), "");
}

TEST(MachineBits, FieldsAndSearches) {
  EXPECT_EQ(one("bfe.u32 %d, %a0, 8, 12;", {0x12345678}), 0x456u);
  EXPECT_EQ(one("bfe.s32 %d, %a0, 4, 4;", {0x000000f0}), 0xffffffffu);
  EXPECT_EQ(one("bfe.s32 %d, %a0, 4, 0;", {0xffffffff}), 0u);
  EXPECT_EQ(one("bfe.s32 %d, %a0, 28, 16;", {0x90000000}), 0xfffffff9u);
  EXPECT_EQ(one("bfe.u32 %d, %a0, 28, 16;", {0x90000000}), 9u);
  EXPECT_EQ(oneWide("bfe.u64 %D, %A0, 60, 4;", {0xa000000000000000}), 10u);
  EXPECT_EQ(one("bfi.b32 %d, %a0, %a1, 8, 8;", {0xabcd, 0x11111111}),
            0x1111cd11u);
  EXPECT_EQ(one("bfi.b32 %d, %a0, %a1, 33, 8;", {0xabcd, 0x11111111}),
            0x11111111u);
  EXPECT_EQ(one("bfind.u32 %d, %a0;", {0}), 0xffffffffu);
  EXPECT_EQ(one("bfind.u32 %d, %a0;", {0x100}), 8u);
  EXPECT_EQ(one("bfind.shiftamt.u32 %d, %a0;", {0x100}), 23u);
  EXPECT_EQ(one("bfind.s32 %d, %a0;", {0xffffff00}), 7u);
  EXPECT_EQ(one("brev.b32 %d, %a0;", {0x1}), 0x80000000u);
  EXPECT_EQ(one("clz.b64 %d, %A0;", {1}), 63u);
  EXPECT_EQ(one("popc.b64 %d, %A0;", {~0ull}), 64u);
  EXPECT_EQ(one("bmsk.clamp.b32 %d, 4, 8;", {0}), 0xff0u);
  EXPECT_EQ(one("prmt.b32 %d, %a0, %a1, 0x7531;", {0x03020100, 0x07060504}),
            0x07050301u);
  EXPECT_EQ(one("prmt.b32 %d, %a0, %a1, 0x000b;", {0x80000000, 0}), 0xffu);
  EXPECT_EQ(one("prmt.b32.f4e %d, %a0, %a1, 1;", {0x03020100, 0x07060504}),
            0x04030201u);
  EXPECT_EQ(
      one("lop3.b32 %d, %a0, %a1, 0xff00ff00, 0xca;", {0x0f0f0f0f, 0x12345678}),
      (0x0f0f0f0fu & 0x12345678u) | (~0x0f0f0f0fu & 0xff00ff00u));
  EXPECT_EQ(one("dp4a.s32.s32 %d, %a0, %a1, 100;", {0xff020304, 0x01020304}),
            100u + uint32_t(-1 + 4 + 9 + 16));
  EXPECT_EQ(one("dp2a.lo.s32.u32 %d, %a0, %a1, 0;", {0xffff0002, 0x00000305}),
            uint32_t(2 * 5 - 3));
  EXPECT_EQ(one("not.b32 %t1, %a0; xor.b32 %d, %t1, 0xf0;", {0}), 0xffffff0fu);
  EXPECT_EQ(one("cnot.b32 %d, %a0;", {0}), 1u);
}

TEST(MachineCompare, PredicatesAndSelection) {
  std::string select = " selp.u32 %d, 1, 2, %p1;";
  EXPECT_EQ(one("setp.lt.s32 %p1, %a0, %a1;" + select, {0xffffffff, 0}), 1u);
  EXPECT_EQ(one("setp.lt.u32 %p1, %a0, %a1;" + select, {0xffffffff, 0}), 2u);
  EXPECT_EQ(one("setp.eq.f32 %p1, %a0, %a1;" + select, {f(NAN), f(NAN)}), 2u);
  EXPECT_EQ(one("setp.ne.f32 %p1, %a0, %a1;" + select, {f(NAN), f(1)}), 2u);
  EXPECT_EQ(one("setp.neu.f32 %p1, %a0, %a1;" + select, {f(NAN), f(1)}), 1u);
  EXPECT_EQ(one("setp.ltu.f32 %p1, %a0, %a1;" + select, {f(NAN), f(1)}), 1u);
  EXPECT_EQ(one("setp.nan.f32 %p1, %a0, %a1;" + select, {f(NAN), f(1)}), 1u);
  EXPECT_EQ(one("setp.gt.f32 %p1, %a0, 0f00000000;" + select, {1}), 1u);
  EXPECT_EQ(one("setp.gt.ftz.f32 %p1, %a0, 0f00000000;" + select, {1}), 2u);
  EXPECT_EQ(one("setp.eq.f64 %p1, %A0, %A0;" + select, {g(1.5)}), 1u);
  EXPECT_EQ(one("setp.lt.s32 %p2, %a0, 5; setp.ge.and.s32 %p1|%p3, %a0, 0, "
                "%p2; selp.u32 %t1, 4, 0, %p3; selp.u32 %t2, 1, 2, %p1;"
                "or.b32 %d, %t1, %t2;",
                {3}),
            1u);
  EXPECT_EQ(one("setp.lt.s32 %p2, %a0, 5; setp.ge.and.s32 %p1|%p3, %a0, 0, "
                "!%p2; selp.u32 %t1, 4, 0, %p3; selp.u32 %t2, 1, 2, %p1;"
                "or.b32 %d, %t1, %t2;",
                {uint32_t(-3)}),
            2u);
  EXPECT_EQ(one("set.gt.u32.f32 %d, %a0, 0f3F800000;", {f(2)}), 0xffffffffu);
  EXPECT_EQ(one("set.gt.f32.s32 %d, %a0, 1;", {2}), 0x3f800000u);
  EXPECT_EQ(one("set.le.f16x2.f16x2 %d, %a0, %a1;", {0x3c004000, 0x3c003c00}),
            0x3c000000u);
  EXPECT_EQ(one("slct.u32.s32 %d, 1, 2, %a0;", {uint32_t(-1)}), 2u);
  EXPECT_EQ(one("setp.eq.u32 %p1, %a0, 1; not.pred %p2, %p1; and.pred %p3, "
                "%p1, !%p2; selp.u32 %d, 1, 2, %p3;",
                {1}),
            1u);
}

TEST(MachineFloat, ModesAreNotIgnored) {
  float tiny = 0x1p-140f;
  EXPECT_EQ(one("mul.f32 %d, %a0, %a1;", {f(tiny), f(0.5f)}), f(0x1p-141f));
  EXPECT_EQ(one("mul.ftz.f32 %d, %a0, %a1;", {f(-tiny), f(4)}), f(-0.0f));
  EXPECT_EQ(one("add.sat.f32 %d, %a0, %a1;", {f(0.75f), f(0.5f)}), f(1));
  EXPECT_EQ(one("add.sat.f32 %d, %a0, %a1;", {f(NAN), f(0.5f)}), f(0));
  EXPECT_EQ(one("add.rz.f32 %d, %a0, %a1;", {f(1), f(0x1.8p-24f)}), f(1));
  EXPECT_EQ(one("add.rp.f32 %d, %a0, %a1;", {f(1), f(0x1p-60f)}),
            f(1.0f + 0x1p-23f));
  EXPECT_EQ(one("add.rm.f32 %d, %a0, %a1;", {f(1), f(-0x1p-60f)}),
            f(1.0f - 0x1p-24f));
  EXPECT_EQ(one("fma.rn.f32 %d, %a0, %a0, %a1;",
                {f(1 + 0x1p-12f), f(-(1 + 0x1p-11f))}),
            f(0x1p-24f));
  EXPECT_EQ(one("div.rn.f32 %d, %a0, %a1;", {f(1), f(3)}), f(1.0f / 3.0f));
  EXPECT_EQ(one("sqrt.rn.f32 %d, %a0;", {f(2)}), f(std::sqrt(2.0f)));
  EXPECT_EQ(one("rcp.rz.f32 %d, %a0;", {f(3)}), 0x3eaaaaaau);
  EXPECT_EQ(one("add.f32 %d, %a0, %a1;", {f(NAN), f(1)}), 0x7fffffffu);
  EXPECT_EQ(one("min.f32 %d, %a0, %a1;", {f(NAN), f(1)}), f(1));
  EXPECT_EQ(one("min.NaN.f32 %d, %a0, %a1;", {f(NAN), f(1)}), 0x7fffffffu);
  EXPECT_EQ(one("max.f32 %d, %a0, %a1;", {f(-0.0f), f(0.0f)}), f(0.0f));
  EXPECT_EQ(one("neg.f32 %d, %a0;", {f(0)}), 0x80000000u);
  EXPECT_EQ(one("copysign.f32 %d, %a0, %a1;", {f(-1), f(5)}), f(-5));
  EXPECT_EQ(oneWide("fma.rn.f64 %D, %A0, %A0, %A1;", {g(1.5), g(0.25)}),
            g(2.5));
  EXPECT_EQ(oneWide("div.rn.f64 %D, %A0, %A1;", {g(1), g(3)}), g(1.0 / 3.0));
  EXPECT_EQ(one("testp.subnormal.f32 %p1, %a0; selp.u32 %d, 1, 0, %p1;", {1}),
            1u);
  EXPECT_EQ(one("ex2.approx.f32 %d, %a0;", {f(5)}), f(32));
  EXPECT_EQ(one("ex2.approx.ftz.f32 %d, %a0;", {f(-130)}), f(0));
  EXPECT_EQ(one("lg2.approx.f32 %d, %a0;", {f(0)}), f(-INFINITY));
  EXPECT_EQ(one("rsqrt.approx.f32 %d, %a0;", {f(4)}), f(0.5f));
  EXPECT_EQ(one("div.full.f32 %d, %a0, %a1;", {f(6), f(2)}), f(3));
  EXPECT_EQ(one("tanh.approx.f32 %d, %a0;", {f(0)}), f(0));
}

TEST(MachineFloat, Halves) {
  EXPECT_EQ(one("add.f16x2 %d, %a0, %a1;", {0x3c004000, 0x3c003c00}),
            0x40004200u);
  EXPECT_EQ(one("fma.rn.bf16x2 %d, %a0, %a0, %a1;", {0x3f804000, 0x3f803f80}),
            0x400040a0u);
  EXPECT_EQ(
      one("fma.rn.relu.f16x2 %d, %a0, %a1, %a1;", {0x3c003c00, 0xbc003c00}),
      0x00004000u);
  EXPECT_EQ(one("max.bf16x2 %d, %a0, %a1;", {0x3f80bf80, 0x40003f80}),
            0x40003f80u);
  EXPECT_EQ(one("neg.bf16x2 %d, %a0;", {0x3f80bf80}), 0xbf803f80u);
  EXPECT_EQ(one("cvt.u16.u32 %h0, %a0; add.rn.f16 %h1, %h0, %h0; cvt.u32.u16 "
                "%d, %h1;",
                {0x3555}),
            0x3955u);
  EXPECT_EQ(one("ex2.approx.f16x2 %d, %a0;", {0x3c000000}), 0x40003c00u);
}

TEST(MachineConvert, IntegersChopExtendSaturate) {
  EXPECT_EQ(one("cvt.s32.s8 %d, %a0;", {0x1ff}), 0xffffffffu);
  EXPECT_EQ(one("cvt.u32.u8 %d, %a0;", {0x1ff}), 0xffu);
  EXPECT_EQ(oneWide("cvt.s64.s32 %D, %a0;", {0x80000000}), 0xffffffff80000000u);
  EXPECT_EQ(one("cvt.sat.u8.s32 %d, %a0;", {uint32_t(-5)}), 0u);
  EXPECT_EQ(one("cvt.sat.s8.s32 %d, %a0;", {1000}), 127u);
  EXPECT_EQ(one("cvt.sat.u8.u32 %d, %a0;", {1000}), 255u);
  EXPECT_EQ(one("cvt.sat.s16.s32 %d, %a0;", {uint32_t(-100000)}), 0xffff8000u);
  EXPECT_EQ(one("cvt.pack.sat.u16.s32 %d, %a0, %a1;", {70000, uint32_t(-3)}),
            0xffff0000u);
  EXPECT_EQ(
      one("cvt.pack.sat.s8.s32.b32 %d, %a0, %a1, 0x1234;", {200, uint32_t(-3)}),
      0x12347ffdu);
}

TEST(MachineConvert, FloatsAndIntegers) {
  EXPECT_EQ(one("cvt.rzi.s32.f32 %d, %a0;", {f(-2.7f)}), uint32_t(-2));
  EXPECT_EQ(one("cvt.rni.s32.f32 %d, %a0;", {f(2.5f)}), 2u);
  EXPECT_EQ(one("cvt.rpi.s32.f32 %d, %a0;", {f(2.1f)}), 3u);
  EXPECT_EQ(one("cvt.rmi.s32.f32 %d, %a0;", {f(-2.1f)}), uint32_t(-3));
  EXPECT_EQ(one("cvt.rzi.s32.f32 %d, %a0;", {f(1e20f)}), 0x7fffffffu);
  EXPECT_EQ(one("cvt.rzi.u32.f32 %d, %a0;", {f(-5)}), 0u);
  EXPECT_EQ(one("cvt.rzi.s32.f32 %d, %a0;", {f(NAN)}), 0u);
  EXPECT_EQ(one("cvt.rn.f32.s32 %d, %a0;", {0x7fffffff}), f(0x1p31f));
  EXPECT_EQ(one("cvt.rz.f32.u32 %d, %a0;", {0xffffffff}), 0x4f7fffffu);
  EXPECT_EQ(one("cvt.rn.f32.f64 %d, %A0;", {g(0.1)}), f(0.1f));
  EXPECT_EQ(one("cvt.rp.f32.f64 %d, %A0;", {g(1 + 0x1p-40)}), f(1 + 0x1p-23f));
  EXPECT_EQ(oneWide("cvt.f64.f32 %D, %a0;", {f(0.1f)}), g(double(0.1f)));
  EXPECT_EQ(one("cvt.rni.f32.f32 %d, %a0;", {f(3.5f)}), f(4));
  EXPECT_EQ(one("cvt.sat.f32.f32 %d, %a0;", {f(3.5f)}), f(1));
  EXPECT_EQ(one("cvt.ftz.f32.f32 %d, %a0;", {1}), 0u);
  EXPECT_EQ(one("cvt.rzi.f32.f32 %d, %a0;", {f(-0.5f)}), f(-0.0f));
}

TEST(MachineConvert, SmallFormats) {
  EXPECT_EQ(one("cvt.rn.bf16x2.f32 %d, %a0, %a1;", {f(1), f(2)}), 0x3f804000u);
  EXPECT_EQ(one("cvt.rn.relu.f16x2.f32 %d, %a0, %a1;", {f(-1), f(2)}),
            0x00004000u);
  EXPECT_EQ(one("cvt.rz.bf16x2.f32 %d, %a0, %a1;", {0x3f80ffff, 0x3f80ffff}),
            0x3f803f80u);
  EXPECT_EQ(one("cvt.rn.f16.f32 %h0, %a0; cvt.u32.u16 %d, %h0;", {f(65520)}),
            0x7c00u);
  EXPECT_EQ(one("cvt.u16.u32 %h0, %a0; cvt.f32.bf16 %d, %h0;", {0x4049}),
            0x40490000u);
  EXPECT_EQ(one("cvt.u16.u32 %h0, %a0; cvt.f32.f16 %d, %h0;", {0x0001}),
            f(0x1p-24f));
  EXPECT_EQ(
      one("cvt.rn.satfinite.e4m3x2.f32 %h0, %a0, %a1; cvt.u32.u16 %d, %h0;",
          {f(1000), f(-1)}),
      0x7eb8u);
  EXPECT_EQ(
      one("cvt.rn.satfinite.e5m2x2.f32 %h0, %a0, %a1; cvt.u32.u16 %d, %h0;",
          {f(1), f(2)}),
      0x3c40u);
  EXPECT_EQ(one("cvt.u16.u32 %h0, %a0; cvt.rn.f16x2.e4m3x2 %d, %h0;", {0x7eb8}),
            0x5f00bc00u);
  EXPECT_EQ(one("cvt.rna.tf32.f32 %d, %a0;", {0x3f801000}), 0x3f802000u);
  EXPECT_EQ(one("cvt.rn.bf16.s32 %h0, %a0; cvt.u32.u16 %d, %h0;", {257}),
            0x4380u);
}

/// Random operands against the host: what the definitions have in common with C++.
TEST(MachineArithmetic, RandomAgainstHost) {
  std::mt19937_64 random(7);
  std::vector<std::vector<uint64_t>> rows;
  for (int i = 0; i < 32; ++i)
    rows.push_back({random(), random()});
  auto check = [&](const std::string &body, auto expected, bool wide = false) {
    auto all = evaluate(body, rows, wide);
    ASSERT_EQ(all.size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i)
      EXPECT_EQ(all[i], uint64_t(expected(rows[i][0], rows[i][1])))
          << body << " row " << i;
  };
  check("mad.lo.s32 %d, %a0, %a1, %a0;", [](uint64_t a, uint64_t b) {
    return uint32_t(a) * uint32_t(b) + uint32_t(a);
  });
  check(
      "sub.s64 %D, %A0, %A1;", [](uint64_t a, uint64_t b) { return a - b; },
      true);
  check("mul.hi.u32 %d, %a0, %a1;", [](uint64_t a, uint64_t b) {
    return uint64_t(uint32_t(a)) * uint32_t(b) >> 32;
  });
  check(
      "rem.u64 %D, %A0, %A1;", [](uint64_t a, uint64_t b) { return a % b; },
      true);
  check("cvt.rn.f32.s64 %d, %A0;",
        [](uint64_t a, uint64_t) { return f(float(int64_t(a))); });
  check(
      "cvt.rn.f64.u64 %D, %A0;",
      [](uint64_t a, uint64_t) { return g(double(a)); }, true);
  check(
      "mov.b64 {%t1, %t2}, %A0; mov.b64 %D, {%t2, %t1};",
      [](uint64_t a, uint64_t) { return a >> 32 | a << 32; }, true);
  check(
      "xor.b64 %D, %A0, %A1; not.b64 %D, %D;",
      [](uint64_t a, uint64_t b) { return ~(a ^ b); }, true);
}

TEST(MachineFloat, MixedPrecision) {
  // 1.5 (f16 0x3e00, bf16 0x3fc0) and 2^-24: f32 keeps what the narrow formats would round away.
  auto value = [](const std::string &body, uint64_t narrow) {
    return test::evaluate("cvt.u16.u32 %h0, %a0;\n" + body,
                          {{narrow, 0x33800000}})[0];
  };
  EXPECT_EQ(value("add.rp.f32.f16 %d, %h0, %a1;", 0x3e00), 0x3fc00001u);
  EXPECT_EQ(value("add.f32.bf16 %d, %h0, %a1;", 0x3fc0), 0x3fc00000u);
  EXPECT_EQ(value("sub.rz.f32.bf16 %d, %h0, %a1;", 0x3fc0), 0x3fbfffffu);
  EXPECT_EQ(value("add.rn.sat.f32.bf16 %d, %h0, %a1;", 0x3fc0), 0x3f800000u);
  // 1.5 * 1.5 + 2^-24
  EXPECT_EQ(value("fma.rn.f32.f16 %d, %h0, %h0, %a1;", 0x3e00), 0x40100000u);
  EXPECT_EQ(value("fma.rp.f32.bf16 %d, %h0, %h0, %a1;", 0x3fc0), 0x40100001u);
  EXPECT_NE(test::refusal("add.rn.ftz.f32.f16 %d, %h0, %a1;"), "");
  EXPECT_NE(test::refusal("add.rn.f64.f16 %D, %h0, %A1;"), "");
  EXPECT_NE(test::refusal("mul.rn.f32.f16 %d, %h0, %a1;"), "");
}

} // namespace
