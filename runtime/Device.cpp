//===- Device.cpp - Where a model runs ------------------------------------===//

#include "runtime/Device.h"
#include "runtime/CpuDevice.h"
#include "runtime/LastError.h"
#include "runtime/cuda/CudaDevice.h"

using namespace moec;

moert_counters moec::operator-(moert_counters later,
                               const moert_counters &earlier) {
  later.steps -= earlier.steps;
  later.graphs -= earlier.graphs;
  later.tasks -= earlier.tasks;
  later.waits -= earlier.waits;
  later.all_waits -= earlier.all_waits;
  later.stalls -= earlier.stalls;
  later.joins -= earlier.joins;
  later.wait_ns -= earlier.wait_ns;
  later.launches -= earlier.launches;
  later.copied_bytes -= earlier.copied_bytes;
  later.synchronisations -= earlier.synchronisations;
  return later;
}

Result<int64_t> moec::cacheBytes(const moert_model &model,
                                 const moert_cache &cache) {
  int64_t bytes = 0;
  if (__builtin_mul_overflow(model.max_sequences * model.max_context,
                             cache.row_bytes, &bytes))
    return Status::error(std::string("cache '") + cache.name +
                         "': its size overflows 64 bits");
  return bytes;
}

Result<std::unique_ptr<Device>> moec::openDevice(const moert_model &model,
                                                 const uint8_t *weights,
                                                 const moert_options &options) {
  switch (model.device) {
  case MOERT_DEVICE_CPU:
    return CpuDevice::open(model, weights, options);
  case MOERT_DEVICE_CUDA:
    return cuda::openCudaDevice(model, weights, options);
  }
  return Status::error("the model runs on a device of unknown kind " +
                       std::to_string(model.device));
}

std::vector<DeviceLine> moec::describeDevice(const moert_model &model,
                                             const moert_options &options) {
  return model.device == MOERT_DEVICE_CUDA
             ? cuda::describeCudaDevice(model, options)
             : CpuDevice::describe(model);
}

int32_t moert_graph_submit(moert_context *ctx, const moert_graph *graph,
                           const int64_t *args) {
  return toStatusCode(ctx->submit(*graph, args));
}
