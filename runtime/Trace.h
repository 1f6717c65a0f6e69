//===- Trace.h - What each thread did, and when ---------------------------===//
//
// A record for each task and each time that a thread waited, or for each launch
// on a device, in the format that Perfetto (ui.perfetto.dev) and chrome://tracing
// open. Each thread writes to memory of its own; nothing is written to the file
// until the end. Memory is bounded: later records are dropped and counted.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_TRACE_H
#define MOEC_RUNTIME_TRACE_H

#include "runtime/Memory.h"
#include "runtime/moert_abi.h"
#include "support/Status.h"
#include "support/TemporaryFile.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace moec {

enum class TraceKind : uint32_t {
  Task,      ///< a tile of a node
  WaitTiles, ///< before a tile, for those of node `other`
  WaitGraph, ///< before a graph, for the one before it
  WaitStep,  ///< for the next graph of the step to be submitted, or the last to
             ///< end
  Step,      ///< `row` tokens with `column` outputs
  Launch,    ///< of a node, in a grid of `column` x `row` x `other` blocks
  Upload,    ///< of a batch to a device
  Download,  ///< of logits from a device
};

struct TraceRecord {
  /// Nanoseconds since the trace began.
  int64_t begin = 0, end = 0;
  /// Null for Step, WaitStep, Upload and Download.
  const moert_graph *graph = nullptr;
  TraceKind kind = TraceKind::Task;
  uint32_t node = 0, other = 0;
  int32_t row = 0, column = 0;
};

/// The records of one thread.
class TraceBuffer {
public:
  using Clock = std::chrono::steady_clock;
  /// 48 MB of records in all, of which those pages take memory that are used.
  static constexpr uint64_t capacity = 1 << 20;

  static Result<TraceBuffer> create(Clock::time_point origin);

  /// Times of a record.
  int64_t at(Clock::time_point time) const {
    return std::chrono::nanoseconds(time - origin).count();
  }
  void add(const TraceRecord &record) {
    if (count == capacity)
      ++lost;
    else
      static_cast<TraceRecord *>(memory.data())[count++] = record;
  }

  uint64_t size() const { return count; }
  uint64_t dropped() const { return lost; }
  const TraceRecord *begin() const {
    return static_cast<const TraceRecord *>(memory.data());
  }
  const TraceRecord *end() const { return begin() + count; }

private:
  Memory memory;
  Clock::time_point origin;
  uint64_t count = 0;
  uint64_t lost = 0;
};

class Trace {
public:
  /// Creates the file, so that a path which cannot be written is an error before
  /// anything was done.
  static Result<Trace> create(const std::string &path, unsigned lanes,
                              const char *laneName = "thread");

  TraceBuffer &lane(unsigned index) { return buffers[index]; }
  /// Those of whoever calls Session::step.
  TraceBuffer &steps() { return buffers.back(); }

  uint64_t size() const;
  uint64_t dropped() const;
  /// Once. Nothing is recorded afterwards.
  Status write();

private:
  Trace(TemporaryFile file, const char *laneName)
      : file(std::move(file)), laneName(laneName) {}

  TemporaryFile file;
  const char *laneName;
  std::vector<TraceBuffer> buffers;
};

} // namespace moec

#endif // MOEC_RUNTIME_TRACE_H
