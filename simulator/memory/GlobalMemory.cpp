//===- GlobalMemory.cpp - Memory of all simulated devices -----------------===//
#include "simulator/memory/GlobalMemory.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace moec;
using namespace moec::cudasim;

namespace {

/// All ones: a NaN in every format of floating point, and -1 as an index.
constexpr int kPoison = 0xff;
/// Between allocations, so that what runs over one's end is not in the next.
constexpr uint64_t kRedZone = 64 << 10;
/// Freed allocations that messages can still name.
constexpr size_t kFreedKept = 1 << 16;
/// From here on memory is mapped instead of taken from the heap, so that what
/// nobody touches costs nothing.
constexpr uint64_t kMapped = 1 << 20;

uint64_t alignTo(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

uint64_t pageBytes() {
  static const uint64_t bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

void *mapAnonymous(uint64_t bytes) {
  void *mapped =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, /*fd=*/-1, 0);
  return mapped == MAP_FAILED ? nullptr : mapped;
}

/// Lays poison over a mapping without touching its pages: all of it is mapped,
/// copy on write, from one file of poison.
bool poisonMapped(std::byte *data, uint64_t bytes) {
  constexpr uint64_t patternBytes = 16 << 20;
  static const int pattern = [] {
    int file = memfd_create("cudasim-poison", MFD_CLOEXEC);
    std::vector<char> poison(patternBytes, static_cast<char>(kPoison));
    if (file >= 0 && write(file, poison.data(), poison.size()) !=
                         static_cast<ssize_t>(poison.size())) {
      close(file);
      file = -1;
    }
    return file;
  }();
  if (pattern < 0) {
    memset(data, kPoison, bytes);
    return true;
  }
  for (uint64_t at = 0; at < bytes; at += patternBytes) {
    void *piece =
        mmap(data + at, std::min(patternBytes, bytes - at),
             PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, pattern, 0);
    if (piece == MAP_FAILED)
      return false;
  }
  return true;
}

std::byte *takeData(uint64_t bytes) {
  if (bytes < kMapped) {
    void *data = nullptr;
    if (posix_memalign(&data, 256, alignTo(bytes, 256)))
      return nullptr;
    memset(data, kPoison, bytes);
    return static_cast<std::byte *>(data);
  }
  auto *data = static_cast<std::byte *>(mapAnonymous(bytes));
  if (data && !poisonMapped(data, bytes)) {
    munmap(data, bytes);
    return nullptr;
  }
  return data;
}

void giveData(std::byte *data, uint64_t bytes) {
  if (bytes < kMapped)
    std::free(data);
  else
    munmap(data, bytes);
}

uint64_t bitBytes(uint64_t bytes) { return (bytes + 63) / 64 * 8; }

uint64_t *takeBits(uint64_t bytes) {
  uint64_t size = bitBytes(bytes);
  return static_cast<uint64_t *>(size < kMapped ? std::calloc(size, 1)
                                                : mapAnonymous(size));
}

void giveBits(uint64_t *bits, uint64_t bytes) {
  uint64_t size = bitBytes(bytes);
  if (size < kMapped)
    std::free(bits);
  else
    munmap(bits, size);
}

bool isHostMemory(MemoryKind kind) {
  return kind == MemoryKind::Pinned || kind == MemoryKind::Managed ||
         kind == MemoryKind::Registered;
}

/// Pinned memory has a page behind it that nobody may touch.
uint64_t pinnedBytes(uint64_t bytes) {
  return alignTo(bytes, pageBytes()) + pageBytes();
}

void release(Allocation &allocation) {
  if (allocation.kind == MemoryKind::Pinned ||
      allocation.kind == MemoryKind::Managed)
    munmap(allocation.data, pinnedBytes(allocation.bytes));
  else if (allocation.kind != MemoryKind::Registered)
    giveData(allocation.data, allocation.bytes);
  giveBits(allocation.written, allocation.bytes);
  allocation.data = nullptr;
  allocation.written = nullptr;
}

/// `count` bits (at most 64) from bit `at` on.
uint64_t bitsAt(const uint64_t *words, uint64_t at, unsigned count) {
  unsigned shift = at % 64;
  uint64_t bits = words[at / 64] >> shift;
  if (shift && shift + count > 64)
    bits |= words[at / 64 + 1] << (64 - shift);
  return count == 64 ? bits : bits & ((uint64_t(1) << count) - 1);
}

uint64_t lowBits(unsigned count) {
  return count == 64 ? ~uint64_t(0) : (uint64_t(1) << count) - 1;
}

} // namespace

GlobalMemory::~GlobalMemory() {
  for (auto &allocation : live)
    release(*allocation);
}

int GlobalMemory::addDevice(uint64_t capacity) {
  int device = static_cast<int>(devices.size());
  assert(device < kMaxDevices);
  // The first page of a range is never handed out.
  devices.push_back(
      {capacity, 0, kDeviceBase + device * kDeviceSpan + kRedZone, 0});
  return device;
}

void GlobalMemory::insert(std::unique_ptr<Allocation> allocation) {
  allocation->id = ++lastId;
  ++changes;
  auto place = std::upper_bound(live.begin(), live.end(), allocation->address,
                                [](uint64_t address, const auto &other) {
                                  return address < other->address;
                                });
  live.insert(place, std::move(allocation));
}

Result<uint64_t> GlobalMemory::allocate(int device, const Request &request) {
  Device &owner = devices[device];
  uint64_t alignment = std::max<uint64_t>(request.alignment, 256);
  uint64_t end = kDeviceBase + (device + 1) * kDeviceSpan;
  uint64_t charged = alignTo(request.bytes, 256);
  if (request.bytes > owner.capacity || charged > owner.capacity - owner.used ||
      request.bytes + 2 * alignment + kRedZone > end - owner.next)
    return Status::error("device " + std::to_string(device) + " has " +
                         std::to_string(owner.capacity - owner.used) +
                         " of its " + std::to_string(owner.capacity) +
                         " bytes left, " + std::to_string(request.bytes) +
                         " were asked for");
  auto allocation = std::make_unique<Allocation>();
  // No more aligned than was asked for: who relies on more is found.
  allocation->address = alignTo(owner.next, alignment);
  if (allocation->address % (2 * alignment) == 0)
    allocation->address += alignment;
  allocation->bytes = request.bytes;
  allocation->device = device;
  allocation->kind = request.kind;
  allocation->name = request.name;
  allocation->owner = request.owner;
  allocation->data = takeData(request.bytes);
  allocation->written = takeBits(request.bytes);
  if (!allocation->data || !allocation->written) {
    if (allocation->data)
      giveData(allocation->data, request.bytes);
    if (allocation->written)
      giveBits(allocation->written, request.bytes);
    return Status::error(
        "this machine has no " + std::to_string(request.bytes) +
        " bytes for memory of device " + std::to_string(device));
  }
  owner.used += charged;
  owner.next = allocation->address + request.bytes + kRedZone;
  uint64_t address = allocation->address;
  insert(std::move(allocation));
  return address;
}

Result<uint64_t> GlobalMemory::allocateHost(const Request &request) {
  uint64_t mappedBytes = pinnedBytes(request.bytes);
  void *data =
      mappedBytes > request.bytes ? mapAnonymous(mappedBytes) : nullptr;
  if (!data)
    return Status::error("this machine has no " +
                         std::to_string(request.bytes) +
                         " bytes for pinned memory");
  mprotect(static_cast<std::byte *>(data) + mappedBytes - pageBytes(),
           pageBytes(), PROT_NONE);
  memset(data, kPoison, request.bytes);
  auto allocation = std::make_unique<Allocation>();
  allocation->address = reinterpret_cast<uint64_t>(data);
  allocation->bytes = request.bytes;
  allocation->kind = request.kind;
  allocation->name = request.name;
  allocation->owner = request.owner;
  allocation->data = static_cast<std::byte *>(data);
  allocation->written = takeBits(request.bytes);
  if (!allocation->written) {
    munmap(data, mappedBytes);
    return Status::error("this machine is out of memory");
  }
  markWritten(*allocation, 0, request.bytes);
  uint64_t address = allocation->address;
  insert(std::move(allocation));
  return address;
}

Result<uint64_t> GlobalMemory::registerHost(void *pointer,
                                            const Request &request) {
  auto address = reinterpret_cast<uint64_t>(pointer);
  if (address + request.bytes > kDeviceBase ||
      address + request.bytes < address)
    return Status::error("the range is no memory of the host: " +
                         describe(address));
  for (const auto &other : live)
    if (address < other->address + other->bytes &&
        other->address < address + request.bytes)
      return Status::error("the range is pinned already: it overlaps " +
                           name(*other));
  auto allocation = std::make_unique<Allocation>();
  allocation->address = address;
  allocation->bytes = request.bytes;
  allocation->kind = MemoryKind::Registered;
  allocation->owner = request.owner;
  allocation->data = static_cast<std::byte *>(pointer);
  allocation->written = takeBits(request.bytes);
  if (!allocation->written)
    return Status::error("this machine is out of memory");
  markWritten(*allocation, 0, request.bytes);
  insert(std::move(allocation));
  return address;
}

Status GlobalMemory::free(uint64_t address) {
  Allocation *allocation = find(address);
  if (!allocation || allocation->address != address)
    return Status::error("this is not the start of an allocation but " +
                         describe(address));
  release(*allocation);
  allocation->freed = true;
  if (allocation->device != kHostDevice)
    devices[allocation->device].used -= alignTo(allocation->bytes, 256);
  lastHit = nullptr;
  ++changes;
  auto place = std::find_if(live.begin(), live.end(), [&](const auto &other) {
    return other.get() == allocation;
  });
  // A host pointer may come again; a message about it would be about another.
  if (!isHostMemory(allocation->kind))
    dead.push_back(std::move(*place));
  live.erase(place);
  if (dead.size() > kFreedKept)
    dead.pop_front();
  return Status::success();
}

Allocation *GlobalMemory::search(uint64_t address) {
  auto after = std::upper_bound(
      live.begin(), live.end(), address,
      [](uint64_t at, const auto &other) { return at < other->address; });
  if (after == live.begin())
    return nullptr;
  Allocation *candidate = std::prev(after)->get();
  if (!candidate->contains(address))
    return nullptr;
  return lastHit = candidate;
}

void GlobalMemory::setPeerAccess(int fromDevice, int toDevice, bool enabled) {
  uint64_t bit = uint64_t(1) << toDevice;
  uint64_t &peers = devices[fromDevice].peers;
  peers = enabled ? peers | bit : peers & ~bit;
}

std::string GlobalMemory::name(const Allocation &allocation) {
  std::string text = "(" + std::to_string(allocation.bytes) + " bytes, ";
  text += allocation.device == kHostDevice
              ? (allocation.kind == MemoryKind::Managed ? "managed"
                                                        : "pinned host memory")
              : "device " + std::to_string(allocation.device);
  text += allocation.freed ? ", freed)" : ")";
  if (allocation.kind == MemoryKind::Variable)
    return "variable " + allocation.name + " " + text;
  return "allocation " + std::to_string(allocation.id) + " " + text;
}

std::string GlobalMemory::describe(uint64_t address) const {
  if (address < 4096)
    return address ? "null plus " + std::to_string(address) + " bytes"
                   : "a null pointer";
  switch (windowOf(address)) {
  case Window::Shared:
    return "byte " +
           std::to_string((address - kSharedWindow) % kSharedWindowPerBlock) +
           " of shared memory";
  case Window::Local:
    return "byte " + std::to_string(address - kLocalWindow) +
           " of local memory";
  case Window::Param:
    return "byte " + std::to_string(address - kParamWindow) +
           " of the parameters";
  case Window::Global:
    break;
  }

  const Allocation *nearest = nullptr;
  uint64_t distance = ~uint64_t(0);
  // Live memory first: a freed neighbour says less.
  auto consider = [&](const Allocation &allocation) {
    uint64_t end = allocation.address + allocation.bytes;
    uint64_t away = allocation.contains(address) ? 0
                    : address < allocation.address
                        ? allocation.address - address
                        : address - end + 1;
    if (away < distance) {
      distance = away;
      nearest = &allocation;
    }
  };
  for (const auto &allocation : live)
    consider(*allocation);
  for (const auto &allocation : dead)
    consider(*allocation);

  int device = deviceOfAddress(address);
  bool sameRange = nearest && deviceOfAddress(nearest->address) == device;
  if (nearest && nearest->contains(address))
    return "byte " + std::to_string(address - nearest->address) + " of " +
           name(*nearest);
  if (device == kHostDevice && (!sameRange || distance > kRedZone))
    return "a host pointer that is not pinned memory";
  if (!sameRange)
    return "no allocation of device " + std::to_string(device);
  if (address < nearest->address)
    return std::to_string(nearest->address - address) +
           " bytes before the start of " + name(*nearest);
  uint64_t past = address - nearest->address - nearest->bytes;
  return past
             ? std::to_string(past) + " bytes past the end of " + name(*nearest)
             : "the end of " + name(*nearest);
}

void GlobalMemory::markWritten(Allocation &allocation, uint64_t offset,
                               uint64_t bytes) {
  uint64_t *words = allocation.written;
  while (bytes) {
    unsigned shift = offset % 64;
    unsigned count =
        static_cast<unsigned>(std::min<uint64_t>(bytes, 64 - shift));
    if (count == 64 && bytes >= 64) {
      memset(words + offset / 64, 0xff, bytes / 64 * 8);
      offset += bytes / 64 * 64;
      bytes %= 64;
      continue;
    }
    words[offset / 64] |= lowBits(count) << shift;
    offset += count;
    bytes -= count;
  }
}

std::optional<uint64_t>
GlobalMemory::firstUnwritten(const Allocation &allocation, uint64_t offset,
                             uint64_t bytes) {
  while (bytes) {
    unsigned shift = offset % 64;
    unsigned count =
        static_cast<unsigned>(std::min<uint64_t>(bytes, 64 - shift));
    uint64_t missing =
        ~(allocation.written[offset / 64] >> shift) & lowBits(count);
    if (missing)
      return offset + std::countr_zero(missing);
    offset += count;
    bytes -= count;
  }
  return std::nullopt;
}

void GlobalMemory::copyWritten(Allocation &to, uint64_t toOffset,
                               const Allocation &from, uint64_t fromOffset,
                               uint64_t bytes) {
  while (bytes) {
    unsigned shift = toOffset % 64;
    unsigned count =
        static_cast<unsigned>(std::min<uint64_t>(bytes, 64 - shift));
    uint64_t bits = bitsAt(from.written, fromOffset, count);
    uint64_t &word = to.written[toOffset / 64];
    word = (word & ~(lowBits(count) << shift)) | bits << shift;
    toOffset += count;
    fromOffset += count;
    bytes -= count;
  }
}
