//===- RaceDetector.h - Accesses that nothing orders -------------*- C++ -*-===//
//
// Happens-before race detection in the memory model of PTX: vector clocks, with epochs of the last accesses beside each word
// (after FastTrack, Flanagan and Freund, PLDI 2009).
//
// The agents are threads. All lanes of a warp share one clock, which advances whenever a lane releases something, and the
// knowledge that all its lanes have; what single lanes know more is kept beside it until `bar.warp.sync` spreads it. So code
// that runs in whole warps costs one vector clock per warp, and two lanes of one warp are still unordered until they synchronise.
//
// Words of shared memory have exact read sets. Words of global memory keep a bounded number of readers: a write that races only with
// readers which were forgotten is missed; what is reported is always a race.
//
// What orders: program order, barriers, mbarrier phases, `bar.warp.sync`, and release/acquire patterns whose scopes include
// each other: release op -> acquire op, or through fences and strong (relaxed) operations; read-modify-writes continue what they found.
//
// Addresses: of shared memory, the offset in the window of the block; of global memory, the device address.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_CHECK_RACEDETECTOR_H
#define MOEC_SIMULATOR_CHECK_RACEDETECTOR_H

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace moec::cudasim {

/// Whom an operation addresses; `None` is a weak operation.
enum class Scope : uint8_t { None, Block, Cluster, Device, System };

/// Release and acquire side of an operation; `.acq_rel` has both.
struct Ordering {
  bool release = false, acquire = false;
};

enum class AccessKind : uint8_t {
  Read,
  Write,
  /// `atom`: reads and writes at once.
  Atomic,
  /// `red`: as `Atomic`, but never the reading half of an acquire pattern.
  Reduction,
};

/// One memory instruction of a warp.
struct Access {
  AccessKind kind = AccessKind::Read;
  Scope scope = Scope::None; ///< None: weak; `volatile` is System
  Ordering ordering;
  uint32_t bytes = 4; ///< of one lane: 1, 2, 4, 8, 16 or 32
  /// Bytes of one element of a vector access: an atomic or strong access is one of elements. 0: as `bytes`.
  uint32_t elementBytes = 0;
  uint32_t line = 0; ///< PTX line, below 2^24
};

/// Two accesses of which neither is ordered before the other.
struct Race {
  bool shared = false;
  uint64_t address = 0;
  int lane = 0;            ///< of the warp that was stopped
  std::string_view access; ///< "write", "read", "atomic", "mbarrier operation"
  std::string_view otherAccess; ///< of the earlier one
  uint32_t otherBlock = 0;      ///< linear index in the grid
  uint32_t otherWarp = 0, otherLane = 0, otherLine = 0;
  /// Why two strong operations race all the same: "", "their scopes do not include each other", "they differ in size".
  std::string_view why;
  /// `write races with the read of block 0 warp 2 lane 5 at ptx line 17: …`, without the address, which the caller can name better.
  std::string text() const;
};

/// Clocks and shadow memory of one launch. Not thread-safe.
class RaceDetector {
public:
  struct Options {
    bool shared = true;
    bool global = true;
    /// Blocks of a cluster have linear indices in one multiple of this.
    uint32_t blocksPerCluster = 1;
  };
  class Block;
  class Warp;

  explicit RaceDetector(const Options &options);
  ~RaceDetector();
  RaceDetector(const RaceDetector &) = delete;

  /// A block starts: `threads` of them in warps of 32, `sharedBytes` of shared memory. Pointers stay valid until `finish`.
  Block *start(uint32_t linearIndex, uint32_t threads, uint32_t sharedBytes);
  Warp *warp(Block *block, uint32_t warp);
  /// All its threads have exited.
  void finish(Block *block);

  /// Accesses of the lanes in `active`; `addresses` has 32 entries. The race of the lowest lane, or null; it is valid until the next call.
  const Race *shared(Warp *warp, const Access &access,
                     const uint64_t *addresses, uint32_t active);
  const Race *global(Warp *warp, const Access &access,
                     const uint64_t *addresses, uint32_t active);

  /// `fence`, `membar`: of each lane by itself.
  void fence(Warp *warp, uint32_t lanes, Scope scope, Ordering ordering);
  /// `bar.warp.sync` that `lanes` have all reached.
  void syncWarp(Warp *warp, uint32_t lanes);
  /// `lanes` arrive at a barrier of their block (0…15); `waits` is false for `bar.arrive`.
  void arrive(Warp *warp, uint32_t lanes, uint32_t barrier, bool waits);
  /// The barrier has all its threads: those that wait go on.
  void complete(Block *block, uint32_t barrier);
  /// Threads that exit count as having arrived at everything.
  void exit(Warp *warp, uint32_t lanes);

  /// An mbarrier at an address of shared memory. Arrivals and waits race with an initialisation that is not ordered before them.
  void mbarrierInit(Warp *warp, unsigned lane, uint64_t address, uint32_t line);
  const Race *mbarrierArrive(Warp *warp, uint32_t lanes, Block *owner,
                             uint64_t address, Scope scope);
  void mbarrierComplete(Block *owner, uint64_t address);
  /// A wait for the last completed phase has succeeded.
  const Race *mbarrierWait(Warp *warp, uint32_t lanes, Block *owner,
                           uint64_t address, Scope scope);
  /// `barrier.cluster`, and grid barriers that the simulator itself implements: `lanes` arrive, and leave when it is complete. `id` names the barrier.
  void arriveWide(Warp *warp, uint32_t lanes, uint64_t id);
  void completeWide(uint64_t id);
  void leaveWide(Warp *warp, uint32_t lanes, uint64_t id);

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_CHECK_RACEDETECTOR_H
