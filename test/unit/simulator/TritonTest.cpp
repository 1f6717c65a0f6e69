//===- TritonTest.cpp - Kernels that another compiler emitted -------------===//
//
// Triton made the PTX of test/data/simulator/triton (kernels.py there). Its code is unlike that of clang and NVRTC: inline assembly in scopes of its
// own, predicated vector accesses, shared memory with swizzles, cp.async pipelines. All checks are on.
//
//===----------------------------------------------------------------------===//
#include "RunPtx.h"

#include <cmath>
#include <fstream>
#include <random>
#include <sstream>

namespace moec::cudasim {
namespace {

using test::Simulation;

class TritonTest : public testing::TestWithParam<uint64_t> {
protected:
  void SetUp() override {
    simulation.options.seed = GetParam();
    simulation.options.checkGlobalRaces = true;
    simulation.options.lateCopies = GetParam() % 2;
  }

  /// Four warps a block; each kernel ends with two pointers to scratch memory that it does not use.
  void run(const std::string &kernel, uint32_t gridX, uint32_t gridY,
           uint32_t shared, std::vector<uint64_t> arguments) {
    std::ifstream file(std::string(MOEC_TEST_DATA) + "/simulator/triton/" +
                       kernel + ".ptx");
    std::stringstream text;
    text << file.rdbuf();
    ASSERT_TRUE(simulation.load(text.str())) << simulation.error;
    arguments.insert(arguments.end(), {0, 0});
    ASSERT_EQ(simulation.run(kernel,
                             {.grid = {gridX, gridY, 1},
                              .block = {128, 1, 1},
                              .dynamicShared = shared},
                             arguments),
              Grid::State::Finished)
        << simulation.failure();
  }

  std::vector<float> normals(size_t count) {
    std::normal_distribution<float> distribution;
    std::vector<float> values(count);
    for (float &value : values)
      value = distribution(random);
    return values;
  }

  void expectNear(uint64_t address, const std::vector<double> &want,
                  double tolerance) {
    auto got = simulation.download<float>(address, want.size());
    for (size_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(got[i], want[i], tolerance) << "element " << i;
  }

  Simulation simulation;
  std::mt19937 random{5};
};

TEST_P(TritonTest, AddsVectors) {
  auto x = normals(1300), y = normals(1300);
  uint64_t out = simulation.allocate(4 * x.size());
  run("add", 3, 1, 0,
      {simulation.upload(x), simulation.upload(y), out, x.size()});
  auto got = simulation.download<float>(out, x.size());
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_EQ(got[i], x[i] + y[i]) << i;
}

TEST_P(TritonTest, SoftmaxOfRows) {
  const size_t rows = 3, columns = 201;
  auto x = normals(rows * columns);
  std::vector<double> want(x.size());
  for (size_t row = 0; row < rows; ++row) {
    double sum = 0;
    for (size_t i = row * columns; i < (row + 1) * columns; ++i)
      sum += want[i] = std::exp(double(x[i]));
    for (size_t i = row * columns; i < (row + 1) * columns; ++i)
      want[i] /= sum;
  }
  uint64_t out = simulation.allocate(4 * x.size());
  run("softmax", rows, 1, 16, {out, simulation.upload(x), columns});
  expectNear(out, want, 1e-7);
}

TEST_P(TritonTest, LayerNormOfRows) {
  const size_t rows = 2, columns = 500;
  const float epsilon = 1e-5f;
  auto x = normals(rows * columns), weight = normals(columns),
       bias = normals(columns);
  std::vector<double> want(x.size());
  for (size_t row = 0; row < rows; ++row) {
    const float *values = x.data() + row * columns;
    double mean = 0, variance = 0;
    for (size_t i = 0; i < columns; ++i)
      mean += values[i] / double(columns);
    for (size_t i = 0; i < columns; ++i)
      variance += (values[i] - mean) * (values[i] - mean) / double(columns);
    for (size_t i = 0; i < columns; ++i)
      want[row * columns + i] =
          (values[i] - mean) / std::sqrt(variance + epsilon) * weight[i] +
          bias[i];
  }
  uint64_t out = simulation.allocate(4 * x.size()), bits = 0;
  std::memcpy(&bits, &epsilon, 4);
  run("layernorm", rows, 1, 16,
      {out, simulation.upload(x), simulation.upload(weight),
       simulation.upload(bias), columns, bits});
  expectNear(out, want, 1e-5);
}

TEST_P(TritonTest, MultipliesMatricesOnTensorCores) {
  const size_t m = 40, n = 48, k = 80; // blocks of 32, and edges
  auto matrix = [&](size_t count, std::vector<float> &values) {
    std::vector<uint16_t> bits;
    for (size_t i = 0; i < count; ++i) { // eighths: all sums are exact
      values.push_back(float(int(random() % 33) - 16) / 8);
      uint32_t word;
      std::memcpy(&word, &values.back(), 4);
      bits.push_back(uint16_t(word >> 16));
    }
    return bits;
  };
  std::vector<float> a, b;
  auto left = matrix(m * k, a), right = matrix(k * n, b);
  std::vector<double> want(m * n);
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < n; ++j)
      for (size_t l = 0; l < k; ++l)
        want[i * n + j] += a[i * k + l] * b[l * n + j];
  uint64_t out = simulation.allocate(4 * m * n);
  run("matmul", 2, 2, 8192,
      {simulation.upload(left), simulation.upload(right), out, m, n, k});
  expectNear(out, want, 0);
}

TEST_P(TritonTest, CountsWithAtomics) {
  std::vector<int> x(1000), want(64);
  for (int &value : x)
    ++want[size_t(value = int(random() % 8 * (random() % 8)))];
  uint64_t counts = simulation.upload(std::vector<int>(64));
  run("histogram", 4, 1, 0, {simulation.upload(x), counts, x.size()});
  EXPECT_EQ(simulation.download<int>(counts, 64), want);
}

INSTANTIATE_TEST_SUITE_P(Seeds, TritonTest, testing::Values(0, 1, 2, 3));

} // namespace
} // namespace moec::cudasim
