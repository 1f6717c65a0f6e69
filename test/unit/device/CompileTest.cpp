//===- CompileTest.cpp - Device code fits every architecture ------------------===//

#include "test/unit/device/DeviceProgram.h"

#include "gtest/gtest.h"

#include <future>

using namespace moec::test;

namespace {

struct Source {
  const char *file;
  std::vector<std::string> options;
};

class DeviceCompile : public testing::TestWithParam<std::string> {};

} // namespace

/// No kernel spills, has a stack, or needs more shared memory than every block may have.
TEST_P(DeviceCompile, EverythingStaysInRegisters) {
  const Source sources[] = {{"math.cu", {}},
                            {"rows.cu", {}},
                            {"experts.cu", {}},
                            {"attention.cu", {"-DCOMPUTE=float"}},
                            {"attention.cu", {"-DCOMPUTE=bf16"}}};
  std::vector<std::future<std::string>> logs;
  for (const Source &source : sources)
    logs.push_back(std::async(std::launch::async, [&] {
      return compile(source.file, GetParam(), source.options).log;
    }));
  for (size_t i = 0; i < logs.size(); ++i) {
    std::string log = logs[i].get();
    EXPECT_EQ(log.find("warning"), std::string::npos) << log;
    expectNoSpills(log, sources[i].file);
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, DeviceCompile,
                         testing::ValuesIn(testedArchitectures()),
                         [](const auto &info) {
                           return std::string(info.param);
                         });
