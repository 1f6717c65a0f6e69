//===- Devices.h - What the simulated devices are -------------------------===//
//
// Limits of each architecture as the CUDA programming guide tabulates them
// ("Technical Specifications per Compute Capability"). The number of
// multiprocessors is small: it is what a test wants, and no time is simulated
// that it could shorten.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_DRIVER_DEVICES_H
#define MOEC_SIMULATOR_DRIVER_DEVICES_H

#include "simulator/driver/Cuda.h"
#include "simulator/driver/Fatbin.h"

#include <optional>

namespace moec::cudasim {

inline constexpr uint32_t kMaxThreadsPerBlock = 1024;
inline constexpr uint32_t kMaxBlockDim[3] = {1024, 1024, 64};
inline constexpr uint32_t kMaxGridDim[3] = {0x7fffffff, 65535, 65535};
/// Shared memory of a block without opting in to more.
inline constexpr uint32_t kSharedPerBlock = 48 << 10;

struct DeviceProperties {
  Architecture architecture;
  uint32_t threadsPerMultiprocessor;
  uint32_t blocksPerMultiprocessor;
  uint32_t sharedPerMultiprocessor;
  uint32_t sharedPerBlockOptIn;
  uint32_t registersPerMultiprocessor = 65536;
  /// Of shared memory, that every block gives to the system.
  uint32_t reservedSharedPerBlock = 1024;
  uint32_t multiprocessors = 4;
};

/// Nothing for an architecture that is not simulated.
std::optional<DeviceProperties> propertiesOf(Architecture architecture);
/// "sm_80, sm_86, …", for messages.
std::string simulatedArchitectures();

/// Nothing for a number that is no attribute; 0 for what is not simulated
/// (textures, virtual memory management, tensor maps …).
std::optional<int> attributeOf(const DeviceProperties &device, int ordinal,
                               CUdevice_attribute attribute);

/// Blocks of a kernel that fit on one multiprocessor at a time. Registers are
/// given to warps in units of 256 and each warp takes them from one of four
/// partitions; shared memory is given in units of 128 bytes.
uint32_t blocksPerMultiprocessor(const DeviceProperties &device,
                                 uint32_t registersPerThread, uint32_t threads,
                                 uint32_t sharedBytes);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_DRIVER_DEVICES_H
