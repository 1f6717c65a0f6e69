//===- Child.h - Runs a test against libcudasim.so in a process of its own ===//
//
// The simulator reads its environment once, and errors of its devices are
// sticky: each test is a child with its own.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_TEST_UNIT_SIMULATOR_API_CHILD_H
#define MOEC_TEST_UNIT_SIMULATOR_API_CHILD_H

#include "simulator/driver/Api.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace moec::cudasim::test {

/// A function of libcudasim.so by the name it is exported with.
template <typename Function>
Function *lookUp(const char *name) {
  static void *library = dlopen(MOEC_CUDASIM_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    std::cerr << dlerror() << "\n";
    std::abort();
  }
  void *function = dlsym(library, name);
  if (!function) {
    std::cerr << MOEC_CUDASIM_LIBRARY << " lacks " << name << "\n";
    std::abort();
  }
  return reinterpret_cast<Function *>(function);
}
#define CU(name)                                                               \
  (::moec::cudasim::test::lookUp<decltype(::moec::cudasim::name)>(#name))

using Environment = std::map<std::string, std::string>;

/// Runs `body` in a child, whose failures are this test's, and returns what it
/// wrote on stderr.
inline std::string inChild(const Environment &environment,
                           const std::function<void()> &body) {
  char path[] = "/tmp/cudasim-test-XXXXXX";
  int file = mkstemp(path);
  std::cout.flush();
  pid_t child = fork();
  if (child == 0) {
    dup2(file, STDERR_FILENO);
    for (const auto &[name, value] : environment)
      setenv(name.c_str(), value.c_str(), 1);
    alarm(120);
    body();
    std::cout.flush();
    // With what runs at exit.
    exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  close(file);
  std::ifstream input(path);
  std::stringstream text;
  text << input.rdbuf();
  unlink(path);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
      << (WIFSIGNALED(status)
              ? "the child died of signal " + std::to_string(WTERMSIG(status))
              : "the child failed")
      << ", its stderr:\n"
      << text.str();
  return text.str();
}

#define EXPECT_CU(expected, call)                                              \
  EXPECT_EQ(::moec::cudasim::expected, call) << #call
#define ASSERT_CU(call) ASSERT_EQ(::moec::cudasim::CUDA_SUCCESS, call) << #call

/// cuInit, and the primary context of device 0 is current.
inline void startDevice() {
  ASSERT_CU(CU(cuInit)(0));
  CUcontext context;
  ASSERT_CU(CU(cuDevicePrimaryCtxRetain)(&context, 0));
  ASSERT_CU(CU(cuCtxSetCurrent)(context));
}

inline CUdeviceptr allocate(size_t bytes) {
  CUdeviceptr pointer = 0;
  EXPECT_CU(CUDA_SUCCESS, CU(cuMemAlloc_v2)(&pointer, bytes));
  return pointer;
}

template <typename T>
CUdeviceptr upload(const std::vector<T> &values) {
  CUdeviceptr pointer = allocate(values.size() * sizeof(T));
  EXPECT_CU(CUDA_SUCCESS, CU(cuMemcpyHtoD_v2)(pointer, values.data(),
                                              values.size() * sizeof(T)));
  return pointer;
}

template <typename T>
std::vector<T> download(CUdeviceptr pointer, size_t count) {
  std::vector<T> values(count);
  EXPECT_CU(CUDA_SUCCESS,
            CU(cuMemcpyDtoH_v2)(values.data(), pointer, count * sizeof(T)));
  return values;
}

inline CUfunction loadKernel(const std::string &image, const char *name) {
  CUmodule module;
  EXPECT_CU(CUDA_SUCCESS, CU(cuModuleLoadData)(&module, image.c_str()));
  CUfunction function = nullptr;
  EXPECT_CU(CUDA_SUCCESS, CU(cuModuleGetFunction)(&function, module, name));
  return function;
}

/// One block of `threads` per launch on `stream`; the result of the launch.
template <typename... Arguments>
CUresult launch(CUfunction function, unsigned blocks, unsigned threads,
                CUstream stream, Arguments... arguments) {
  void *pointers[] = {&arguments..., nullptr};
  return CU(cuLaunchKernel)(function, blocks, 1, 1, threads, 1, 1, 0, stream,
                            pointers, nullptr);
}

} // namespace moec::cudasim::test

#endif // MOEC_TEST_UNIT_SIMULATOR_API_CHILD_H
