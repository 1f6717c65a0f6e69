//===- Launch.cpp - Validates and runs launches ---------------------------===//
#include "simulator/driver/Launch.h"

#include <algorithm>
#include <cstring>

using namespace moec;
using namespace moec::cudasim;

/// Warp instructions of one turn.
static constexpr uint64_t kQuantum = 20000;
/// Of the grid barrier that cooperative launches get.
static constexpr uint64_t kWorkspaceBytes = 1024;

static std::string number(uint64_t value) { return std::to_string(value); }

static std::string text(const uint32_t (&dimensions)[3]) {
  std::string all = "(";
  all += number(dimensions[0]) + ", " + number(dimensions[1]) + ", ";
  return all + number(dimensions[2]) + ")";
}

uint32_t LoadedFunction::maxThreads() const {
  uint32_t threads = kMaxThreadsPerBlock;
  for (const auto *bound : {&kernel->maxThreads, &kernel->requiredThreads})
    if ((*bound)[0])
      threads = std::min(threads, (*bound)[0] * std::max((*bound)[1], 1u) *
                                      std::max((*bound)[2], 1u));
  return threads;
}

CUresult cudasim::checkLaunch(const DeviceProperties &device,
                              const LoadedFunction &function,
                              const LaunchShape &shape, std::string &why) {
  for (int i = 0; i < 3; ++i) {
    if (shape.grid[i] == 0 || shape.grid[i] > kMaxGridDim[i]) {
      why = "a grid of " + text(shape.grid) + " blocks, expected 1 to " +
            text(kMaxGridDim);
      return CUDA_ERROR_INVALID_VALUE;
    }
    if (shape.block[i] == 0 || shape.block[i] > kMaxBlockDim[i]) {
      why = "a block of " + text(shape.block) + " threads, expected 1 to " +
            text(kMaxBlockDim);
      return CUDA_ERROR_INVALID_VALUE;
    }
  }
  if (shape.threads() > kMaxThreadsPerBlock) {
    why = "a block of " + number(shape.threads()) + " threads, at most " +
          number(kMaxThreadsPerBlock) + " are possible";
    return CUDA_ERROR_INVALID_VALUE;
  }
  const auto &required = function.kernel->requiredThreads;
  if (required[0] && (shape.block[0] != required[0] ||
                      shape.block[1] != std::max(required[1], 1u) ||
                      shape.block[2] != std::max(required[2], 1u))) {
    why = "a block of " + text(shape.block) + " threads, the kernel requires " +
          text(required) + " (.reqntid)";
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (shape.threads() > function.maxThreads()) {
    why = "a block of " + number(shape.threads()) +
          " threads, the kernel was compiled for at most " +
          number(function.maxThreads()) + " (.maxntid)";
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (shape.dynamicSharedBytes > function.maxDynamicSharedBytes) {
    why = number(shape.dynamicSharedBytes) +
          " bytes of dynamic shared memory, at most " +
          number(function.maxDynamicSharedBytes) +
          " are allowed; CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES can "
          "raise that to " +
          number(
              device.sharedPerBlockOptIn -
              std::min(device.sharedPerBlockOptIn, function.staticSharedBytes));
    return CUDA_ERROR_INVALID_VALUE;
  }
  uint32_t shared = function.staticSharedBytes + shape.dynamicSharedBytes;
  uint32_t perMultiprocessor =
      blocksPerMultiprocessor(device, function.registers,
                              static_cast<uint32_t>(shape.threads()), shared);
  if (perMultiprocessor == 0) {
    why = "a block of " + number(shape.threads()) + " threads with " +
          number(function.registers) + " registers each and " + number(shared) +
          " bytes of shared memory does not fit on a multiprocessor of " +
          number(device.registersPerMultiprocessor) + " registers and " +
          number(device.sharedPerBlockOptIn) + " bytes";
    return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
  }
  uint64_t resident = uint64_t(perMultiprocessor) * device.multiprocessors;
  if (shape.cooperative && shape.blocks() > resident) {
    why = "a cooperative grid of " + number(shape.blocks()) +
          " blocks, at most " + number(resident) + " are resident at a time (" +
          number(perMultiprocessor) + " on each of " +
          number(device.multiprocessors) + " multiprocessors)";
    return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
  }
  return CUDA_SUCCESS;
}

CUresult cudasim::packParameters(const LoadedFunction &function,
                                 void *const *pointers, void *const *extra,
                                 std::vector<std::byte> &block,
                                 std::string &why) {
  const Kernel &kernel = *function.kernel;
  block.assign(kernel.parameterBytes, std::byte(0));
  if (pointers && extra) {
    why = "kernelParams and extra are both given";
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (extra) {
    const void *buffer = nullptr;
    const size_t *bytes = nullptr;
    for (; *extra; extra += 2) {
      switch (reinterpret_cast<uintptr_t>(*extra)) {
      case kLaunchParamBufferPointer:
        buffer = extra[1];
        break;
      case kLaunchParamBufferSize:
        bytes = static_cast<const size_t *>(extra[1]);
        break;
      default:
        why = "extra holds an unknown marker";
        return CUDA_ERROR_INVALID_VALUE;
      }
    }
    if (!buffer || !bytes) {
      why = "extra lacks its buffer or the buffer's size";
      return CUDA_ERROR_INVALID_VALUE;
    }
    // Callers may leave out the padding behind the last parameter.
    uint64_t needed = 0;
    for (const Parameter &parameter : kernel.parameters)
      needed = std::max<uint64_t>(needed, parameter.offset + parameter.bytes);
    constexpr uint64_t padding = 16;
    if (*bytes < needed || *bytes > needed + padding) {
      why = "parameters of " + number(*bytes) + " bytes, the kernel takes " +
            number(needed);
      return CUDA_ERROR_INVALID_VALUE;
    }
    memcpy(block.data(), buffer, needed);
    return CUDA_SUCCESS;
  }
  if (!pointers && !kernel.parameters.empty()) {
    why = "no parameters, the kernel takes " + number(kernel.parameters.size());
    return CUDA_ERROR_INVALID_VALUE;
  }
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    const Parameter &parameter = kernel.parameters[i];
    if (!pointers[i]) {
      why = "the pointer to parameter " + number(i) + " is null";
      return CUDA_ERROR_INVALID_VALUE;
    }
    memcpy(block.data() + parameter.offset, pointers[i], parameter.bytes);
  }
  return CUDA_SUCCESS;
}

CUresult cudasim::errorOf(const Diagnosis &diagnosis) {
  static const std::pair<const char *, CUresult> errors[] = {
      {"out-of-bounds", CUDA_ERROR_ILLEGAL_ADDRESS},
      {"peer-access", CUDA_ERROR_ILLEGAL_ADDRESS},
      {"misaligned", CUDA_ERROR_MISALIGNED_ADDRESS},
      {"assert", CUDA_ERROR_ASSERT},
      {"trap", CUDA_ERROR_ILLEGAL_INSTRUCTION},
      {"deadlock", CUDA_ERROR_LAUNCH_TIMEOUT},
  };
  for (const auto &[kind, error] : errors)
    if (diagnosis.kind == kind)
      return error;
  return CUDA_ERROR_LAUNCH_FAILED;
}

namespace {

class KernelLaunch : public Operation {
public:
  KernelLaunch(const LoadedFunction &function, const LaunchShape &shape,
               std::vector<std::byte> parameters)
      : program(function.module->program),
        descriptions(function.module->instructions), shape(shape) {
    record.device = function.module->context->device;
    record.registers = function.registers;
    record.staticSharedBytes = function.staticSharedBytes;
    record.dynamicSharedBytes = shape.dynamicSharedBytes;
    record.cooperative = shape.cooperative;
    record.target = function.target.text();
    launch.program = program.get();
    launch.kernel = function.kernel;
    std::copy_n(shape.grid, 3, launch.grid);
    std::copy_n(shape.block, 3, launch.block);
    launch.dynamicSharedBytes = shape.dynamicSharedBytes;
    launch.parameters = std::move(parameters);
    launch.device = record.device;
    launch.cooperative = shape.cooperative;
  }

  Step advance(Driver &driver, Stream &stream, Lock &) override {
    using Outcome = Step::Outcome;
    if (!grid) {
      if (!start(driver))
        return {Outcome::Waiting};
      record.stream = stream.id;
    }
    switch (grid->advance(kQuantum)) {
    case Grid::State::Running:
      return {Outcome::Progress};
    case Grid::State::Blocked:
      return {Outcome::Waiting};
    case Grid::State::Finished:
      finish(driver);
      return {Outcome::Done};
    case Grid::State::Failed:
      break;
    }
    Diagnosis diagnosis = *grid->failure();
    note(diagnosis.text());
    return {Outcome::Failed, errorOf(diagnosis)};
  }

  bool passTime(uint64_t nanoseconds) override {
    return grid && grid->passTime(nanoseconds);
  }

  void abandon(Driver &driver) override {
    if (grid)
      release(driver);
  }

  std::string describe() const override {
    if (!grid)
      return "kernel " + launch.kernel->name + " waits for room on its device";
    return grid->blockedReport();
  }

private:
  /// Takes its part of the device; false if there is no room now.
  bool start(Driver &driver) {
    DeviceState &device = driver.devices[record.device];
    uint32_t perMultiprocessor = blocksPerMultiprocessor(
        device.properties, record.registers,
        static_cast<uint32_t>(shape.threads()),
        record.staticSharedBytes + record.dynamicSharedBytes);
    uint64_t share = kWholeMultiprocessor / perMultiprocessor;
    uint64_t all =
        uint64_t(perMultiprocessor) * device.properties.multiprocessors;
    uint64_t room = kWholeMultiprocessor * device.properties.multiprocessors -
                    device.occupied;
    uint64_t fitting = std::min(room / share, all);
    uint64_t resident = std::min(fitting, shape.blocks());
    if (resident < (shape.cooperative ? shape.blocks() : 1))
      return false;
    if (shape.cooperative) {
      auto workspace = driver.memory.allocate(record.device, kWorkspaceBytes);
      if (!workspace.ok())
        return false;
      launch.cooperativeWorkspace = *workspace;
      Allocation &allocation = *driver.memory.find(*workspace);
      memset(allocation.data, 0, allocation.bytes);
      GlobalMemory::markWritten(allocation, 0, allocation.bytes);
    }
    occupied = resident * share;
    device.occupied += occupied;
    record.residentBlocks = static_cast<uint32_t>(resident);
    launch.residentBlocks = static_cast<uint32_t>(resident);
    launch.multiprocessors = device.properties.multiprocessors;
    launch.gridId = driver.nextGridId++;
    launch.clock = &driver.clock;
    grid = std::make_unique<Grid>(launch, driver.memory, driver.options);
    return true;
  }

  void finish(Driver &driver) {
    if (driver.recordsLaunches()) {
      auto report = CounterReport::of(grid->counters(), *descriptions);
      report.kernel = launch.kernel->name;
      std::copy_n(shape.grid, 3, report.grid.begin());
      std::copy_n(shape.block, 3, report.block.begin());
      record.counters = report.json();
      driver.launches.push_back(record);
    }
    release(driver);
  }

  void release(Driver &driver) {
    grid.reset();
    driver.devices[record.device].occupied -= occupied;
    if (launch.cooperativeWorkspace)
      (void)driver.memory.free(launch.cooperativeWorkspace);
  }

  std::shared_ptr<const Program> program;
  std::shared_ptr<const std::vector<InstructionInfo>> descriptions;
  LaunchShape shape;
  Launch launch;
  LaunchRecord record;
  std::unique_ptr<Grid> grid;
  uint64_t occupied = 0;
};

} // namespace

std::unique_ptr<Operation>
cudasim::makeLaunch(const LoadedFunction &function, const LaunchShape &shape,
                    std::vector<std::byte> parameters) {
  return std::make_unique<KernelLaunch>(function, shape, std::move(parameters));
}
