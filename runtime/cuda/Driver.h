//===- Driver.h - The CUDA driver, found when the program runs ------------===//
//
// A model for the GPU is linked without CUDA: what it needs of the driver is
// declared here, as the driver's documentation describes it, and looked up in
// libcuda.so.1 (or the library that MOEC_CUDA_DRIVER names, e.g. a simulated
// one) when the model is opened.
//
// https://docs.nvidia.com/cuda/cuda-driver-api describes the functions. A
// function has a number: the version of CUDA in which its present form came
// (cuMemAlloc took 32 bits of size before 3.2). The driver hands out that form.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_CUDA_DRIVER_H
#define MOEC_RUNTIME_CUDA_DRIVER_H

#include "support/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace moec::cuda {

/// CUresult, those that are told apart.
enum Code : int {
  Success = 0,
  OutOfMemory = 2,
  StubLibrary = 34,
  NoDevice = 100,
  InvalidImage = 200,
  NoBinaryForGpu = 209,
  InvalidPtx = 218,
  JitCompilerNotFound = 221,
  UnsupportedPtxVersion = 222,
  InvalidSource = 300,
  NotFound = 500,
  SystemDriverMismatch = 803,
};

/// CUdevice_attribute.
enum Attribute : int {
  MaxThreadsPerBlock = 1,
  ClockRate = 13, ///< in kHz
  MultiprocessorCount = 16,
  ComputeCapabilityMajor = 75,
  ComputeCapabilityMinor = 76,
};

/// CUfunction_attribute.
enum FunctionAttribute : int { FunctionMaxThreadsPerBlock = 0 };

/// CUjit_option.
enum JitOption : int { JitErrorLog = 5, JitErrorLogBytes = 6 };

/// CUstream_flags and CUevent_flags.
enum : unsigned { StreamNonBlocking = 1, EventDisableTiming = 2 };

/// CUdeviceptr.
using Address = unsigned long long;
using Context = struct ContextObject *;
using Module = struct ModuleObject *;
using Function = struct FunctionObject *;
using Stream = struct StreamObject *;
using Event = struct EventObject *;

#define MOEC_CUDA_FUNCTIONS(F)                                                 \
  F(cuInit, 2000, (unsigned flags))                                            \
  F(cuGetErrorName, 6000, (int code, const char **name))                       \
  F(cuGetErrorString, 6000, (int code, const char **text))                     \
  F(cuDriverGetVersion, 2020, (int *version))                                  \
  F(cuDeviceGetCount, 2000, (int *count))                                      \
  F(cuDeviceGet, 2000, (int *device, int ordinal))                             \
  F(cuDeviceGetName, 2000, (char *name, int bytes, int device))                \
  F(cuDeviceGetAttribute, 2000, (int *value, int attribute, int device))       \
  F(cuDeviceTotalMem, 3020, (size_t *bytes, int device))                       \
  F(cuDevicePrimaryCtxRetain, 7000, (Context * context, int device))           \
  F(cuDevicePrimaryCtxRelease, 11000, (int device))                            \
  F(cuCtxPushCurrent, 4000, (Context context))                                 \
  F(cuCtxPopCurrent, 4000, (Context * context))                                \
  F(cuModuleLoadDataEx, 2010,                                                  \
    (Module * module, const void *image, unsigned count, int *options,         \
     void **values))                                                           \
  F(cuModuleUnload, 2000, (Module module))                                     \
  F(cuModuleGetFunction, 2000,                                                 \
    (Function * function, Module module, const char *name))                    \
  F(cuFuncGetAttribute, 2020, (int *value, int attribute, Function function))  \
  F(cuMemGetInfo, 3020, (size_t *free, size_t *total))                         \
  F(cuMemAlloc, 3020, (Address * address, size_t bytes))                       \
  F(cuMemFree, 3020, (Address address))                                        \
  F(cuMemHostAlloc, 2020, (void **data, size_t bytes, unsigned flags))         \
  F(cuMemFreeHost, 2000, (void *data))                                         \
  F(cuMemsetD8Async, 3020,                                                     \
    (Address to, unsigned char value, size_t bytes, Stream stream))            \
  F(cuMemcpyHtoDAsync, 3020,                                                   \
    (Address to, const void *from, size_t bytes, Stream stream))               \
  F(cuMemcpyDtoHAsync, 3020,                                                   \
    (void *to, Address from, size_t bytes, Stream stream))                     \
  F(cuMemcpyDtoDAsync, 3020,                                                   \
    (Address to, Address from, size_t bytes, Stream stream))                   \
  F(cuStreamCreate, 2000, (Stream * stream, unsigned flags))                   \
  F(cuStreamDestroy, 4000, (Stream stream))                                    \
  F(cuStreamSynchronize, 2000, (Stream stream))                                \
  F(cuEventCreate, 2000, (Event * event, unsigned flags))                      \
  F(cuEventDestroy, 4000, (Event event))                                       \
  F(cuEventRecord, 2000, (Event event, Stream stream))                         \
  F(cuEventSynchronize, 2000, (Event event))                                   \
  F(cuEventElapsedTime, 2000, (float *milliseconds, Event begin, Event end))   \
  F(cuLaunchKernel, 4000,                                                      \
    (Function function, unsigned gridX, unsigned gridY, unsigned gridZ,        \
     unsigned blockX, unsigned blockY, unsigned blockZ, unsigned sharedBytes,  \
     Stream stream, void **parameters, void **extra))

/// The functions, under their names: `driver.cuInit(0)`.
struct Functions {
#define MOEC_CUDA_DECLARE(name, version, parameters)                           \
  int(*name) parameters = nullptr;
  MOEC_CUDA_FUNCTIONS(MOEC_CUDA_DECLARE)
#undef MOEC_CUDA_DECLARE
};

/// A loaded and initialised driver. It stays loaded until the process ends: it
/// has threads and handlers of its own that do not like to be unmapped.
class Driver : public Functions {
public:
  static Result<std::unique_ptr<Driver>> load();

  /// Success, or an error that says `what` failed and what the driver calls it.
  Status check(int code, const std::string &what) const;
  /// "CUDA_ERROR_INVALID_VALUE (invalid argument)".
  std::string describe(int code) const;
  /// Of CUDA, as it is written: "12.4". The greatest that the driver knows.
  std::string version() const;

private:
  Driver() = default;
  Status findFunctions(void *library, const std::string &path);
  Status initialise(const std::string &path);
};

} // namespace moec::cuda

#endif // MOEC_RUNTIME_CUDA_DRIVER_H
