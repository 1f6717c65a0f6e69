//===- MemoryAccess.cpp ---------------------------------------------------===//
#include "simulator/machine/MemoryAccess.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

namespace moec::cudasim {

/// Where inactive lanes read and write.
alignas(64) static thread_local std::byte sink[64];

static std::string hex(uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%" PRIx64, value);
  return text;
}

static std::string nameOf(Touch touch, unsigned bytes) {
  return std::to_string(bytes) + "-byte " +
         (touch == Touch::Read     ? "load"
          : touch == Touch::Write  ? "store"
          : touch == Touch::Atomic ? "atomic"
                                   : "reduction");
}

void computeAddresses(Warp &w, const Instruction &i, uint64_t (&address)[32]) {
  auto offset = static_cast<uint64_t>(i.imm);
  if (i.lane[2] == 8) {
    const uint64_t *a = w.at<uint64_t>(i.a);
    for (unsigned l = 0; l < 32; ++l)
      address[l] = a[l] + offset;
  } else if (i.lane[2] == 4) {
    const uint32_t *a = w.at<uint32_t>(i.a);
    for (unsigned l = 0; l < 32; ++l)
      address[l] = static_cast<uint32_t>(a[l] + offset);
  } else {
    if (i.space == ptx::Space::Local)
      offset += w.group.local;
    std::fill_n(address, 32, offset);
  }
}

namespace {

struct Range {
  uint64_t least, most, bits; ///< smallest, largest, and the union of all bits
};

Range rangeOf(const uint64_t *address, uint32_t mask) {
  uint64_t first = address[std::countr_zero(mask)];
  uint64_t least = first, most = first, bits = 0;
  for (unsigned l = 0; l < 32; ++l) {
    uint64_t a = mask >> l & 1 ? address[l] : first;
    least = a < least ? a : least;
    most = a > most ? a : most;
    bits |= a;
  }
  return {least, most, bits};
}

bool misaligned(Warp &w, const uint64_t *address, uint32_t mask, unsigned bytes,
                Touch touch) {
  for (unsigned l = 0; l < 32; ++l)
    if (mask >> l & 1 && address[l] & (bytes - 1)) {
      w.fail("misaligned",
             nameOf(touch, bytes) + " at " + hex(address[l]) +
                 " must be aligned to " + std::to_string(bytes) + " bytes",
             static_cast<int>(l));
      return true;
    }
  return false;
}

/// Bits [at, at + count) of a bit field, count <= 32.
uint64_t bitsAt(const uint64_t *words, uint64_t at, unsigned count) {
  uint64_t shift = at & 63, bits = words[at >> 6] >> shift;
  if (shift + count > 64)
    bits |= words[(at >> 6) + 1] << (64 - shift);
  return bits & ((uint64_t(1) << count) - 1);
}
void setBits(uint64_t *words, uint64_t at, unsigned count) {
  uint64_t shift = at & 63, bits = (uint64_t(1) << count) - 1;
  words[at >> 6] |= bits << shift;
  if (shift + count > 64)
    words[(at >> 6) + 1] |= bits >> (64 - shift);
}
/// All bits of a long range.
bool allSet(const uint64_t *words, uint64_t at, uint64_t count) {
  for (; count && at & 63; ++at, --count)
    if (!(words[at >> 6] >> (at & 63) & 1))
      return false;
  for (; count >= 64; at += 64, count -= 64)
    if (~words[at >> 6])
      return false;
  return !count ||
         bitsAt(words, at, static_cast<unsigned>(count > 32 ? 32 : count)) ==
             (uint64_t(1) << (count > 32 ? 32 : count)) - 1;
}
void setAll(uint64_t *words, uint64_t at, uint64_t count) {
  for (; count && at & 63; ++at, --count)
    words[at >> 6] |= uint64_t(1) << (at & 63);
  for (; count >= 64; at += 64, count -= 64)
    words[at >> 6] = ~uint64_t(0);
  for (; count; ++at, --count)
    words[at >> 6] |= uint64_t(1) << (at & 63);
}

bool isContiguous(const uint64_t *address, uint32_t mask, unsigned bytes) {
  if (mask != kAllLanes)
    return false;
  uint64_t wrong = 0;
  for (unsigned l = 0; l < 32; ++l)
    wrong |= address[l] ^ (address[0] + l * bytes);
  return wrong == 0;
}

/// Initialisation of the bytes of one bit field. Offsets are address - base. Returns a lane that reads unwritten bytes, or -1.
int touchBits(uint64_t *written, const MemoryAccess &access, uint64_t base,
              uint32_t mask, unsigned bytes, Touch touch, bool check) {
  bool contiguous = access.contiguous != nullptr;
  if (touch != Touch::Write && check) {
    if (contiguous && allSet(written, access.address[0] - base, 32 * bytes)) {
    } else {
      const uint64_t all = (uint64_t(1) << bytes) - 1;
      for (unsigned l = 0; l < 32; ++l)
        if (mask >> l & 1 &&
            bitsAt(written, access.address[l] - base, bytes) != all)
          return static_cast<int>(l);
    }
  }
  if (touch != Touch::Read) {
    if (contiguous)
      setAll(written, access.address[0] - base, 32 * bytes);
    else
      for (unsigned l = 0; l < 32; ++l)
        if (mask >> l & 1)
          setBits(written, access.address[l] - base, bytes);
  }
  return -1;
}

void setPointers(MemoryAccess &access, uint32_t mask, std::byte *data,
                 uint64_t base) {
  for (unsigned l = 0; l < 32; ++l)
    access.pointer[l] =
        mask >> l & 1 ? data + (access.address[l] - base) : sink;
}

Access describeAccess(const Warp &w, const Instruction &i, unsigned bytes,
                      Touch touch, unsigned elementBytes) {
  Access access;
  access.kind = touch == Touch::Read     ? AccessKind::Read
                : touch == Touch::Write  ? AccessKind::Write
                : touch == Touch::Atomic ? AccessKind::Atomic
                                         : AccessKind::Reduction;
  access.scope = i.scope;
  access.ordering = i.ordering;
  access.bytes = bytes;
  access.elementBytes = elementBytes;
  access.line = w.line();
  return access;
}

/// The lanes without those that store what a lower lane stores at the same address: what memory holds afterwards does not depend on
/// them, so the lanes of one instruction do not race with each other. Reductions over a warp end in such stores.
uint32_t distinctStores(Warp &w, const Instruction &i, uint32_t mask,
                        const MemoryAccess &access) {
  uint32_t distinct = mask;
  for (unsigned l = 1; l < 32; ++l)
    for (unsigned lower = 0; lower < l && distinct >> l & 1; ++lower)
      if (distinct >> lower & 1 && access.address[lower] == access.address[l] &&
          access.sameValue(w, i, lower, l))
        distinct &= ~(1u << l);
  return distinct;
}

/// Runs the race check of an access, which is slow only where it finds something.
template <typename Check>
const Race *raceOf(Warp &w, const Instruction &i, uint32_t mask,
                   const MemoryAccess &access, Check check) {
  const Race *race = check(mask);
  if (race && access.sameValue)
    if (uint32_t distinct = distinctStores(w, i, mask, access);
        distinct != mask)
      return check(distinct);
  return race;
}

Counters::Direction directionOf(Touch touch) {
  return touch == Touch::Read    ? Counters::Direction::Load
         : touch == Touch::Write ? Counters::Direction::Store
                                 : Counters::Direction::Atomic;
}

/// Lanes that hit different allocations, or none: one by one, with the message.
bool resolveGlobalLanes(Warp &w, uint32_t mask, unsigned bytes, Touch touch,
                        MemoryAccess &access) {
  LaunchState &state = w.block->state;
  access.contiguous = nullptr;
  std::fill_n(access.pointer, 32, &sink[0]);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    auto l = static_cast<unsigned>(std::countr_zero(rest));
    uint64_t address = access.address[l];
    Allocation *allocation = state.memory.find(address);
    auto fail = [&](const char *kind, const std::string &why) {
      w.fail(kind, nameOf(touch, bytes) + " at " + hex(address) + ": " + why,
             static_cast<int>(l));
      return false;
    };
    if (!allocation ||
        address - allocation->address + bytes > allocation->bytes)
      return fail("out-of-bounds",
                  allocation ? "it ends past " + GlobalMemory::name(*allocation)
                             : state.memory.describe(address));
    if (!state.memory.canAccess(state.launch.device, *allocation))
      return fail("peer-access", GlobalMemory::name(*allocation) +
                                     " is not accessible from device " +
                                     std::to_string(state.launch.device));
    uint64_t offset = address - allocation->address;
    if (allocation->written) {
      if (touch != Touch::Write && state.options.checks &&
          bitsAt(allocation->written, offset, bytes) !=
              (uint64_t(1) << bytes) - 1)
        return fail("uninitialised",
                    "bytes of " + GlobalMemory::name(*allocation) +
                        " at offset " + std::to_string(offset) +
                        " were never written");
      if (touch != Touch::Read)
        setBits(allocation->written, offset, bytes);
    }
    access.pointer[l] = allocation->data + offset;
  }
  return true;
}

} // namespace

bool resolveGlobal(Warp &w, const Instruction &i, uint32_t mask, unsigned bytes,
                   Touch touch, MemoryAccess &access, unsigned elementBytes,
                   bool counted) {
  LaunchState &state = w.block->state;
  Range range = rangeOf(access.address, mask);
  if (range.bits & (bytes - 1) &&
      misaligned(w, access.address, mask, bytes, touch))
    return false;
  Allocation *allocation = state.find(w.group.pc, range.least);
  access.contiguous = nullptr;
  if (allocation &&
      range.most - allocation->address + bytes <= allocation->bytes &&
      state.memory.canAccess(state.launch.device, *allocation)) [[likely]] {
    std::byte *data = allocation->data;
    if (isContiguous(access.address, mask, bytes))
      access.contiguous = data + (access.address[0] - allocation->address);
    if (allocation->written)
      if (touchBits(allocation->written, access, allocation->address, mask,
                    bytes, touch, state.options.checks) >= 0)
        return resolveGlobalLanes(w, mask, bytes, touch, access);
    if (!access.contiguous)
      setPointers(access, mask, data, allocation->address);
  } else if (!resolveGlobalLanes(w, mask, bytes, touch, access)) {
    return false;
  }
  if (touch == Touch::Write)
    ++state.changes;
  if (state.options.counters && counted)
    state.counters.global(w.group.pc, directionOf(touch), access.address, mask,
                          bytes);
  if (state.options.checkGlobalRaces && w.race)
    if (const Race *race = raceOf(w, i, mask, access, [&](uint32_t lanes) {
          return state.races->global(
              w.race, describeAccess(w, i, bytes, touch, elementBytes),
              access.address, lanes);
        })) {
      w.fail("race",
             race->text() + ", at " + hex(race->address) + " (" +
                 state.memory.describe(race->address) + ")",
             race->lane);
      return false;
    }
  return true;
}

bool resolveShared(Warp &w, const Instruction &i, uint32_t mask, unsigned bytes,
                   Touch touch, MemoryAccess &access, unsigned elementBytes,
                   bool counted) {
  Block &block = *w.block;
  LaunchState &state = block.state;
  Range range = rangeOf(access.address, mask);
  if (range.bits & (bytes - 1) &&
      misaligned(w, access.address, mask, bytes, touch))
    return false;
  uint64_t end = kSharedBase + block.shared.size();
  auto failLane = [&](const char *kind, unsigned lane, const std::string &why) {
    w.fail(kind,
           "shared " + nameOf(touch, bytes) + " at offset " +
               std::to_string(int64_t(access.address[lane] - kSharedBase)) +
               ": " + why,
           static_cast<int>(lane));
    return false;
  };
  if (range.least < kSharedBase || range.most + bytes > end ||
      range.most >= end)
    for (unsigned l = 0; l < 32; ++l)
      if (mask >> l & 1 &&
          (access.address[l] < kSharedBase || access.address[l] + bytes > end ||
           access.address[l] >= end))
        return failLane("out-of-bounds", l,
                        "the block has " + std::to_string(block.shared.size()) +
                            " bytes");
  access.contiguous = nullptr;
  if (isContiguous(access.address, mask, bytes))
    access.contiguous = block.shared.data() + (access.address[0] - kSharedBase);
  if (int lane = touchBits(block.sharedWritten.data(), access, kSharedBase,
                           mask, bytes, touch, state.options.checks);
      lane >= 0)
    return failLane("uninitialised", static_cast<unsigned>(lane),
                    "never written by this block");
  if (!access.contiguous)
    setPointers(access, mask, block.shared.data(), kSharedBase);
  if (touch == Touch::Write)
    ++state.changes;
  if (state.options.counters && counted)
    state.counters.shared(w.group.pc, directionOf(touch), access.address, mask,
                          bytes);
  if (!state.options.checks)
    return true;
  if (block.copies && block.copies->anyInFlight())
    for (unsigned l = 0; l < 32; ++l)
      if (mask >> l & 1)
        if (auto copy = block.copies->find(
                static_cast<uint32_t>(access.address[l]), bytes))
          return failLane("async-copy", l, AsyncCopies::describe(*copy));
  if (const Race *race = raceOf(w, i, mask, access, [&](uint32_t lanes) {
        return state.races->shared(
            w.race, describeAccess(w, i, bytes, touch, elementBytes),
            access.address, lanes);
      })) {
    w.fail("race",
           race->text() + ", at shared offset " +
               std::to_string(race->address - kSharedBase),
           race->lane);
    return false;
  }
  return true;
}

static bool resolveLocal(Warp &w, uint32_t mask, unsigned bytes, Touch touch,
                         MemoryAccess &access) {
  access.contiguous = nullptr;
  if (rangeOf(access.address, mask).bits & (bytes - 1) &&
      misaligned(w, access.address, mask, bytes, touch))
    return false;
  uint64_t *written = w.localWritten.data();
  bool checks = w.block->state.options.checks;
  for (unsigned l = 0; l < 32; ++l) {
    access.pointer[l] = sink;
    if (!(mask >> l & 1))
      continue;
    uint64_t offset = access.address[l];
    if (offset >= w.localStride || offset + bytes > w.localStride) {
      w.fail("out-of-bounds",
             "local " + nameOf(touch, bytes) + " at offset " +
                 std::to_string(int64_t(offset)) + ": a thread has " +
                 std::to_string(w.localStride) + " bytes",
             static_cast<int>(l));
      return false;
    }
    uint64_t bit = l * w.localStride + offset;
    if (touch == Touch::Read && checks &&
        bitsAt(written, bit, bytes) != (uint64_t(1) << bytes) - 1) {
      w.fail("uninitialised",
             "local " + nameOf(touch, bytes) + " at offset " +
                 std::to_string(offset) + ": never written",
             static_cast<int>(l));
      return false;
    }
    if (touch != Touch::Read)
      setBits(written, bit, bytes);
    access.pointer[l] = w.localAt(l, offset);
  }
  return true;
}

static bool resolveParameters(Warp &w, uint32_t mask, unsigned bytes,
                              Touch touch, MemoryAccess &access) {
  auto &parameters = w.block->state.launch.parameters;
  access.contiguous = nullptr;
  if (rangeOf(access.address, mask).bits & (bytes - 1) &&
      misaligned(w, access.address, mask, bytes, touch))
    return false;
  for (unsigned l = 0; l < 32; ++l) {
    access.pointer[l] = sink;
    if (!(mask >> l & 1))
      continue;
    uint64_t offset = access.address[l];
    if (touch != Touch::Read || offset >= parameters.size() ||
        offset + bytes > parameters.size()) {
      w.fail("out-of-bounds",
             nameOf(touch, bytes) + " at offset " +
                 std::to_string(int64_t(offset)) +
                 " of the kernel's parameters: they have " +
                 std::to_string(parameters.size()) + " bytes and are constant",
             static_cast<int>(l));
      return false;
    }
    access.pointer[l] = const_cast<std::byte *>(parameters.data()) + offset;
  }
  return true;
}

/// Lanes in one window of the generic space.
static bool resolveWindow(Warp &w, const Instruction &i, uint32_t mask,
                          unsigned bytes, Touch touch, MemoryAccess &access,
                          unsigned elementBytes, Window window) {
  auto rebase = [&](uint64_t base) {
    for (unsigned l = 0; l < 32; ++l)
      access.address[l] -= mask >> l & 1 ? base : 0;
  };
  switch (window) {
  case Window::Global:
    return resolveGlobal(w, i, mask, bytes, touch, access, elementBytes, true);
  case Window::Shared:
    rebase(kSharedWindow);
    return resolveShared(w, i, mask, bytes, touch, access, elementBytes, true);
  case Window::Local:
    rebase(kLocalWindow);
    return resolveLocal(w, mask, bytes, touch, access);
  default:
    rebase(kParamWindow);
    return resolveParameters(w, mask, bytes, touch, access);
  }
}

static bool resolveGeneric(Warp &w, const Instruction &i, uint32_t mask,
                           unsigned bytes, Touch touch, MemoryAccess &access,
                           unsigned elementBytes) {
  Range range = rangeOf(access.address, mask);
  Window first = windowOf(range.least);
  if (first == windowOf(range.most))
    return resolveWindow(w, i, mask, bytes, touch, access, elementBytes, first);
  std::byte *pointer[32];
  std::fill_n(pointer, 32, &sink[0]);
  for (Window window :
       {Window::Global, Window::Shared, Window::Local, Window::Param}) {
    uint32_t lanes = 0;
    for (unsigned l = 0; l < 32; ++l)
      lanes |= uint32_t(mask >> l & 1 && windowOf(access.address[l]) == window)
               << l;
    if (!lanes)
      continue;
    MemoryAccess part;
    std::copy_n(access.address, 32, part.address);
    if (!resolveWindow(w, i, lanes, bytes, touch, part, elementBytes, window))
      return false;
    for (unsigned l = 0; l < 32; ++l)
      if (lanes >> l & 1)
        pointer[l] = part.pointer[l];
  }
  std::copy_n(pointer, 32, access.pointer);
  access.contiguous = nullptr;
  return true;
}

bool resolve(Warp &w, const Instruction &i, uint32_t mask, unsigned bytes,
             Touch touch, MemoryAccess &access, unsigned elementBytes) {
  switch (i.space) {
  case ptx::Space::Register: // a parameter of a call: in the frame
    access.contiguous = nullptr;
    for (unsigned l = 0; l < 32; ++l)
      access.pointer[l] =
          mask >> l & 1 ? w.at<std::byte>(i.a) + l * i.target + i.imm : sink;
    return true;
  case ptx::Space::Global:
  case ptx::Space::Const:
    computeAddresses(w, i, access.address);
    return resolveGlobal(w, i, mask, bytes, touch, access, elementBytes, true);
  case ptx::Space::Shared:
    computeAddresses(w, i, access.address);
    return resolveShared(w, i, mask, bytes, touch, access, elementBytes, true);
  case ptx::Space::Local:
    computeAddresses(w, i, access.address);
    return resolveLocal(w, mask, bytes, touch, access);
  case ptx::Space::Param:
    computeAddresses(w, i, access.address);
    return resolveParameters(w, mask, bytes, touch, access);
  case ptx::Space::Generic:
    computeAddresses(w, i, access.address);
    return resolveGeneric(w, i, mask, bytes, touch, access, elementBytes);
  }
  return false;
}

} // namespace moec::cudasim
