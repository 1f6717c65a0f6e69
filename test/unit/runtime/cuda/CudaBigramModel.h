//===- CudaBigramModel.h - The model of BigramModel.h for a GPU -----------===//
//
// The same logits, by kernels of a device: in PTX for drivers that run it, and as
// functions of the host for the fake one.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_TEST_UNIT_RUNTIME_CUDA_CUDABIGRAMMODEL_H
#define MOEC_TEST_UNIT_RUNTIME_CUDA_CUDABIGRAMMODEL_H

#include "BigramModel.h"
#include "FakeDriver.h"

#include <map>
#include <string>

namespace moec::test {

/// What read_cache adds to the first word of scratch in each step.
constexpr int32_t bigramIncrement = 3;

/// More than the rows of logits that come back through pinned memory.
constexpr int64_t bigramCudaMaxTokens = 24;

const moert_model &cudaBigramModel();

/// What the PTX does, on the host.
void addBigramKernels(std::map<std::string, FakeKernel> &kernels);

} // namespace moec::test

#endif // MOEC_TEST_UNIT_RUNTIME_CUDA_CUDABIGRAMMODEL_H
