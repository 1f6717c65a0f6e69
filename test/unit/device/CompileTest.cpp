//===- CompileTest.cpp - Device code fits every architecture ------------------===//

#include "test/unit/device/DeviceProgram.h"

#include "gtest/gtest.h"

#include <regex>

using namespace moec::test;

namespace {

struct Source {
  const char *file;
  std::vector<std::string> options;
};

class DeviceCompile : public testing::TestWithParam<const char *> {};

} // namespace

/// No kernel spills, has a stack, or needs more shared memory than every block may have.
TEST_P(DeviceCompile, EverythingStaysInRegisters) {
  const Source sources[] = {
      {"math.cu", {}}, {"rows.cu", {}}, {"experts.cu", {}}, {"attention.cu", {"-DCOMPUTE=float"}}, {"attention.cu", {"-DCOMPUTE=bf16"}}};
  for (const Source &source : sources) {
    std::string log = compile(source.file, GetParam(), source.options).log;
    EXPECT_EQ(log.find("warning"), std::string::npos) << log;
    std::regex frame(R"((\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads)"), shared(R"((\d+) bytes smem)");
    size_t kernels = 0;
    for (std::sregex_iterator match(log.begin(), log.end(), frame), end; match != end; ++match, ++kernels)
      EXPECT_EQ(match->str(), "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads") << source.file << "\n" << log;
    EXPECT_GT(kernels, 0u) << log;
    for (std::sregex_iterator match(log.begin(), log.end(), shared), end; match != end; ++match)
      EXPECT_LE(std::stoi((*match)[1]), 48 * 1024) << source.file;
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, DeviceCompile,
                         testing::Values("sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"),
                         [](const auto &info) { return std::string(info.param); });
