//===- Operations.cpp - Copies, fills, events, host functions -------------===//
#include "simulator/driver/Operations.h"

#include <algorithm>
#include <cstring>

using namespace moec;
using namespace moec::cudasim;

namespace {

using Step = Operation::Step;
using Outcome = Step::Outcome;

/// A range of memory that an operation will touch.
struct Range {
  uint64_t address = 0, bytes = 0;
  uint64_t allocation = 0; // id; 0: pageable memory of the host

  Allocation *find(Driver &driver) const {
    Allocation *found = driver.memory.find(address);
    return found && found->id == allocation ? found : nullptr;
  }
};

std::string hex(uint64_t value) {
  char text[32];
  snprintf(text, sizeof(text), "0x%llx",
           static_cast<unsigned long long>(value));
  return text;
}

/// The range, if the operation may touch it; otherwise says why not.
std::optional<Range> checkRange(Driver &driver, const char *what,
                                uint64_t address, uint64_t bytes, Side side) {
  auto refuse = [&](const std::string &why) {
    note(std::string(what) + " " + hex(address) + ": " + why);
    return std::nullopt;
  };
  if (side == Side::Host && address >= kDeviceBase)
    return refuse("a pointer of the host was expected, this is " +
                  driver.memory.describe(address));
  if (Allocation *allocation = driver.memory.find(address)) {
    uint64_t offset = address - allocation->address;
    if (bytes > allocation->bytes - offset)
      return refuse(std::to_string(bytes) + " bytes from byte " +
                    std::to_string(offset) + " run past the end of " +
                    GlobalMemory::name(*allocation));
    return Range{address, bytes, allocation->id};
  }
  if (side == Side::Device || address >= kDeviceBase || address < 4096)
    return refuse(
        (side == Side::Host ? "memory of the host" : "memory of a device") +
        std::string(" was expected, this is ") +
        driver.memory.describe(address));
  return Range{address, bytes, 0};
}

/// A copy or fill found its memory freed.
Step freedInFlight(Driver &driver, const char *what, const Range &range) {
  note(std::string(what) + " " + hex(range.address) +
       " was freed while the operation was in flight: now it is " +
       driver.memory.describe(range.address));
  return {Outcome::Failed, CUDA_ERROR_ILLEGAL_ADDRESS};
}

uint64_t extent(uint64_t width, uint64_t height, uint64_t pitch) {
  return (height - 1) * pitch + width;
}

class Copy : public Operation {
public:
  Copy(const CopyRequest &request, Range to, Range from)
      : request(request), to(to), from(from) {}

  /// Takes the bytes of pageable memory, which the host may change once the
  /// call has returned.
  void takeSource() {
    const auto *bytes = reinterpret_cast<const std::byte *>(from.address);
    taken.assign(bytes, bytes + from.bytes);
  }

  Step advance(Driver &driver, Stream &stream, Lock &) override {
    Allocation *target = to.find(driver), *origin = from.find(driver);
    if (to.allocation && !target)
      return freedInFlight(driver, "destination", to);
    if (from.allocation && !origin)
      return freedInFlight(driver, "source", from);
    std::byte *targetBytes = target
                                 ? target->data + (to.address - target->address)
                                 : reinterpret_cast<std::byte *>(to.address);
    const std::byte *originBytes =
        origin           ? origin->data + (from.address - origin->address)
        : !taken.empty() ? taken.data()
                         : reinterpret_cast<const std::byte *>(from.address);
    for (uint64_t row = 0; row < request.height; ++row) {
      uint64_t toOffset = row * request.destinationPitch;
      uint64_t fromOffset = row * request.sourcePitch;
      memcpy(targetBytes + toOffset, originBytes + fromOffset, request.width);
      // What the host reads or writes counts as written.
      if (!target || target->device == kHostDevice)
        continue;
      toOffset += to.address - target->address;
      if (origin)
        GlobalMemory::copyWritten(*target, toOffset, *origin,
                                  from.address - origin->address + fromOffset,
                                  request.width);
      else
        GlobalMemory::markWritten(*target, toOffset, request.width);
    }
    count(driver.copies, target, origin);
    return {Outcome::Done};
  }

  std::string describe() const override {
    return "a copy of " + std::to_string(request.width * request.height) +
           " bytes waits";
  }

private:
  void count(CopyTotals &totals, const Allocation *target,
             const Allocation *origin) const {
    int toDevice = target ? target->device : kHostDevice;
    int fromDevice = origin ? origin->device : kHostDevice;
    uint64_t bytes = request.width * request.height;
    ++totals.copies;
    if (toDevice == kHostDevice && fromDevice != kHostDevice)
      totals.deviceToHost += bytes;
    else if (toDevice != kHostDevice && fromDevice == kHostDevice)
      totals.hostToDevice += bytes;
    else if (toDevice != fromDevice)
      totals.peer += bytes;
    else if (toDevice != kHostDevice)
      totals.deviceToDevice += bytes;
  }

  CopyRequest request;
  Range to, from;
  std::vector<std::byte> taken;
};

class Fill : public Operation {
public:
  Fill(const FillRequest &request, Range to) : request(request), to(to) {}

  Step advance(Driver &driver, Stream &, Lock &) override {
    Allocation *target = to.find(driver);
    if (!target)
      return freedInFlight(driver, "destination", to);
    uint64_t offset = to.address - target->address;
    std::byte *bytes = target->data + offset;
    for (uint64_t i = 0; i < request.count; ++i)
      memcpy(bytes + i * request.elementBytes, &request.value,
             request.elementBytes);
    GlobalMemory::markWritten(*target, offset, to.bytes);
    driver.copies.filled += to.bytes;
    return {Outcome::Done};
  }

  std::string describe() const override {
    return "a fill of " + std::to_string(to.bytes) + " bytes waits";
  }

private:
  FillRequest request;
  Range to;
};

class Record : public Operation {
public:
  explicit Record(std::shared_ptr<EventState> state)
      : state(std::move(state)), number(++this->state->recorded) {}

  Step advance(Driver &driver, Stream &, Lock &) override {
    state->nanoseconds = driver.clock.nanoseconds;
    complete();
    return {Outcome::Done};
  }
  void abandon(Driver &) override { complete(); }
  std::string describe() const override { return "a record of an event waits"; }

private:
  void complete() { state->completed = std::max(state->completed, number); }

  std::shared_ptr<EventState> state;
  uint64_t number;
};

class WaitEvent : public Operation {
public:
  explicit WaitEvent(std::shared_ptr<EventState> state)
      : state(std::move(state)), number(this->state->recorded) {}

  Step advance(Driver &, Stream &, Lock &) override {
    return {state->completed >= number ? Outcome::Done : Outcome::Waiting};
  }
  std::string describe() const override {
    return "waits for an event that another stream has not reached";
  }

private:
  std::shared_ptr<EventState> state;
  uint64_t number;
};

class HostFunction : public Operation {
public:
  explicit HostFunction(std::function<void()> function)
      : function(std::move(function)) {}

  Step advance(Driver &, Stream &, Lock &lock) override {
    // On a thread of its own, as on hardware, and without the lock: it may wait
    // for other threads of the host.
    lock.unlock();
    std::thread thread([this] {
      insideHostFunction = true;
      function();
    });
    thread.join();
    lock.lock();
    return {Outcome::Done};
  }
  std::string describe() const override { return "a host function waits"; }

private:
  std::function<void()> function;
};

class Free : public Operation {
public:
  explicit Free(uint64_t address) : address(address) {}

  Step advance(Driver &driver, Stream &, Lock &) override {
    Status status = driver.memory.free(address);
    if (status.ok())
      return {Outcome::Done};
    note("cuMemFreeAsync " + hex(address) + ": " + status.message());
    return {Outcome::Failed, CUDA_ERROR_INVALID_VALUE};
  }
  void abandon(Driver &driver) override {
    // The context goes on failing whatever this says.
    (void)driver.memory.free(address);
  }
  std::string describe() const override { return "cuMemFreeAsync waits"; }

private:
  uint64_t address;
};

uint64_t loadValue(const Allocation &allocation, const Range &range) {
  uint64_t value = 0;
  memcpy(&value, allocation.data + (range.address - allocation.address),
         range.bytes);
  return value;
}

class WriteValue : public Operation {
public:
  WriteValue(Range to, uint64_t value) : to(to), value(value) {}

  Step advance(Driver &driver, Stream &, Lock &) override {
    Allocation *target = to.find(driver);
    if (!target)
      return freedInFlight(driver, "value", to);
    uint64_t offset = to.address - target->address;
    memcpy(target->data + offset, &value, to.bytes);
    GlobalMemory::markWritten(*target, offset, to.bytes);
    return {Outcome::Done};
  }
  std::string describe() const override { return "a write of a value waits"; }

private:
  Range to;
  uint64_t value;
};

class WaitValue : public Operation {
public:
  WaitValue(Range at, uint64_t value, unsigned comparison)
      : at(at), value(value), comparison(comparison) {}

  Step advance(Driver &driver, Stream &, Lock &) override {
    Allocation *allocation = at.find(driver);
    if (!allocation)
      return freedInFlight(driver, "value", at);
    seen = loadValue(*allocation, at);
    return {holds() ? Outcome::Done : Outcome::Waiting};
  }
  std::string describe() const override {
    constexpr const char *names[] = {">=", "==", "&", "nor"};
    return "waits for the value at " + hex(at.address) + ", now " + hex(seen) +
           ", to be " + names[comparison] + " " + hex(value);
  }

private:
  bool holds() const {
    uint64_t mask = at.bytes == 8 ? ~uint64_t(0) : 0xffffffff;
    switch (comparison) {
    case CU_STREAM_WAIT_VALUE_GEQ:
      // Cyclic, as the API defines it.
      return at.bytes == 8
                 ? static_cast<int64_t>(seen - value) >= 0
                 : static_cast<int32_t>(static_cast<uint32_t>(seen - value)) >=
                       0;
    case CU_STREAM_WAIT_VALUE_EQ:
      return seen == value;
    case CU_STREAM_WAIT_VALUE_AND:
      return (seen & value) != 0;
    default:
      return (~(seen | value) & mask) != 0;
    }
  }

  Range at;
  uint64_t value;
  unsigned comparison;
  uint64_t seen = 0;
};

/// A value of a stream operation is naturally aligned.
std::optional<Range> checkValue(Driver &driver, uint64_t address,
                                unsigned bytes) {
  if (address % bytes) {
    note("value " + hex(address) + ": an address that is a multiple of " +
         std::to_string(bytes) + " was expected");
    return std::nullopt;
  }
  return checkRange(driver, "value", address, bytes, Side::Device);
}

} // namespace

bool cudasim::isPageable(Driver &driver, uint64_t address) {
  return address < kDeviceBase && !driver.memory.find(address);
}

std::unique_ptr<Operation>
cudasim::makeCopy(Driver &driver, const CopyRequest &request, bool now) {
  uint64_t bytes = request.width * request.height;
  auto to = checkRange(
      driver, "destination", request.destination,
      extent(request.width, request.height, request.destinationPitch),
      request.destinationSide);
  auto from =
      checkRange(driver, "source", request.source,
                 extent(request.width, request.height, request.sourcePitch),
                 request.sourceSide);
  if (!to || !from)
    return nullptr;
  if (request.height == 1 && request.destination < request.source + bytes &&
      request.source < request.destination + bytes) {
    note("destination " + hex(request.destination) + " and source " +
         hex(request.source) + " of a copy of " + std::to_string(bytes) +
         " bytes overlap, which is undefined");
    return nullptr;
  }
  auto copy = std::make_unique<Copy>(request, *to, *from);
  if (!now && !from->allocation)
    copy->takeSource();
  return copy;
}

std::unique_ptr<Operation> cudasim::makeFill(Driver &driver,
                                             const FillRequest &request) {
  if (request.destination % request.elementBytes) {
    note("destination " + hex(request.destination) +
         ": an address that is a multiple of " +
         std::to_string(request.elementBytes) + " was expected");
    return nullptr;
  }
  auto to = checkRange(driver, "destination", request.destination,
                       request.count * request.elementBytes, Side::Device);
  return to ? std::make_unique<Fill>(request, *to) : nullptr;
}

std::unique_ptr<Operation> cudasim::makeRecord(Event &event) {
  return std::make_unique<Record>(event.state);
}

std::unique_ptr<Operation> cudasim::makeWaitEvent(const Event &event) {
  return std::make_unique<WaitEvent>(event.state);
}

std::unique_ptr<Operation>
cudasim::makeHostFunction(std::function<void()> function) {
  return std::make_unique<HostFunction>(std::move(function));
}

std::unique_ptr<Operation> cudasim::makeFree(uint64_t address) {
  return std::make_unique<Free>(address);
}

std::unique_ptr<Operation> cudasim::makeWriteValue(Driver &driver,
                                                   uint64_t address,
                                                   uint64_t value,
                                                   unsigned bytes) {
  auto to = checkValue(driver, address, bytes);
  return to ? std::make_unique<WriteValue>(*to, value) : nullptr;
}

std::unique_ptr<Operation>
cudasim::makeWaitValue(Driver &driver, uint64_t address, uint64_t value,
                       unsigned bytes, unsigned comparison) {
  auto at = checkValue(driver, address, bytes);
  return at ? std::make_unique<WaitValue>(*at, value, comparison) : nullptr;
}
