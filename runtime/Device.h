//===- Device.h - Where a model runs --------------------------------------===//
//
// A device owns what a step needs: the memory of arena, caches and scratch, the
// weights where its kernels can read them, and what runs the graphs. Session
// checks what comes from outside; a device is given what was checked.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_DEVICE_H
#define MOEC_RUNTIME_DEVICE_H

#include "runtime/Graph.h"
#include "runtime/Roof.h"
#include "runtime/Trace.h"
#include "runtime/moert.h"
#include "support/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace moec {

/// What happened between two looks at the counters.
moert_counters operator-(moert_counters later, const moert_counters &earlier);

class Device {
public:
  virtual ~Device() = default;

  /// Runs a step and waits for its end. `logits` is [num_outputs, vocab], in the
  /// memory of the process.
  virtual Status step(const moert_batch &batch, float *logits) = 0;

  /// "2 threads", "NVIDIA H200 (sm_90, …)".
  virtual std::string description() const = 0;
  /// Threads of this process that run tasks; 0 where they run elsewhere.
  virtual unsigned threads() const = 0;
  virtual moert_counters counters() const = 0;
  /// The graphs seen so far, in the order of their first submission.
  virtual const std::vector<GraphUse> &graphs() const = 0;

  /// What works side by side, each with a line of its own in a trace.
  struct Lanes {
    unsigned count;
    const char *name;
  };
  virtual Lanes lanes() const = 0;
  /// Between steps; the trace has these lanes. Null: no trace.
  virtual void setTrace(Trace *trace) = 0;

  /// How fast it could be, and what does the arithmetic of that figure. Both
  /// figures are 0 where it would be no use to measure.
  virtual Result<Roof> measureRoof() = 0;
  virtual std::string arithmeticUnit() const = 0;
};

/// `weights` is the weights section, which the device may read as long as it
/// lives; `model` lives longer than the device.
Result<std::unique_ptr<Device>> openDevice(const moert_model &model,
                                           const uint8_t *weights,
                                           const moert_options &options);

/// Bytes of a cache for all slots.
Result<int64_t> cacheBytes(const moert_model &model, const moert_cache &cache);

/// A line of --info.
struct DeviceLine {
  std::string name, text;
};

/// What --info says of where a model runs. Works without the device, and then
/// says what is missing.
std::vector<DeviceLine> describeDevice(const moert_model &model,
                                       const moert_options &options);

} // namespace moec

#endif // MOEC_RUNTIME_DEVICE_H
