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
  for (uint64_t sector = address / 32, end = (address + bytes - 1) / 32;
       sector <= end; ++sector)
    page(sector / 2048)[sector % 2048 / 64] |= uint64_t(1) << sector % 64;
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

/// Wavefronts of one phase: `words` are numbers of 4-byte words.
template <size_t N>
static unsigned wavefronts(std::array<uint64_t, N> &words, unsigned count) {
  count = distinct(words, count);
  uint8_t perBank[32] = {};
  unsigned most = 0;
  for (unsigned i = 0; i < count; ++i)
    most = std::max<unsigned>(most, ++perBank[words[i] % 32]);
  return most;
}

Wavefronts sharedWavefronts(const uint64_t *addresses, uint32_t active,
                            uint32_t bytes) {
  unsigned lanes = bytes <= 4 ? 32 : bytes <= 8 ? 16 : 8;
  Wavefronts result = {0, 0};
  for (unsigned first = 0; first < 32; first += lanes) {
    std::array<uint64_t, 64> words;
    unsigned count = 0;
    uint32_t phase = active >> first & (lanes == 32 ? ~0u : (1u << lanes) - 1);
    for (; phase; phase &= phase - 1) {
      uint64_t address = addresses[first + unsigned(std::countr_zero(phase))];
      for (uint64_t word = address / 4, end = (address + bytes - 1) / 4;
           word <= end; ++word)
        words[count++] = word;
    }
    if (count) {
      result.used += wavefronts(words, count);
      ++result.ideal;
    }
  }
  return result;
}

Wavefronts matrixWavefronts(const uint64_t *addresses, unsigned matrices) {
  Wavefronts result = {0, 0};
  for (unsigned matrix = 0; matrix < matrices; ++matrix) {
    std::array<uint64_t, 32> words;
    for (unsigned i = 0; i < 32; ++i)
      words[i] = addresses[8 * matrix + i / 4] / 4 + i % 4;
    result.used += wavefronts(words, 32);
    ++result.ideal;
  }
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
  std::array<uint64_t, 64> sectors;
  unsigned count = 0;
  forSectors(addresses, active, bytes,
             [&](uint64_t sector) { sectors[count++] = sector; });
  count = distinct(sectors, count);
  for (unsigned i = 0; i < count; ++i) {
    if (direction != Direction::Store)
      loaded.add(sectors[i] * 32, 1);
    if (direction != Direction::Load)
      stored.add(sectors[i] * 32, 1);
  }
  uint64_t moved = uint64_t(std::popcount(active)) * bytes;
  traffic += {1, moved, count, (moved + 31) / 32};
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
