//===- Trace.cpp - What each thread did, and when -------------------------===//
//
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
// describes the format: "X" is an event with a duration, "M" names a thread,
// times are in microseconds.
//
//===------------------------------------------------------------------------===//

#include "runtime/Trace.h"

#include <cstdio>

using namespace moec;

Result<TraceBuffer> TraceBuffer::create(Clock::time_point origin) {
  TraceBuffer buffer;
  MOEC_ASSIGN_OR_RETURN(
      buffer.memory,
      Memory::reserve(capacity * sizeof(TraceRecord), "the trace"));
  buffer.origin = origin;
  return buffer;
}

Result<Trace> Trace::create(const std::string &path, unsigned lanes,
                            const char *laneName) {
  MOEC_ASSIGN_OR_RETURN(TemporaryFile file, TemporaryFile::create(path));
  Trace trace(std::move(file), laneName);
  const TraceBuffer::Clock::time_point origin = TraceBuffer::Clock::now();
  for (unsigned i = 0; i <= lanes; ++i) {
    MOEC_ASSIGN_OR_RETURN(TraceBuffer buffer, TraceBuffer::create(origin));
    trace.buffers.push_back(std::move(buffer));
  }
  return trace;
}

uint64_t Trace::size() const {
  uint64_t count = 0;
  for (const TraceBuffer &buffer : buffers)
    count += buffer.size();
  return count;
}

uint64_t Trace::dropped() const {
  uint64_t count = 0;
  for (const TraceBuffer &buffer : buffers)
    count += buffer.dropped();
  return count;
}

/// Names come from generated code: letters, digits and dots.
static std::string label(const TraceRecord &record) {
  switch (record.kind) {
  case TraceKind::Task:
  case TraceKind::Launch:
    return record.graph->nodes[record.node].name;
  case TraceKind::WaitTiles:
    return "wait for tiles";
  case TraceKind::WaitGraph:
    return "wait for graph";
  case TraceKind::WaitStep:
    return "wait for step";
  case TraceKind::Upload:
    return "batch to device";
  case TraceKind::Download:
    return "logits from device";
  case TraceKind::Step:
    break;
  }
  return "step";
}

static const char *category(TraceKind kind) {
  switch (kind) {
  case TraceKind::Task:
    return "task";
  case TraceKind::Step:
    return "step";
  case TraceKind::Launch:
    return "launch";
  case TraceKind::Upload:
  case TraceKind::Download:
    return "copy";
  case TraceKind::WaitTiles:
  case TraceKind::WaitGraph:
  case TraceKind::WaitStep:
    break;
  }
  return "wait";
}

static std::string arguments(const TraceRecord &record) {
  const auto member = [](const char *name, const std::string &value) {
    return std::string("\"") + name + "\":" + value;
  };
  const auto text = [](const std::string &value) {
    return "\"" + value + "\"";
  };
  const std::string row = std::to_string(record.row);
  const std::string column = std::to_string(record.column);
  switch (record.kind) {
  case TraceKind::Task:
    return member("row_tile", row) + "," + member("col_tile", column);
  case TraceKind::WaitTiles:
    return member("row_tile", row) + "," + member("col_tile", column) + "," +
           member("node", text(record.graph->nodes[record.node].name)) + "," +
           member("for", text(record.graph->nodes[record.other].name));
  case TraceKind::WaitGraph:
    return member("before", text(record.graph->name));
  case TraceKind::Step:
    return member("tokens", row) + "," + member("outputs", column);
  case TraceKind::Launch:
    return member("grid", "[" + column + "," + row + "," +
                              std::to_string(record.other) + "]");
  case TraceKind::WaitStep:
  case TraceKind::Upload:
  case TraceKind::Download:
    break;
  }
  return "";
}

static std::string eventLine(const TraceRecord &record, size_t thread) {
  char times[96];
  std::snprintf(times, sizeof times, "\"ts\":%.3f,\"dur\":%.3f",
                static_cast<double>(record.begin) * 1e-3,
                static_cast<double>(record.end - record.begin) * 1e-3);
  return ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":" + std::to_string(thread) + "," +
         times + ",\"cat\":\"" + category(record.kind) + "\",\"name\":\"" +
         label(record) + "\",\"args\":{" + arguments(record) + "}}";
}

Status Trace::write() {
  file.write("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
             "{\"ph\":\"M\",\"pid\":1,\"tid\":0,\"name\":\"process_name\","
             "\"args\":{\"name\":\"moec\"}}");
  for (size_t i = 0; i < buffers.size(); ++i)
    file.write(",\n{\"ph\":\"M\",\"pid\":1,\"tid\":" + std::to_string(i) +
               ",\"name\":\"thread_name\",\"args\":{\"name\":\"" +
               (i + 1 == buffers.size()
                    ? "steps"
                    : std::string(laneName) + " " + std::to_string(i)) +
               "\"}}");
  for (size_t i = 0; i < buffers.size(); ++i)
    for (const TraceRecord &record : buffers[i])
      file.write(eventLine(record, i));
  file.write("\n]}\n");
  return file.commit();
}
