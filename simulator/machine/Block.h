//===- Block.h - Warps with shared memory and barriers ----------*- C++ -*-===//
#ifndef MOEC_SIMULATOR_MACHINE_BLOCK_H
#define MOEC_SIMULATOR_MACHINE_BLOCK_H

#include "simulator/check/AsyncCopies.h"
#include "simulator/machine/Grid.h"
#include "simulator/machine/Warp.h"

#include <unordered_map>

namespace moec::cudasim {

/// What the blocks of a launch share.
struct LaunchState {
  LaunchState(Launch launch, GlobalMemory &memory, const Options &options);

  Launch launch;
  GlobalMemory &memory;
  Options options;
  Clock ownClock;
  Clock *clock;
  std::optional<Diagnosis> failure;
  Counters counters;
  std::unique_ptr<RaceDetector> races; ///< null without checks
  uint64_t changes =
      0; ///< stores, atomics that changed something, releases of barriers
  uint64_t executed = 0;  ///< warp instructions
  bool clockRead = false; ///< or slept: time matters
  uint64_t random;        ///< state of next()
  /// The allocation that each instruction hit last; valid for one generation of the memory.
  std::vector<Allocation *> hits;
  uint64_t generation = 0;

  /// Deterministic pseudo-random numbers from the seed.
  uint64_t next();
  Allocation *find(uint32_t pc, uint64_t address) {
    Allocation *&hit = hits[pc];
    if (!hit || !hit->contains(address))
      hit = memory.find(address);
    return hit;
  }
};

class Block {
public:
  Block(LaunchState &state, uint64_t linearIndex);
  ~Block();

  /// One turn of every warp that can run. Adds what was executed to the state.
  struct Turn {
    bool ran = false;      ///< a warp used up its budget: it computes
    bool spinning = false; ///< a warp can run, but only to look again
  };
  Turn advance(uint64_t budgetPerWarp);
  bool done() const { return liveWarps == 0; }

  /// Arrival of a whole warp at a barrier. `threads` 0: all of the block.
  enum class BarrierKind : uint8_t { Sync, Arrive, Popc, And, Or };
  Flow arrive(Warp &warp, unsigned number, uint32_t threads, BarrierKind kind,
              uint32_t mask, uint32_t predicate);
  /// A warp has no lanes left.
  void warpDone(Warp &warp);

  std::string describe() const;

  LaunchState &state;
  uint64_t linearIndex;
  std::array<uint32_t, 3> id;
  std::vector<std::unique_ptr<Warp>> warps;
  std::vector<std::byte> shared;
  std::vector<uint64_t> sharedWritten; ///< a bit a byte
  std::unique_ptr<AsyncCopies> copies; ///< made by the first cp.async
  RaceDetector::Block *race = nullptr;
  uint32_t threads = 0;
  uint32_t liveWarps = 0;

  std::unordered_map<uint32_t, uint64_t>
      mbarrierPhases; ///< completed phases since init, for the race detector

private:
  struct Barrier {
    uint32_t arrived = 0;  ///< threads, in whole warps
    uint32_t expected = 0; ///< 0: all warps that have not exited
    bool open = false;
    BarrierKind kind = BarrierKind::Sync;
    uint32_t count = 0; ///< lanes whose predicate holds
    uint32_t lanes = 0; ///< lanes that gave one
  };
  void completeIfFull(unsigned number);

  std::array<Barrier, 16> barriers;
  std::vector<uint32_t> order;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MACHINE_BLOCK_H
