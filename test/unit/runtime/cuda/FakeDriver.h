//===- FakeDriver.h - A CUDA driver that records and fails on demand ------===//
//
// A library with the entry points of libcuda.so.1. Memory of its GPUs is memory
// of the process; kernels are functions of the host. What is put on a stream is
// done only when somebody waits for it, so that whoever changes a buffer too
// early or reads one too soon gets wrong numbers.
//
// A test opens the library itself, beside the runtime, and gets at the state
// through `fakeDriver`.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_TEST_UNIT_RUNTIME_CUDA_FAKEDRIVER_H
#define MOEC_TEST_UNIT_RUNTIME_CUDA_FAKEDRIVER_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace moec::test {

struct FakeLaunch {
  std::string function;
  unsigned grid[3];
  unsigned threads;
  unsigned sharedBytes;
  /// The bytes of each parameter, copied when it was launched.
  std::vector<std::string> parameters;

  template <typename T>
  T parameter(size_t index) const {
    T value;
    std::memcpy(&value, parameters[index].data(), sizeof value);
    return value;
  }
};

struct FakeKernel {
  std::vector<size_t> parameterBytes;
  /// A CUresult; what is not 0 sticks to the context.
  std::function<int(const FakeLaunch &)> run;
  int maxThreads = 1024;
};

struct FakeDevice {
  std::string name = "Fake H100";
  int major = 9, minor = 0;
  int multiprocessors = 132;
  int clockKiloHertz = 1'000'000;
  size_t memoryBytes = size_t{1} << 30;
};

struct FakeDriver {
  int version = 12040;
  std::vector<FakeDevice> devices = {FakeDevice()};
  std::map<std::string, FakeKernel> kernels;
  /// Functions that it does not have.
  std::set<std::string> missing;
  /// What a function answers instead of doing anything.
  std::map<std::string, int> failures;
  /// Launches that succeed although `failures` names them.
  size_t launchesBeforeFailure = 0;
  /// What a translation of PTX that fails says about it.
  std::string jitLog;

  /// Names of the functions that were called, in order.
  std::vector<std::string> calls;
  std::vector<FakeLaunch> launches;
  /// Sizes of what was allocated on the device, copied to it, and from it.
  std::vector<size_t> allocations, uploads, downloads;
  std::vector<const void *> images;
  int device = -1;

  /// What lives now.
  std::map<void *, size_t> deviceMemory, pinnedMemory;
  int contexts = 0, pushed = 0, streams = 0, events = 0, modules = 0;

  size_t count(const std::string &name) const {
    size_t sum = 0;
    for (const std::string &call : calls)
      sum += call == name;
    return sum;
  }
  void forgetCalls() {
    calls.clear();
    launches.clear();
    allocations.clear();
    uploads.clear();
    downloads.clear();
  }
  bool isClean() const {
    return deviceMemory.empty() && pinnedMemory.empty() && contexts == 0 &&
           pushed == 0 && streams == 0 && events == 0 && modules == 0;
  }
};

} // namespace moec::test

/// The state; with `reset` as it was in the beginning, with the kernels of
/// CudaBigramModel.
extern "C" moec::test::FakeDriver *fakeDriver(bool reset);

#endif // MOEC_TEST_UNIT_RUNTIME_CUDA_FAKEDRIVER_H
