//===- Driver.cpp - State of the simulated driver -------------------------===//
#include "simulator/driver/Driver.h"

#include "support/TemporaryFile.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

using namespace moec;
using namespace moec::cudasim;

thread_local bool moec::cudasim::insideHostFunction = false;

void cudasim::note(const std::string &line) {
  fprintf(stderr, "cudasim: %s\n", line.c_str());
}

Driver &Driver::get() {
  // Never destroyed: threads of the host may still call while it exits.
  static Driver *driver = new Driver();
  return *driver;
}

//===----------------------------------------------------------------------===//
// Environment
//===----------------------------------------------------------------------===//

namespace {

/// A number with an optional K, M or G, which a variable must be if it is set.
Result<uint64_t> numberOf(const char *variable, uint64_t otherwise,
                          uint64_t least, uint64_t most) {
  const char *text = getenv(variable);
  if (!text || !*text)
    return otherwise;
  std::string_view digits(text);
  uint64_t unit = 1;
  switch (digits.back()) {
  case 'G':
    unit <<= 10;
    [[fallthrough]];
  case 'M':
    unit <<= 10;
    [[fallthrough]];
  case 'K':
    unit <<= 10;
    digits.remove_suffix(1);
  }
  uint64_t value = 0;
  auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() ||
      value > most / unit || value * unit < least)
    return Status::error(std::string(variable) + "=" + text +
                         ": expected a number from " + std::to_string(least) +
                         " to " + std::to_string(most));
  return value * unit;
}

/// Which of `values` the variable has; the first if it is unset or empty.
Result<size_t> choiceOf(const char *variable,
                        std::initializer_list<std::string_view> values) {
  const char *text = getenv(variable);
  if (!text || !*text)
    return size_t(0);
  auto found = std::find(values.begin(), values.end(), text);
  if (found != values.end())
    return static_cast<size_t>(found - values.begin());
  std::string message =
      std::string(variable) + "=" + text + ": expected one of";
  for (std::string_view value : values)
    message += " " + std::string(value);
  return Status::error(message);
}

} // namespace

CUresult Driver::initialize(unsigned flags) {
  if (flags)
    return CUDA_ERROR_INVALID_VALUE;
  if (initialized)
    return CUDA_SUCCESS;
  auto refuse = [](const std::string &message) {
    note(message);
    return CUDA_ERROR_INVALID_VALUE;
  };

  const char *name = getenv("MOEC_CUDASIM_ARCH");
  std::string architectureName = name && *name ? name : "sm_90a";
  auto properties = propertiesOf(Architecture::parse(architectureName));
  if (!properties)
    return refuse("MOEC_CUDASIM_ARCH=" + architectureName +
                  ": expected one of " + simulatedArchitectures());
  auto count = numberOf("MOEC_CUDASIM_DEVICES", 1, 1, kMaxDevices);
  auto multiprocessors = numberOf("MOEC_CUDASIM_SMS", 4, 1, 1024);
  auto bytes = numberOf("MOEC_CUDASIM_MEMORY", uint64_t(4) << 30, 1 << 20,
                        kDeviceSpan / 2);
  auto seed = numberOf("MOEC_CUDASIM_SEED", 0, 0, UINT64_MAX);
  auto perturbation = numberOf("MOEC_CUDASIM_PERTURB", 0, 0, UINT64_MAX);
  auto late = numberOf("MOEC_CUDASIM_LATE_COPIES", 0, 0, 1);
  auto seconds = numberOf("MOEC_CUDASIM_PATIENCE", 10, 0, 86400);
  for (const auto *number : {&count, &multiprocessors, &bytes, &seed,
                             &perturbation, &late, &seconds})
    if (!number->ok())
      return refuse(number->message());
  auto checks = choiceOf("MOEC_CUDASIM_CHECKS", {"on", "off", "all"});
  auto mma = choiceOf("MOEC_CUDASIM_MMA", {"in-order", "hardware"});
  for (const auto *choice : {&checks, &mma})
    if (!choice->ok())
      return refuse(choice->message());

  options.checks = *checks != 1;
  options.checkGlobalRaces = *checks == 2;
  options.mma = *mma ? MmaArithmetic::Hardware : MmaArithmetic::InOrder;
  options.seed = *seed;
  options.perturbation = *perturbation;
  options.lateCopies = *late;
  patience = static_cast<double>(*seconds);
  properties->multiprocessors = static_cast<uint32_t>(*multiprocessors);
  for (uint64_t i = 0; i < *count; ++i) {
    memory.addDevice(*bytes);
    devices.push_back({*properties});
  }
  if (const char *file = getenv("MOEC_CUDASIM_COUNTERS"))
    countersFile = file;
  options.counters = recordsLaunches();
  if (recordsLaunches())
    atexit([] { Driver::get().writeCounters(); });
  initialized = true;
  return CUDA_SUCCESS;
}

void Driver::writeCounters() {
  Lock lock(mutex, std::try_to_lock);
  if (!lock.owns_lock())
    return note("the process ends while a call is under way: " + countersFile +
                " is not written");
  using Json = nlohmann::ordered_json;
  Json root;
  root["simulated"] = true;
  root["architecture"] = devices[0].properties.architecture.text();
  root["devices"] = devices.size();
  root["multiprocessors"] = devices[0].properties.multiprocessors;
  root["seed"] = options.seed;
  root["copies"] = {{"count", copies.copies},
                    {"host_to_device_bytes", copies.hostToDevice},
                    {"device_to_host_bytes", copies.deviceToHost},
                    {"device_to_device_bytes", copies.deviceToDevice},
                    {"peer_bytes", copies.peer},
                    {"filled_bytes", copies.filled}};
  Json list = Json::array();
  for (const LaunchRecord &launch : launches) {
    Json entry = Json::parse(launch.counters);
    entry["device"] = launch.device;
    entry["stream"] = launch.stream;
    entry["target"] = launch.target;
    entry["registers"] = launch.registers;
    entry["static_shared_bytes"] = launch.staticSharedBytes;
    entry["dynamic_shared_bytes"] = launch.dynamicSharedBytes;
    entry["resident_blocks"] = launch.residentBlocks;
    entry["cooperative"] = launch.cooperative;
    list.push_back(std::move(entry));
  }
  root["launches"] = std::move(list);
  auto file = TemporaryFile::create(countersFile);
  Status status = file.status();
  if (file.ok()) {
    file->write(root.dump(1) + "\n");
    status = file->commit();
  }
  if (!status.ok())
    note("MOEC_CUDASIM_COUNTERS: " + status.message());
}

//===----------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------===//

std::vector<uint64_t> &Driver::contextStack() {
  thread_local std::vector<uint64_t> stack;
  return stack;
}

CUresult Driver::findContext(CUcontext handle, Context *&context) {
  context = contexts.find(handle);
  if (context)
    return CUDA_SUCCESS;
  return contexts.gave(handle) ? CUDA_ERROR_CONTEXT_IS_DESTROYED
                               : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult Driver::currentContext(Context *&context) {
  auto &stack = contextStack();
  if (stack.empty())
    return CUDA_ERROR_INVALID_CONTEXT;
  return findContext(reinterpret_cast<CUcontext>(stack.back()), context);
}

DeviceState *Driver::device(CUdevice ordinal) {
  if (ordinal < 0 || static_cast<size_t>(ordinal) >= devices.size())
    return nullptr;
  return &devices[ordinal];
}

Context *Driver::createContext(int device, unsigned flags) {
  Context *context = contexts.add(std::make_unique<Context>());
  context->device = device;
  context->flags = flags;
  context->limits = {{CU_LIMIT_STACK_SIZE, 1024},
                     {CU_LIMIT_PRINTF_FIFO_SIZE, 1 << 20},
                     {CU_LIMIT_MALLOC_HEAP_SIZE, 8 << 20}};
  context->legacy = createStream(*context, 0, 0);
  context->legacy->isLegacy = true;
  return context;
}

void Driver::destroyContext(Context *context, Lock &lock) {
  if (!context->error)
    (void)wait(lock, *context, [&] { return isIdle(*context); });
  // After an error the host could not free anything.
  bool reportLeaks = !context->error;
  fail(*context, CUDA_ERROR_CONTEXT_IS_DESTROYED);
  // A function of the host may still run on another thread.
  changed.wait(lock, [&] { return isIdle(*context); });

  std::vector<LoadedModule *> loaded;
  modules.forEach([&](LoadedModule &module) {
    if (module.context == context)
      loaded.push_back(&module);
  });
  for (LoadedModule *module : loaded)
    unloadModule(module);

  std::vector<uint64_t> leaked;
  std::string names;
  uint64_t bytes = 0;
  memory.forEach([&](const Allocation &allocation) {
    if (allocation.owner != context->handle)
      return;
    leaked.push_back(allocation.address);
    bytes += allocation.bytes;
    constexpr size_t named = 8;
    if (leaked.size() <= named)
      names += "\ncudasim:   " + GlobalMemory::name(allocation);
    else if (leaked.size() == named + 1)
      names += "\ncudasim:   …";
  });
  if (reportLeaks && !leaked.empty())
    note("leak: a context of device " + std::to_string(context->device) +
         " ends with " + std::to_string(leaked.size()) +
         (leaked.size() == 1 ? " allocation" : " allocations") +
         " that nobody freed, " + std::to_string(bytes) + " bytes:" + names);
  for (uint64_t address : leaked)
    (void)memory.free(address);

  std::vector<Stream *> ownStreams;
  streams.forEach([&](Stream &stream) {
    if (stream.context == context)
      ownStreams.push_back(&stream);
  });
  for (Stream *stream : ownStreams)
    streams.remove(stream);
  std::vector<Event *> ownEvents;
  events.forEach([&](Event &event) {
    if (event.context == context)
      ownEvents.push_back(&event);
  });
  for (Event *event : ownEvents)
    events.remove(event);
  for (int peer : context->peers)
    memory.setPeerAccess(context->device, peer, false);
  contexts.remove(context);
}

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

Stream *Driver::createStream(Context &context, unsigned flags, int priority) {
  Stream *stream = streams.add(std::make_unique<Stream>());
  stream->context = &context;
  stream->flags = flags;
  stream->priority = priority;
  stream->isBlocking = !(flags & CU_STREAM_NON_BLOCKING);
  stream->id = nextStreamId++;
  return stream;
}

Stream *Driver::findStream(CUstream handle, Context &context) {
  switch (reinterpret_cast<uint64_t>(handle)) {
  case 0:
  case kStreamLegacy:
    return context.legacy;
  case kStreamPerThread: {
    Stream *&stream = context.perThread[std::this_thread::get_id()];
    if (!stream)
      stream = createStream(context, 0, 0);
    return stream;
  }
  default:
    Stream *stream = streams.find(handle);
    return stream && !stream->isReleased ? stream : nullptr;
  }
}

bool Driver::isIdle(const Context &context) const {
  bool idle = true;
  streams.forEach([&](const Stream &stream) {
    if (stream.context == &context && !stream.queue.empty())
      idle = false;
  });
  return idle;
}
