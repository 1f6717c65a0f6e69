//===- VectorClock.h - What a thread knows of the others --------*- C++ -*-===//
//
// A sparse vector clock over the threads of a grid. An entry stands for a whole block, for a whole warp or for one thread; what is known of a thread is the
// largest of the three. Barriers of whole blocks and warps, which are nearly all, so cost one entry.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_CHECK_VECTORCLOCK_H
#define MOEC_SIMULATOR_CHECK_VECTORCLOCK_H

#include <algorithm>
#include <cstdint>
#include <vector>

namespace moec::cudasim {

using Epoch = uint32_t;

/// A thread of a grid: block, warp in the block, lane.
struct Thread {
  uint32_t block = 0, warp = 0, lane = 0;
  bool operator==(const Thread &) const = default;
};

class VectorClock {
public:
  static constexpr uint32_t All = ~0u;

  bool empty() const { return entries.empty(); }

  /// The last clock of `thread` that is known.
  Epoch of(const Thread &thread) const {
    if (entries.empty())
      return 0;
    uint64_t whole = key(thread.block, All, All);
    auto at = std::lower_bound(entries.begin(), entries.end(), whole, before);
    Epoch result = 0;
    if (at != entries.end() && at->key == whole)
      result = (at++)->clock;
    uint64_t warp = key(thread.block, thread.warp, All);
    at = std::lower_bound(at, entries.end(), warp, before);
    if (at != entries.end() && at->key == warp)
      result = std::max(result, (at++)->clock);
    uint64_t lane = key(thread.block, thread.warp, thread.lane);
    at = std::lower_bound(at, entries.end(), lane, before);
    if (at != entries.end() && at->key == lane)
      result = std::max(result, at->clock);
    return result;
  }

  /// Learns `clock` of a block (warp and lane All), a warp (lane All) or a thread.
  void learn(uint32_t block, uint32_t warp, uint32_t lane, Epoch clock) {
    uint64_t wanted = key(block, warp, lane);
    auto at = std::lower_bound(entries.begin(), entries.end(), wanted, before);
    if (at == entries.end() || at->key != wanted)
      entries.insert(at, {wanted, clock});
    else
      at->clock = std::max(at->clock, clock);
  }

  /// Learns everything that `other` knows.
  void join(const VectorClock &other) {
    if (other.entries.empty() || this == &other)
      return;
    if (entries.empty()) {
      entries = other.entries;
      return;
    }
    std::vector<Entry> merged;
    merged.reserve(entries.size() + other.entries.size());
    // What a whole block or warp is known by makes entries of its parts that are not newer superfluous.
    Epoch ofBlock = 0, ofWarp = 0;
    uint64_t block = ~uint64_t(0), warp = ~uint64_t(0);
    auto add = [&](const Entry &entry) {
      if (entry.key >> 12 != block)
        block = entry.key >> 12, ofBlock = 0;
      if (entry.key >> 6 != warp)
        warp = entry.key >> 6, ofWarp = 0;
      if ((entry.key & 0xfff) == 0)
        ofBlock = entry.clock;
      else if (entry.clock <= std::max(ofBlock, ofWarp))
        return;
      else if ((entry.key & 0x3f) == 0)
        ofWarp = entry.clock;
      merged.push_back(entry);
    };
    auto a = entries.cbegin(), b = other.entries.cbegin();
    while (a != entries.end() || b != other.entries.end()) {
      if (b == other.entries.end() || (a != entries.end() && a->key < b->key))
        add(*a++);
      else if (a == entries.end() || b->key < a->key)
        add(*b++);
      else {
        add({a->key, std::max(a->clock, b->clock)});
        ++a, ++b;
      }
    }
    entries.swap(merged);
  }

  /// Replaces all that is known of one block.
  void replaceBlock(uint32_t block, Epoch clock) {
    auto first = std::lower_bound(entries.begin(), entries.end(),
                                  key(block, All, All), before);
    auto last = std::lower_bound(first, entries.end(), key(block + 1, All, All),
                                 before);
    entries.insert(entries.erase(first, last), {key(block, All, All), clock});
  }

private:
  struct Entry {
    uint64_t key;
    Epoch clock;
  };
  /// Blocks, in them their warps, in them their lanes; the whole before its parts.
  static uint64_t key(uint32_t block, uint32_t warp, uint32_t lane) {
    return uint64_t(block) << 12 | uint64_t(warp + 1) << 6 | (lane + 1);
  }
  static bool before(const Entry &entry, uint64_t key) {
    return entry.key < key;
  }

  std::vector<Entry> entries;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_CHECK_VECTORCLOCK_H
