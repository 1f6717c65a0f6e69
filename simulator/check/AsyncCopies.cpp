//===- AsyncCopies.cpp - cp.async in flight -------------------------------===//
#include "simulator/check/AsyncCopies.h"

namespace moec::cudasim {

AsyncCopies::AsyncCopies(uint32_t threads, uint32_t sharedBytes, Mode mode)
    : when(mode), threads(threads), words((sharedBytes + 3) / 4) {}

std::string AsyncCopies::issue(uint32_t thread, const AsyncCopy &copy) {
  uint64_t end = uint64_t(copy.destination) + copy.bytes;
  if (copy.destination % 4 != 0 || copy.bytes % 4 != 0 ||
      end > words.size() * 4)
    return "cp.async to bytes " + std::to_string(copy.destination) + "…" +
           std::to_string(end - 1) + ", which are not words of the " +
           std::to_string(words.size() * 4) + " bytes of shared memory";
  if (auto other = find(copy.destination, copy.bytes))
    return "cp.async overwrites what is in flight: " + describe(*other);
  uint32_t number;
  if (freeRecords.empty()) {
    number = uint32_t(records.size());
    records.emplace_back();
  } else {
    number = freeRecords.back();
    freeRecords.pop_back();
  }
  records[number] = {copy, thread, threads[thread].openGroup};
  threads[thread].records.push_back(number);
  for (uint32_t word = copy.destination / 4; word < end / 4; ++word)
    words[word] = number + 1;
  ++inFlight;
  return "";
}

void AsyncCopies::commit(uint32_t thread) { ++threads[thread].openGroup; }

/// Completes the copies of groups below `groups`.
void AsyncCopies::complete(uint32_t thread, uint32_t groups,
                           const Complete &complete) {
  auto &queue = threads[thread].records;
  while (!queue.empty() && records[queue.front()].group < groups) {
    uint32_t number = queue.front();
    queue.pop_front();
    AsyncCopy copy = records[number].copy;
    for (uint32_t word = copy.destination / 4;
         word < (copy.destination + copy.bytes) / 4; ++word)
      words[word] = 0;
    freeRecords.push_back(number);
    --inFlight;
    complete(thread, copy);
  }
}

void AsyncCopies::waitGroup(uint32_t thread, uint32_t pending,
                            const Complete &complete) {
  uint32_t committed = threads[thread].openGroup;
  if (committed > pending)
    this->complete(thread, committed - pending, complete);
}

void AsyncCopies::waitAll(uint32_t thread, const Complete &complete) {
  commit(thread);
  waitGroup(thread, 0, complete);
}

std::optional<AsyncCopies::InFlight> AsyncCopies::find(uint32_t offset,
                                                       uint32_t bytes) const {
  if (!inFlight || !bytes)
    return std::nullopt;
  for (uint64_t word = offset / 4, last = (uint64_t(offset) + bytes - 1) / 4;
       word <= last && word < words.size(); ++word)
    if (words[word]) {
      const Record &record = records[words[word] - 1];
      return InFlight{record.thread, record.copy,
                      record.group < threads[record.thread].openGroup};
    }
  return std::nullopt;
}

std::string AsyncCopies::describe(const InFlight &copy) {
  uint32_t first = copy.copy.destination;
  return "bytes " + std::to_string(first) + "…" +
         std::to_string(first + copy.copy.bytes - 1) +
         " of shared memory are being copied by thread " +
         std::to_string(copy.thread) + " (cp.async at ptx line " +
         std::to_string(copy.copy.line) + "), which has not " +
         (copy.committed ? "waited for the group" : "committed it to a group");
}

uint32_t AsyncCopies::unfinished(uint32_t thread) const {
  return uint32_t(threads[thread].records.size());
}

} // namespace moec::cudasim
