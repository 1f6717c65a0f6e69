//===- AsyncCopies.h - cp.async in flight ------------------------*- C++ -*-===//
//
// The non-bulk asynchronous copies of one block: the groups of each thread, and which bytes of shared memory are in flight, from
// the issue of a copy to the wait of its own thread that covers it.
//
// A copy is executed when it is issued (`Eager`) or when it is waited for (`Late`: as late as the manual allows, so that a kernel that
// reads too early computes with what was there before). In both modes a touched byte that is in flight is an error: data that is right by luck is
// still wrong.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_CHECK_ASYNCCOPIES_H
#define MOEC_SIMULATOR_CHECK_ASYNCCOPIES_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace moec::cudasim {

/// One lane's `cp.async`: `bytes` (4, 8 or 16) to shared memory, of which the first `sourceBytes` come from global memory and the rest is zero.
struct AsyncCopy {
  uint32_t destination = 0; ///< offset in the block's shared memory
  uint64_t source = 0;
  uint8_t bytes = 0, sourceBytes = 0;
  uint32_t line = 0; ///< PTX line of the issue
};

class AsyncCopies {
public:
  enum class Mode : uint8_t { Eager, Late };

  AsyncCopies(uint32_t threads, uint32_t sharedBytes, Mode mode);

  Mode mode() const { return when; }

  /// Thread `thread` (linear index in the block) issues a copy. Empty, or the error: the destination is already in flight. In `Eager` mode
  /// the caller executes the copy itself, now.
  std::string issue(uint32_t thread, const AsyncCopy &copy);
  /// `cp.async.commit_group`.
  void commit(uint32_t thread);
  /// Executes a copy in `Late` mode and tells the race detector in both: the thread has now written the destination.
  using Complete = std::function<void(uint32_t thread, const AsyncCopy &copy)>;
  /// `cp.async.wait_group pending`: all but the newest `pending` groups are complete.
  void waitGroup(uint32_t thread, uint32_t pending, const Complete &complete);
  /// `cp.async.wait_all`, and what `cp.async.mbarrier.arrive` waits for: also copies of no group.
  void waitAll(uint32_t thread, const Complete &complete);

  bool anyInFlight() const { return inFlight != 0; }
  /// The copy that has a byte of [offset, offset + bytes) in flight, or null. Cheap when nothing is in flight.
  struct InFlight {
    uint32_t thread, line, destination;
    /// Whether the thread has committed it to a group.
    bool committed;
  };
  const InFlight *find(uint32_t offset, uint32_t bytes) const;
  /// `shared memory at offset 64 is in flight: cp.async at ptx line 12 of thread 3 …`.
  static std::string describe(const InFlight &copy);
  /// A thread exits: the copies that nobody waited for stay in flight for the others. Number of them, for a warning.
  uint32_t unfinished(uint32_t thread) const;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_CHECK_ASYNCCOPIES_H
