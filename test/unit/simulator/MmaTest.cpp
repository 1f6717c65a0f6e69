//===- MmaTest.cpp - Fragments and matrix instructions --------------------===//
//
// The layouts here are the rows of the manual's tables, element by element, and not the rule that the simulator makes of them.
//
//===----------------------------------------------------------------------===//
#include "simulator/arithmetic/Mma.h"
#include "simulator/arithmetic/Float.h"
#include "simulator/arithmetic/Fragments.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

using namespace moec::cudasim;

namespace {

// Types of operands, not the formats of the same names.
using enum MatrixType;

struct Layout {
  MmaShape shape;
  unsigned elementsA, elementsB;
  Position (*a)(unsigned g, unsigned t, unsigned i);
  Position (*b)(unsigned g, unsigned t, unsigned i); // row k, column n
};

Position accumulator(unsigned g, unsigned t, unsigned i) {
  return {i < 2 ? g : g + 8, 2 * t + (i & 1)};
}

// m16n8k16 of 16 bits.
Position aHalf16(unsigned g, unsigned t, unsigned i) {
  bool low = i == 0 || i == 1 || i == 4 || i == 5;
  return {low ? g : g + 8, 2 * t + (i & 1) + (i >= 4 ? 8 : 0)};
}
Position bHalf16(unsigned g, unsigned t, unsigned i) {
  return {2 * t + (i & 1) + (i >= 2 ? 8 : 0), g};
}
// m16n8k8 of 16 bits.
Position aHalf8(unsigned g, unsigned t, unsigned i) {
  return {i < 2 ? g : g + 8, 2 * t + (i & 1)};
}
Position bHalf8(unsigned g, unsigned t, unsigned i) {
  return {2 * t + (i & 1), g};
}
// m16n8k8 and m16n8k4 of tf32.
Position aWord8(unsigned g, unsigned t, unsigned i) {
  return {i == 0 || i == 2 ? g : g + 8, i == 0 || i == 1 ? t : t + 4};
}
Position bWord8(unsigned g, unsigned t, unsigned i) {
  return {i == 0 ? t : t + 4, g};
}
Position aWord4(unsigned g, unsigned t, unsigned i) {
  return {i == 0 ? g : g + 8, t};
}
Position bWord4(unsigned g, unsigned t, unsigned) { return {t, g}; }
// m16n8k32 and m16n8k16 of 8 bits.
Position aByte32(unsigned g, unsigned t, unsigned i) {
  bool low = i < 4 || (i >= 8 && i < 12);
  return {low ? g : g + 8, 4 * t + (i & 3) + (i >= 8 ? 16 : 0)};
}
Position bByte32(unsigned g, unsigned t, unsigned i) {
  return {4 * t + (i & 3) + (i >= 4 ? 16 : 0), g};
}
Position aByte16(unsigned g, unsigned t, unsigned i) {
  return {i < 4 ? g : g + 8, 4 * t + (i & 3)};
}
Position bByte16(unsigned g, unsigned t, unsigned i) { return {4 * t + i, g}; }
// m8n8k16 of 8 bits.
Position aByteM8(unsigned g, unsigned t, unsigned i) { return {g, 4 * t + i}; }

const Layout layouts[] = {
    {{16, 8, 16, F16, F16, F32}, 8, 4, aHalf16, bHalf16},
    {{16, 8, 16, F16, F16, F16}, 8, 4, aHalf16, bHalf16},
    {{16, 8, 16, BF16, BF16, F32}, 8, 4, aHalf16, bHalf16},
    {{16, 8, 8, F16, F16, F32}, 4, 2, aHalf8, bHalf8},
    {{16, 8, 8, F16, F16, F16}, 4, 2, aHalf8, bHalf8},
    {{16, 8, 8, BF16, BF16, F32}, 4, 2, aHalf8, bHalf8},
    {{16, 8, 8, TF32, TF32, F32}, 4, 2, aWord8, bWord8},
    {{16, 8, 4, TF32, TF32, F32}, 2, 1, aWord4, bWord4},
    {{16, 8, 32, E4M3, E4M3, F32}, 16, 8, aByte32, bByte32},
    {{16, 8, 32, E5M2, E4M3, F32}, 16, 8, aByte32, bByte32},
    {{16, 8, 32, E4M3, E5M2, F32}, 16, 8, aByte32, bByte32},
    {{16, 8, 16, E5M2, E5M2, F32}, 8, 4, aByte16, bByte16},
    {{16, 8, 32, E4M3, E4M3, F16}, 16, 8, aByte32, bByte32},
    {{16, 8, 32, S8, S8, S32}, 16, 8, aByte32, bByte32},
    {{16, 8, 32, U8, S8, S32}, 16, 8, aByte32, bByte32},
    {{16, 8, 16, S8, U8, S32}, 8, 4, aByte16, bByte16},
    {{8, 8, 16, U8, U8, S32}, 4, 4, aByteM8, bByte16},
};

unsigned bitsOf(MatrixType type) {
  return type == TF32 || type == F32 || type == S32 ? 32
         : type == F16 || type == BF16              ? 16
                                                    : 8;
}

/// Small integers, which all types hold exactly.
uint32_t pattern(MatrixType type, int x) {
  switch (type) {
  case F16:
    return encode<moec::cudasim::F16>(float(x), Rounding::NearestEven);
  case BF16:
    return encode<moec::cudasim::BF16>(float(x), Rounding::NearestEven);
  case E4M3:
    return encode<moec::cudasim::E4M3>(float(x), Rounding::NearestEven);
  case E5M2:
    return encode<moec::cudasim::E5M2>(float(x), Rounding::NearestEven);
  case S8:
  case U8:
    return uint8_t(x);
  case S32:
    return uint32_t(x);
  default:
    return std::bit_cast<uint32_t>(float(x));
  }
}

/// Registers of a warp, and pointers to them.
struct Registers {
  uint32_t lanes[8][32] = {};
  const uint32_t *in[8];
  uint32_t *out[8];
  Registers() {
    for (unsigned r = 0; r < 8; ++r)
      in[r] = out[r] = lanes[r];
  }
  Registers(const Registers &) = delete;
  void clear() { std::memset(lanes, 0, sizeof(lanes)); }
  /// Element i of a lane, of `width` bits, the first in the low bits.
  void set(unsigned lane, unsigned i, unsigned width, uint32_t bits) {
    lanes[i * width / 32][lane] |= bits << (i * width % 32);
  }
  uint32_t get(unsigned lane, unsigned i, unsigned width) const {
    uint32_t word = lanes[i * width / 32][lane];
    return width == 32 ? word : word >> (i * width % 32) & ((1u << width) - 1);
  }
};

TEST(SimulatorMma, EveryLayoutMultipliesIntegersExactly) {
  std::mt19937 random(1);
  for (const Layout &layout : layouts) {
    const MmaShape &s = layout.shape;
    ASSERT_TRUE(s.supported());
    ASSERT_EQ(s.registersA() * 32, layout.elementsA * bitsOf(s.a));
    ASSERT_EQ(s.registersB() * 32, layout.elementsB * bitsOf(s.b));
    unsigned accumulators = s.m / 8 * 2;
    ASSERT_EQ(s.registersC() * 32, accumulators * bitsOf(s.accumulator));
    for (int round = 0; round < 20; ++round) {
      int a[16][32], b[32][8], c[16][8];
      auto draw = [&](MatrixType type) {
        return int(random() % 5) - (type == U8 ? 0 : 2);
      };
      for (auto &row : a)
        for (int &x : row)
          x = draw(s.a);
      for (auto &row : b)
        for (int &x : row)
          x = draw(s.b);
      for (auto &row : c)
        for (int &x : row)
          x = int(random() % 9) - 4;
      Registers ra, rb, rc, rd;
      for (unsigned lane = 0; lane < 32; ++lane) {
        unsigned g = lane >> 2, t = lane & 3;
        for (unsigned i = 0; i < layout.elementsA; ++i) {
          Position p = layout.a(g, t, i);
          ASSERT_EQ(fragmentA(s.m, 32 / bitsOf(s.a), lane, i), p);
          ra.set(lane, i, bitsOf(s.a), pattern(s.a, a[p.row][p.column]));
        }
        for (unsigned i = 0; i < layout.elementsB; ++i) {
          Position p = layout.b(g, t, i);
          ASSERT_EQ(fragmentB(32 / bitsOf(s.b), lane, i), p);
          rb.set(lane, i, bitsOf(s.b), pattern(s.b, b[p.row][p.column]));
        }
        for (unsigned i = 0; i < accumulators; ++i) {
          Position p = accumulator(g, t, i);
          ASSERT_EQ(fragmentC(lane, i), p);
          rc.set(lane, i, bitsOf(s.accumulator),
                 pattern(s.accumulator, c[p.row][p.column]));
        }
      }
      for (unsigned architecture : {0u, 80u, 89u, 90u}) {
        // Hardware truncates nothing of such sums, except to 13 bits for fp8 on Ada, which these fit.
        Mma mma(s,
                architecture ? MmaArithmetic::Hardware : MmaArithmetic::InOrder,
                architecture);
        rd.clear();
        mma(ra.in, rb.in, rc.in, rd.out);
        for (unsigned lane = 0; lane < 32; ++lane)
          for (unsigned i = 0; i < accumulators; ++i) {
            Position p = accumulator(lane >> 2, lane & 3, i);
            int want = c[p.row][p.column];
            for (unsigned k = 0; k < s.k; ++k)
              want += a[p.row][k] * b[k][p.column];
            uint32_t bits = pattern(s.accumulator, want),
                     got = rd.get(lane, i, bitsOf(s.accumulator));
            ASSERT_EQ(got, bits) << "k" << s.k << " of type " << int(s.a)
                                 << " lane " << lane << " element " << i;
          }
      }
      // In place.
      Mma mma(s);
      mma(ra.in, rb.in, rc.in, rc.out);
      ASSERT_EQ(std::memcmp(rc.lanes, rd.lanes,
                            sizeof(uint32_t) * 32 * s.registersC()),
                0);
    }
  }
}

TEST(SimulatorMma, F32SumsAreFmaInTheOrderOfK) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  Registers a, b, c, d;
  float ma[16][16], mb[16][8], mc[16][8];
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned g = lane >> 2, t = lane & 3;
    for (unsigned i = 0; i < 8; ++i) {
      uint16_t x = toBF16(normal(random));
      a.set(lane, i, 16, x);
      Position p = aHalf16(g, t, i);
      ma[p.row][p.column] = fromBF16(x);
    }
    for (unsigned i = 0; i < 4; ++i) {
      uint16_t x = toBF16(normal(random));
      b.set(lane, i, 16, x);
      Position p = bHalf16(g, t, i);
      mb[p.row][p.column] = fromBF16(x);
      Position q = accumulator(g, t, i);
      mc[q.row][q.column] = normal(random);
      c.set(lane, i, 32, std::bit_cast<uint32_t>(mc[q.row][q.column]));
    }
  }
  Mma mma({16, 8, 16, BF16, BF16, F32});
  mma(a.in, b.in, c.in, d.out);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      Position p = accumulator(lane >> 2, lane & 3, i);
      float sum = mc[p.row][p.column];
      for (unsigned k = 0; k < 16; ++k)
        sum = std::fma(ma[p.row][k], mb[k][p.column], sum);
      ASSERT_EQ(d.get(lane, i, 32), std::bit_cast<uint32_t>(sum));
    }
}

TEST(SimulatorMma, SpecialValues) {
  // tf32 ignores the low 13 bits: 1 + 2^-23 is 1.
  Registers a, b, c, d;
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      a.lanes[i][lane] = 0x3f800001;
      b.lanes[i][lane] = 0x3f800000;
    }
  Mma({16, 8, 8, TF32, TF32, F32})(a.in, b.in, c.in, d.out);
  EXPECT_EQ(d.get(0, 0, 32), std::bit_cast<uint32_t>(8.0f));
  // NaN is canonical.
  a.lanes[0][0] = 0xff812345;
  Mma({16, 8, 8, TF32, TF32, F32})(a.in, b.in, c.in, d.out);
  EXPECT_EQ(d.get(0, 0, 32), CanonicalNaN32);
  EXPECT_EQ(d.get(31, 0, 32), std::bit_cast<uint32_t>(8.0f));
  // e4m3's only NaN, and 448 * 448 * 32.
  for (auto &lane : a.lanes)
    std::fill_n(lane, 32, 0x7e7e7e7e);
  Mma({16, 8, 32, E4M3, E4M3, F32})(a.in, a.in, c.in, d.out);
  EXPECT_EQ(std::bit_cast<float>(d.get(5, 3, 32)), 448.0f * 448 * 32);
  a.lanes[0][0] = 0x7e7e7e7f;
  Mma({16, 8, 32, E4M3, E4M3, F32})(a.in, b.in, c.in, d.out);
  EXPECT_EQ(d.get(0, 0, 32), CanonicalNaN32);
  // Integers wrap or clamp.
  for (auto &lane : a.lanes)
    std::fill_n(lane, 32, 0x7f7f7f7f);
  for (auto &lane : c.lanes)
    std::fill_n(lane, 32, uint32_t(INT32_MAX - 5));
  MmaShape s8{16, 8, 32, S8, S8, S32};
  Mma{s8}(a.in, a.in, c.in, d.out);
  EXPECT_EQ(int32_t(d.get(7, 2, 32)),
            int32_t(uint32_t(INT32_MAX) - 5 + 32 * 127 * 127));
  s8.saturateFinite = true;
  Mma{s8}(a.in, a.in, c.in, d.out);
  EXPECT_EQ(int32_t(d.get(7, 2, 32)), INT32_MAX);
}

TEST(SimulatorMma, F64) {
  for (auto [m, k] : {std::pair{8u, 4u}, {16u, 4u}, {16u, 8u}, {16u, 16u}}) {
    MmaShape shape{m, 8, k, F64, F64, F64};
    ASSERT_TRUE(shape.supported());
    // D = A: B is the identity, or its first rows.
    static double a[8][32], b[8][32], c[8][32], d[8][32];
    const double *pa[8], *pb[8], *pc[8];
    double *pd[8];
    for (unsigned r = 0; r < 8; ++r)
      pa[r] = a[r], pb[r] = b[r], pc[r] = c[r], pd[r] = d[r];
    auto cell = [](unsigned row, unsigned column) {
      return 100.0 * row + column + 0.125;
    };
    for (unsigned lane = 0; lane < 32; ++lane) {
      unsigned g = lane >> 2, t = lane & 3;
      for (unsigned i = 0; i < shape.registersA(); ++i) {
        unsigned row = m == 8 || i % 2 == 0 ? g : g + 8,
                 column = t + (m == 8 ? 0 : i / 2 * 4);
        a[i][lane] = cell(row, column);
      }
      for (unsigned i = 0; i < shape.registersB(); ++i)
        b[i][lane] = t + 4 * i == g;
      for (unsigned i = 0; i < shape.registersC(); ++i)
        c[i][lane] = 1;
    }
    Mma mma(shape);
    mma(pa, pb, pc, pd);
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < shape.registersC(); ++i) {
        Position p = accumulator(lane >> 2, lane & 3, i);
        ASSERT_EQ(d[i][lane], p.column < k ? cell(p.row, p.column) + 1 : 1);
      }
  }
}

TEST(SimulatorMma, UnsupportedShapes) {
  EXPECT_FALSE((MmaShape{16, 8, 32, BF16, BF16, F32}.supported()));
  EXPECT_FALSE((MmaShape{16, 8, 16, BF16, F16, F32}.supported()));
  EXPECT_FALSE((MmaShape{16, 8, 16, BF16, BF16, F16}.supported()));
  EXPECT_FALSE((MmaShape{16, 8, 16, F16, F16, F32, true}.supported()));
  EXPECT_FALSE((MmaShape{8, 8, 4, F16, F16, F32}.supported()));
}

// Sums by hand. F = 25 fraction bits on Hopper, 24 before.
TEST(SimulatorMma, FusedSumTruncates) {
  FusedSum hopper, ampere{.fraction = 24};
  float one[2] = {1, 1};
  // Two halves of the last place: together they count, one by one they would be lost.
  float half[2] = {0x1p-24f, 0x1p-24f};
  EXPECT_EQ(hopper(one, half, 2, 1), 1 + 0x1p-23f);
  // Below 2^-25 of the largest summand: lost, also on the negative side, toward zero.
  float lost[2] = {0x1p-26f, 0x1p-26f};
  EXPECT_EQ(hopper(one, lost, 2, 1), 1.0f);
  float back[2] = {-0x1p-26f, -0x1p-26f};
  EXPECT_EQ(hopper(one, back, 2, 1), 1.0f);
  float kept[2] = {-0x1p-25f, 0};
  EXPECT_EQ(hopper(one, kept, 2, 1),
            1 - 0x1p-24f); // 1 - 2^-25, truncated to 24 bits
  EXPECT_EQ(ampere(one, kept, 2, 1), 1.0f);
  // The product of 1.5 and 1.5 is not normalised: its exponent is 0, and 2^-25 survives. Against c of exponent 1 it is lost.
  float x[3] = {1.5f, 0x1p-13f, -1.5f}, y[3] = {1.5f, 0x1p-12f, 1.5f};
  EXPECT_EQ(hopper(x, y, 3, 0), 0x1p-25f);
  EXPECT_EQ(hopper(x, y, 2, -2.25f), 0.0f);
  // 13 bits of fp8 on Ada: 1 + 2^-14 loses the small one, the result has 13 bits.
  FusedSum ada{.smallestA = -6, .smallestB = -6, .fraction = 13, .kept = 13};
  float z[2] = {1, 0x1p-7f}, w[2] = {1, 0x1p-7f};
  EXPECT_EQ(ada(z, w, 2, 0), 1.0f);
  float v[2] = {1, 0x1p-6f};
  EXPECT_EQ(ada(v, w, 2, 0), 1 + 0x1p-13f);
  EXPECT_EQ(ada(v, w, 2, 2), 3.0f);
  // f16 results are rounded to nearest even: 2049 -> 2048, 2051 -> 2052.
  FusedSum f16{.smallestA = -14, .smallestB = -14, .half = true};
  EXPECT_EQ(f16(one, one, 1, 2048), 2048.0f);
  EXPECT_EQ(f16(one, one, 1, 2050), 2052.0f);
  // Special values.
  float infinite[2] = {INFINITY, 1}, zero[2] = {0, 1};
  EXPECT_EQ(std::bit_cast<uint32_t>(hopper(infinite, zero, 2, 0)),
            CanonicalNaN32);
  EXPECT_EQ(hopper(infinite, one, 2, 0), INFINITY);
  EXPECT_EQ(std::bit_cast<uint32_t>(hopper(infinite, one, 2, -INFINITY)),
            CanonicalNaN32);
  EXPECT_EQ(hopper(zero, zero, 1, 5), 5.0f);
}

TEST(SimulatorMma, HardwareDiffersByArchitecture) {
  // 16 products of 2^-12 2^-12 onto 1: in order, none is lost or half of them is; fused, 16 * 2^-24 = 2^-20.
  Registers a, b, c, d;
  for (auto &lane : a.lanes)
    std::fill_n(lane, 32, 0x39803980); // bf16 2^-12
  for (auto &lane : c.lanes)
    std::fill_n(lane, 32, 0x3f800000);
  MmaShape shape{16, 8, 16, BF16, BF16, F32};
  Mma{shape}(a.in, a.in, c.in, d.out);
  EXPECT_EQ(d.get(0, 0, 32), 0x3f800000u); // ties to even, 16 times
  Mma(shape, MmaArithmetic::Hardware, 90)(a.in, a.in, c.in, d.out);
  EXPECT_EQ(std::bit_cast<float>(d.get(0, 0, 32)), 1 + 0x1p-20f);
  // One product of 2^-24 in each half of K: Ampere chains two halves and loses both, Hopper has one sum.
  a.clear();
  for (unsigned lane = 0; lane < 32; ++lane)
    if (lane % 4 == 0)
      a.set(lane, 0, 16, 0x3980), a.set(lane, 4, 16, 0x3980);
  Mma(shape, MmaArithmetic::Hardware, 80)(a.in, b.in, c.in, d.out);
  EXPECT_EQ(std::bit_cast<float>(d.get(0, 0, 32)), 1.0f);
  for (auto &lane : b.lanes)
    std::fill_n(lane, 32, 0x39803980);
  Mma(shape, MmaArithmetic::Hardware, 80)(a.in, b.in, c.in, d.out);
  EXPECT_EQ(std::bit_cast<float>(d.get(0, 0, 32)), 1.0f);
  Mma(shape, MmaArithmetic::Hardware, 90)(a.in, b.in, c.in, d.out);
  EXPECT_EQ(std::bit_cast<float>(d.get(0, 0, 32)), 1 + 0x1p-23f);
}

TEST(SimulatorFragments, MatricesOfEightByEight) {
  // Element (r, c) is 256 r + c.
  uint16_t memory[8][8];
  const std::byte *rows[8];
  for (unsigned r = 0; r < 8; ++r) {
    for (unsigned c = 0; c < 8; ++c)
      memory[r][c] = uint16_t(256 * r + c);
    rows[r] = reinterpret_cast<const std::byte *>(memory[r]);
  }
  uint32_t plain[32], transposed[32], moved[32];
  loadMatrix(rows, false, plain);
  loadMatrix(rows, true, transposed);
  transposeMatrix(plain, moved);
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned g = lane >> 2, t = lane & 3;
    EXPECT_EQ(plain[lane],
              uint32_t(memory[g][2 * t] | memory[g][2 * t + 1] << 16));
    EXPECT_EQ(transposed[lane],
              uint32_t(memory[2 * t][g] | memory[2 * t + 1][g] << 16));
    EXPECT_EQ(moved[lane], transposed[lane]);
  }
  uint16_t back[8][8];
  std::byte *out[8];
  for (unsigned r = 0; r < 8; ++r)
    out[r] = reinterpret_cast<std::byte *>(back[r]);
  for (bool trans : {false, true}) {
    std::memset(back, 0, sizeof(back));
    storeMatrix(trans ? transposed : plain, trans, out);
    EXPECT_EQ(std::memcmp(back, memory, sizeof(back)), 0);
  }
}

} // namespace
