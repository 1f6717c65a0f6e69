//===- ParserTest.cpp -----------------------------------------------------===//
#include "simulator/ptx/Module.h"

#include <gtest/gtest.h>

using namespace moec::cudasim;
using namespace moec::cudasim::ptx;

namespace {

const std::string kHeader = ".version 9.0\n.target sm_90a\n.address_size 64\n";

std::unique_ptr<Module> parseBody(const std::string &body) {
  auto module =
      parse(kHeader + ".entry k(.param .u64 p) {\n" + body + "\n}\n", "t.ptx");
  EXPECT_TRUE(module.ok()) << module.message();
  return module.ok() ? std::move(*module) : nullptr;
}
std::string errorOf(const std::string &text) {
  auto module = parse(text, "t.ptx");
  return module.ok() ? "" : module.message();
}

TEST(PtxParser, ModuleDirectives) {
  auto module = parse(kHeader + R"(
.extern .func (.param .b32 r) vprintf (.param .b64 a, .param .b64 b);
.visible .const .align 4 .b8 bytes[6] = {1, 0xff, 07, -1};
.global .align 8 .u64 pointers[2] = {bytes+4, generic(bytes)};
.global .f32 ones[2][2] = {{0f3F800000, 1.0}, {-1.0, 2}};
.shared .align 16 .b8 stage[128];
.extern .shared .align 1024 .b8 dynamic[];
.visible .entry k(.param .u64 .ptr .global .align 128 p, .param .align 8 .b8 s[24])
.maxntid 128, 2
.minnctapersm 1
{ ret; }
.file 1 "/moec/ir"
.section .debug_info { .b8 1, 2 $L1: .b32 {3} }
)",
                      "t.ptx");
  ASSERT_TRUE(module.ok()) << module.message();
  const Module &m = **module;
  EXPECT_EQ(m.version, "9.0");
  EXPECT_EQ(m.target, "sm_90a");
  const Variable *bytes = m.findVariable("bytes");
  ASSERT_NE(bytes, nullptr);
  EXPECT_EQ(bytes->bytes, 6u);
  ASSERT_EQ(bytes->initializers.size(), 1u);
  EXPECT_EQ(bytes->initializers[0].bytes,
            (std::vector<std::byte>{std::byte(1), std::byte(255), std::byte(7),
                                    std::byte(255)}));
  const Variable *pointers = m.findVariable("pointers");
  ASSERT_EQ(pointers->initializers.size(), 2u);
  EXPECT_EQ(pointers->initializers[0].symbol, "bytes");
  EXPECT_EQ(pointers->initializers[0].addend, 4);
  EXPECT_TRUE(pointers->initializers[1].generic);
  EXPECT_EQ(pointers->initializers[1].offset, 8u);
  EXPECT_TRUE(m.findVariable("dynamic")->isUnsized);
  EXPECT_EQ(m.findVariable("dynamic")->alignment, 1024u);
  const ptx::Function *kernel = m.findFunction("k");
  ASSERT_NE(kernel, nullptr);
  // The alignment behind .ptr is that of what the pointer points to.
  EXPECT_EQ(kernel->variables[0].alignment, 8u);
  EXPECT_EQ(kernel->variables[1].bytes, 24u);
  EXPECT_EQ(kernel->maxThreads[0], 128u);
  EXPECT_EQ(kernel->maxThreads[1], 2u);
  EXPECT_EQ(kernel->maxThreads[2], 1u);
  EXPECT_EQ(m.describe({1, 7}), "/moec/ir:7");
}

TEST(PtxParser, NamesMeanWhatTheirScopeSays) {
  auto module = parseBody(R"(
.reg .b32 r; .reg .pred %p<3>; .reg .b32 %r<12>; .reg .b32 %r1<2>;
{ .reg .b32 r; bra L; L: mov.b32 r, 1; }
{ .reg .b64 r; bra L; L: mov.b64 r, 2; }
mov.b32 r, %r11;
mov.b32 r, %r10;
)");
  ASSERT_TRUE(module);
  const ptx::Function &k = module->functions[0];
  ASSERT_EQ(k.code.size(), 6u);
  EXPECT_EQ(k.code[0].operands[0].index, 1u);
  EXPECT_EQ(k.code[2].operands[0].index, 3u);
  uint32_t inner = k.code[1].operands[0].index,
           other = k.code[3].operands[0].index,
           outer = k.code[4].operands[0].index;
  EXPECT_EQ(k.registers[inner].type, Type::B32);
  EXPECT_EQ(k.registers[other].type, Type::B64);
  EXPECT_NE(inner, outer);
  EXPECT_EQ(k.code[4].operands[1].index - k.code[5].operands[1].index, 1u);
}

TEST(PtxParser, Operands) {
  auto module = parseBody(R"(
.reg .pred p, q; .reg .b32 %r<8>; .reg .b64 %rd<2>; .shared .b8 s[64]; .reg .b16 h;
@!p ld.global.v2.u32 {%r1, _}, [%rd1+-8];
shfl.sync.bfly.b32 %r2|p, %r3, 16, 31, -1;
mov.b32 %r4, {0, h};
mov.f32 %r5, 0fBF800000;
st.shared.u32 [s+4], -5;
setp.ne.and.s32 p|q, %r1, 0x10U, !q;
mov.u32 %r6, %ctaid.y;
mov.u64 %rd0, s + 12;
ld.param.u64 %rd1, [p0 ];
)");
  ASSERT_TRUE(module);
  const auto &code = module->functions[0].code;
  EXPECT_TRUE(code[0].guardNegated);
  EXPECT_EQ(code[0].modifiers,
            (std::vector<std::string>{"global", "v2", "u32"}));
  EXPECT_EQ(code[0].operands[0].kind, OperandKind::Vector);
  EXPECT_EQ(code[0].operands[0].parts[1].kind, OperandKind::Sink);
  EXPECT_EQ(static_cast<int64_t>(code[0].operands[1].bits), -8);
  EXPECT_EQ(code[1].operands[0].parts.size(), 1u);
  EXPECT_EQ(code[1].operands[4].bits, ~uint64_t(0));
  EXPECT_EQ(code[2].operands[1].parts[0].kind, OperandKind::Integer);
  EXPECT_EQ(code[3].operands[1].kind, OperandKind::Float32);
  EXPECT_EQ(code[3].operands[1].bits, 0xbf800000u);
  EXPECT_EQ(code[4].operands[0].parts[0].kind, OperandKind::Symbol);
  EXPECT_EQ(code[4].operands[0].bits, 4u);
  EXPECT_TRUE(code[5].operands[3].negated);
  EXPECT_EQ(code[5].operands[2].bits, 16u);
  EXPECT_EQ(code[6].operands[1].symbol, "%ctaid.y");
  EXPECT_EQ(code[7].operands[1].bits, 12u);
}

TEST(PtxParser, LocationsBeforeFiles) {
  auto module =
      parse(kHeader + ".entry k() {\n.loc 2 41 3, function_name $L__i0, "
                      "inlined_at 1 2 3\nret;\n}\n.file 2 \"/x/ir\"\n",
            "t.ptx");
  ASSERT_TRUE(module.ok()) << module.message();
  const ptx::Instruction &ret = (*module)->functions[0].code[0];
  EXPECT_EQ((*module)->describe(ret.location), "/x/ir:41");
  EXPECT_EQ(ret.line, 6u);
}

TEST(PtxParser, ErrorsNameTheLine) {
  EXPECT_EQ(errorOf(""), "t.ptx:1: no .version: this is no PTX module");
  EXPECT_EQ(errorOf(".version 9.0\n.address_size 32\n"),
            "t.ptx:3: addresses of 32 bits; only 64 are supported");
  EXPECT_EQ(errorOf(kHeader + ".entry k() {\nret\n}\n"),
            "t.ptx:6: expected an operand, found '}'");
  EXPECT_EQ(errorOf(kHeader + ".global .q32 x;\n"),
            "t.ptx:4: expected a type, found '.q32'");
  EXPECT_EQ(errorOf(kHeader + "/* open"), "t.ptx:4: this comment has no end");
  EXPECT_EQ(errorOf(kHeader + ".file 1 \"open\n"),
            "t.ptx:4: this string has no end");
  EXPECT_EQ(errorOf(kHeader + ".entry k() { L: L: ret; }"),
            "t.ptx:4: label 'L' stands twice in this scope");
  EXPECT_EQ(errorOf(kHeader + ".global .u32 x[2] = {1,2,3};"),
            "t.ptx:4: more values than 'x' has elements");
  EXPECT_EQ(errorOf(kHeader + ".global .align 3 .u32 x;"),
            "t.ptx:4: alignment 3 is no power of two up to 65536");
  EXPECT_EQ(errorOf(kHeader + ".entry k() { .reg .v2 .f32 x; }"),
            "t.ptx:4: registers of vectors are not supported");
  EXPECT_EQ(
      errorOf(kHeader + ".entry k() { .global .u32 x; }"),
      "t.ptx:4: variables of space .global inside functions are not supported");
  EXPECT_EQ(errorOf(kHeader + ".entry k() { x: .callprototype ()_ (); }"),
            "t.ptx:4: calls through function pointers are not supported");
}

TEST(PtxParser, HostileTexts) {
  EXPECT_NE(errorOf(kHeader + ".entry k() { .reg .b32 %r<4000000000>; }"), "");
  EXPECT_NE(errorOf(kHeader + ".global .b8 x[99999999999];"), "");
  EXPECT_NE(errorOf(kHeader + ".global .b8 x[65536][65536][65536];"), "");
  EXPECT_NE(errorOf(kHeader + ".entry k() " + std::string(5000, '{')), "");
  EXPECT_NE(errorOf(kHeader + ".entry k() { mov.b32 " + std::string(5000, '[') +
                    "; }"),
            "");
  EXPECT_NE(errorOf(kHeader + ".global .b8 x[2] = " + std::string(5000, '{')),
            "");
  EXPECT_NE(errorOf(kHeader + ".entry k() { mov.b32 0f12; }"), "");
  // Every cut of a text is either a module or an error.
  std::string text = kHeader +
                     ".visible .entry k(.param .u64 p) {\n.reg .b32 %r<4>; "
                     ".shared .b8 s[4] ;\nL: @%p mov.b32 %r1, {0, 1};\n"
                     "bra L;\nt: .branchtargets L, L;\n.loc 1 2 3\n}\n.file 1 "
                     "\"x\"\n.section .d { .b8 1 }\n";
  for (size_t length = 0; length < text.size(); ++length)
    (void)errorOf(text.substr(0, length));
}

} // namespace
