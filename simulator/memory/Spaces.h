//===- Spaces.h - Where the state spaces lie in a generic address ---------===//
//
// A simulated generic address is one number for the global, shared, local and
// parameter spaces, as on hardware:
//
//   pinned host memory  the host's own addresses, below 2^47
//   device d            [2^48 + d·2^44, 2^48 + (d+1)·2^44)
//   windows             from 2^51: shared, local, parameters
//
// No address of a device or a window can be mapped by the host (they are not
// canonical with 47-bit user addresses), so that a host that dereferences one
// faults and a kernel that dereferences a host pointer is found.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_MEMORY_SPACES_H
#define MOEC_SIMULATOR_MEMORY_SPACES_H

#include <cstdint>

namespace moec::cudasim {

/// The device of pinned host memory.
inline constexpr int kHostDevice = -1;
inline constexpr int kMaxDevices = 64;

inline constexpr uint64_t kDeviceBase = uint64_t(1) << 48;
inline constexpr uint64_t kDeviceSpan = uint64_t(1) << 44;

/// Bases are multiples of 2^32: the low word of a generic address into a window
/// is the address within its space.
inline constexpr uint64_t kSharedWindow = uint64_t(1) << 51;
/// Shared memory of the block of cluster rank r starts at r times this.
inline constexpr uint64_t kSharedWindowPerBlock = uint64_t(1) << 24;
inline constexpr uint64_t kSharedWindowBytes = 16 * kSharedWindowPerBlock;
inline constexpr uint64_t kLocalWindow = kSharedWindow + (uint64_t(1) << 32);
inline constexpr uint64_t kLocalWindowBytes = uint64_t(1) << 32;
inline constexpr uint64_t kParamWindow = kLocalWindow + kLocalWindowBytes;
inline constexpr uint64_t kParamWindowBytes = uint64_t(1) << 32;

/// The device whose range holds `address`, or kHostDevice.
constexpr int deviceOfAddress(uint64_t address) {
  if (address < kDeviceBase ||
      address >= kDeviceBase + kMaxDevices * kDeviceSpan)
    return kHostDevice;
  return static_cast<int>((address - kDeviceBase) / kDeviceSpan);
}

enum class Window { Global, Shared, Local, Param };

constexpr Window windowOf(uint64_t address) {
  if (address < kSharedWindow)
    return Window::Global;
  if (address < kLocalWindow)
    return Window::Shared;
  return address < kParamWindow ? Window::Local : Window::Param;
}

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MEMORY_SPACES_H
