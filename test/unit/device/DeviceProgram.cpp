//===- DeviceProgram.cpp - Device code compiled and run by a test -------------===//

#include "test/unit/device/DeviceProgram.h"

#include "gtest/gtest.h"

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>

using namespace moec::test;

namespace {

std::string readFile(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A shared library and its functions.
class Library {
public:
  explicit Library(const char *path)
      : handle(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (!handle)
      throw std::runtime_error(dlerror());
  }
  /// Calls a function that returns 0 when all is well.
  template <class... Arguments>
  void call(const char *name, Arguments... arguments) const {
    if (int error = tryCall(name, arguments...))
      throw std::runtime_error(std::string(name) + " failed with " +
                               std::to_string(error));
  }
  template <class... Arguments>
  int tryCall(const char *name, Arguments... arguments) const {
    void *function = dlsym(handle, name);
    if (!function)
      throw std::runtime_error(std::string("no function ") + name);
    return reinterpret_cast<int (*)(Arguments...)>(function)(arguments...);
  }

private:
  void *handle;
};

const Library &nvrtc() {
  static Library library(MOEC_TEST_NVRTC);
  return library;
}

/// The driver, with a context.
const Library &driver() {
  static Library library = [] {
    const char *path = std::getenv("MOEC_CUDA_DRIVER");
    Library library(path ? path : MOEC_TEST_CUDASIM);
    library.call("cuInit", 0u);
    int device = 0;
    void *context = nullptr;
    library.call("cuDeviceGet", &device, 0);
    library.call("cuDevicePrimaryCtxRetain", &context, device);
    library.call("cuCtxSetCurrent", context);
    return library;
  }();
  return library;
}

} // namespace

CompiledProgram moec::test::compile(const std::string &file,
                                    const std::string &architecture,
                                    std::vector<std::string> options) {
  std::vector<std::string> names, texts;
  for (const auto &entry :
       std::filesystem::directory_iterator(MOEC_TEST_DEVICE_HEADERS)) {
    names.push_back("moec/" + entry.path().filename().string());
    texts.push_back(readFile(entry.path()));
  }
  auto pointers = [](const std::vector<std::string> &strings) {
    std::vector<const char *> result;
    for (const std::string &string : strings)
      result.push_back(string.c_str());
    return result;
  };
  options.insert(options.end(),
                 {"--gpu-architecture=" + architecture, "--std=c++20",
                  "--fmad=false", "--ptxas-options=-v"});
  std::string source =
      readFile(std::filesystem::path(MOEC_TEST_DEVICE_KERNELS) / file);
  void *program = nullptr;
  nvrtc().call("nvrtcCreateProgram", &program, source.c_str(), file.c_str(),
               int(names.size()), pointers(texts).data(),
               pointers(names).data());
  int error = nvrtc().tryCall("nvrtcCompileProgram", program,
                              int(options.size()), pointers(options).data());
  auto text = [&](const char *sizeFunction, const char *function) {
    size_t size = 0;
    nvrtc().call(sizeFunction, program, &size);
    std::string result(size, '\0');
    nvrtc().call(function, program, result.data());
    return result;
  };
  CompiledProgram result;
  result.log = text("nvrtcGetProgramLogSize", "nvrtcGetProgramLog");
  if (error)
    throw std::runtime_error(file + " does not compile for " + architecture +
                             ":\n" + result.log);
  result.ptx = text("nvrtcGetPTXSize", "nvrtcGetPTX");
  nvrtc().call("nvrtcDestroyProgram", &program);
  return result;
}

void moec::test::expectNoSpills(const std::string &log,
                                const std::string &name) {
  std::regex frame(
      R"((\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads)"),
      shared(R"((\d+) bytes smem)");
  size_t kernels = 0;
  for (std::sregex_iterator match(log.begin(), log.end(), frame), end;
       match != end; ++match, ++kernels)
    EXPECT_EQ(match->str(),
              "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads")
        << name << "\n"
        << log;
  EXPECT_GT(kernels, 0u) << name << "\n" << log;
  for (std::sregex_iterator match(log.begin(), log.end(), shared), end;
       match != end; ++match)
    EXPECT_LE(std::stoi((*match)[1]), 48 * 1024) << name;
}

DeviceBuffer::DeviceBuffer(const void *data, size_t bytes)
    : address(0), bytes(bytes) {
  if (bytes)
    driver().call("cuMemAlloc_v2", &address, bytes);
  if (bytes && data)
    driver().call("cuMemcpyHtoD_v2", address, data, bytes);
}

DeviceBuffer::~DeviceBuffer() {
  if (address)
    driver().tryCall("cuMemFree_v2", address);
}

void DeviceBuffer::read(void *to) const {
  driver().call("cuMemcpyDtoH_v2", to, address, size_t(bytes));
}

DeviceProgram::DeviceProgram(const std::string &file,
                             std::vector<std::string> options) {
  std::string ptx = compile(file, "sm_80", std::move(options)).ptx;
  driver().call("cuModuleLoadData", &module,
                static_cast<const void *>(ptx.c_str()));
}

void DeviceProgram::launch(const std::string &kernel,
                           std::array<unsigned, 3> grid, unsigned threads,
                           std::vector<const void *> arguments) {
  void *function = nullptr, *stream = nullptr;
  driver().call("cuModuleGetFunction", &function, module, kernel.c_str());
  driver().call("cuLaunchKernel", function, grid[0], grid[1], grid[2], threads,
                1u, 1u, 0u, stream, const_cast<void **>(arguments.data()),
                static_cast<void **>(nullptr));
  driver().call("cuCtxSynchronize");
}
