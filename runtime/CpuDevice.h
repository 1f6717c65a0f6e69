//===- CpuDevice.h - A model on the threads of the process ----------------===//
#ifndef MOEC_RUNTIME_CPUDEVICE_H
#define MOEC_RUNTIME_CPUDEVICE_H

#include "runtime/Device.h"
#include "runtime/Executor.h"
#include "runtime/Memory.h"

namespace moec {

/// Reads the weights where they are mapped.
class CpuDevice final : public Device {
public:
  static Result<std::unique_ptr<Device>> open(const moert_model &model,
                                              const uint8_t *weights,
                                              const moert_options &options);
  static std::vector<DeviceLine> describe(const moert_model &model);

  Status step(const moert_batch &batch, float *logits) override;
  std::string description() const override;
  unsigned threads() const override { return executor->threads(); }
  moert_counters counters() const override { return executor->counters(); }
  const std::vector<GraphUse> &graphs() const override {
    return executor->graphs();
  }
  Lanes lanes() const override { return {threads(), "thread"}; }
  void setTrace(Trace *trace) override { executor->setTrace(trace); }
  Result<Roof> measureRoof() override;
  std::string arithmeticUnit() const override;

private:
  explicit CpuDevice(const moert_model &model) : model(model) {}

  const moert_model &model;
  std::vector<const void *> weights;
  Memory arena;
  std::vector<Memory> cacheMemory;
  std::vector<void *> caches;
  std::unique_ptr<Executor> executor;
};

} // namespace moec

#endif // MOEC_RUNTIME_CPUDEVICE_H
