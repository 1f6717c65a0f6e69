//===- CudaDevice.h - A model on a GPU ------------------------------------===//
//
// Arena, caches, scratch, weights and logits are in the memory of the GPU. A
// step copies its batch there, launches its kernels one after another on one
// stream, copies the logits back, and waits once.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_CUDA_CUDADEVICE_H
#define MOEC_RUNTIME_CUDA_CUDADEVICE_H

#include "runtime/Device.h"

namespace moec::cuda {

/// Loads the driver and the modules, reserves memory and brings the weights
/// there.
Result<std::unique_ptr<Device>> openCudaDevice(const moert_model &model,
                                               const uint8_t *weights,
                                               const moert_options &options);

std::vector<DeviceLine> describeCudaDevice(const moert_model &model,
                                           const moert_options &options);

} // namespace moec::cuda

#endif // MOEC_RUNTIME_CUDA_CUDADEVICE_H
