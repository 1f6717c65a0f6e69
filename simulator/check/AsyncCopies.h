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
#include <deque>
#include <functional>
#include <optional>
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

  /// Thread `thread` (linear index in the block) issues a copy. Empty, or the error: the destination is already in flight, misaligned or outside. In `Eager` mode
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
  /// A copy that has not been waited for.
  struct InFlight {
    uint32_t thread = 0;
    AsyncCopy copy;
    bool committed = false;
  };
  /// The one that has a byte of [offset, offset + bytes) in flight, if any. Cheap when nothing is in flight.
  std::optional<InFlight> find(uint32_t offset, uint32_t bytes) const;
  /// `bytes 64…79 of shared memory are in flight: thread 3 has copied to them at ptx line 12 and not waited …`.
  static std::string describe(const InFlight &copy);
  /// Copies that a thread has not waited for, for a warning at its exit.
  uint32_t unfinished(uint32_t thread) const;

private:
  struct Record {
    AsyncCopy copy;
    uint32_t thread = 0;
    /// Number of the group of its thread.
    uint32_t group = 0;
  };
  struct Thread {
    /// In the order of their issue.
    std::deque<uint32_t> records;
    uint32_t openGroup = 0;
  };
  void complete(uint32_t thread, uint32_t groups, const Complete &complete);

  Mode when;
  uint32_t inFlight = 0;
  std::vector<Thread> threads;
  std::vector<Record> records;
  std::vector<uint32_t> freeRecords;
  /// By word of shared memory: number of the record + 1.
  std::vector<uint32_t> words;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_CHECK_ASYNCCOPIES_H
