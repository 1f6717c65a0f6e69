//===- BigramHostKernels.cpp - What the PTX of the model does, on the host ===//

#include "CudaBigramModel.h"

using namespace moec::test;

namespace {

constexpr uint32_t rowTile = 4;

int writeCache(const FakeLaunch &launch) {
  const auto *tokens = launch.parameter<const int32_t *>(0);
  const auto *cacheRows = launch.parameter<const int32_t *>(1);
  auto *cache = launch.parameter<int32_t *>(2);
  const auto numTokens = launch.parameter<int32_t>(3);
  for (uint32_t block = 0; block < launch.grid[1]; ++block)
    for (uint32_t thread = 0; thread < rowTile; ++thread)
      if (int32_t row = int32_t(block * rowTile + thread); row < numTokens)
        cache[cacheRows[row]] = tokens[row];
  return 0;
}

int readCache(const FakeLaunch &launch) {
  const auto *positions = launch.parameter<const int32_t *>(0);
  const auto *cacheRows = launch.parameter<const int32_t *>(1);
  const auto *cache = launch.parameter<const int32_t *>(2);
  auto *previous = launch.parameter<int32_t *>(3);
  const auto numTokens = launch.parameter<int32_t>(4);
  for (int32_t row = 0; row < numTokens; ++row)
    previous[row] = positions[row] > 0 ? cache[cacheRows[row] - 1] : -1;
  *launch.parameter<int32_t *>(6) += launch.parameter<int32_t>(5);
  return 0;
}

int writeLogits(const FakeLaunch &launch, int32_t rows) {
  const auto *tokens = launch.parameter<const int32_t *>(0);
  const auto *outputRows = launch.parameter<const int32_t *>(1);
  const auto *previous = launch.parameter<const int32_t *>(2);
  const auto *table = launch.parameter<const float *>(3);
  auto *out = launch.parameter<float *>(4);
  const auto numOutputs = launch.parameter<int32_t>(5);
  const int32_t last = int32_t(launch.grid[1]) * rows;
  const int64_t columns = int64_t(launch.grid[0]) * launch.threads;
  for (int32_t i = 0; i < numOutputs && i < last; ++i)
    for (int64_t v = 0; v < columns; ++v) {
      const int32_t row = outputRows[i];
      float logit = table[tokens[row] * bigramVocab + v];
      if (previous[row] >= 0)
        logit += 0.25f * table[previous[row] * bigramVocab + v];
      out[i * bigramVocab + v] = logit;
    }
  return 0;
}

} // namespace

void moec::test::addBigramKernels(std::map<std::string, FakeKernel> &kernels) {
  kernels["write_cache"] = {{8, 8, 8, 4}, writeCache};
  kernels["read_cache"] = {{8, 8, 8, 8, 4, 4, 8}, readCache};
  kernels["logits_one"] = {{8, 8, 8, 8, 8, 4}, [](const FakeLaunch &launch) {
                             return writeLogits(launch, 1);
                           }};
  kernels["logits_many"] = {{8, 8, 8, 8, 8, 4}, [](const FakeLaunch &launch) {
                              return writeLogits(launch, rowTile);
                            }};
}
