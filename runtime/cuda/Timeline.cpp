//===- Timeline.cpp - When the launches of a step ran ---------------------===//

#include "runtime/cuda/Timeline.h"

using namespace moec;
using namespace moec::cuda;

Status Timeline::recordEvent() {
  if (used == events.size()) {
    MOEC_ASSIGN_OR_RETURN(EventHandle event, EventHandle::create(gpu, true));
    events.push_back(std::move(event));
  }
  return events[used++].record();
}

Status Timeline::mark(const TraceRecord &record) {
  records.push_back(record);
  return recordEvent();
}

Status Timeline::beginStep() {
  used = 0;
  records.clear();
  begin = TraceBuffer::Clock::now();
  return recordEvent();
}

Status Timeline::launched(const moert_graph &graph, uint32_t node,
                          int64_t columns, int64_t rows, int64_t depth) {
  TraceRecord record;
  record.kind = TraceKind::Launch;
  record.graph = &graph;
  record.node = node;
  record.column = static_cast<int32_t>(columns);
  record.row = static_cast<int32_t>(rows);
  record.other = static_cast<uint32_t>(depth);
  return mark(record);
}

Status Timeline::copied(TraceKind kind) {
  TraceRecord record;
  record.kind = kind;
  return mark(record);
}

Status Timeline::endStep() {
  const int64_t origin = trace.at(begin);
  int64_t last = origin;
  for (size_t i = 0; i < records.size(); ++i) {
    MOEC_ASSIGN_OR_RETURN(double seconds,
                          events[i + 1].secondsSince(events[0]));
    records[i].begin = last;
    last = origin + static_cast<int64_t>(seconds * 1e9);
    records[i].end = last;
    trace.add(records[i]);
  }
  return Status::success();
}
