//===- Operations.h - Copies, fills, events, host functions ---------------===//
//
// What streams hold beside launches. Arguments are checked when an operation is
// made, and again when it runs: memory that was freed in between is reported.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_DRIVER_OPERATIONS_H
#define MOEC_SIMULATOR_DRIVER_OPERATIONS_H

#include "simulator/driver/Driver.h"

namespace moec::cudasim {

/// Where an address may lie.
enum class Side {
  Any,    // also pageable memory of the host
  Device, // an allocation of the API: a device's, or pinned
  Host    // no device's
};

/// `height` rows of `width` bytes.
struct CopyRequest {
  uint64_t destination = 0, source = 0;
  uint64_t width = 0, height = 1;
  uint64_t destinationPitch = 0, sourcePitch = 0;
  Side destinationSide = Side::Any, sourceSide = Side::Any;
};

/// Whether the memory is the host's and not pinned: copies from there take
/// their bytes at once, copies to there wait.
bool isPageable(Driver &driver, uint64_t address);

/// Null, with a line on stderr, if the arguments are invalid. `now`: the caller
/// will wait, so the source cannot change before it runs.
std::unique_ptr<Operation> makeCopy(Driver &driver, const CopyRequest &request,
                                    bool now);

struct FillRequest {
  uint64_t destination = 0;
  uint32_t value = 0;
  unsigned elementBytes = 1;
  uint64_t count = 0;
};
std::unique_ptr<Operation> makeFill(Driver &driver, const FillRequest &request);

std::unique_ptr<Operation> makeRecord(Event &event);
std::unique_ptr<Operation> makeWaitEvent(const Event &event);
std::unique_ptr<Operation> makeHostFunction(std::function<void()> function);
std::unique_ptr<Operation> makeFree(uint64_t address);
std::unique_ptr<Operation> makeWriteValue(Driver &driver, uint64_t address,
                                          uint64_t value, unsigned bytes);
std::unique_ptr<Operation> makeWaitValue(Driver &driver, uint64_t address,
                                         uint64_t value, unsigned bytes,
                                         unsigned comparison);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_DRIVER_OPERATIONS_H
