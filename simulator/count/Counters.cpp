//===- Counters.cpp - What a launch did -----------------------------------===//
#include "simulator/count/Counters.h"

#include <algorithm>

namespace moec::cudasim {

const char *name(InstructionClass kind) {
  static constexpr const char *names[InstructionClasses] = {
      "integer",     "float32",    "float16", "float64", "special", "compare",
      "convert",     "move",       "control", "global",  "shared",  "local",
      "constant",    "atomic",     "shuffle", "barrier", "fence",   "matrix",
      "matrix_move", "async_copy", "other"};
  return names[unsigned(kind)];
}

Traffic &Traffic::operator+=(const Traffic &other) {
  accesses += other.accesses;
  bytes += other.bytes;
  used += other.used;
  ideal += other.ideal;
  return *this;
}

Events &Events::operator+=(const Events &other) {
  globalLoad += other.globalLoad;
  globalStore += other.globalStore;
  globalAtomic += other.globalAtomic;
  sharedLoad += other.sharedLoad;
  sharedStore += other.sharedStore;
  sharedAtomic += other.sharedAtomic;
  mma += other.mma;
  mmaFlop += other.mmaFlop;
  barriers += other.barriers;
  branches += other.branches;
  divergentBranches += other.divergentBranches;
  atomics += other.atomics;
  shuffles += other.shuffles;
  asyncCopies += other.asyncCopies;
  asyncBytes += other.asyncBytes;
  return *this;
}

Counts &Counts::operator+=(const Counts &other) {
  warpInstructions += other.warpInstructions;
  threadInstructions += other.threadInstructions;
  events += other.events;
  return *this;
}

SectorSet::Page &SectorSet::page(uint64_t number) {
  if (number != lastNumber) {
    auto &slot = pages[number];
    if (!slot)
      slot = std::make_unique<Page>(Page{});
    last = slot.get();
    lastNumber = number;
  }
  return *last;
}

void SectorSet::add(uint64_t address, uint64_t bytes) {
  if (bytes == 0)
    return;
  // Word by word of 64 sectors.
  for (uint64_t sector = address / 32, end = (address + bytes - 1) / 32;
       sector <= end;) {
    uint64_t last = std::min(sector | 63, end);
    uint64_t mask = ~uint64_t(0) >> (63 - (last - sector)) << sector % 64;
    page(sector / 2048)[sector % 2048 / 64] |= mask;
    sector = last + 1;
  }
}

uint64_t SectorSet::count() const {
  uint64_t result = 0;
  for (auto &[number, words] : pages)
    for (uint64_t word : *words)
      result += unsigned(std::popcount(word));
  return result;
}

void SectorSet::merge(const SectorSet &other) {
  for (auto &[number, words] : other.pages) {
    Page &mine = page(number);
    for (size_t i = 0; i < mine.size(); ++i)
      mine[i] |= (*words)[i];
  }
}

/// Calls `visit(sector)` for each sector of the access; the same sector again only where it is not that of the lane before.
template <class Visit>
static void forSectors(const uint64_t *addresses, uint32_t active,
                       uint32_t bytes, Visit visit) {
  uint64_t previous = ~uint64_t(0);
  for (; active; active &= active - 1) {
    uint64_t address = addresses[std::countr_zero(active)];
    for (uint64_t sector = address / 32, end = (address + bytes - 1) / 32;
         sector <= end; ++sector)
      if (sector != previous)
        visit(previous = sector);
  }
}

/// Sorts, and drops what is equal.
template <size_t N>
static unsigned distinct(std::array<uint64_t, N> &values, unsigned count) {
  // Coalesced accesses come in order.
  if (!std::is_sorted(values.begin(), values.begin() + count))
    std::sort(values.begin(), values.begin() + count);
  return unsigned(std::unique(values.begin(), values.begin() + count) -
                  values.begin());
}

unsigned globalSectors(const uint64_t *addresses, uint32_t active,
                       uint32_t bytes) {
  std::array<uint64_t, 64> sectors;
  unsigned count = 0;
  forSectors(addresses, active, bytes,
             [&](uint64_t sector) { sectors[count++] = sector; });
  return distinct(sectors, count);
}

/// Wavefronts of one phase of up to 32 accesses of `unit` bytes (4, 8 or 16) in the 128 bytes of a row of banks: the most distinct ones
/// of those that share a bank.
static unsigned wavefronts(const uint64_t *addresses, uint32_t active,
                           unsigned unit) {
  unsigned groups = 128 / unit, most = 1, used = 0;
  uint64_t seen[32];
  // Per group of banks, the accesses to it as a list through `next`.
  uint8_t head[32], size[32], next[32];
  uint32_t touched = 0;
  for (; active; active &= active - 1) {
    uint64_t number = addresses[std::countr_zero(active)] / unit;
    unsigned group = unsigned(number % groups);
    unsigned at = used;
    if (touched >> group & 1) {
      for (at = head[group]; at < 32 && seen[at] != number;)
        at = next[at];
      if (at < 32)
        continue;
    } else {
      touched |= 1u << group;
      head[group] = 32;
      size[group] = 0;
    }
    seen[used] = number;
    next[used] = head[group];
    head[group] = uint8_t(used++);
    most = std::max<unsigned>(most, ++size[group]);
  }
  return most;
}

/// Whether all 32 lanes access consecutive bytes.
static bool consecutive(const uint64_t *addresses, uint32_t active,
                        uint32_t bytes) {
  uint64_t strayed = 0;
  for (unsigned lane = 0; lane < 32; ++lane)
    strayed |= addresses[lane] ^ (addresses[0] + lane * bytes);
  return active == ~0u && !strayed;
}

Wavefronts sharedWavefronts(const uint64_t *addresses, uint32_t active,
                            uint32_t bytes) {
  unsigned unit = bytes <= 4 ? 4 : bytes <= 8 ? 8 : 16, lanes = 128 / unit;
  if (bytes >= 4 && addresses[0] % unit == 0 &&
      consecutive(addresses, active, bytes))
    return {unit / 4, unit / 4};
  Wavefronts result = {0, 0};
  for (unsigned first = 0; first < 32; first += lanes)
    if (uint32_t phase =
            active >> first & (lanes == 32 ? ~0u : (1u << lanes) - 1)) {
      result.used += wavefronts(addresses + first, phase, unit);
      ++result.ideal;
    }
  return result;
}

Wavefronts matrixWavefronts(const uint64_t *addresses, unsigned matrices) {
  Wavefronts result = {0, matrices};
  for (unsigned matrix = 0; matrix < matrices; ++matrix)
    result.used += wavefronts(addresses + 8 * matrix, 0xff, 16);
  return result;
}

void Counters::global(size_t instruction, Direction direction,
                      const uint64_t *addresses, uint32_t active,
                      uint32_t bytes) {
  if (!active)
    return;
  Events &events = byInstruction[instruction].events;
  Traffic &traffic = direction == Direction::Load    ? events.globalLoad
                     : direction == Direction::Store ? events.globalStore
                                                     : events.globalAtomic;
  uint64_t moved = uint64_t(std::popcount(active)) * bytes;
  uint64_t used = 0;
  auto touch = [&](uint64_t address, uint64_t length) {
    if (direction != Direction::Store)
      loaded.add(address, length);
    if (direction != Direction::Load)
      stored.add(address, length);
  };
  if (consecutive(addresses, active, bytes)) {
    used = (addresses[0] + moved - 1) / 32 - addresses[0] / 32 + 1;
    touch(addresses[0], moved);
  } else {
    std::array<uint64_t, 64> sectors;
    unsigned count = 0;
    forSectors(addresses, active, bytes,
               [&](uint64_t sector) { sectors[count++] = sector; });
    used = distinct(sectors, count);
    for (unsigned i = 0; i < used; ++i)
      touch(sectors[i] * 32, 1);
  }
  traffic += {1, moved, used, (moved + 31) / 32};
}

void Counters::shared(size_t instruction, Direction direction,
                      const uint64_t *addresses, uint32_t active,
                      uint32_t bytes) {
  if (!active)
    return;
  Events &events = byInstruction[instruction].events;
  Traffic &traffic = direction == Direction::Load    ? events.sharedLoad
                     : direction == Direction::Store ? events.sharedStore
                                                     : events.sharedAtomic;
  Wavefronts waves = sharedWavefronts(addresses, active, bytes);
  traffic +=
      {1, uint64_t(std::popcount(active)) * bytes, waves.used, waves.ideal};
}

void Counters::matrix(size_t instruction, Direction direction,
                      const uint64_t *addresses, unsigned matrices) {
  Events &events = byInstruction[instruction].events;
  Traffic &traffic =
      direction == Direction::Load ? events.sharedLoad : events.sharedStore;
  Wavefronts waves = matrixWavefronts(addresses, matrices);
  traffic += {1, 128ull * matrices, waves.used, waves.ideal};
}

void Counters::asyncCopy(size_t instruction, const uint64_t *sources,
                         const uint64_t *destinations,
                         const uint32_t *sourceBytes, uint32_t active,
                         uint32_t bytes) {
  if (!active)
    return;
  Events &events = byInstruction[instruction].events;
  events.asyncCopies += unsigned(std::popcount(active));
  events.asyncBytes += uint64_t(std::popcount(active)) * bytes;
  // Lanes that read nothing touch no sector.
  std::array<uint64_t, 64> sectors;
  unsigned count = 0;
  uint64_t moved = 0;
  for (uint32_t rest = active; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    moved += sourceBytes[lane];
    if (sourceBytes[lane])
      forSectors(sources + lane, 1, sourceBytes[lane],
                 [&](uint64_t sector) { sectors[count++] = sector; });
  }
  count = distinct(sectors, count);
  for (unsigned i = 0; i < count; ++i)
    loaded.add(sectors[i] * 32, 1);
  if (moved)
    events.globalLoad += {1, moved, count, (moved + 31) / 32};
  Wavefronts waves = sharedWavefronts(destinations, active, bytes);
  events.sharedStore +=
      {1, uint64_t(std::popcount(active)) * bytes, waves.used, waves.ideal};
}

Counters &Counters::operator+=(const Counters &other) {
  for (size_t i = 0; i < byInstruction.size(); ++i)
    byInstruction[i] += other.byInstruction[i];
  loaded.merge(other.loaded);
  stored.merge(other.stored);
  return *this;
}

} // namespace moec::cudasim
