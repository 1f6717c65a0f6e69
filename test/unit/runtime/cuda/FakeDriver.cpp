//===- FakeDriver.cpp - A CUDA driver that records and fails on demand ----===//

#include "FakeDriver.h"
#include "CudaBigramModel.h"

#include <cstdlib>
#include <deque>
#include <memory>

using namespace moec::test;

namespace {

enum : int {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  InvalidContext = 201,
  NotFound = 500
};

struct Work {
  std::function<int()> run;
  /// The event that is recorded behind it.
  struct Event *event = nullptr;
};

struct Event {
  bool timing = true;
  double milliseconds = 0;
};

struct State {
  FakeDriver fake;
  std::deque<Work> queue;
  int sticky = Success;
  double clock = 0;

  State() {
    addBigramKernels(fake.kernels);
    if (const char *name = std::getenv("FAKE_CUDA_NAME"))
      fake.devices[0].name = name;
  }

  int enqueue(std::function<int()> work, Event *event = nullptr) {
    if (sticky != Success)
      return sticky;
    queue.push_back({std::move(work), event});
    return Success;
  }
  /// Does what is on the stream, up to an event or all of it.
  int drain(const Event *until = nullptr) {
    while (!queue.empty() && sticky == Success) {
      Work work = std::move(queue.front());
      queue.pop_front();
      if (work.event) {
        work.event->milliseconds = clock;
        if (work.event == until)
          break;
        continue;
      }
      // Whatever it is takes a millisecond.
      clock += 1;
      sticky = work.run();
    }
    return sticky;
  }
};

State *state = nullptr;

State &theState() {
  if (!state)
    state = new State;
  return *state;
}

bool isSpared(const FakeDriver &fake, const char *name) {
  return std::strcmp(name, "cuLaunchKernel") == 0 &&
         fake.launches.size() < fake.launchesBeforeFailure;
}

/// Begins each function: records the call, and answers with the failure that
/// was asked for. Most need a context.
#define ENTER(name)                                                            \
  State &self = theState();                                                    \
  FakeDriver &fake = self.fake;                                                \
  (void)fake;                                                                  \
  fake.calls.push_back(#name);                                                 \
  if (auto failure = fake.failures.find(#name);                                \
      failure != fake.failures.end() && !isSpared(fake, #name))                \
  return failure->second
#define ENTER_CONTEXT(name)                                                    \
  ENTER(name);                                                                 \
  if (fake.pushed == 0)                                                        \
  return InvalidContext

int cuInit(unsigned) {
  ENTER(cuInit);
  return Success;
}

int cuGetErrorName(int code, const char **name) {
  static const std::map<int, const char *> names = {
      {1, "CUDA_ERROR_INVALID_VALUE"},
      {2, "CUDA_ERROR_OUT_OF_MEMORY"},
      {34, "CUDA_ERROR_STUB_LIBRARY"},
      {100, "CUDA_ERROR_NO_DEVICE"},
      {201, "CUDA_ERROR_INVALID_CONTEXT"},
      {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
      {218, "CUDA_ERROR_INVALID_PTX"},
      {500, "CUDA_ERROR_NOT_FOUND"},
      {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
      {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
      {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"}};
  auto entry = names.find(code);
  *name = entry == names.end() ? nullptr : entry->second;
  return *name ? Success : InvalidValue;
}

int cuGetErrorString(int code, const char **text) {
  *text = code == 700 ? "an illegal memory access was encountered" : "text";
  return Success;
}

int cuDriverGetVersion(int *version) {
  *version = theState().fake.version;
  return Success;
}

int cuDeviceGetCount(int *count) {
  ENTER(cuDeviceGetCount);
  *count = static_cast<int>(fake.devices.size());
  return Success;
}

/// Handles are not ordinals.
int cuDeviceGet(int *device, int ordinal) {
  ENTER(cuDeviceGet);
  *device = 100 + ordinal;
  return Success;
}

FakeDevice &deviceOf(int handle) {
  return theState().fake.devices.at(static_cast<size_t>(handle - 100));
}

int cuDeviceGetName(char *name, int bytes, int device) {
  ENTER(cuDeviceGetName);
  std::strncpy(name, deviceOf(device).name.c_str(), static_cast<size_t>(bytes));
  return Success;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  ENTER(cuDeviceGetAttribute);
  const FakeDevice &properties = deviceOf(device);
  const std::map<int, int> attributes = {{1, 1024},
                                         {13, properties.clockKiloHertz},
                                         {16, properties.multiprocessors},
                                         {75, properties.major},
                                         {76, properties.minor}};
  *value = attributes.at(attribute);
  return Success;
}

int cuDeviceTotalMem(size_t *bytes, int device) {
  ENTER(cuDeviceTotalMem);
  *bytes = deviceOf(device).memoryBytes;
  return Success;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
  ENTER(cuDevicePrimaryCtxRetain);
  fake.device = device - 100;
  ++fake.contexts;
  *context = &self;
  return Success;
}

int cuDevicePrimaryCtxRelease(int) {
  ENTER(cuDevicePrimaryCtxRelease);
  --fake.contexts;
  // As the last one leaves, so do errors.
  self.sticky = Success;
  self.queue.clear();
  return Success;
}

int cuCtxPushCurrent(void *) {
  ENTER(cuCtxPushCurrent);
  ++fake.pushed;
  return Success;
}

int cuCtxPopCurrent(void **) {
  ENTER(cuCtxPopCurrent);
  --fake.pushed;
  return Success;
}

int cuModuleLoadDataEx(void **module, const void *image, unsigned count,
                       int *options, void **values) {
  theState().fake.images.push_back(image);
  for (unsigned i = 0; i < count; ++i)
    if (options[i] == 5)
      std::strcpy(static_cast<char *>(values[i]),
                  theState().fake.jitLog.c_str());
  ENTER_CONTEXT(cuModuleLoadDataEx);
  ++fake.modules;
  *module = new int;
  return Success;
}

int cuModuleUnload(void *module) {
  ENTER_CONTEXT(cuModuleUnload);
  --fake.modules;
  delete static_cast<int *>(module);
  return Success;
}

int cuModuleGetFunction(void **function, void *, const char *name) {
  ENTER_CONTEXT(cuModuleGetFunction);
  auto kernel = fake.kernels.find(name);
  if (kernel == fake.kernels.end())
    return NotFound;
  *function = &*kernel;
  return Success;
}

using Kernel = std::pair<const std::string, FakeKernel>;

int cuFuncGetAttribute(int *value, int, void *function) {
  ENTER_CONTEXT(cuFuncGetAttribute);
  *value = static_cast<Kernel *>(function)->second.maxThreads;
  return Success;
}

int cuMemGetInfo(size_t *free, size_t *total) {
  ENTER_CONTEXT(cuMemGetInfo);
  *total = *free =
      fake.devices.at(static_cast<size_t>(fake.device)).memoryBytes;
  for (const auto &[address, bytes] : fake.deviceMemory)
    *free -= bytes;
  return Success;
}

int cuMemAlloc(unsigned long long *address, size_t bytes) {
  size_t free = 0, total = 0;
  if (cuMemGetInfo(&free, &total) != Success)
    return InvalidContext;
  ENTER_CONTEXT(cuMemAlloc);
  if (bytes == 0)
    return InvalidValue;
  if (bytes > free)
    return OutOfMemory;
  // Not zero: nobody said that it is.
  void *memory = std::malloc(bytes);
  std::memset(memory, 0xA5, bytes);
  fake.deviceMemory[memory] = bytes;
  fake.allocations.push_back(bytes);
  *address = reinterpret_cast<unsigned long long>(memory);
  return Success;
}

int cuMemFree(unsigned long long address) {
  ENTER_CONTEXT(cuMemFree);
  auto *memory = reinterpret_cast<void *>(address);
  if (!fake.deviceMemory.erase(memory))
    return InvalidValue;
  std::free(memory);
  return Success;
}

int cuMemHostAlloc(void **data, size_t bytes, unsigned) {
  ENTER_CONTEXT(cuMemHostAlloc);
  if (bytes == 0)
    return InvalidValue;
  *data = std::malloc(bytes);
  fake.pinnedMemory[*data] = bytes;
  return Success;
}

int cuMemFreeHost(void *data) {
  ENTER_CONTEXT(cuMemFreeHost);
  if (!fake.pinnedMemory.erase(data))
    return InvalidValue;
  std::free(data);
  return Success;
}

int cuMemsetD8Async(unsigned long long to, unsigned char value, size_t bytes,
                    void *) {
  ENTER_CONTEXT(cuMemsetD8Async);
  return self.enqueue([=] {
    std::memset(reinterpret_cast<void *>(to), value, bytes);
    return Success;
  });
}

int cuMemcpyHtoDAsync(unsigned long long to, const void *from, size_t bytes,
                      void *) {
  ENTER_CONTEXT(cuMemcpyHtoDAsync);
  fake.uploads.push_back(bytes);
  return self.enqueue([=] {
    std::memcpy(reinterpret_cast<void *>(to), from, bytes);
    return Success;
  });
}

int cuMemcpyDtoHAsync(void *to, unsigned long long from, size_t bytes, void *) {
  ENTER_CONTEXT(cuMemcpyDtoHAsync);
  fake.downloads.push_back(bytes);
  return self.enqueue([=] {
    std::memcpy(to, reinterpret_cast<const void *>(from), bytes);
    return Success;
  });
}

int cuMemcpyDtoDAsync(unsigned long long to, unsigned long long from,
                      size_t bytes, void *) {
  ENTER_CONTEXT(cuMemcpyDtoDAsync);
  return self.enqueue([=] {
    std::memcpy(reinterpret_cast<void *>(to),
                reinterpret_cast<const void *>(from), bytes);
    return Success;
  });
}

int cuStreamCreate(void **stream, unsigned) {
  ENTER_CONTEXT(cuStreamCreate);
  ++fake.streams;
  *stream = &self.queue;
  return Success;
}

int cuStreamDestroy(void *) {
  ENTER_CONTEXT(cuStreamDestroy);
  --fake.streams;
  return Success;
}

int cuStreamSynchronize(void *) {
  ENTER_CONTEXT(cuStreamSynchronize);
  return self.drain();
}

int cuEventCreate(void **event, unsigned flags) {
  ENTER_CONTEXT(cuEventCreate);
  ++fake.events;
  auto *created = new Event;
  created->timing = flags == 0;
  *event = created;
  return Success;
}

int cuEventDestroy(void *event) {
  ENTER_CONTEXT(cuEventDestroy);
  --fake.events;
  delete static_cast<Event *>(event);
  return Success;
}

int cuEventRecord(void *event, void *) {
  ENTER_CONTEXT(cuEventRecord);
  return self.enqueue([] { return Success; }, static_cast<Event *>(event));
}

int cuEventSynchronize(void *event) {
  ENTER_CONTEXT(cuEventSynchronize);
  return self.drain(static_cast<Event *>(event));
}

int cuEventElapsedTime(float *milliseconds, void *begin, void *end) {
  ENTER_CONTEXT(cuEventElapsedTime);
  const auto *from = static_cast<Event *>(begin);
  const auto *to = static_cast<Event *>(end);
  if (!from->timing || !to->timing)
    return InvalidValue;
  *milliseconds = static_cast<float>(to->milliseconds - from->milliseconds);
  return Success;
}

int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z,
                   unsigned threads, unsigned, unsigned, unsigned shared,
                   void *, void **parameters, void **) {
  ENTER_CONTEXT(cuLaunchKernel);
  auto &[name, kernel] = *static_cast<Kernel *>(function);
  FakeLaunch launch = {name, {x, y, z}, threads, shared, {}};
  for (size_t i = 0; i < kernel.parameterBytes.size(); ++i)
    launch.parameters.emplace_back(static_cast<const char *>(parameters[i]),
                                   kernel.parameterBytes[i]);
  fake.launches.push_back(launch);
  auto run = kernel.run;
  return self.enqueue([run, launch] { return run ? run(launch) : Success; });
}

struct Entry {
  const char *name;
  /// The version of CUDA in which the form above came.
  int since;
  void *address;
};

#define ENTRY(name, since) {#name, since, reinterpret_cast<void *>(name)}
const Entry entries[] = {ENTRY(cuInit, 2000),
                         ENTRY(cuGetErrorName, 6000),
                         ENTRY(cuGetErrorString, 6000),
                         ENTRY(cuDriverGetVersion, 2020),
                         ENTRY(cuDeviceGetCount, 2000),
                         ENTRY(cuDeviceGet, 2000),
                         ENTRY(cuDeviceGetName, 2000),
                         ENTRY(cuDeviceGetAttribute, 2000),
                         ENTRY(cuDeviceTotalMem, 3020),
                         ENTRY(cuDevicePrimaryCtxRetain, 7000),
                         ENTRY(cuDevicePrimaryCtxRelease, 11000),
                         ENTRY(cuCtxPushCurrent, 4000),
                         ENTRY(cuCtxPopCurrent, 4000),
                         ENTRY(cuModuleLoadDataEx, 2010),
                         ENTRY(cuModuleUnload, 2000),
                         ENTRY(cuModuleGetFunction, 2000),
                         ENTRY(cuFuncGetAttribute, 2020),
                         ENTRY(cuMemGetInfo, 3020),
                         ENTRY(cuMemAlloc, 3020),
                         ENTRY(cuMemFree, 3020),
                         ENTRY(cuMemHostAlloc, 2020),
                         ENTRY(cuMemFreeHost, 2000),
                         ENTRY(cuMemsetD8Async, 3020),
                         ENTRY(cuMemcpyHtoDAsync, 3020),
                         ENTRY(cuMemcpyDtoHAsync, 3020),
                         ENTRY(cuMemcpyDtoDAsync, 3020),
                         ENTRY(cuStreamCreate, 2000),
                         ENTRY(cuStreamDestroy, 4000),
                         ENTRY(cuStreamSynchronize, 2000),
                         ENTRY(cuEventCreate, 2000),
                         ENTRY(cuEventDestroy, 4000),
                         ENTRY(cuEventRecord, 2000),
                         ENTRY(cuEventSynchronize, 2000),
                         ENTRY(cuEventElapsedTime, 2000),
                         ENTRY(cuLaunchKernel, 4000)};

int lookUp(const char *name, void **function, int version) {
  *function = nullptr;
  for (const Entry &entry : entries)
    // Another version asks for another form of the function.
    if (std::strcmp(entry.name, name) == 0 && entry.since == version &&
        !theState().fake.missing.count(name))
      *function = entry.address;
  return *function ? Success : NotFound;
}

} // namespace

#ifdef FAKE_CUDA_11
extern "C" int cuGetProcAddress(const char *name, void **function, int version,
                                uint64_t) {
  return lookUp(name, function, version);
}
#else
extern "C" int cuGetProcAddress_v2(const char *name, void **function,
                                   int version, uint64_t, int *) {
  return lookUp(name, function, version);
}
#endif

extern "C" FakeDriver *fakeDriver(bool reset) {
  if (reset) {
    delete state;
    state = nullptr;
  }
  return &theState().fake;
}
