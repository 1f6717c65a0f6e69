//===- ProgramsTest.cpp - Ordinary CUDA programs --------------------------===//
//
// programs/kernels.cu as several compilers compiled it, against loops on the
// host, in several orders of blocks and warps.
//
//===----------------------------------------------------------------------===//
#include "test/unit/simulator/api/Child.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <numeric>
#include <random>

using namespace moec::cudasim;
using namespace moec::cudasim::test;

namespace {

struct Compiled {
  const char *file, *architecture, *seed;
};

std::ostream &operator<<(std::ostream &stream, const Compiled &compiled) {
  return stream << compiled.file << ", seed " << compiled.seed;
}

class Programs : public ::testing::TestWithParam<Compiled> {
protected:
  /// Runs `body` with the module of the file loaded; all checks are on.
  void run(const std::function<void()> &body) {
    std::string text =
        inChild({{"MOEC_CUDASIM_ARCH", GetParam().architecture},
                 {"MOEC_CUDASIM_SEED", GetParam().seed},
                 {"MOEC_CUDASIM_CHECKS", "all"}},
                [&] {
                  startDevice();
                  std::ifstream file(std::string(MOEC_CUDA_PROGRAMS "/") +
                                     GetParam().file);
                  std::stringstream ptx;
                  ptx << file.rdbuf();
                  ASSERT_CU(CU(cuModuleLoadData)(&module, ptx.str().c_str()));
                  body();
                  EXPECT_CU(CUDA_SUCCESS, CU(cuCtxSynchronize)());
                });
    EXPECT_EQ(text, "");
  }

  CUfunction kernel(const char *name) {
    CUfunction function = nullptr;
    EXPECT_CU(CUDA_SUCCESS, CU(cuModuleGetFunction)(&function, module, name));
    return function;
  }

  struct Shape {
    unsigned gridX = 1, gridY = 1, blockX = 1, blockY = 1, shared = 0;
    bool cooperative = false;
  };
  template <typename... Arguments>
  void start(const char *name, Shape shape, Arguments... arguments) {
    void *pointers[] = {&arguments...};
    CUfunction function = kernel(name);
    if (shape.cooperative)
      EXPECT_CU(CUDA_SUCCESS,
                CU(cuLaunchCooperativeKernel)(
                    function, shape.gridX, shape.gridY, 1, shape.blockX,
                    shape.blockY, 1, shape.shared, nullptr, pointers));
    else
      EXPECT_CU(CUDA_SUCCESS,
                CU(cuLaunchKernel)(function, shape.gridX, shape.gridY, 1,
                                   shape.blockX, shape.blockY, 1, shape.shared,
                                   nullptr, pointers, nullptr));
  }

  std::mt19937 random{1};
  CUmodule module = nullptr;
};

/// Small integers: sums of products are exact in any order.
std::vector<float> smallIntegers(std::mt19937 &random, size_t count) {
  std::uniform_int_distribution<int> distribution(-8, 8);
  std::vector<float> values(count);
  for (float &value : values)
    value = static_cast<float>(distribution(random));
  return values;
}

TEST_P(Programs, Matmul) {
  run([&] {
    const int m = 37, n = 50, k = 29;
    auto a = smallIntegers(random, m * k), b = smallIntegers(random, k * n);
    CUdeviceptr c = allocate(m * n * sizeof(float));
    start("matmul", {(n + 15) / 16, (m + 15) / 16, 16, 16}, upload(a),
          upload(b), c, m, n, k);
    auto result = download<float>(c, m * n);
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        float sum = 0;
        for (int x = 0; x < k; ++x)
          sum += a[i * k + x] * b[x * n + j];
        ASSERT_EQ(result[i * n + j], sum) << i << " " << j;
      }
  });
}

TEST_P(Programs, Reduce) {
  run([&] {
    std::vector<int> data(5000);
    for (int &value : data)
      value = static_cast<int>(random() % 2001) - 1000;
    CUdeviceptr total = upload(std::vector<int>{0});
    start("reduce", {7, 1, 256}, upload(data), int(data.size()), total);
    EXPECT_EQ(download<int>(total, 1)[0],
              std::accumulate(data.begin(), data.end(), 0));
  });
}

TEST_P(Programs, Scan) {
  run([&] {
    std::vector<int> data(1000), expected(1000);
    for (int &value : data)
      value = static_cast<int>(random() % 100);
    std::partial_sum(data.begin(), data.end(), expected.begin());
    CUdeviceptr values = upload(data);
    start("scan", {1, 1, 1024}, values, int(data.size()));
    EXPECT_EQ(download<int>(values, 1000), expected);
  });
}

TEST_P(Programs, Histogram) {
  run([&] {
    std::vector<unsigned char> data(6001);
    std::vector<unsigned> expected(256);
    for (unsigned char &value : data) {
      value = static_cast<unsigned char>(random() % 64 * (random() % 4));
      ++expected[value];
    }
    CUdeviceptr bins = upload(std::vector<unsigned>(256));
    start("histogram", {5, 1, 192}, upload(data), int(data.size()), bins);
    EXPECT_EQ(download<unsigned>(bins, 256), expected);
  });
}

TEST_P(Programs, Transpose) {
  run([&] {
    const int rows = 70, columns = 45;
    std::vector<unsigned> data(rows * columns);
    std::iota(data.begin(), data.end(), 0);
    CUdeviceptr to = allocate(data.size() * 4);
    start("transpose", {(columns + 31) / 32, (rows + 31) / 32, 32, 8},
          upload(data), to, rows, columns);
    auto result = download<unsigned>(to, data.size());
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j)
        ASSERT_EQ(result[j * rows + i], data[i * columns + j]);
  });
}

TEST_P(Programs, Softmax) {
  run([&] {
    const int rows = 5, columns = 333;
    std::normal_distribution<float> normal(0, 4);
    std::vector<float> data(rows * columns);
    for (float &value : data)
      value = normal(random);
    CUdeviceptr to = allocate(data.size() * 4);
    start("softmax", {rows, 1, 128, 1, columns * 4}, upload(data), to, columns);
    auto result = download<float>(to, data.size());
    for (int i = 0; i < rows; ++i) {
      double sum = 0, greatest = -1e30;
      for (int j = 0; j < columns; ++j)
        greatest = std::max<double>(greatest, data[i * columns + j]);
      for (int j = 0; j < columns; ++j)
        sum += std::exp(data[i * columns + j] - greatest);
      for (int j = 0; j < columns; ++j) {
        double expected = std::exp(data[i * columns + j] - greatest) / sum;
        // ex2.approx of a product rounded to fp32: |x| up to 30 or so.
        ASSERT_NEAR(result[i * columns + j], expected, 1e-5 * expected + 1e-12);
      }
    }
  });
}

uint16_t bfloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return static_cast<uint16_t>(bits >> 16); // small integers are exact
}

TEST_P(Programs, TensorCores) {
  run([&] {
    const int m = 128, n = 64, k = 96;
    auto a = smallIntegers(random, m * k), b = smallIntegers(random, n * k);
    std::vector<uint16_t> shortA, shortB;
    for (float value : a)
      shortA.push_back(bfloat(value));
    for (float value : b)
      shortB.push_back(bfloat(value));
    CUdeviceptr c = allocate(m * n * 4);
    start("tensor", {n / 64, m / 64, 128}, upload(shortA), upload(shortB), c, n,
          k);
    auto result = download<float>(c, m * n);
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        float sum = 0;
        for (int x = 0; x < k; ++x)
          sum += a[i * k + x] * b[j * k + x];
        ASSERT_EQ(result[i * n + j], sum) << i << " " << j;
      }
  });
}

TEST_P(Programs, BarrierOfAllBlocks) {
  run([&] {
    const unsigned blocks = 12, rounds = 9;
    std::vector<unsigned> values(2 * blocks), expected(blocks);
    for (unsigned i = 0; i < blocks; ++i)
      values[i] = expected[i] = random() % 100;
    for (unsigned round = 0; round < rounds; ++round) {
      auto before = expected;
      for (unsigned i = 0; i < blocks; ++i)
        expected[i] += before[(i + blocks - 1) % blocks];
    }
    CUdeviceptr data = upload(values);
    start("rounds", {blocks, 1, 64, 1, 0, /*cooperative=*/true}, data,
          upload(std::vector<unsigned>{0}), int(rounds));
    auto result = download<unsigned>(data, 2 * blocks);
    result.erase(result.begin(), result.begin() + blocks); // rounds is odd
    EXPECT_EQ(result, expected);
  });
}

INSTANTIATE_TEST_SUITE_P(
    , Programs,
    ::testing::Values(Compiled{"nvcc-sm_80.ptx", "sm_80", "0"},
                      Compiled{"nvcc-sm_80.ptx", "sm_90a", "7"},
                      Compiled{"nvcc-sm_100a.ptx", "sm_100a", "0"},
                      Compiled{"clang-sm_80.ptx", "sm_86", "0"},
                      Compiled{"clang-sm_80.ptx", "sm_120a", "3"}));

} // namespace
