//===- Driver.h - State of the simulated driver ---------------------------===//
//
// Devices, contexts, modules, streams and events behind the handles of the API.
// One lock guards everything. The host's calls put operations on streams; calls
// that wait run the heads of all streams in turns (Engine.cpp) until what they
// wait for is done. Nothing runs in between, so that one seed gives one order.
//
// Handles are numbers that are never used again and no addresses: a handle that
// was destroyed, or of another kind, is found.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_DRIVER_DRIVER_H
#define MOEC_SIMULATOR_DRIVER_DRIVER_H

#include "simulator/driver/Api.h"
#include "simulator/driver/Devices.h"
#include "simulator/machine/Grid.h"
#include "simulator/memory/GlobalMemory.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace moec::cudasim {

class Driver;
struct Context;
struct Stream;
using Lock = std::unique_lock<std::mutex>;

/// Prints "cudasim: …" on stderr.
void note(const std::string &line);

/// Objects by handle. Handles of a table start with its tag.
template <typename T>
class HandleTable {
public:
  explicit HandleTable(uint64_t tag) : base(tag << 40) {}

  T *add(std::unique_ptr<T> object) {
    object->handle = base + (++last << 4);
    return (objects[object->handle] = std::move(object)).get();
  }
  /// Null for what is not, or no longer, a handle of this table.
  T *find(const void *handle) const {
    auto found = objects.find(reinterpret_cast<uint64_t>(handle));
    return found == objects.end() ? nullptr : found->second.get();
  }
  /// Whether it was a handle of this table once.
  bool gave(const void *handle) const {
    auto value = reinterpret_cast<uint64_t>(handle);
    return value > base && value <= base + (last << 4) && value % 16 == 0;
  }
  void remove(T *object) { objects.erase(object->handle); }

  template <typename Visitor>
  void forEach(Visitor &&visit) const {
    for (const auto &[handle, object] : objects)
      visit(*object);
  }

private:
  uint64_t base;
  uint64_t last = 0;
  std::map<uint64_t, std::unique_ptr<T>> objects;
};

/// What a stream holds: a copy, a launch, a wait …
class Operation {
public:
  virtual ~Operation() = default;

  struct Step {
    enum class Outcome {
      Done,
      Progress, // goes on at the next turn
      Waiting,  // could do nothing
      Failed    // `error` becomes the context's
    } outcome;
    CUresult error = CUDA_SUCCESS;
  };
  /// One turn. May give up the lock meanwhile.
  virtual Step advance(Driver &driver, Stream &stream, Lock &lock) = 0;
  /// When all streams wait: lets simulated time pass; whether that may help.
  virtual bool passTime(uint64_t nanoseconds) { return false; }
  /// It will not run, since its context failed: nobody shall wait for it.
  virtual void abandon(Driver &driver) {}
  /// What it waits for, for the report of a deadlock.
  virtual std::string describe() const = 0;

  /// Order in which operations were submitted, over all streams.
  uint64_t sequence = 0;
};

struct Stream {
  uint64_t handle = 0;
  Context *context = nullptr;
  unsigned flags = 0;
  int priority = 0;
  uint64_t id = 0;
  bool isLegacy = false;
  /// Orders itself with the legacy default stream.
  bool isBlocking = true;
  std::deque<std::unique_ptr<Operation>> queue;
  /// Its head runs, and the thread that runs it gave up the lock.
  bool busy = false;
  /// Destroyed by the host: its handle is none any more, and it goes when its
  /// work is done.
  bool isReleased = false;

  CUstream asHandle() const { return reinterpret_cast<CUstream>(handle); }
};

struct EventState {
  uint64_t recorded = 0;    // records submitted
  uint64_t completed = 0;   // records whose stream got there
  uint64_t nanoseconds = 0; // simulated time of the last
};

struct Event {
  uint64_t handle = 0;
  Context *context = nullptr;
  unsigned flags = 0;
  std::shared_ptr<EventState> state = std::make_shared<EventState>();

  bool isComplete() const { return state->completed >= state->recorded; }
};

struct LoadedModule;

/// A kernel of a module that is loaded in a context.
struct LoadedFunction {
  uint64_t handle = 0;
  LoadedModule *module = nullptr;
  const Kernel *kernel = nullptr;
  Architecture target; // of the PTX
  /// Of the cubin, or assumed (kAssumedRegisters).
  uint32_t registers = 0;
  uint32_t localBytes = 0;
  uint32_t staticSharedBytes = 0;
  /// CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.
  uint32_t maxDynamicSharedBytes = 0;
  int sharedCarveout = -1;

  /// Threads a block of it may have.
  uint32_t maxThreads() const;
  CUfunction asHandle() const { return reinterpret_cast<CUfunction>(handle); }
};

/// A kernel whose registers nobody says (PTX without a cubin) counts this many;
/// a block of 1024 threads still fits.
inline constexpr uint32_t kAssumedRegisters = 64;

struct Library;

struct LoadedModule {
  uint64_t handle = 0;
  Context *context = nullptr;
  Library *library = nullptr; // that it belongs to, if any
  std::shared_ptr<const Program> program;
  /// For counters, when they are wanted.
  std::shared_ptr<const std::vector<InstructionInfo>> instructions;
  std::vector<LoadedFunction *> functions;
};

struct LibraryKernel {
  uint64_t handle = 0;
  Library *library = nullptr;
  std::string name;
  std::map<CUfunction_attribute, int> attributes; // set before it was loaded
};

struct Library {
  uint64_t handle = 0;
  std::vector<std::byte> image;
  std::map<std::string, LibraryKernel *> kernels;
  std::map<Context *, LoadedModule *> modules;
};

struct Context {
  uint64_t handle = 0;
  int device = 0;
  unsigned flags = 0;
  unsigned references = 1; // of a primary context
  bool isPrimary = false;
  /// Of a kernel or copy that failed: every later call answers it.
  CUresult error = CUDA_SUCCESS;
  Stream *legacy = nullptr;
  std::map<std::thread::id, Stream *> perThread;
  std::set<int> peers;
  std::map<CUlimit, size_t> limits;
  CUfunc_cache cacheConfig = CU_FUNC_CACHE_PREFER_NONE;

  CUcontext asHandle() const { return reinterpret_cast<CUcontext>(handle); }
};

struct DeviceState {
  DeviceProperties properties;
  unsigned primaryFlags = 0;
  Context *primary = nullptr;
  /// Part of the device that running grids hold; the whole is
  /// kWholeMultiprocessor for each multiprocessor.
  uint64_t occupied = 0;
};
inline constexpr uint64_t kWholeMultiprocessor = 1 << 20;

/// What ran, for MOEC_CUDASIM_COUNTERS.
struct LaunchRecord {
  int device = 0;
  uint64_t stream = 0;
  uint32_t registers = 0, staticSharedBytes = 0, dynamicSharedBytes = 0;
  uint32_t residentBlocks = 0;
  bool cooperative = false;
  std::string target;
  std::string counters; // JSON of count/
};
struct CopyTotals {
  uint64_t copies = 0, hostToDevice = 0, deviceToHost = 0, deviceToDevice = 0,
           peer = 0, filled = 0;
};

class Driver {
public:
  /// The one of the process; it is never destroyed.
  static Driver &get();

  /// Reads the environment and makes the devices.
  CUresult initialize(unsigned flags);
  bool isInitialized() const { return initialized; }

  std::mutex mutex;

  // -- Contexts.
  /// Null handle, or no current context: INVALID_CONTEXT.
  CUresult currentContext(Context *&context);
  CUresult findContext(CUcontext handle, Context *&context);
  std::vector<uint64_t> &contextStack();
  Context *createContext(int device, unsigned flags);
  /// Waits for its work, reports what it leaks, and frees everything it has.
  void destroyContext(Context *context, Lock &lock);
  DeviceState *device(CUdevice ordinal);

  // -- Streams.
  Stream *createStream(Context &context, unsigned flags, int priority);
  /// Understands the default streams' handles; null if it is none.
  Stream *findStream(CUstream handle, Context &context);
  void submit(Stream &stream, std::unique_ptr<Operation> operation);
  bool isIdle(const Stream &stream) const { return stream.queue.empty(); }
  bool isIdle(const Context &context) const;

  /// Runs streams until `done`, or the context failed; then that error.
  CUresult wait(Lock &lock, Context &context,
                const std::function<bool()> &done);
  /// One turn of every stream, for calls that ask without waiting.
  void poll(Lock &lock);
  /// Makes an error sticky and drops what the context's streams hold.
  void fail(Context &context, CUresult error);

  // -- Modules.
  CUresult loadModule(Context &context, std::span<const std::byte> image,
                      LoadedModule *&module, std::string &log);
  void unloadModule(LoadedModule *module);
  /// The module of a library in a context, loaded if it is not yet.
  CUresult moduleOf(Library &library, Context &context, LoadedModule *&module);
  /// Also takes a CUkernel, for which it loads its library's module.
  CUresult findFunction(CUfunction handle, LoadedFunction *&function);

  /// Simulated time in nanoseconds.
  Clock clock;
  GlobalMemory memory;
  Options options;
  std::vector<DeviceState> devices;
  HandleTable<Context> contexts{1};
  HandleTable<Stream> streams{2};
  HandleTable<Event> events{3};
  HandleTable<LoadedModule> modules{4};
  HandleTable<LoadedFunction> functions{5};
  HandleTable<Library> libraries{6};
  HandleTable<LibraryKernel> kernels{7};
  CopyTotals copies;
  std::vector<LaunchRecord> launches;
  bool recordsLaunches() const { return !countersFile.empty(); }
  uint64_t nextGridId = 1;

  /// Threads that want the lock; who runs streams gives way to them.
  std::atomic<unsigned> wanting = 0;
  /// Calls so far: whether other threads still do something.
  std::atomic<uint64_t> calls = 0;
  /// Signalled when a thread got something done that others may wait for.
  std::condition_variable changed;

private:
  enum class Round { Nothing, Progress };
  Round runRound(Lock &lock);
  bool mayStart(const Stream &stream) const;
  void giveWay(Lock &lock);
  /// Nothing can run: waits for other threads of the host, lets time pass, or
  /// declares a deadlock.
  void standStill(Lock &lock);
  void reportDeadlock();
  void writeCounters();

  bool initialized = false;
  std::string countersFile;
  double patience = 10; // seconds that other threads of the host get
  uint64_t rounds = 0;
  uint64_t nextSequence = 1;
  uint64_t nextStreamId = 1;
  uint64_t stillNanoseconds = 0; // simulated time that passed in vain
};

/// Set while a function that cuLaunchHostFunc was given runs on this thread.
extern thread_local bool insideHostFunction;

/// The body of a function that needs cuInit.
template <typename Body>
CUresult withDriver(Body &&body) {
  if (insideHostFunction)
    return CUDA_ERROR_NOT_PERMITTED;
  Driver &driver = Driver::get();
  ++driver.wanting;
  Lock lock(driver.mutex);
  --driver.wanting;
  ++driver.calls;
  driver.changed.notify_all();
  if (!driver.isInitialized())
    return CUDA_ERROR_NOT_INITIALIZED;
  try {
    return body(driver, lock);
  } catch (const std::bad_alloc &) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
}

/// The body of a function that needs a current context that has not failed.
template <typename Body>
CUresult withContext(Body &&body) {
  return withDriver([&](Driver &driver, Lock &lock) {
    Context *context = nullptr;
    if (CUresult error = driver.currentContext(context))
      return error;
    if (context->error)
      return context->error;
    return static_cast<CUresult>(body(driver, *context, lock));
  });
}

/// The same, with a stream.
template <typename Body>
CUresult withStream(CUstream handle, Body &&body) {
  return withContext([&](Driver &driver, Context &context, Lock &lock) {
    Stream *stream = driver.findStream(handle, context);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (stream->context->error)
      return stream->context->error;
    return static_cast<CUresult>(body(driver, *stream, lock));
  });
}

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_DRIVER_DRIVER_H
