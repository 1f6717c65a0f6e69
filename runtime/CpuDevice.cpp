//===- CpuDevice.cpp - A model on the threads of the process --------------===//

#include "runtime/CpuDevice.h"
#include "runtime/Cpu.h"
#include "runtime/Format.h"

using namespace moec;

Result<std::unique_ptr<Device>> CpuDevice::open(const moert_model &model,
                                                const uint8_t *weights,
                                                const moert_options &options) {
  std::unique_ptr<CpuDevice> device(new CpuDevice(model));
  for (uint32_t i = 0; i < model.num_weights; ++i)
    device->weights.push_back(weights + model.weights[i].offset);
  MOEC_ASSIGN_OR_RETURN(device->arena,
                        Memory::reserve(model.arena_bytes, "arena"));
  for (uint32_t i = 0; i < model.num_caches; ++i) {
    const moert_cache &cache = model.caches[i];
    MOEC_ASSIGN_OR_RETURN(int64_t bytes, cacheBytes(model, cache));
    MOEC_ASSIGN_OR_RETURN(
        Memory memory,
        Memory::reserve(bytes, std::string("cache '") + cache.name + "'"));
    device->caches.push_back(memory.data());
    device->cacheMemory.push_back(std::move(memory));
  }
  unsigned threads = options.threads ? options.threads : usableCores();
  MOEC_ASSIGN_OR_RETURN(device->executor,
                        Executor::create(threads, model.scratch_bytes));
  return std::unique_ptr<Device>(std::move(device));
}

std::vector<DeviceLine> CpuDevice::describe(const moert_model &model) {
  return {{"arena", formatBytes(static_cast<double>(model.arena_bytes))},
          {"scratch",
           formatBytes(static_cast<double>(model.scratch_bytes)) + " a thread"},
          {"threads", std::to_string(usableCores()) + " on this machine"}};
}

Status CpuDevice::step(const moert_batch &batch, float *logits) {
  executor->beginStep();
  int32_t code = model.step(executor.get(), &batch, arena.data(), caches.data(),
                            weights.data(), logits);
  // Also after an error: what was submitted before it is running.
  executor->finishStep();
  return code == 0 ? Status::success() : Status::error(moert_last_error());
}

std::string CpuDevice::description() const {
  return std::to_string(threads()) + (threads() == 1 ? " thread" : " threads");
}

Result<Roof> CpuDevice::measureRoof() {
  return moec::measureRoof(threads(), vectorUnit(model.features));
}

std::string CpuDevice::arithmeticUnit() const {
  return vectorUnitName(vectorUnit(model.features));
}
