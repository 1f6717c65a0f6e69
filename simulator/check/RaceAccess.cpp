//===- RaceAccess.cpp - Accesses, and what is remembered of them ----------===//
#include "simulator/arithmetic/Vector.h"
#include "simulator/check/RaceState.h"

#include <cstring>

namespace moec::cudasim {

using Warp = RaceDetector::Warp;

/// Readers of one word of global memory that are remembered.
static constexpr size_t MaxGlobalReaders = 4;

bool RaceDetector::Impl::compatible(AccessInfo a, uint32_t blockA, AccessInfo b,
                                    uint32_t blockB) const {
  return a.scope() && b.scope() && a.logBytes() == b.logBytes() &&
         includes(a.scope(), blockA, blockB) &&
         includes(b.scope(), blockB, blockA);
}

bool RaceDetector::Impl::report(AccessInfo info, bool write, unsigned lane,
                                uint32_t block, AccessInfo other,
                                bool otherWrite, const Thread &by) {
  auto name = [](AccessInfo info, bool write) -> std::string_view {
    return info.atomic() ? "atomic" : write ? "write" : "read";
  };
  race.lane = int(lane);
  race.access = name(info, write);
  race.otherAccess = name(other, otherWrite);
  race.otherBlock = by.block;
  race.otherWarp = by.warp;
  race.otherLane = by.lane;
  race.otherLine = other.line();
  race.why = "";
  if (info.scope() && other.scope())
    race.why = includes(info.scope(), block, by.block) &&
                       includes(other.scope(), by.block, block)
                   ? "they differ in size"
                   : "their scopes do not include each other";
  return false;
}

/// The warps of a reader, as numbers in the grid.
template <bool Global, class Visit>
static bool forWarps(const Reader &reader, uint32_t block, Visit visit) {
  if constexpr (Global)
    return visit(reader.warps);
  for (uint32_t rest = reader.warps; rest; rest &= rest - 1)
    if (!visit(block * 32 + uint32_t(std::countr_zero(rest))))
      return false;
  return true;
}

/// Lanes `lanes` of a warp read: every earlier reader that is ordered before them needs no mention any more.
template <bool Global>
void RaceDetector::Impl::addReader(Warp &warp, AccessInfo info, Reader &reader,
                                   uint32_t lanes) {
  uint32_t me = Global ? warp.id : 1u << warp.index;
  Reader mine = {warp.now, me, lanes, info};
  auto superseded = [&](const Reader &old) {
    if (old.info.manner() != info.manner() && !old.info.scope())
      return false;
    if (old.warps == me && (old.lanes & ~lanes) == 0)
      return true;
    return forWarps<Global>(old, warp.id >> 5, [&](uint32_t by) {
      return warp.orderedForAll({by >> 5, by & 31, VectorClock::All},
                                old.clock);
    });
  };
  auto merge = [&](Reader &old) {
    if (old.clock != warp.now || old.info.manner() != info.manner())
      return false;
    if (old.warps == me)
      old.lanes |= lanes;
    else if (!Global && old.lanes == lanes)
      old.warps |= me;
    else
      return false;
    return true;
  };
  if (reader.clock == 0) {
    reader = mine;
    return;
  }
  auto &readers = cellsOf<Global>(warp).readers;
  if (reader.clock != Elsewhere) {
    if (merge(reader))
      return;
    if (superseded(reader)) {
      reader = mine;
      return;
    }
    uint32_t list = readers.take();
    readers[list] = {reader, mine};
    reader = {Elsewhere, list, 0, {}};
    return;
  }
  auto &list = readers[reader.warps];
  for (Reader &old : list)
    if (merge(old))
      return;
  if (Global && list.size() >= MaxGlobalReaders) {
    reader.lanes = 1;
    return;
  }
  std::erase_if(list, superseded);
  list.push_back(mine);
}

/// One word, or one byte of a word that is kept by bytes. False: `race` says why.
template <bool Global>
bool RaceDetector::Impl::cell(Warp &warp, AccessInfo info, bool write,
                              Writer &writer, Reader &reader, uint32_t lanes) {
  uint32_t block = warp.id >> 5;
  if (writer.clock) {
    Thread by = unpack(writer.thread);
    if (!warp.orderedForAll(by, writer.clock) &&
        !compatible(info, block, writer.info, by.block))
      for (uint32_t rest = lanes; rest; rest &= rest - 1) {
        unsigned lane = unsigned(std::countr_zero(rest));
        if (!warp.ordered(lane, by, writer.clock))
          return report(info, write, lane, block, writer.info, true, by);
      }
  }
  if (!write) {
    addReader<Global>(warp, info, reader, lanes);
    return true;
  }
  // Lanes that write the same word in one instruction race with each other.
  unsigned lane = unsigned(std::countr_zero(lanes));
  if ((lanes & (lanes - 1)) && !compatible(info, block, info, block)) {
    unsigned second = unsigned(std::countr_zero(lanes & (lanes - 1)));
    return report(info, true, second, block, info, true, warp.thread(lane));
  }
  auto checkReader = [&](const Reader &old) {
    return forWarps<Global>(old, block, [&](uint32_t number) {
      Thread by = {number >> 5, number & 31, VectorClock::All};
      uint32_t others =
          number == warp.id ? old.lanes & ~(1u << lane) : old.lanes;
      if (!others || warp.orderedForAll(by, old.clock) ||
          compatible(info, block, old.info, by.block))
        return true;
      for (uint32_t rest = others; rest; rest &= rest - 1) {
        by.lane = unsigned(std::countr_zero(rest));
        if (!warp.ordered(lane, by, old.clock))
          return report(info, true, lane, block, old.info, false, by);
      }
      return true;
    });
  };
  if (reader.clock == Elsewhere) {
    auto &readers = cellsOf<Global>(warp).readers;
    for (const Reader &old : readers[reader.warps])
      if (!checkReader(old))
        return false;
    readers.give(reader.warps);
  } else if (reader.clock && !checkReader(reader)) {
    return false;
  }
  reader = {};
  writer = {warp.now, warp.id << 5 | lane, info};
  return true;
}

template <bool Global>
bool RaceDetector::Impl::word(Warp &warp, AccessInfo info, bool write,
                              Shadow &shadow, size_t i, uint32_t lanes) {
  if (shadow.writeClock[i] == Elsewhere)
    return parts<Global>(warp, info, write, shadow, i, 0xf, lanes);
  Writer writer = shadow.writer(i);
  Reader reader = shadow.reader(i);
  if (!cell<Global>(warp, info, write, writer, reader, lanes))
    return false;
  shadow.setReader(i, reader);
  if (write)
    shadow.setWriter(i, writer);
  return true;
}

template <bool Global>
bool RaceDetector::Impl::parts(Warp &warp, AccessInfo info, bool write,
                               Shadow &shadow, size_t i, unsigned byteMask,
                               uint32_t lanes) {
  auto &[readers, bytes] = cellsOf<Global>(warp);
  if (shadow.writeClock[i] != Elsewhere) {
    uint32_t number = bytes.take();
    Reader reader = shadow.reader(i);
    for (unsigned byte = 0; byte < 4; ++byte) {
      bytes[number][byte] = {shadow.writer(i), reader};
      if (reader.clock == Elsewhere) {
        uint32_t copy = readers.take();
        readers[copy] = readers[reader.warps];
        bytes[number][byte].reader.warps = copy;
      }
    }
    if (reader.clock == Elsewhere)
      readers.give(reader.warps);
    shadow.setWriter(i, {Elsewhere, number, {}});
    // No run of words may take this one for untouched.
    shadow.setReader(i, {Elsewhere, 0, 0, {}});
  }
  uint32_t number = shadow.writeThread[i];
  for (unsigned byte = 0; byte < 4; ++byte)
    if (byteMask >> byte & 1) {
      Cells::Byte &part = bytes[number][byte];
      if (!cell<Global>(warp, info, write, part.writer, part.reader, lanes))
        return false;
    }
  // A whole word again.
  if (write && byteMask == 0xf) {
    shadow.setWriter(i, bytes[number][0].writer);
    shadow.setReader(i, {});
    bytes.give(number);
  }
  return true;
}

namespace {
/// The common cases of weak accesses, without branches, for several words at a time. What it cannot decide is left alone.
template <bool Global>
struct Common {
  Common(const Warp &warp, AccessInfo info)
      : floor(warp.floor), common(warp.common), now(warp.now),
        block(warp.id >> 5), id(warp.id),
        me(Global ? warp.id : 1u << warp.index), info(info.bits) {}

  /// Consecutive words from `first`, whose lanes are `lane`. False if any needs a closer look; nothing was changed then.
  template <class Vector>
  bool access(bool write, const Shadow &shadow, size_t first,
              Vector lane) const {
    uint32_t *writeClock = shadow.writeClock + first,
             *writeThread = shadow.writeThread + first,
             *writeInfo = shadow.writeInfo + first,
             *readClock = shadow.readClock + first,
             *readWarps = shadow.readWarps + first,
             *readLanes = shadow.readLanes + first,
             *readInfo = shadow.readInfo + first;
    const Vector bit = (Vector{} + 1) << lane;
    auto load = [](const uint32_t *from) { return loadVector<Vector>(from); };

    // The last write: none, of this block before its last barrier, of this warp before it synchronised, of the same thread.
    Vector clock = load(writeClock), thread = load(writeThread);
    auto fine = Global
                    ? (clock == 0) | ((thread >> 10 == block) & (clock < floor))
                    : clock < floor;
    fine |= ((thread >> 5 == id) & (clock < common)) |
            ((thread == (id << 5 | lane)) & (clock != Elsewhere));

    Vector readAt = load(readClock), warps = load(readWarps),
           lanes = load(readLanes);
    auto old = Global
                   ? (readAt == 0) | ((warps >> 5 == block) & (readAt < floor))
                   : readAt < floor;
    auto same = (warps == me) & (lanes == bit) & (readAt != Elsewhere);
    if (write) {
      // The last reads: the same. What a strong write released is forgotten with it, elsewhere.
      fine &= old | ((warps == me) & (readAt < common)) | same;
      fine &= (load(writeInfo) & AccessInfo::ScopeBits) == 0;
      if (!all(fine))
        return false;
      storeVector(readClock, Vector{});
      storeVector(writeClock, Vector{} + now);
      storeVector(writeThread, id << 5 | lane);
      storeVector(writeInfo, Vector{} + info);
      return true;
    }
    // The last reads: such as are superseded; of global memory, so many that this one is not remembered; of shared memory, of the same lanes of other warps.
    auto weak = (load(readInfo) & AccessInfo::ScopeBits) == 0;
    auto kept =
        Global ? (readAt == Elsewhere) & (lanes == 1) : readAt != readAt;
    auto joined =
        Global ? readAt != readAt : (readAt == now) & (lanes == bit) & weak;
    fine &= old | (same & weak) | kept | joined;
    if (!all(fine))
      return false;
    storeVector(readWarps, kept ? warps : joined ? warps | me : Vector{} + me);
    storeVector(readLanes, kept ? lanes : bit);
    storeVector(readInfo, Vector{} + info);
    storeVector(readClock, kept ? readAt : Vector{} + now);
    return true;
  }

  /// The same of one word, and only the most common of them.
  bool word(bool write, const Shadow &shadow, size_t i, unsigned lane) const {
    Epoch clock = shadow.writeClock[i], readAt = shadow.readClock[i];
    uint32_t thread = shadow.writeThread[i], warps = shadow.readWarps[i];
    bool same =
        warps == me && shadow.readLanes[i] == 1u << lane && readAt != Elsewhere;
    if (Global ? clock != 0 && (thread >> 10 != block || clock >= floor)
               : clock >= floor)
      if (thread != (id << 5 | lane) || clock == Elsewhere)
        return false;
    if (Global ? readAt != 0 && (warps >> 5 != block || readAt >= floor)
               : readAt >= floor)
      if (!same || shadow.readInfo[i] & AccessInfo::ScopeBits)
        return false;
    if (write) {
      if (shadow.writeInfo[i] & AccessInfo::ScopeBits)
        return false;
      shadow.readClock[i] = 0;
      shadow.writeClock[i] = now;
      shadow.writeThread[i] = id << 5 | lane;
      shadow.writeInfo[i] = info;
    } else {
      shadow.readClock[i] = now;
      shadow.readWarps[i] = me;
      shadow.readLanes[i] = 1u << lane;
      shadow.readInfo[i] = info;
    }
    return true;
  }

private:
  template <class Mask>
  static bool all(Mask mask) {
    uint64_t halves[sizeof(mask) / 8], both = ~uint64_t(0);
    std::memcpy(halves, &mask, sizeof(mask));
    for (uint64_t half : halves)
      both &= half;
    return both == ~uint64_t(0);
  }

  const Epoch floor, common, now;
  const uint32_t block, id, me, info;
};
} // namespace

/// Lanes of consecutive words with `PerLane` words a lane.
template <unsigned PerLane>
static constexpr auto laneTable = [] {
  std::array<uint32_t, 32 * PerLane> table{};
  for (unsigned i = 0; i < table.size(); ++i)
    table[i] = i / PerLane;
  return table;
}();

Shadow &RaceDetector::Impl::page(uint64_t address) {
  uint64_t number = address >> PageShift;
  if (number != lastPage) {
    auto &slot = pages[number];
    if (!slot)
      slot = std::make_unique<Shadow>(size_t(1) << (PageShift - 2));
    lastPage = number;
    lastShadow = slot.get();
  }
  return *lastShadow;
}

template <bool Global>
const Race *RaceDetector::Impl::check(Warp &warp, const Access &access,
                                      const uint64_t *addresses,
                                      uint32_t active) {
  constexpr uint64_t PageBytes = uint64_t(1) << PageShift;
  bool write = access.kind != AccessKind::Read;
  bool atomic =
      access.kind == AccessKind::Atomic || access.kind == AccessKind::Reduction;
  uint32_t element = access.elementBytes ? access.elementBytes : access.bytes;
  AccessInfo info(access.line, rankOf(access.scope), atomic,
                  unsigned(std::countr_zero(element)));
  Locations &locations = Global ? this->locations : warp.block->locations;
  auto shadowOf = [&](uint64_t address) -> Shadow & {
    if constexpr (Global)
      return page(address);
    else
      return warp.block->shadow;
  };
  auto indexOf = [&](uint64_t address) {
    return size_t(Global ? (address & (PageBytes - 1)) / 4 : address / 4);
  };
  if (!active)
    return nullptr;

  // Consecutive words, of the whole warp or of a lane. What was decided once may be decided again.
  const Common<Global> common(warp, info);
  auto weakly =
      [&]<unsigned PerLane>(std::integral_constant<unsigned, PerLane>) {
        constexpr unsigned Bytes = 4 * PerLane;
        const auto &lanes = laneTable<PerLane>;
        uint64_t base = addresses[0], strayed = base % 4;
        for (unsigned lane = 0; lane < 32; ++lane)
          strayed |= addresses[lane] ^ (base + lane * Bytes);
        if (active == ~0u && !strayed &&
            (Global ? base % PageBytes + 32 * Bytes <= PageBytes
                    : base / 4 + 32 * PerLane <= warp.block->shadow.words)) {
          const Shadow &shadow = shadowOf(base);
          bool fine = true;
          for (unsigned i = 0; i < 32 * PerLane; i += 8)
            fine &= common.access(write, shadow, indexOf(base) + i,
                                  loadVector<UInt8>(&lanes[i]));
          if (fine)
            active = 0;
          return;
        }
        uint64_t previous = ~uint64_t(0);
        for (uint32_t rest = active; rest; rest &= rest - 1) {
          unsigned lane = unsigned(std::countr_zero(rest));
          uint64_t address = addresses[lane];
          bool again = address == previous;
          previous = address;
          // Lanes at the same address go together, below.
          if (address % Bytes || again ||
              (!Global && address / 4 + PerLane > warp.block->shadow.words) ||
              (lane < 31 && rest >> (lane + 1) & 1 &&
               addresses[lane + 1] == address))
            continue;
          const Shadow &shadow = shadowOf(address);
          size_t i = indexOf(address);
          bool fine = true;
          if constexpr (PerLane == 4)
            fine = common.access(write, shadow, i, UInt4{} + lane);
          else
            for (unsigned word = 0; word < PerLane; ++word)
              fine &= common.word(write, shadow, i + word, lane);
          if (fine)
            active &= ~(1u << lane);
        }
      };
  const uint32_t all = active;
  if (info.scope() == 0) {
    if (access.bytes == 4)
      weakly(std::integral_constant<unsigned, 1>());
    else if (access.bytes == 8)
      weakly(std::integral_constant<unsigned, 2>());
    else if (access.bytes == 16)
      weakly(std::integral_constant<unsigned, 4>());
  }
  // Word by word; lanes that follow each other and access the same go together.
  for (uint32_t rest = active; rest;) {
    unsigned lane = unsigned(std::countr_zero(rest));
    uint64_t address = addresses[lane];
    uint32_t lanes = 0;
    do {
      lanes |= rest & (0 - rest);
      rest &= rest - 1;
    } while (rest && addresses[std::countr_zero(rest)] == address);
    for (uint64_t at = address, end = address + access.bytes; at < end;) {
      uint64_t next = std::min((at | 3) + 1, end);
      Shadow &shadow = shadowOf(at);
      size_t i = indexOf(at);
      if (i >= shadow.words)
        return nullptr; // out of bounds: reported by others
      if (write && info.scope() == 0 &&
          (shadow.writeClock[i] == Elsewhere ||
           shadow.writeInfo[i] & AccessInfo::ScopeBits))
        locations.erase(at);
      bool fine =
          next - at == 4
              ? word<Global>(warp, info, write, shadow, i, lanes)
              : parts<Global>(warp, info, write, shadow, i,
                              ((1u << (next - at)) - 1) << (at & 3), lanes);
      if (!fine) {
        race.shared = !Global;
        race.address = at;
        return &race;
      }
      at = next;
    }
  }
  if (access.scope != Scope::None)
    synchronise(warp, access, locations, addresses, all);
  return nullptr;
}

const Race *RaceDetector::shared(Warp *warp, const Access &access,
                                 const uint64_t *addresses, uint32_t active) {
  return impl->options.shared && warp->id >> 5 < MaxBlocks
             ? impl->check<false>(*warp, access, addresses, active)
             : nullptr;
}

const Race *RaceDetector::global(Warp *warp, const Access &access,
                                 const uint64_t *addresses, uint32_t active) {
  if (!impl->options.global || warp->id >> 5 >= MaxBlocks)
    return nullptr;
  return impl->check<true>(*warp, access, addresses, active);
}

} // namespace moec::cudasim
