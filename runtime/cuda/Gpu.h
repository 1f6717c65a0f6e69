//===- Gpu.h - A GPU, its memory and its stream ---------------------------===//
#ifndef MOEC_RUNTIME_CUDA_GPU_H
#define MOEC_RUNTIME_CUDA_GPU_H

#include "runtime/Roof.h"
#include "runtime/cuda/Driver.h"
#include "runtime/moert.h"
#include "support/Status.h"

#include <cstdint>
#include <memory>
#include <string>

namespace moec::cuda {

/// What the driver says of a GPU.
struct GpuProperties {
  int ordinal = 0;
  int handle = 0;
  std::string name;
  int major = 0, minor = 0;
  int multiprocessors = 0;
  /// At most.
  double clockHz = 0;
  int maxThreadsPerBlock = 0;
  uint64_t memoryBytes = 0;

  /// "sm_90".
  std::string architecture() const;
  /// "NVIDIA H200 (sm_90, 132 multiprocessors, 139.8 GiB)".
  std::string description() const;
  /// Whether it is no machine of which time could be measured; a simulated
  /// driver says so in the name.
  bool isSimulated() const;
};

/// The GPU that the options or else MOEC_CUDA_DEVICE ask for, else the first.
Result<GpuProperties> chooseGpu(const Driver &driver,
                                const moert_options &options);

/// A GPU in use: the primary context of the process, shared with whatever else
/// in the process uses the GPU, and a stream of our own.
class Gpu {
public:
  static Result<std::unique_ptr<Gpu>> open(std::unique_ptr<Driver> driver,
                                           GpuProperties properties);
  ~Gpu();
  Gpu(const Gpu &) = delete;
  Gpu &operator=(const Gpu &) = delete;

  const Driver &driver() const { return *library; }
  const GpuProperties &properties() const { return known; }
  Stream stream() const { return queue; }

  /// Success, or an error that says `what` failed.
  Status check(int code, const std::string &what) const {
    return library->check(code, what);
  }

  /// Makes this GPU the thread's own as long as it lives; calls below and of the
  /// driver need one. Whatever was current before is so again afterwards.
  class Scope {
  public:
    explicit Scope(const Gpu &gpu);
    ~Scope();
    Scope(const Scope &) = delete;
    Scope &operator=(const Scope &) = delete;

  private:
    const Driver &driver;
  };

  /// Reads and writes memory, to see how fast it goes; the arithmetic is what
  /// the tensor cores do at the greatest clock. Nothing of a simulated GPU.
  Result<Roof> measureRoof() const;

private:
  Gpu(std::unique_ptr<Driver> driver, GpuProperties properties)
      : library(std::move(driver)), known(std::move(properties)) {}

  std::unique_ptr<Driver> library;
  GpuProperties known;
  Context context = nullptr;
  Stream queue = nullptr;
};

/// Memory of a GPU. No bytes, no memory: the address is 0.
class DeviceMemory {
public:
  /// The driver's answer where it has not as much.
  static Result<DeviceMemory> allocate(const Gpu &gpu, int64_t bytes,
                                       const std::string &what);

  DeviceMemory() = default;
  DeviceMemory(DeviceMemory &&other) noexcept { *this = std::move(other); }
  DeviceMemory &operator=(DeviceMemory &&other) noexcept;
  ~DeviceMemory();

  Address address() const { return base; }
  /// As generated code wants it.
  void *pointer() const { return reinterpret_cast<void *>(base); }
  int64_t size() const { return bytes; }
  /// Zeroes it, in the order of the stream.
  Status clear() const;

private:
  const Gpu *gpu = nullptr;
  Address base = 0;
  int64_t bytes = 0;
};

/// Memory of the process that the GPU copies from and to by itself.
class PinnedMemory {
public:
  static Result<PinnedMemory> allocate(const Gpu &gpu, int64_t bytes);

  PinnedMemory() = default;
  PinnedMemory(PinnedMemory &&other) noexcept { *this = std::move(other); }
  PinnedMemory &operator=(PinnedMemory &&other) noexcept;
  ~PinnedMemory();

  uint8_t *data() const { return static_cast<uint8_t *>(base); }
  int64_t size() const { return bytes; }

private:
  const Gpu *gpu = nullptr;
  void *base = nullptr;
  int64_t bytes = 0;
};

/// A moment in the order of a stream.
class EventHandle {
public:
  /// With `timing` the time between two can be asked for.
  static Result<EventHandle> create(const Gpu &gpu, bool timing);

  EventHandle() = default;
  EventHandle(EventHandle &&other) noexcept { *this = std::move(other); }
  EventHandle &operator=(EventHandle &&other) noexcept;
  ~EventHandle();

  Status record() const;
  /// Waits until the stream has come here.
  Status wait() const;
  /// From another moment to this one; both are past.
  Result<double> secondsSince(const EventHandle &begin) const;

private:
  const Gpu *gpu = nullptr;
  Event event = nullptr;
};

/// Copies `bytes` from the process to the device through pinned memory, in the
/// order of the stream, and waits until they are there. `source` is mapped from
/// a file that may be larger than the memory of the machine: what was read is
/// given back.
Status upload(const Gpu &gpu, const DeviceMemory &destination,
              const uint8_t *source, int64_t bytes);

} // namespace moec::cuda

#endif // MOEC_RUNTIME_CUDA_GPU_H
