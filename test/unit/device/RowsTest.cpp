//===- RowsTest.cpp - Functions and reductions on the device ------------------===//

#include "test/unit/device/DeviceProgram.h"
#include "test/unit/device/Oracle.h"
#include "test/unit/device/Random.h"

#include "gtest/gtest.h"

using namespace moec;
using namespace moec::test;

TEST(DeviceMath, FunctionsAreThoseOfTheCpuAndNearTheTruth) {
  DeviceProgram program("math.cu");
  std::vector<float> x = {
      0.0f,   -0.0f, 1.0f,   -1.0f,     88.0f,    88.8f,         1e9f,   -87.3f,
      -87.7f, -88.f, -1e30f, -INFINITY, INFINITY, std::nanf(""), 1e-30f, 2.0f};
  Random random(1);
  while (x.size() < 2000)
    x.push_back(random.normal() * 20);
  std::vector<double> angles;
  for (size_t i = 0; i < x.size(); ++i)
    angles.push_back(i < 1000 ? double(i) / 7 : (i - 1000) * 200.0001);
  int32_t n = static_cast<int32_t>(x.size());
  DeviceBuffer dx = upload(x), da = upload(angles), de = reserve<float>(n),
               dr = reserve<float>(n), ds = reserve<double>(n),
               dc = reserve<double>(n), dm = reserve<float>(n);
  program.run("functions", {unsigned(n + 127) / 128, 1, 1}, 128, dx, da, de, dr,
              ds, dc, dm, n);

  std::vector<float> e = download<float>(de), root = download<float>(dr),
                     most = download<float>(dm), expected;
  std::vector<double> s = download<double>(ds), c = download<double>(dc);
  for (float v : x)
    expected.push_back(oracle::exp(v));
  EXPECT_EQ(countDifferences(e, expected), 0u);
  EXPECT_EQ(e[0], 1.0f);
  EXPECT_EQ(e[11], 0.0f) << "exp(-inf)";
  for (int i = 0; i < n; ++i) {
    if (x[i] > -87 && x[i] <= 0) {
      EXPECT_LE(std::abs(e[i] / std::exp(double(x[i])) - 1), 2 * 0x1p-24)
          << x[i];
    }
    EXPECT_LE(std::abs(s[i] - std::sin(angles[i])), 0x1p-50) << angles[i];
    EXPECT_LE(std::abs(c[i] - std::cos(angles[i])), 0x1p-50) << angles[i];
    EXPECT_TRUE(x[i] < 0 || std::isnan(x[i]) || root[i] == std::sqrt(x[i]))
        << x[i];
    float next = i + 1 < n ? x[i + 1] : x[i];
    if (std::isnan(x[i]) || std::isnan(next))
      EXPECT_TRUE(std::isnan(most[i]));
    else
      EXPECT_EQ(most[i], std::max(x[i], next));
  }
}

TEST(DeviceRows, SumsOfSquares) {
  DeviceProgram program("rows.cu");
  Random random(2);
  for (int width : {1, 31, 32, 33, 100, 511, 512, 513, 1500}) {
    int32_t rows = random.between(1, 9), heads = random.between(1, 3);
    std::vector<float> x = random.normals(size_t(rows) * heads * width),
                       rounded;
    std::vector<uint16_t> halves;
    for (float v : x) {
      halves.push_back(std::bit_cast<uint32_t>(v) >> 16);
      rounded.push_back(std::bit_cast<float>(uint32_t(halves.back()) << 16));
    }
    DeviceBuffer dx = upload(x), dh = upload(halves),
                 init = reserve<float>(rows * heads);
    std::array<unsigned, 3> grid = {unsigned(heads), unsigned(rows + 3) / 4, 1};
    std::vector<float> expected, expectedRounded;
    for (int i = 0; i < rows * heads; ++i) {
      expected.push_back(oracle::sumSquares(&x[i * width], width));
      expectedRounded.push_back(oracle::sumSquares(&rounded[i * width], width));
    }
    program.run("statistics_f32", grid, 128, dx, init, rows, heads,
                int32_t(width));
    EXPECT_EQ(countDifferences(download<float>(init), expected), 0u) << width;
    program.run("statistics_bf16", grid, 128, dh, init, rows, heads,
                int32_t(width));
    EXPECT_EQ(countDifferences(download<float>(init), expectedRounded), 0u)
        << width;
  }
}
