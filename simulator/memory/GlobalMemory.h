//===- GlobalMemory.h - Memory of all simulated devices -------------------===//
//
// Every device has an address range of its own (Spaces.h). Addresses are never
// handed out twice: between two allocations lies a red zone, and what was freed
// stays known, so that an address can always be explained. Device memory starts
// as poison and has a bit a byte that says whether it was ever written.
//
// Pinned host memory is addressed by its host pointer; the host writes there
// unseen, so all of it counts as written.
//
// One thread at a time: the driver holds its lock around every call and around
// every grid that runs.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_MEMORY_GLOBALMEMORY_H
#define MOEC_SIMULATOR_MEMORY_GLOBALMEMORY_H

#include "simulator/memory/Spaces.h"
#include "support/Status.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moec::cudasim {

enum class MemoryKind {
  Device,     // cuMemAlloc
  Variable,   // a .global or .const variable of a module
  Pinned,     // cuMemHostAlloc: made and freed here
  Registered, // cuMemHostRegister: the caller's
  Managed     // cuMemAllocManaged: one pointer for host and devices
};

struct Allocation {
  /// First address, for kernels and for the driver API.
  uint64_t address = 0;
  uint64_t bytes = 0;
  /// Of the device that owns it; kHostDevice for pinned host memory.
  int device = kHostDevice;
  MemoryKind kind = MemoryKind::Device;
  /// The bytes on this machine; null once freed.
  std::byte *data = nullptr;
  /// Bit i of word i / 64: byte i was written. Whole words, null once freed.
  uint64_t *written = nullptr;
  bool freed = false;
  /// Counts from 1 over all devices.
  uint64_t id = 0;
  /// Of a variable; empty for others.
  std::string name;
  /// The context that made it, for the report of what was never freed.
  uint64_t owner = 0;

  bool contains(uint64_t at) const { return at - address < bytes; }
};

class GlobalMemory {
public:
  GlobalMemory() = default;
  GlobalMemory(const GlobalMemory &) = delete;
  GlobalMemory &operator=(const GlobalMemory &) = delete;
  ~GlobalMemory();

  /// Adds a device of `capacity` bytes; devices count from 0.
  int addDevice(uint64_t capacity);
  uint64_t capacity(int device) const { return devices[device].capacity; }
  uint64_t used(int device) const { return devices[device].used; }

  struct Request {
    uint64_t bytes;
    /// A power of two; every allocation is aligned to at least 256 bytes.
    uint64_t alignment = 256;
    MemoryKind kind = MemoryKind::Device;
    std::string name = {};
    uint64_t owner = 0;
  };

  /// Fails if the device has not that much left.
  Result<uint64_t> allocate(int device, const Request &request);
  Result<uint64_t> allocate(int device, uint64_t bytes,
                            uint64_t alignment = 256) {
    return allocate(device, Request{bytes, alignment});
  }
  /// Pinned (or managed) memory of the host; the address is a host pointer.
  Result<uint64_t> allocateHost(const Request &request);
  /// Fails if part of the range is pinned already.
  Result<uint64_t> registerHost(void *pointer, const Request &request);

  /// `address` must be the first of a live allocation; says what is wrong if it
  /// is not.
  Status free(uint64_t address);

  /// The live allocation that contains `address`, or null.
  Allocation *find(uint64_t address) {
    if (lastHit && lastHit->contains(address))
      return lastHit;
    return search(address);
  }

  /// Whether a kernel on `fromDevice` may touch the allocation: its own
  /// device's, the host's, or a peer's that was enabled.
  bool canAccess(int fromDevice, const Allocation &allocation) const {
    return allocation.device == fromDevice ||
           allocation.device == kHostDevice ||
           (devices[fromDevice].peers >> allocation.device & 1);
  }
  void setPeerAccess(int fromDevice, int toDevice, bool enabled);

  /// What lies at `address`, for messages: "12 bytes past the end of allocation
  /// 3 (4096 bytes, device 0)".
  std::string describe(uint64_t address) const;
  /// "allocation 3 (4096 bytes, device 0)", "variable table (…)".
  static std::string name(const Allocation &allocation);

  static void markWritten(Allocation &allocation, uint64_t offset,
                          uint64_t bytes);
  /// Offset of the first byte in the range that was never written.
  static std::optional<uint64_t>
  firstUnwritten(const Allocation &allocation, uint64_t offset, uint64_t bytes);
  /// Copies init bits with the bytes: a copy of uninitialised memory is
  /// uninitialised.
  static void copyWritten(Allocation &to, uint64_t toOffset,
                          const Allocation &from, uint64_t fromOffset,
                          uint64_t bytes);

  /// Changes whenever an allocation comes or goes: whoever keeps an
  /// Allocation* compares.
  uint64_t generation() const { return changes; }

  /// All that is live, by address.
  template <typename Visitor>
  void forEach(Visitor &&visit) const {
    for (const auto &allocation : live)
      visit(*allocation);
  }

private:
  struct Device {
    uint64_t capacity = 0;
    uint64_t used = 0;
    uint64_t next = 0; // the first address not handed out
    uint64_t peers = 0;
  };

  Allocation *search(uint64_t address);
  void insert(std::unique_ptr<Allocation> allocation);

  std::vector<Device> devices;
  std::vector<std::unique_ptr<Allocation>> live; // by address
  /// Freed, the newest kFreedKept of them, in the order they were freed.
  std::deque<std::unique_ptr<Allocation>> dead;
  Allocation *lastHit = nullptr;
  uint64_t changes = 0;
  uint64_t lastId = 0;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MEMORY_GLOBALMEMORY_H
