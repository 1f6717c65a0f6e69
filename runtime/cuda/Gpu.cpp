//===- Gpu.cpp - A GPU, its memory and its stream -------------------------===//

#include "runtime/cuda/Gpu.h"
#include "runtime/Format.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

using namespace moec;
using namespace moec::cuda;

//===------------------------------------------------------------------------===//
// Choosing
//===------------------------------------------------------------------------===//

std::string GpuProperties::architecture() const {
  return "sm_" + std::to_string(major) + std::to_string(minor);
}

std::string GpuProperties::description() const {
  return name + " (" + architecture() + ", " + std::to_string(multiprocessors) +
         " multiprocessors, " + formatBytes(static_cast<double>(memoryBytes)) +
         ")";
}

bool GpuProperties::isSimulated() const {
  return name.find("imulat") != std::string::npos;
}

static Result<GpuProperties> describeGpu(const Driver &driver, int ordinal) {
  GpuProperties gpu;
  gpu.ordinal = ordinal;
  const std::string what = "GPU " + std::to_string(ordinal);
  MOEC_RETURN_IF_ERROR(
      driver.check(driver.cuDeviceGet(&gpu.handle, ordinal), what));
  char name[256] = "";
  MOEC_RETURN_IF_ERROR(driver.check(
      driver.cuDeviceGetName(name, sizeof name, gpu.handle), what));
  gpu.name.assign(name, strnlen(name, sizeof name));
  int kiloHertz = 0;
  const std::pair<Attribute, int *> attributes[] = {
      {ComputeCapabilityMajor, &gpu.major},
      {ComputeCapabilityMinor, &gpu.minor},
      {MultiprocessorCount, &gpu.multiprocessors},
      {MaxThreadsPerBlock, &gpu.maxThreadsPerBlock},
      {ClockRate, &kiloHertz}};
  for (auto [attribute, value] : attributes)
    MOEC_RETURN_IF_ERROR(driver.check(
        driver.cuDeviceGetAttribute(value, attribute, gpu.handle), what));
  gpu.clockHz = 1e3 * kiloHertz;
  size_t bytes = 0;
  MOEC_RETURN_IF_ERROR(
      driver.check(driver.cuDeviceTotalMem(&bytes, gpu.handle), what));
  gpu.memoryBytes = bytes;
  return gpu;
}

Result<GpuProperties> moec::cuda::chooseGpu(const Driver &driver,
                                            const moert_options &options) {
  int count = 0;
  MOEC_RETURN_IF_ERROR(
      driver.check(driver.cuDeviceGetCount(&count), "counting the GPUs"));
  if (count < 1)
    return Status::error("the CUDA driver finds no GPU");

  const char *text = options.device;
  const char *source = "the device";
  if (!text) {
    text = std::getenv("MOEC_CUDA_DEVICE");
    source = "MOEC_CUDA_DEVICE";
  }
  if (!text || !*text)
    return describeGpu(driver, 0);
  int ordinal = -1;
  const char *end = text + std::strlen(text);
  auto [rest, error] = std::from_chars(text, end, ordinal);
  if (error == std::errc() && rest == end && ordinal >= 0 && ordinal < count)
    return describeGpu(driver, ordinal);

  std::string message =
      std::string(source) + " is '" + text + "', expected the number of a GPU:";
  for (int i = 0; i < count; ++i) {
    MOEC_ASSIGN_OR_RETURN(GpuProperties gpu, describeGpu(driver, i));
    message += (i ? ", " : " ") + std::to_string(i) + " " + gpu.description();
  }
  return Status::error(message);
}

//===------------------------------------------------------------------------===//
// Using
//===------------------------------------------------------------------------===//

Result<std::unique_ptr<Gpu>> Gpu::open(std::unique_ptr<Driver> driver,
                                       GpuProperties properties) {
  std::unique_ptr<Gpu> gpu(new Gpu(std::move(driver), std::move(properties)));
  MOEC_RETURN_IF_ERROR(
      gpu->check(gpu->driver().cuDevicePrimaryCtxRetain(
                     &gpu->context, gpu->properties().handle),
                 gpu->properties().description() + ": cannot be used"));
  Scope scope(*gpu);
  MOEC_RETURN_IF_ERROR(
      gpu->check(gpu->driver().cuStreamCreate(&gpu->queue, StreamNonBlocking),
                 "creating a stream"));
  return gpu;
}

Gpu::~Gpu() {
  if (!context)
    return;
  if (queue) {
    Scope scope(*this);
    library->cuStreamDestroy(queue);
  }
  library->cuDevicePrimaryCtxRelease(known.handle);
}

Gpu::Scope::Scope(const Gpu &gpu) : driver(gpu.driver()) {
  // Fails only where every call after it fails too, and those are looked at.
  driver.cuCtxPushCurrent(gpu.context);
}

Gpu::Scope::~Scope() {
  Context context = nullptr;
  driver.cuCtxPopCurrent(&context);
}

//===------------------------------------------------------------------------===//
// Memory
//===------------------------------------------------------------------------===//

Result<DeviceMemory> DeviceMemory::allocate(const Gpu &gpu, int64_t bytes,
                                            const std::string &what) {
  if (bytes < 0)
    return Status::error(what + ": negative size " + std::to_string(bytes));
  DeviceMemory memory;
  if (bytes == 0)
    return memory;
  MOEC_RETURN_IF_ERROR(gpu.check(
      gpu.driver().cuMemAlloc(&memory.base, static_cast<size_t>(bytes)), what));
  memory.gpu = &gpu;
  memory.bytes = bytes;
  return memory;
}

DeviceMemory &DeviceMemory::operator=(DeviceMemory &&other) noexcept {
  std::swap(gpu, other.gpu);
  std::swap(base, other.base);
  std::swap(bytes, other.bytes);
  return *this;
}

DeviceMemory::~DeviceMemory() {
  if (gpu)
    gpu->driver().cuMemFree(base);
}

Status DeviceMemory::clear() const {
  if (!gpu)
    return Status::success();
  return gpu->check(gpu->driver().cuMemsetD8Async(
                        base, 0, static_cast<size_t>(bytes), gpu->stream()),
                    "clearing memory of the GPU");
}

Result<PinnedMemory> PinnedMemory::allocate(const Gpu &gpu, int64_t bytes) {
  PinnedMemory memory;
  MOEC_RETURN_IF_ERROR(gpu.check(
      gpu.driver().cuMemHostAlloc(&memory.base, static_cast<size_t>(bytes), 0),
      "allocating " + formatBytes(static_cast<double>(bytes)) +
          " of pinned memory for copies to the GPU"));
  memory.gpu = &gpu;
  memory.bytes = bytes;
  return memory;
}

PinnedMemory &PinnedMemory::operator=(PinnedMemory &&other) noexcept {
  std::swap(gpu, other.gpu);
  std::swap(base, other.base);
  std::swap(bytes, other.bytes);
  return *this;
}

PinnedMemory::~PinnedMemory() {
  if (gpu)
    gpu->driver().cuMemFreeHost(base);
}

//===------------------------------------------------------------------------===//
// Time
//===------------------------------------------------------------------------===//

Result<EventHandle> EventHandle::create(const Gpu &gpu, bool timing) {
  EventHandle handle;
  MOEC_RETURN_IF_ERROR(
      gpu.check(gpu.driver().cuEventCreate(
                    &handle.event, timing ? 0u : unsigned{EventDisableTiming}),
                "creating an event"));
  handle.gpu = &gpu;
  return handle;
}

EventHandle &EventHandle::operator=(EventHandle &&other) noexcept {
  std::swap(gpu, other.gpu);
  std::swap(event, other.event);
  return *this;
}

EventHandle::~EventHandle() {
  if (gpu)
    gpu->driver().cuEventDestroy(event);
}

Status EventHandle::record() const {
  return gpu->check(gpu->driver().cuEventRecord(event, gpu->stream()),
                    "recording an event");
}

Status EventHandle::wait() const {
  return gpu->check(gpu->driver().cuEventSynchronize(event),
                    "waiting for the GPU");
}

Result<double> EventHandle::secondsSince(const EventHandle &begin) const {
  float milliseconds = 0;
  MOEC_RETURN_IF_ERROR(gpu->check(
      gpu->driver().cuEventElapsedTime(&milliseconds, begin.event, event),
      "asking for the time between two events"));
  return 1e-3 * static_cast<double>(milliseconds);
}

/// Operations of a multiprocessor in one clock: dense BF16 products with FP32
/// sums, two for each multiply-add, as NVIDIA's papers on each architecture give
/// them (A100, GA102, AD102, H100, B200). Consumer GPUs of 8.6, 8.9 and 12.0 do
/// half. 0: not known.
static double tensorOperations(int major, int minor) {
  switch (10 * major + minor) {
  case 80:
    return 2048;
  case 86:
  case 89:
  case 120:
    return 1024;
  case 90:
    return 4096;
  case 100:
  case 103:
    return 8192;
  default:
    return 0;
  }
}

Result<Roof> Gpu::measureRoof() const {
  Roof roof;
  if (known.isSimulated())
    return roof;
  roof.operationsPerSecond = tensorOperations(known.major, known.minor) *
                             known.multiprocessors * known.clockHz;
  Scope scope(*this);
  size_t free = 0, total = 0;
  MOEC_RETURN_IF_ERROR(
      check(library->cuMemGetInfo(&free, &total), "asking for free memory"));
  // More than caches hold, if there is as much. A model that fills the memory
  // leaves the figure unknown.
  const auto bytes = static_cast<int64_t>(std::min<size_t>(free / 4, 1u << 30));
  Result<DeviceMemory> from = DeviceMemory::allocate(*this, bytes, "probe");
  Result<DeviceMemory> to = DeviceMemory::allocate(*this, bytes, "probe");
  if (bytes < (64 << 20) || !from.ok() || !to.ok())
    return roof;
  MOEC_ASSIGN_OR_RETURN(EventHandle begin, EventHandle::create(*this, true));
  MOEC_ASSIGN_OR_RETURN(EventHandle end, EventHandle::create(*this, true));
  MOEC_RETURN_IF_ERROR(from->clear());
  for (int round = 0; round < 10; ++round) {
    MOEC_RETURN_IF_ERROR(begin.record());
    MOEC_RETURN_IF_ERROR(
        check(library->cuMemcpyDtoDAsync(to->address(), from->address(),
                                         static_cast<size_t>(bytes), queue),
              "copying in the memory of the GPU"));
    MOEC_RETURN_IF_ERROR(end.record());
    MOEC_RETURN_IF_ERROR(end.wait());
    MOEC_ASSIGN_OR_RETURN(double seconds, end.secondsSince(begin));
    // Each byte is read and written.
    if (seconds > 0)
      roof.bytesPerSecond = std::max(roof.bytesPerSecond,
                                     2 * static_cast<double>(bytes) / seconds);
  }
  return roof;
}
