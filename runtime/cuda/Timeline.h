//===- Timeline.h - When the launches of a step ran -----------------------===//
//
// An event after each launch and each copy. A stream runs one after another, so
// that what is between two events is the second's time, with what the GPU needs
// from one to the next.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_CUDA_TIMELINE_H
#define MOEC_RUNTIME_CUDA_TIMELINE_H

#include "runtime/Trace.h"
#include "runtime/cuda/Gpu.h"

#include <vector>

namespace moec::cuda {

class Timeline {
public:
  Timeline(const Gpu &gpu, TraceBuffer &trace) : gpu(gpu), trace(trace) {}

  /// Nothing is on the stream: what comes now begins now.
  Status beginStep();
  Status launched(const moert_graph &graph, uint32_t node, int64_t columns,
                  int64_t rows, int64_t depth);
  /// Of a batch or of logits.
  Status copied(TraceKind kind);
  /// Everything has run.
  Status endStep();

private:
  /// An event after what `record` describes.
  Status mark(const TraceRecord &record);
  /// The next event that is free, recorded.
  Status recordEvent();

  const Gpu &gpu;
  TraceBuffer &trace;
  TraceBuffer::Clock::time_point begin;
  /// The first begins the step; record i ends at event i + 1. Events are kept
  /// from step to step.
  std::vector<EventHandle> events;
  size_t used = 0;
  std::vector<TraceRecord> records;
};

} // namespace moec::cuda

#endif // MOEC_RUNTIME_CUDA_TIMELINE_H
