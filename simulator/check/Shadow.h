//===- Shadow.h - The last accesses of each word ----------------*- C++ -*-===//
//
// Beside each 4-byte word: its last write and its last reads. In arrays by field, so that runs of words are checked as vectors. Words that were accessed
// in parts have such a cell for each byte instead; words that several warps read have a list.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_CHECK_SHADOW_H
#define MOEC_SIMULATOR_CHECK_SHADOW_H

#include "simulator/check/VectorClock.h"

#include <array>
#include <memory>

namespace moec::cudasim {

/// A thread in 32 bits: block * 1024 + warp * 32 + lane. Without its last five bits, a warp.
using ThreadId = uint32_t;
constexpr uint32_t MaxBlocks = 1u << 22;
inline Thread unpack(ThreadId id) { return {id >> 10, id >> 5 & 31, id & 31}; }

/// How an access was made, in 32 bits: PTX line, strength, element size.
struct AccessInfo {
  uint32_t bits = 0;
  AccessInfo() = default;
  /// `scope`: 0 weak, 1 block, 2 cluster, 3 wider. The size matters only between strong accesses.
  AccessInfo(uint32_t line, unsigned scope, bool atomic, unsigned logBytes)
      : bits((line & 0xffffff) | scope << 24 | unsigned(atomic) << 26 |
             (scope ? logBytes << 27 : 0)) {}
  uint32_t line() const { return bits & 0xffffff; }
  unsigned scope() const { return bits >> 24 & 3; }
  bool atomic() const { return bits >> 26 & 1; }
  unsigned logBytes() const { return bits >> 27 & 7; }
  static constexpr uint32_t ScopeBits = 3u << 24;
  /// Everything but the line.
  uint32_t manner() const { return bits >> 24; }
};

/// Threads have read at `clock`. In shared memory: the lanes `lanes` of each of the warps in the mask `warps` of the block; in global memory, of the warp number `warps`.
struct Reader {
  Epoch clock = 0; ///< 0: none
  uint32_t warps = 0, lanes = 0;
  AccessInfo info;
};

struct Writer {
  Epoch clock = 0; ///< 0: none
  ThreadId thread = 0;
  AccessInfo info;
};

/// In place of the clocks of a word: they are elsewhere, and no clock is that large.
constexpr Epoch Elsewhere = ~0u;

/// Cells of `words` words. `reads[i].clock == Elsewhere`: the list number reads[i].warps, and lanes tells whether it is full; `writes[i].clock == Elsewhere`: the bytes number writes[i].thread.
class Shadow {
public:
  explicit Shadow(size_t words)
      : words(words), storage(std::make_unique<uint32_t[]>(7 * words)),
        writeClock(storage.get()), writeThread(writeClock + words),
        writeInfo(writeThread + words), readClock(writeInfo + words),
        readWarps(readClock + words), readLanes(readWarps + words),
        readInfo(readLanes + words) {}

  Writer writer(size_t i) const {
    Writer result{writeClock[i], writeThread[i], {}};
    result.info.bits = writeInfo[i];
    return result;
  }
  void setWriter(size_t i, const Writer &writer) {
    writeClock[i] = writer.clock;
    writeThread[i] = writer.thread;
    writeInfo[i] = writer.info.bits;
  }
  Reader reader(size_t i) const {
    Reader result{readClock[i], readWarps[i], readLanes[i], {}};
    result.info.bits = readInfo[i];
    return result;
  }
  void setReader(size_t i, const Reader &reader) {
    readClock[i] = reader.clock;
    readWarps[i] = reader.warps;
    readLanes[i] = reader.lanes;
    readInfo[i] = reader.info.bits;
  }

  const size_t words;

private:
  std::unique_ptr<uint32_t[]> storage;

public:
  uint32_t *const writeClock, *const writeThread, *const writeInfo;
  uint32_t *const readClock, *const readWarps, *const readLanes,
                                                   *const readInfo;
};

/// Things with numbers that are given back.
template <class T>
class Pool {
public:
  uint32_t take() {
    if (free.empty()) {
      items.emplace_back();
      return uint32_t(items.size() - 1);
    }
    uint32_t number = free.back();
    free.pop_back();
    return number;
  }
  void give(uint32_t number) {
    items[number] = T();
    free.push_back(number);
  }
  T &operator[](uint32_t number) { return items[number]; }

private:
  std::vector<T> items;
  std::vector<uint32_t> free;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_CHECK_SHADOW_H
