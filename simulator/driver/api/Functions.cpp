//===- Functions.cpp - Attributes of kernels, occupancy, launches ---------===//
#include "simulator/driver/Launch.h"
#include "simulator/driver/Operations.h"

#include <algorithm>

using namespace moec::cudasim;

namespace {

/// The body of a function about a kernel; takes a CUkernel as well.
template <typename Body>
CUresult withFunction(CUfunction handle, Body &&body) {
  return withContext([&](Driver &driver, Context &, Lock &lock) {
    LoadedFunction *function = nullptr;
    if (CUresult error = driver.findFunction(handle, function))
      return error;
    return static_cast<CUresult>(body(driver, *function, lock));
  });
}

const DeviceProperties &deviceOf(Driver &driver,
                                 const LoadedFunction &function) {
  return driver.devices[function.module->context->device].properties;
}

CUresult functionAttribute(const LoadedFunction &function,
                           CUfunction_attribute attribute, int *value) {
  if (!value)
    return CUDA_ERROR_INVALID_VALUE;
  const Kernel &kernel = *function.kernel;
  switch (attribute) {
  case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    *value = static_cast<int>(function.maxThreads());
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
    *value = static_cast<int>(function.staticSharedBytes);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
    *value = static_cast<int>(function.localBytes);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_NUM_REGS:
    *value = static_cast<int>(function.registers);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_PTX_VERSION:
  case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
    *value = static_cast<int>(function.target.number);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
    *value = static_cast<int>(function.maxDynamicSharedBytes);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
    *value = function.sharedCarveout;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH:
  case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT:
  case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH:
    *value = static_cast<int>(
        kernel.requiredCluster[attribute -
                               CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH]);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
  case CU_FUNC_ATTRIBUTE_CACHE_MODE_CA:
  case CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET:
  case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
  case CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
    *value = 0;
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_INVALID_VALUE;
}

CUresult setAttribute(const DeviceProperties &device, LoadedFunction &function,
                      CUfunction_attribute attribute, int value) {
  switch (attribute) {
  case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: {
    uint64_t shared = uint64_t(function.staticSharedBytes) +
                      static_cast<uint64_t>(std::max(value, 0));
    if (value < 0 || shared > device.sharedPerBlockOptIn) {
      note("kernel " + function.kernel->name + ": " + std::to_string(value) +
           " bytes of dynamic shared memory beside " +
           std::to_string(function.staticSharedBytes) +
           " static ones, a block has at most " +
           std::to_string(device.sharedPerBlockOptIn));
      return CUDA_ERROR_INVALID_VALUE;
    }
    function.maxDynamicSharedBytes = static_cast<uint32_t>(value);
    return CUDA_SUCCESS;
  }
  case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
    if (value < -1 || value > 100)
      return CUDA_ERROR_INVALID_VALUE;
    function.sharedCarveout = value;
    return CUDA_SUCCESS;
  default:
    note("kernel " + function.kernel->name + ": attribute " +
         std::to_string(attribute) + " cannot be set");
    return CUDA_ERROR_INVALID_VALUE;
  }
}

} // namespace

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

CUresult moec::cudasim::cuFuncGetAttribute(int *value,
                                           CUfunction_attribute attribute,
                                           CUfunction handle) {
  return withFunction(handle, [&](Driver &, LoadedFunction &function, Lock &) {
    return functionAttribute(function, attribute, value);
  });
}

CUresult moec::cudasim::cuFuncSetAttribute(CUfunction handle,
                                           CUfunction_attribute attribute,
                                           int value) {
  return withFunction(handle, [&](Driver &driver, LoadedFunction &function,
                                  Lock &) {
    return setAttribute(deviceOf(driver, function), function, attribute, value);
  });
}

/// The function of a library's kernel on a device, in its primary context or
/// the current one.
static CUresult functionOn(Driver &driver, Context &current, CUkernel handle,
                           CUdevice ordinal, LoadedFunction *&function) {
  DeviceState *device = driver.device(ordinal);
  if (!device)
    return CUDA_ERROR_INVALID_DEVICE;
  LibraryKernel *kernel = driver.kernels.find(handle);
  if (!kernel)
    return CUDA_ERROR_INVALID_HANDLE;
  Context *context = current.device == ordinal ? &current : device->primary;
  if (!context)
    return CUDA_ERROR_INVALID_CONTEXT;
  LoadedModule *module = nullptr;
  if (CUresult error = driver.moduleOf(*kernel->library, *context, module))
    return error;
  for (LoadedFunction *candidate : module->functions)
    if (candidate->kernel->name == kernel->name)
      function = candidate;
  return CUDA_SUCCESS;
}

CUresult moec::cudasim::cuKernelGetAttribute(int *value,
                                             CUfunction_attribute attribute,
                                             CUkernel kernel, CUdevice device) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    LoadedFunction *function = nullptr;
    if (CUresult error = functionOn(driver, context, kernel, device, function))
      return error;
    return functionAttribute(*function, attribute, value);
  });
}

CUresult moec::cudasim::cuKernelSetAttribute(CUfunction_attribute attribute,
                                             int value, CUkernel kernel,
                                             CUdevice device) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    LoadedFunction *function = nullptr;
    if (CUresult error = functionOn(driver, context, kernel, device, function))
      return error;
    return setAttribute(driver.devices[device].properties, *function, attribute,
                        value);
  });
}

CUresult moec::cudasim::cuFuncSetCacheConfig(CUfunction handle,
                                             CUfunc_cache config) {
  return withFunction(handle, [&](Driver &, LoadedFunction &, Lock &) {
    return config < CU_FUNC_CACHE_PREFER_NONE ||
                   config > CU_FUNC_CACHE_PREFER_EQUAL
               ? CUDA_ERROR_INVALID_VALUE
               : CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuFuncGetModule(CUmodule *module, CUfunction handle) {
  return withFunction(handle, [&](Driver &, LoadedFunction &function, Lock &) {
    if (!module)
      return CUDA_ERROR_INVALID_VALUE;
    *module = reinterpret_cast<CUmodule>(function.module->handle);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuFuncGetName(const char **name, CUfunction handle) {
  return withFunction(handle, [&](Driver &, LoadedFunction &function, Lock &) {
    if (!name)
      return CUDA_ERROR_INVALID_VALUE;
    *name = function.kernel->name.c_str();
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuFuncGetParamInfo(CUfunction handle, size_t index,
                                           size_t *offset, size_t *bytes) {
  return withFunction(handle, [&](Driver &, LoadedFunction &function, Lock &) {
    const auto &parameters = function.kernel->parameters;
    if (!offset || index >= parameters.size())
      return CUDA_ERROR_INVALID_VALUE;
    *offset = parameters[index].offset;
    if (bytes)
      *bytes = parameters[index].bytes;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuFuncLoad(CUfunction handle) {
  return withFunction(
      handle, [](Driver &, LoadedFunction &, Lock &) { return CUDA_SUCCESS; });
}

CUresult moec::cudasim::cuFuncIsLoaded(CUfunctionLoadingState *state,
                                       CUfunction handle) {
  return withFunction(handle, [&](Driver &, LoadedFunction &, Lock &) {
    if (!state)
      return CUDA_ERROR_INVALID_VALUE;
    *state = CU_FUNCTION_LOADING_STATE_LOADED;
    return CUDA_SUCCESS;
  });
}

//===----------------------------------------------------------------------===//
// Occupancy
//===----------------------------------------------------------------------===//

CUresult moec::cudasim::cuOccupancyMaxActiveBlocksPerMultiprocessor(
    int *blocks, CUfunction handle, int threads, size_t dynamicSharedBytes) {
  return withFunction(handle, [&](Driver &driver, LoadedFunction &function,
                                  Lock &) {
    if (!blocks || threads <= 0)
      return CUDA_ERROR_INVALID_VALUE;
    const DeviceProperties &device = deviceOf(driver, function);
    uint64_t shared = function.staticSharedBytes + dynamicSharedBytes;
    bool fits = uint64_t(threads) <= function.maxThreads() &&
                shared <= device.sharedPerBlockOptIn;
    *blocks =
        fits ? static_cast<int>(blocksPerMultiprocessor(
                   device, function.registers, static_cast<uint32_t>(threads),
                   static_cast<uint32_t>(shared)))
             : 0;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
    int *blocks, CUfunction function, int threads, size_t dynamicSharedBytes,
    unsigned flags) {
  if (flags > 1)
    return CUDA_ERROR_INVALID_VALUE;
  return cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads,
                                                     dynamicSharedBytes);
}

CUresult moec::cudasim::cuOccupancyMaxPotentialBlockSize(
    int *gridSize, int *blockSize, CUfunction handle,
    CUoccupancyB2DSize sharedOf, size_t dynamicSharedBytes, int limit) {
  return withFunction(handle, [&](Driver &driver, LoadedFunction &function,
                                  Lock &) {
    if (!gridSize || !blockSize || limit < 0)
      return CUDA_ERROR_INVALID_VALUE;
    const DeviceProperties &device = deviceOf(driver, function);
    int most = static_cast<int>(function.maxThreads());
    if (limit)
      most = std::min(most, limit);
    // The most threads on a multiprocessor; of equals the largest block.
    int best = 0, bestBlocks = 0;
    for (int threads = (most + 31) / 32 * 32; threads >= 32; threads -= 32) {
      int size = std::min(threads, most);
      uint64_t shared = function.staticSharedBytes +
                        (sharedOf ? sharedOf(size) : dynamicSharedBytes);
      if (shared > device.sharedPerBlockOptIn)
        continue;
      int blocks = static_cast<int>(blocksPerMultiprocessor(
          device, function.registers, static_cast<uint32_t>(size),
          static_cast<uint32_t>(shared)));
      if (blocks * size > bestBlocks * best) {
        best = size;
        bestBlocks = blocks;
      }
    }
    *blockSize = best;
    *gridSize = bestBlocks * static_cast<int>(device.multiprocessors);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuOccupancyMaxPotentialBlockSizeWithFlags(
    int *gridSize, int *blockSize, CUfunction function,
    CUoccupancyB2DSize sharedOf, size_t dynamicSharedBytes, int limit,
    unsigned flags) {
  if (flags > 1)
    return CUDA_ERROR_INVALID_VALUE;
  return cuOccupancyMaxPotentialBlockSize(gridSize, blockSize, function,
                                          sharedOf, dynamicSharedBytes, limit);
}

CUresult moec::cudasim::cuOccupancyAvailableDynamicSMemPerBlock(
    size_t *bytes, CUfunction handle, int blocks, int threads) {
  return withFunction(handle, [&](Driver &driver, LoadedFunction &function,
                                  Lock &) {
    if (!bytes || blocks <= 0 || threads <= 0)
      return CUDA_ERROR_INVALID_VALUE;
    const DeviceProperties &device = deviceOf(driver, function);
    if (blocksPerMultiprocessor(device, function.registers,
                                static_cast<uint32_t>(threads),
                                0) < static_cast<uint32_t>(blocks))
      return CUDA_ERROR_INVALID_VALUE;
    uint32_t each = device.sharedPerMultiprocessor / blocks / 128 * 128;
    uint32_t taken = device.reservedSharedPerBlock + function.staticSharedBytes;
    uint32_t left = each > taken ? each - taken : 0;
    *bytes =
        std::min(left, device.sharedPerBlockOptIn - function.staticSharedBytes);
    return CUDA_SUCCESS;
  });
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

/// Checks a launch and puts it on its stream.
static CUresult launch(CUfunction handle, const LaunchShape &shape,
                       CUstream streamHandle, void **parameters, void **extra,
                       CUevent completion) {
  return withStream(streamHandle, [&](Driver &driver, Stream &stream, Lock &) {
    LoadedFunction *function = nullptr;
    if (CUresult error = driver.findFunction(handle, function))
      return error;
    auto refuse = [&](CUresult error, const std::string &why) {
      note("launch of kernel " + function->kernel->name + ": " + why);
      return error;
    };
    if (function->module->context != stream.context)
      return refuse(CUDA_ERROR_INVALID_HANDLE,
                    "its module and the stream are of different contexts");
    Event *event = completion ? driver.events.find(completion) : nullptr;
    if (completion && !event)
      return CUDA_ERROR_INVALID_HANDLE;
    std::string why;
    if (CUresult error =
            checkLaunch(deviceOf(driver, *function), *function, shape, why))
      return refuse(error, why);
    std::vector<std::byte> block;
    if (CUresult error =
            packParameters(*function, parameters, extra, block, why))
      return refuse(error, why);
    driver.submit(stream, makeLaunch(*function, shape, std::move(block)));
    if (event)
      driver.submit(stream, makeRecord(*event));
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuLaunchKernel(CUfunction function, unsigned gridX,
                                       unsigned gridY, unsigned gridZ,
                                       unsigned blockX, unsigned blockY,
                                       unsigned blockZ,
                                       unsigned dynamicSharedBytes,
                                       CUstream stream, void **parameters,
                                       void **extra) {
  return launch(function,
                {{gridX, gridY, gridZ},
                 {blockX, blockY, blockZ},
                 dynamicSharedBytes,
                 /*cooperative=*/false},
                stream, parameters, extra, nullptr);
}

CUresult moec::cudasim::cuLaunchCooperativeKernel(
    CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ,
    unsigned blockX, unsigned blockY, unsigned blockZ,
    unsigned dynamicSharedBytes, CUstream stream, void **parameters) {
  return launch(function,
                {{gridX, gridY, gridZ},
                 {blockX, blockY, blockZ},
                 dynamicSharedBytes,
                 /*cooperative=*/true},
                stream, parameters, nullptr, nullptr);
}

CUresult moec::cudasim::cuLaunchKernelEx(const CUlaunchConfig *config,
                                         CUfunction function, void **parameters,
                                         void **extra) {
  if (!config || (config->numAttrs && !config->attrs))
    return CUDA_ERROR_INVALID_VALUE;
  LaunchShape shape{{config->gridDimX, config->gridDimY, config->gridDimZ},
                    {config->blockDimX, config->blockDimY, config->blockDimZ},
                    config->sharedMemBytes,
                    /*cooperative=*/false};
  CUevent completion = nullptr;
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const CUlaunchAttributeValue &value = config->attrs[i].value;
    switch (config->attrs[i].id) {
    case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
      shape.cooperative = value.cooperative != 0;
      break;
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
      if (uint64_t(value.clusterDim.x) * value.clusterDim.y *
              value.clusterDim.z !=
          1) {
        note("cuLaunchKernelEx: clusters of more than one block are not "
             "simulated");
        return CUDA_ERROR_NOT_SUPPORTED;
      }
      break;
    case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT:
      completion = value.programmaticEvent.event;
      break;
    // Hints, and permission to overlap with the grid before, which is not
    // taken.
    case CU_LAUNCH_ATTRIBUTE_IGNORE:
    case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
    case CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY:
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
    case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
    case CU_LAUNCH_ATTRIBUTE_PRIORITY:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
    case CU_LAUNCH_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
      break;
    default:
      note("cuLaunchKernelEx: attribute " +
           std::to_string(config->attrs[i].id) + " is not simulated");
      return CUDA_ERROR_NOT_SUPPORTED;
    }
  }
  return launch(function, shape, config->hStream, parameters, extra,
                completion);
}

CUresult moec::cudasim::cuLaunchHostFunc(CUstream handle, CUhostFn function,
                                         void *data) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &) {
    if (!function)
      return CUDA_ERROR_INVALID_VALUE;
    driver.submit(stream, makeHostFunction([=] { function(data); }));
    return CUDA_SUCCESS;
  });
}
