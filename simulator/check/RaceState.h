//===- RaceState.h - The state of a race detector ---------------*- C++ -*-===//
//
// Private to RaceDetector.cpp (what orders threads) and RaceAccess.cpp (accesses and their shadow).
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_CHECK_RACESTATE_H
#define MOEC_SIMULATOR_CHECK_RACESTATE_H

#include "simulator/check/RaceDetector.h"
#include "simulator/check/Shadow.h"

#include <bit>
#include <unordered_map>

namespace moec::cudasim {

/// Scopes in a launch on one device: weak, block, cluster, everything.
inline unsigned rankOf(Scope scope) { return std::min(unsigned(scope), 3u); }
constexpr unsigned BlockRank = 1, ClusterRank = 2, DeviceRank = 3;

/// Many blocks, where one block is named.
constexpr uint32_t ManyBlocks = ~0u;

/// What was released by the writes that a location's value comes from: the last write and the read-modify-writes in front of it.
struct Location {
  struct Release {
    unsigned rank;
    uint32_t block;
    VectorClock clocks;
  };
  unsigned lastRank = 0;
  uint32_t lastBlock = 0;
  std::vector<Release> releases;
};
using Locations = std::unordered_map<uint64_t, Location>;

/// Barriers whose arrival and waiting are apart: mbarriers, cluster and grid barriers.
struct Phase {
  VectorClock pending, completed;
  /// Of an mbarrier: who initialised it; clock 0: nobody.
  Thread by;
  Epoch initialised = 0;
  uint32_t line = 0;
};

/// What does not fit beside a word.
struct Cells {
  Pool<std::vector<Reader>> readers;
  struct Byte {
    Writer writer;
    Reader reader;
  };
  Pool<std::array<Byte, 4>> bytes;
};

class RaceDetector::Warp {
public:
  /// Everything that this warp does is stamped with `now`.
  Epoch now = 1;
  /// What lanes of this warp did at earlier clocks than `common`, all its lanes know.
  Epoch common = 1;
  /// What anybody in this block did at earlier clocks than `floor`, all lanes know.
  Epoch floor = 1;
  Block *block = nullptr;
  uint32_t index = 0;
  /// In 32 bits, without a lane.
  uint32_t id = 0;
  uint32_t live = 0;
  /// What all lanes know; never null. Shared by the warps of a block after a barrier.
  std::shared_ptr<const VectorClock> known;

  /// What single lanes have beside it.
  struct LaneState {
    VectorClock extra;
    /// Seen by relaxed reads, to be learned by a fence of a rank that includes whom it comes from.
    VectorClock seen[DeviceRank + 1];
    /// What a strong write after the last fence releases: [0] after the last of any rank, [1] after the last of the device.
    struct Fence {
      unsigned rank = 0;
      Epoch clock = 0;
      std::shared_ptr<const VectorClock> known;
      VectorClock extra;
    } fences[2];
  };
  std::unique_ptr<LaneState> lanes[32];
  /// Lanes with a non-empty `extra`.
  uint32_t extraLanes = 0;

  LaneState &lane(unsigned lane) {
    if (!lanes[lane])
      lanes[lane] = std::make_unique<LaneState>();
    return *lanes[lane];
  }
  Thread thread(unsigned lane) const { return {id >> 5, index, lane}; }

  /// Whether `lane` knows what `other` did at `clock`. A lane All of `other` means all its lanes.
  bool ordered(unsigned lane, const Thread &other, Epoch clock) const {
    if (other.block == id >> 5) {
      if (clock < floor)
        return true;
      if (other.warp == index && (other.lane == lane || clock < common))
        return true;
    }
    return known->of(other) >= clock ||
           (extraLanes >> lane & 1 && lanes[lane]->extra.of(other) >= clock);
  }
  /// The same for all lanes, without what single lanes know.
  bool orderedForAll(const Thread &other, Epoch clock) const {
    if (other.block == id >> 5 &&
        (clock < floor || (other.warp == index && clock < common)))
      return true;
    return known->of(other) >= clock;
  }

  /// What `arriving` lanes release when they do so at `clock`.
  VectorClock released(uint32_t arriving, Epoch clock) const;
  void learn(uint32_t lanes, const VectorClock &clocks);
  /// All lanes know what each of them knows.
  void spread(std::shared_ptr<const VectorClock> all);
};

class RaceDetector::Block {
public:
  Block(uint32_t index, uint32_t sharedBytes)
      : index(index), shadow((sharedBytes + 3) / 4) {}
  uint32_t index;
  std::vector<std::unique_ptr<Warp>> warps;
  Shadow shadow;
  Cells cells;
  Locations locations;
  std::unordered_map<uint64_t, Phase> mbarriers;
  struct Arrival {
    Warp *warp;
    uint32_t lanes;
    Epoch clock;
  };
  struct Barrier {
    std::vector<Arrival> waiting;
    /// Of those that do not wait.
    VectorClock pending;
    bool mixed = false;
  } barriers[16];
  VectorClock exited;
  Epoch exitedClock = 0;
};

struct RaceDetector::Impl {
  Options options;
  std::unordered_map<uint32_t, std::unique_ptr<Block>> blocks;
  std::unordered_map<uint64_t, Phase> wide;
  Locations locations;

  static constexpr unsigned PageShift = 12;
  std::unordered_map<uint64_t, std::unique_ptr<Shadow>> pages;
  uint64_t lastPage = ~uint64_t(0);
  Shadow *lastShadow = nullptr;
  Cells cells;
  Race race;

  template <bool Global>
  Cells &cellsOf(Warp &warp) {
    if constexpr (Global)
      return cells;
    else
      return warp.block->cells;
  }

  bool includes(unsigned rank, uint32_t block, uint32_t other) const {
    return rank == DeviceRank || (rank == BlockRank && block == other) ||
           (rank == ClusterRank && block / options.blocksPerCluster ==
                                       other / options.blocksPerCluster);
  }

  // RaceDetector.cpp.
  const Race *initialised(const Warp &warp, uint32_t lanes, const Phase &phase,
                          uint64_t address);
  // Release/acquire patterns at a location.
  void observe(Warp &warp, unsigned lane, const Location &location,
               unsigned rank, bool acquire);
  void publish(Warp &warp, unsigned lane, Location &location, unsigned rank,
               bool release, bool continues);
  void synchronise(Warp &warp, const Access &access, Locations &locations,
                   const uint64_t *addresses, uint32_t active);

  // RaceAccess.cpp.
  Shadow &page(uint64_t address);
  template <bool Global>
  const Race *check(Warp &warp, const Access &access, const uint64_t *addresses,
                    uint32_t active);
  template <bool Global>
  bool word(Warp &warp, AccessInfo info, bool write, Shadow &shadow, size_t i,
            uint32_t lanes);
  template <bool Global>
  bool parts(Warp &warp, AccessInfo info, bool write, Shadow &shadow, size_t i,
             unsigned byteMask, uint32_t lanes);
  template <bool Global>
  bool cell(Warp &warp, AccessInfo info, bool write, Writer &writer,
            Reader &reader, uint32_t lanes);
  template <bool Global>
  void addReader(Warp &warp, AccessInfo info, Reader &reader, uint32_t lanes);
  bool compatible(AccessInfo a, uint32_t blockA, AccessInfo b,
                  uint32_t blockB) const;
  bool report(AccessInfo info, bool write, unsigned lane, uint32_t block,
              AccessInfo other, bool otherWrite, const Thread &by);
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_CHECK_RACESTATE_H
