//===- Driver.cpp - The CUDA driver, found when the program runs ----------===//

#include "runtime/cuda/Driver.h"

#include <cstdlib>
#include <dlfcn.h>

using namespace moec;
using namespace moec::cuda;

namespace {

/// cuGetProcAddress, of which there are two forms: that of CUDA 12.0 has a last
/// parameter more, which may be null.
struct ProcAddress {
  using Form11 = int (*)(const char *, void **, int, uint64_t);
  using Form12 = int (*)(const char *, void **, int, uint64_t, int *);
  Form11 form11 = nullptr;
  Form12 form12 = nullptr;

  explicit ProcAddress(void *library)
      : form11(reinterpret_cast<Form11>(dlsym(library, "cuGetProcAddress"))),
        form12(
            reinterpret_cast<Form12>(dlsym(library, "cuGetProcAddress_v2"))) {}

  explicit operator bool() const { return form11 || form12; }

  void *find(const char *name, int version) const {
    // CU_GET_PROC_ADDRESS_LEGACY_STREAM: we have a stream of our own.
    constexpr uint64_t flags = 1;
    void *function = nullptr;
    const int code = form12 ? form12(name, &function, version, flags, nullptr)
                            : form11(name, &function, version, flags);
    return code == Success ? function : nullptr;
  }
};

} // namespace

static std::string formatVersion(int version) {
  return std::to_string(version / 1000) + "." +
         std::to_string(version % 1000 / 10);
}

Status Driver::findFunctions(void *library, const std::string &path) {
  const ProcAddress procAddress(library);
  if (!procAddress)
    return Status::error(path +
                         ": has no function 'cuGetProcAddress', which drivers "
                         "have since CUDA 11.3; install a newer NVIDIA driver");
  const auto missing = [&](const char *name, int since) {
    return Status::error(path + ": lacks the function '" + name +
                         "' in its form of CUDA " + formatVersion(since) +
                         (cuDriverGetVersion
                              ? "; the driver is one for CUDA " + version()
                              : "") +
                         "; install a newer NVIDIA driver");
  };
  // First, for the message above.
  cuDriverGetVersion = reinterpret_cast<decltype(cuDriverGetVersion)>(
      procAddress.find("cuDriverGetVersion", 2020));
#define MOEC_CUDA_FIND(name, since, parameters)                                \
  name = reinterpret_cast<decltype(name)>(procAddress.find(#name, since));     \
  if (!name)                                                                   \
    return missing(#name, since);
  MOEC_CUDA_FUNCTIONS(MOEC_CUDA_FIND)
#undef MOEC_CUDA_FIND
  return Status::success();
}

Status Driver::initialise(const std::string &path) {
  const int code = cuInit(0);
  const Status status = check(code, path + ": the CUDA driver does not start");
  const auto advise = [&](const std::string &advice) {
    return Status::error(status.message() + "; " + advice);
  };
  switch (code) {
  case NoDevice: {
    const char *visible = std::getenv("CUDA_VISIBLE_DEVICES");
    return advise(
        visible
            ? "CUDA_VISIBLE_DEVICES is '" + std::string(visible) +
                  "', which hides GPUs that it does not name"
            : "does `nvidia-smi` list a GPU? In a container: was it given one "
              "(docker run --gpus all)?");
  }
  case StubLibrary:
    return advise("this is the library of the CUDA toolkit that one links "
                  "against; remove its folder from LD_LIBRARY_PATH");
  case SystemDriverMismatch:
    return advise("the driver was updated and its kernel module was not: "
                  "restart the machine");
  default:
    return status;
  }
}

Result<std::unique_ptr<Driver>> Driver::load() {
  const char *chosen = std::getenv("MOEC_CUDA_DRIVER");
  if (chosen && !*chosen)
    chosen = nullptr;
  const std::string path = chosen ? chosen : "libcuda.so.1";
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return Status::error(
        std::string("cannot load the CUDA driver: ") + dlerror() +
        (chosen ? "; MOEC_CUDA_DRIVER names it"
                : "; install the NVIDIA driver (in a container: start it with "
                  "--gpus all), or name its library in MOEC_CUDA_DRIVER"));
  std::unique_ptr<Driver> driver(new Driver);
  MOEC_RETURN_IF_ERROR(driver->findFunctions(library, path));
  MOEC_RETURN_IF_ERROR(driver->initialise(path));
  return driver;
}

Status Driver::check(int code, const std::string &what) const {
  return code == Success ? Status::success()
                         : Status::error(what + ": " + describe(code));
}

std::string Driver::describe(int code) const {
  const char *name = nullptr;
  const char *text = nullptr;
  if (cuGetErrorName(code, &name) != Success || !name)
    return "error " + std::to_string(code);
  if (cuGetErrorString(code, &text) != Success || !text)
    return name;
  return std::string(name) + " (" + text + ")";
}

std::string Driver::version() const {
  int version = 0;
  cuDriverGetVersion(&version);
  return formatVersion(version);
}
