//===- WmmaTest.cpp - wmma.load, wmma.mma, wmma.store ---------------------===//
//
// Matrices whose products are known without multiplying: by a multiple of the identity, or of ones.
//
//===----------------------------------------------------------------------===//
#include "test/unit/simulator/RunPtx.h"

using namespace moec::cudasim;
using namespace moec::cudasim::test;

namespace {

using State = Grid::State;

/// "{%<prefix>0, %<prefix>1, …}"
std::string registers(const std::string &prefix, unsigned count) {
  std::string text = "{";
  for (unsigned k = 0; k < count; ++k)
    text += (k ? ", %" : "%") + prefix + std::to_string(k);
  return text + "}";
}

/// A kernel of one warp with the addresses of four matrices in %A, %B, %C, %D.
std::string kernel(const std::string &body) {
  std::string text = ".visible .entry k(.param .u64 a, .param .u64 b, .param "
                     ".u64 c, .param .u64 d) {\n.reg .b64 %A, %B, %C, %D, "
                     "%w<8>; .reg .b32 %a<8>, %b<8>, %c<8>, %d<8>, %n; .reg "
                     ".pred %p;\nmov.u32 %n, %tid.x;\n";
  for (std::string name : {"a", "b", "c", "d"})
    text += "ld.param.u64 %" + std::string(1, char(name[0] - 32)) + ", [" +
            name + "];\n";
  return module(text + body + "\nret;\n}\n");
}

struct Result {
  State state = State::Failed;
  std::string kind;
};
template <typename A, typename C, typename D>
Result run(const std::string &body, const std::vector<A> &a,
           const std::vector<A> &b, const std::vector<C> &c,
           std::vector<D> &d) {
  Simulation s;
  if (!s.load(kernel(body))) {
    ADD_FAILURE() << s.error;
    return {};
  }
  uint64_t out = s.allocate(d.size() * sizeof(D));
  Result result;
  result.state = s.run("k", {}, {s.upload(a), s.upload(b), s.upload(c), out});
  result.kind = s.failureKind();
  d = s.download<D>(out, d.size());
  return result;
}
std::string refusal(const std::string &body) {
  Simulation s;
  return s.load(kernel(body)) ? "" : s.error;
}

/// f16 of the integers 0 to 2048.
uint16_t half(unsigned n) {
  if (!n)
    return 0;
  unsigned top = 31u - unsigned(std::countl_zero(n));
  return uint16_t((top + 15) << 10 | ((n << 10 >> top) & 0x3ff));
}

TEST(Wmma, ByTwiceTheIdentityInEveryLayout) {
  // A is 16x16 with 2 on the diagonal, B(k, j) = 16 k + j, C(i, j) = 1000 + i: D(i, j) = 2 (16 i + j) + 1000 + i.
  std::vector<uint16_t> a(256), rows(256), columns(256);
  std::vector<float> c(256), d(256);
  for (unsigned i = 0; i < 16; ++i)
    for (unsigned j = 0; j < 16; ++j) {
      a[16 * i + j] = i == j ? half(2) : 0;
      rows[16 * i + j] = half(16 * i + j);
      columns[16 * j + i] = half(16 * i + j);
      c[16 * i + j] = float(1000 + i);
    }
  for (bool byColumns : {false, true}) {
    std::string layout = byColumns ? "col" : "row";
    Result r = run(
        "wmma.load.a.sync.aligned.row.m16n16k16.global.f16 " +
            registers("a", 8) + ", [%A];\nwmma.load.b.sync.aligned." + layout +
            ".m16n16k16.f16 " + registers("b", 8) +
            ", [%B], 16;\nwmma.load.c.sync.aligned.row.m16n16k16.global.f32 " +
            registers("c", 8) + ", [%C], 16;\nwmma.mma.sync.aligned.row." +
            layout + ".m16n16k16.f32.f32 " + registers("d", 8) + ", " +
            registers("a", 8) + ", " + registers("b", 8) + ", " +
            registers("c", 8) +
            ";\nwmma.store.d.sync.aligned.col.m16n16k16.global.f32 [%D], " +
            registers("d", 8) + ", 16;",
        a, byColumns ? columns : rows, c, d);
    ASSERT_EQ(r.state, State::Finished) << r.kind;
    for (unsigned i = 0; i < 16; ++i)
      for (unsigned j = 0; j < 16; ++j)
        ASSERT_EQ(d[16 * j + i], float(2 * (16 * i + j) + 1000 + i))
            << i << " " << j;
  }
}

TEST(Wmma, SumsOfHalvesFromSharedMemory) {
  // Ones: every sum of 32x8 is 16, and 2 of C. Rows of shared memory are 24 elements apart.
  std::vector<uint16_t> a(32 * 16, half(1)), b(16 * 8, half(1)), d(256);
  std::vector<float> c(256, 2);
  std::string body = R"(
.shared .align 16 .b8 s[1536];
mul.lo.u32 %a0, %n, 48;
mov.u32 %a1, s;
add.u32 %a0, %a0, %a1;
mul.wide.u32 %w0, %n, 32;
add.s64 %w0, %w0, %A;
ld.global.v4.u32 {%b0, %b1, %b2, %b3}, [%w0];
ld.global.v4.u32 {%b4, %b5, %b6, %b7}, [%w0+16];
st.shared.v4.u32 [%a0], {%b0, %b1, %b2, %b3};
st.shared.v4.u32 [%a0+16], {%b4, %b5, %b6, %b7};
bar.warp.sync -1;
cvt.u64.u32 %w1, %a1;
cvta.shared.u64 %w1, %w1;
wmma.load.a.sync.aligned.row.m32n8k16.STRIDE;
)" + ("wmma.load.b.sync.aligned.row.m32n8k16.global.f16 " + registers("b", 8)) +
                     ", [%B];\nwmma.load.c.sync.aligned.row.m32n8k16.f32 " +
                     registers("c", 8) +
                     ", [%C], 8;\nwmma.mma.sync.aligned.row.row.m32n8k16."
                     "f16.f32 " +
                     registers("d", 4) + ", " + registers("a", 8) + ", " +
                     registers("b", 8) + ", " + registers("c", 8) +
                     ";\nwmma.store.d.sync.aligned.row.m32n8k16.global.f16 "
                     "[%D], " +
                     registers("d", 4) + ", 8;";
  auto with = [&](const std::string &load) {
    std::string text = body;
    return text.replace(text.find("STRIDE"), 6, load);
  };
  for (std::string load : {"shared.f16 " + registers("a", 8) + ", [%a1], 24",
                           "f16 " + registers("a", 8) + ", [%w1], 24"}) {
    Result r = run(with(load), a, b, c, d);
    ASSERT_EQ(r.state, State::Finished) << r.kind;
    EXPECT_EQ(d, std::vector<uint16_t>(256, half(18)));
  }
  // Between the rows nobody wrote; a stride of 20 elements is 40 bytes; of 1024, past the end.
  std::string start = "shared.f16 " + registers("a", 8) + ", [%a1], ";
  EXPECT_EQ(run(with(start + "16"), a, b, c, d).kind, "uninitialised");
  EXPECT_EQ(run(with(start + "20"), a, b, c, d).kind, "misaligned");
  EXPECT_EQ(run(with(start + "1024"), a, b, c, d).kind, "out-of-bounds");
}

TEST(Wmma, IntegersWrapOrSaturate) {
  std::vector<int8_t> a(256, -1), b(256, -128);
  std::vector<int32_t> c(256, 0x7fffffff - 16 * 128 + 1), d(256);
  auto body = [](const std::string &type, const std::string &saturate) {
    return "wmma.load.a.sync.aligned.row.m16n16k16.global." + type + " " +
           registers("a", 2) +
           ", [%A];\nwmma.load.b.sync.aligned.col.m16n16k16.global." + type +
           " " + registers("b", 2) +
           ", [%B];\nwmma.load.c.sync.aligned.row.m16n16k16.global.s32 " +
           registers("c", 8) +
           ", [%C];\nwmma.mma.sync.aligned.row.col.m16n16k16.s32." + type +
           "." + type + ".s32" + saturate + " " + registers("d", 8) + ", " +
           registers("a", 2) + ", " + registers("b", 2) + ", " +
           registers("c", 8) +
           ";\nwmma.store.d.sync.aligned.row.m16n16k16.global.s32 [%D], " +
           registers("d", 8) + ";";
  };
  // 16 products of 128: one more than there is room for.
  ASSERT_EQ(run(body("s8", ""), a, b, c, d).state, State::Finished);
  EXPECT_EQ(d, std::vector<int32_t>(256, INT32_MIN));
  ASSERT_EQ(run(body("s8", ".satfinite"), a, b, c, d).state, State::Finished);
  EXPECT_EQ(d, std::vector<int32_t>(256, INT32_MAX));
  // Unsigned they are 255 and 128.
  c.assign(256, -5);
  ASSERT_EQ(run(body("u8", ""), a, b, c, d).state, State::Finished);
  EXPECT_EQ(d, std::vector<int32_t>(256, 16 * 255 * 128 - 5));
}

TEST(Wmma, BfloatTensorFloatAndDouble) {
  // 2^-8 and 3 · 2^-8 of bfloat; sums of 16 products of 3 · 2^-16, and 1.
  std::vector<uint16_t> a(128, 0x3b80), b(512, 0x3c40);
  std::vector<float> c(256, 1), d(256);
  ASSERT_EQ(
      run("wmma.load.a.sync.aligned.col.m8n32k16.global.bf16 " +
              registers("a", 2) +
              ", [%A];\nwmma.load.b.sync.aligned.row.m8n32k16.global.bf16 " +
              registers("b", 8) +
              ", [%B];\nwmma.load.c.sync.aligned.row.m8n32k16.global.f32 " +
              registers("c", 8) +
              ", [%C];\nwmma.mma.sync.aligned.col.row.m8n32k16.f32.bf16."
              "bf16.f32 " +
              registers("d", 8) + ", " + registers("a", 2) + ", " +
              registers("b", 8) + ", " + registers("c", 8) +
              ";\nwmma.store.d.sync.aligned.row.m8n32k16.global.f32 [%D], " +
              registers("d", 8) + ";",
          a, b, c, d)
          .state,
      State::Finished);
  EXPECT_EQ(d, std::vector<float>(256, 1 + 48.0f / 65536));

  // tf32 has 10 bits of mantissa: 1 + 2^-11 counts as 1.
  std::vector<float> e(128, 1 + 0x1p-11f), f(128, 3);
  ASSERT_EQ(
      run("wmma.load.a.sync.aligned.row.m16n16k8.global.tf32 " +
              registers("a", 4) +
              ", [%A];\nwmma.load.b.sync.aligned.col.m16n16k8.global.tf32 " +
              registers("b", 4) +
              ", [%B];\nwmma.load.c.sync.aligned.row.m16n16k8.global.f32 " +
              registers("c", 8) +
              ", [%C];\nwmma.mma.sync.aligned.row.col.m16n16k8.f32.tf32."
              "tf32.f32 " +
              registers("d", 8) + ", " + registers("a", 4) + ", " +
              registers("b", 4) + ", " + registers("c", 8) +
              ";\nwmma.store.d.sync.aligned.row.m16n16k8.global.f32 [%D], " +
              registers("d", 8) + ";",
          e, f, c, d)
          .state,
      State::Finished);
  EXPECT_EQ(d, std::vector<float>(256, 25));

  std::vector<double> g(32, 0x1p-30), h(32, 1), k(64, 1), l(64);
  ASSERT_EQ(
      run("wmma.load.a.sync.aligned.row.m8n8k4.global.f64 {%w0}, [%A];\n"
          "wmma.load.b.sync.aligned.row.m8n8k4.global.f64 {%w1}, [%B];\n"
          "wmma.load.c.sync.aligned.row.m8n8k4.global.f64 {%w2, %w3}, [%C];\n"
          "wmma.mma.sync.aligned.row.row.m8n8k4.f64.f64.f64.f64.rn {%w4, "
          "%w5}, {%w0}, {%w1}, {%w2, %w3};\n"
          "wmma.store.d.sync.aligned.row.m8n8k4.global.f64 [%D], {%w4, %w5};",
          g, h, k, l)
          .state,
      State::Finished);
  EXPECT_EQ(l, std::vector<double>(64, 1 + 0x1p-28));
}

TEST(Wmma, Refuses) {
  std::string a8 = registers("a", 8), a4 = registers("a", 4);
  auto load = [&](const std::string &words, const std::string &list) {
    return refusal("wmma.load." + words + " " + list + ", [%A];");
  };
  EXPECT_EQ(load("a.sync.aligned.row.m16n16k16.f16", a8), "");
  EXPECT_NE(load("a.sync.aligned.row.m16n16k16.f16", a4).find("8 registers"),
            std::string::npos);
  EXPECT_NE(load("a.sync.aligned.m16n16k16.f16", a8).find(".row or .col"),
            std::string::npos);
  EXPECT_NE(load("a.sync.aligned.row.m8n8k32.s4", a8).find("shape"),
            std::string::npos);
  EXPECT_NE(load("a.sync.aligned.row.m16n16k16.tf32", a4).find("elements"),
            std::string::npos);
  EXPECT_NE(load("d.sync.aligned.row.m16n16k16.f32", a8), "");
  EXPECT_NE(load("a.sync.aligned.row.m16n16k16.local.f16", a8).find("shared"),
            std::string::npos);
  auto multiply = [&](const std::string &words) {
    return refusal("wmma.mma.sync.aligned." + words + " " + a8 + ", " + a8 +
                   ", " + a8 + ", " + a8 + ";");
  };
  EXPECT_EQ(multiply("row.col.m16n16k16.f32.f32"), "");
  EXPECT_NE(multiply("row.m16n16k16.f32.f32"), "");
  EXPECT_NE(multiply("row.col.m16n16k16.f32.f32.satfinite"), "");
  EXPECT_NE(multiply("row.col.m16n16k16.f32.f16.f16.f32"), "");
  EXPECT_NE(multiply("row.col.m16n16k16.s32.s8.u8.s32"), "");
  EXPECT_NE(multiply("row.col.m8n8k4.f64.f64.f64.f64.rz"), "");
}

TEST(Wmma, AllLanesNameOneMatrix) {
  std::vector<uint16_t> a(1024);
  std::vector<float> c(1), d(1);
  EXPECT_EQ(run("mul.wide.u32 %w0, %n, 16; add.s64 %w0, %w0, %A;\n"
                "wmma.load.a.sync.aligned.row.m16n16k16.global.f16 " +
                    registers("a", 8) + ", [%w0];",
                a, a, c, d)
                .kind,
            "warp-sync");
  EXPECT_EQ(run("setp.gt.u32 %p, %n, 3; @%p exit;\n"
                "wmma.load.a.sync.aligned.row.m16n16k16.global.f16 " +
                    registers("a", 8) + ", [%A];",
                a, a, c, d)
                .kind,
            "warp-sync");
}

} // namespace
