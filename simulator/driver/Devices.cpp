//===- Devices.cpp - What the simulated devices are -----------------------===//
#include "simulator/driver/Devices.h"

#include <algorithm>
#include <climits>

using namespace moec::cudasim;

static constexpr uint32_t KiB = 1024;

static const DeviceProperties kDevices[] = {
    // architecture, threads, blocks, shared memory: multiprocessor, block
    {{80, 0}, 2048, 32, 164 * KiB, 163 * KiB},
    {{86, 0}, 1536, 16, 100 * KiB, 99 * KiB},
    {{89, 0}, 1536, 24, 100 * KiB, 99 * KiB},
    {{90, 'a'}, 2048, 32, 228 * KiB, 227 * KiB},
    {{100, 'a'}, 2048, 32, 228 * KiB, 227 * KiB},
    {{103, 'a'}, 2048, 32, 228 * KiB, 227 * KiB},
    {{120, 'a'}, 1536, 24, 100 * KiB, 99 * KiB},
};

std::optional<DeviceProperties>
moec::cudasim::propertiesOf(Architecture architecture) {
  for (const DeviceProperties &device : kDevices)
    if (device.architecture == architecture)
      return device;
  return std::nullopt;
}

std::string moec::cudasim::simulatedArchitectures() {
  std::string text;
  for (const DeviceProperties &device : kDevices)
    text += (text.empty() ? "" : ", ") + device.architecture.text();
  return text;
}

std::optional<int> moec::cudasim::attributeOf(const DeviceProperties &device,
                                              int ordinal,
                                              CUdevice_attribute attribute) {
  switch (attribute) {
  case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    return kMaxThreadsPerBlock;
  case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
  case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y:
  case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z:
    return kMaxBlockDim[attribute - CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X];
  case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X:
  case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
  case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z:
    return kMaxGridDim[attribute - CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X];
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK:
    return kSharedPerBlock;
  case CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY:
    return 64 * KiB;
  case CU_DEVICE_ATTRIBUTE_WARP_SIZE:
    return 32;
  case CU_DEVICE_ATTRIBUTE_MAX_PITCH:
    return INT_MAX;
  case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:
  case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR:
    return device.registersPerMultiprocessor;
  case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
    return 1000000; // kHz: simulated clocks count nanoseconds
  case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
    return device.multiprocessors;
  case CU_DEVICE_ATTRIBUTE_PCI_BUS_ID:
    return ordinal + 1;
  case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR:
    return device.threadsPerMultiprocessor;
  case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT:
    return 2;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    return device.architecture.major();
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    return device.architecture.minor();
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
    return device.sharedPerMultiprocessor;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
    return device.sharedPerBlockOptIn;
  case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR:
    return device.blocksPerMultiprocessor;
  case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK:
    return device.reservedSharedPerBlock;
  case CU_DEVICE_ATTRIBUTE_GPU_OVERLAP:
  case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
  case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:
  case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
  case CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY:
  case CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS:
  case CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM:
  case CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH:
  case CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS:
  case CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_WAIT_VALUE_NOR:
  case CU_DEVICE_ATTRIBUTE_MEM_SYNC_DOMAIN_COUNT:
    return 1;
  default:
    if (attribute < 1 || attribute >= kDeviceAttributeEnd)
      return std::nullopt;
    return 0;
  }
}

uint32_t moec::cudasim::blocksPerMultiprocessor(const DeviceProperties &device,
                                                uint32_t registersPerThread,
                                                uint32_t threads,
                                                uint32_t sharedBytes) {
  constexpr uint32_t partitions = 4, registerUnit = 256, sharedUnit = 128;
  if (threads == 0 || threads > kMaxThreadsPerBlock)
    return 0;
  uint32_t warps = (threads + 31) / 32;
  uint32_t blocks = std::min(device.blocksPerMultiprocessor,
                             device.threadsPerMultiprocessor / 32 / warps);
  uint32_t warpRegisters =
      (std::max(registersPerThread, 1u) * 32 + registerUnit - 1) /
      registerUnit * registerUnit;
  uint32_t residentWarps = device.registersPerMultiprocessor / partitions /
                           warpRegisters * partitions;
  blocks = std::min(blocks, residentWarps / warps);
  uint64_t shared =
      (uint64_t(sharedBytes) + device.reservedSharedPerBlock + sharedUnit - 1) /
      sharedUnit * sharedUnit;
  return static_cast<uint32_t>(
      std::min<uint64_t>(blocks, device.sharedPerMultiprocessor / shared));
}
