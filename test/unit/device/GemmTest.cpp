//===- GemmTest.cpp - Matrix products on the device ---------------------------===//

#include "test/unit/device/DeviceProgram.h"
#include "test/unit/device/Random.h"
#include "test/unit/device/Weights.h"

#include "nlohmann/json.hpp"
#include "gtest/gtest.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <unistd.h>

using namespace moec::test;

namespace {

struct StoredType {
  const char *name, *weight;
  Storage storage;
  int block, scaleBytes;
};
[[maybe_unused]] void PrintTo(const StoredType &type, std::ostream *os) {
  *os << type.name;
}

/// What checkpoints and --quantize give, then blocks shorter and longer than a stage.
const StoredType kStoredTypes[] = {
    {"f32", "Panels<float>", Storage::F32, 0, 0},
    {"bf16", "Panels<bf16>", Storage::Bf16, 0, 0},
    {"f16", "Panels<f16>", Storage::F16, 0, 0},
    {"f8", "ScaledPanels<f8e4m3, float, 128>", Storage::F8, 128, 4},
    {"i8", "ScaledPanels<i8, bf16, 32>", Storage::I8, 32, 2},
    {"i4", "ScaledPanels<i4, bf16, 32>", Storage::I4, 32, 2},
    {"f8Short", "ScaledPanels<f8e4m3, float, 16>", Storage::F8, 16, 4},
    {"f8Long", "ScaledPanels<f8e4m3, bf16, 256>", Storage::F8, 256, 2},
    {"i4Short", "ScaledPanels<i4, bf16, 8>", Storage::I4, 8, 2},
};

struct TileClass {
  const char *name;
  bool tensor;
  int rows, columns, parts, threads;
};
const TileClass kTiles[] = {
    {"Small<bf16>", true, 16, 32, 1, 64},
    {"Small<bf16, 2>", true, 16, 32, 2, 64},
    {"Large<bf16>", true, 64, 128, 1, 128},
    {"Large<bf16, 2>", true, 64, 64, 2, 128},
    {"Small<float>", false, 16, 64, 1, 64},
    {"Small<float, 2>", false, 16, 64, 2, 64},
    {"Large<float>", false, 64, 64, 1, 128},
    {"Large<float, 2>", false, 64, 64, 2, 128},
    {"Tile<bf16, 128, 64, 1>", true, 128, 64, 1, 128},
};

/// With and without `vector4`: tiles with two parts do not use it.
std::vector<std::string> options(const TileClass &tile,
                                 const StoredType &type) {
  std::vector<std::string> result = {std::string("-DTILE=") + tile.name,
                                     std::string("-DWEIGHT=") + type.weight};
  if (tile.parts == 1)
    result.push_back("-DVECTORS");
  return result;
}

/// Rows, sizes and what chooses rows and matrices.
struct Problem {
  int rows, k, n, heads = 1;
  /// Rows of each expert; empty: not grouped.
  std::vector<int> experts = {};
  bool gathers = false;
};

class GemmRun {
public:
  GemmRun(const Problem &problem, const StoredType &type, int parts)
      : p(problem), parts(parts) {
    // Fewer rows are the first of more rows.
    Random forWeights(1), forRows(2), forScales(3), forNorm(4), forGather(5);
    int inputRows = p.gathers ? p.rows + 3 : p.rows;
    int matrices =
        p.experts.empty() ? p.heads : static_cast<int>(p.experts.size());
    panels = (p.n + 15) / 16 * parts;
    weights = randomWeights(type.storage, type.block, type.scaleBytes,
                            matrices * panels, p.k, forWeights);
    x = forRows.normals(static_cast<size_t>(inputRows * p.heads * p.k));
    rowScale = forScales.normals(static_cast<size_t>(inputRows));
    norm = forNorm.normals(static_cast<size_t>(p.k));
    for (int row = 0; row < p.rows; ++row)
      gather.push_back(p.gathers ? forGather.between(0, inputRows - 1) : row);
    for (size_t expert = 0; expert < p.experts.size(); ++expert)
      expertOfRow.insert(expertOfRow.end(),
                         static_cast<size_t>(p.experts[expert]),
                         static_cast<int>(expert));
  }

  std::vector<float> run(const TileClass &tile, DeviceProgram &program) const {
    std::vector<int32_t> groups;
    int first = 0, rowTiles = (p.rows + tile.rows - 1) / tile.rows;
    for (size_t expert = 0; expert < p.experts.size();
         first += p.experts[expert++])
      for (int row = 0; row < p.experts[expert]; row += tile.rows)
        groups.insert(groups.end(),
                      {static_cast<int32_t>(expert), first + row,
                       std::min(tile.rows, p.experts[expert] - row)});
    if (!p.experts.empty()) {
      groups.insert(groups.end(), 6,
                    0); // the rest of the tiles that there could be
      rowTiles = static_cast<int>(groups.size() / 3);
    }
    groups.resize(std::max<size_t>(groups.size(), 3));
    DeviceBuffer dx = upload(x), ds = upload(rowScale), dn = upload(norm),
                 dw = upload(weights.bytes), dg = upload(gather),
                 dt = upload(groups);
    DeviceBuffer result = upload(std::vector<float>(
        static_cast<size_t>(p.rows * p.heads * p.n * parts), NAN));
    unsigned columnTiles = static_cast<unsigned>(
        p.heads * ((p.n + tile.columns - 1) / tile.columns));
    program.run("gemm_kernel",
                {columnTiles, static_cast<unsigned>(rowTiles), 1},
                static_cast<unsigned>(tile.threads), dx, ds, dn, dw, result, dg,
                dt, int32_t(p.gathers), int32_t(!p.experts.empty()), p.rows,
                p.k, p.n, p.heads);
    return download<float>(result);
  }

  /// Calls check(index in the result, elements of the row as f32, elements of the column) for each sum.
  template <class Check>
  void forEachSum(const Check &check) const {
    std::vector<float> row(static_cast<size_t>(p.k)), column(row);
    for (int r = 0; r < p.rows; ++r)
      for (int h = 0; h < p.heads; ++h) {
        int source = gather[static_cast<size_t>(r)];
        for (int i = 0; i < p.k; ++i)
          row[i] = x[static_cast<size_t>((source * p.heads + h) * p.k + i)] *
                   rowScale[source] * norm[i];
        for (int n = 0; n < p.n; ++n)
          for (int part = 0; part < parts; ++part) {
            int matrix = p.experts.empty() ? h : expertOfRow[r],
                panel = matrix * panels + n / 16 * parts + part;
            for (int i = 0; i < p.k; ++i)
              column[i] =
                  weights.values[(static_cast<size_t>(panel) * p.k + i) * 16 +
                                 n % 16];
            check(static_cast<size_t>(((r * p.heads + h) * p.n + n) * parts +
                                      part),
                  row, column);
          }
      }
  }

  void expectExact(const std::vector<float> &result) const {
    size_t wrong = 0;
    forEachSum([&](size_t index, const std::vector<float> &row,
                   const std::vector<float> &column) {
      float sum = 0;
      for (int i = 0; i < p.k; ++i)
        sum = std::fma(row[i], column[i], sum);
      wrong += !(result[index] == sum);
    });
    EXPECT_EQ(wrong, 0u) << "of " << result.size();
  }

  /// Operands are rounded to bf16. Sixteen exact products and the sum before are added by mma to a result with an error of at
  /// most 2^-21 of the greatest partial sum (docs/numerics.md); for all of K, of the sum of magnitudes each.
  void expectNear(const std::vector<float> &result) const {
    size_t wrong = 0;
    forEachSum([&](size_t index, const std::vector<float> &row,
                   const std::vector<float> &column) {
      double sum = 0, magnitude = 0;
      for (int i = 0; i < p.k; ++i) {
        double product = static_cast<double>(fromBf16(toBf16(row[i]))) *
                         fromBf16(toBf16(column[i]));
        sum += product;
        magnitude += std::abs(product);
      }
      wrong += !(std::abs(result[index] - sum) <=
                 magnitude * ((p.k + 15) / 16) * 0x1p-21);
    });
    EXPECT_EQ(wrong, 0u) << "of " << result.size();
  }

private:
  const Problem p;
  const int parts;
  int panels;
  std::vector<float> x, rowScale, norm;
  Weights weights;
  std::vector<int32_t> gather;
  std::vector<int> expertOfRow;
};

class DeviceGemm : public testing::TestWithParam<StoredType> {
protected:
  static void check(const Problem &problem, const TileClass &tile,
                    DeviceProgram &program) {
    SCOPED_TRACE(testing::Message()
                 << tile.name << ": " << problem.rows << " rows, k "
                 << problem.k << ", n " << problem.n << ", heads "
                 << problem.heads);
    GemmRun run(problem, GetParam(), tile.parts);
    std::vector<float> result = run.run(tile, program);
    if (tile.tensor)
      run.expectNear(result);
    else
      run.expectExact(result);
  }

  /// Every tile, with sizes that no tile, panel or stage divides, heads, and experts of which some have no rows.
  static void checkTiles() {
    std::map<std::pair<int, bool>, std::vector<float>> results;
    for (const TileClass &tile : kTiles) {
      DeviceProgram program("gemm.cu", options(tile, GetParam()));
      // vector4 wants rows of whole fours.
      check({.rows = tile.rows + 3,
             .k = tile.parts == 1 ? 76 : 77,
             .n = tile.columns + 17},
            tile, program);
      check({.rows = 1, .k = 1100, .n = 20}, tile, program);
      check({.rows = 5, .k = 40, .n = 24, .heads = 3}, tile, program);
      check({.rows = 40,
             .k = 64,
             .n = 40,
             .experts = {0, 19, 0, 1, 20, 0},
             .gathers = true},
            tile, program);

      // An element is the same in every tile and beside any other rows.
      std::vector<float> &expected = results[{tile.parts, tile.tensor}];
      for (int rows : {21, 10, 1}) {
        std::vector<float> result =
            GemmRun({.rows = rows, .k = 300, .n = 48}, GetParam(), tile.parts)
                .run(tile, program);
        if (expected.empty())
          expected = result;
        EXPECT_EQ(
            countDifferences(
                result, {expected.begin(),
                         expected.begin() + static_cast<long>(result.size())}),
            0u)
            << tile.name << ", " << rows << " rows";
      }
    }
  }
};

std::string nameOf(const testing::TestParamInfo<StoredType> &info) {
  return info.param.name;
}

std::string readText(const std::filesystem::path &path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

/// The simulator writes its counters when a process ends: the tiles are checked by another one.
TEST_P(DeviceGemm, TilesAgreeWithTheHostWithoutBankConflicts) {
  if (std::getenv("MOEC_CUDASIM_COUNTERS") || std::getenv("MOEC_CUDA_DRIVER"))
    return checkTiles();
  std::filesystem::path counters =
      testing::TempDir() + "moec-gemm-" + std::to_string(getpid()) + ".json";
  std::filesystem::path log = counters.string() + ".log";
  std::string command =
      "MOEC_CUDASIM_COUNTERS='" + counters.string() + "' '" +
      std::filesystem::read_symlink("/proc/self/exe").string() +
      "' --gtest_filter='StoredTypes/DeviceGemm.*/" + GetParam().name + "' >'" +
      log.string() + "' 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0) << readText(log);
  auto report = nlohmann::json::parse(readText(counters));
  size_t launches = 0;
  for (const auto &launch : report["launches"]) {
    for (const char *access : {"shared_load", "shared_store"}) {
      const auto &traffic = launch["total"][access];
      EXPECT_EQ(traffic["wavefronts"], traffic["ideal"])
          << access << " of launch " << launches;
    }
    ++launches;
  }
  EXPECT_EQ(launches, std::size(kTiles) * 7);
  std::filesystem::remove(counters);
  std::filesystem::remove(log);
}

INSTANTIATE_TEST_SUITE_P(StoredTypes, DeviceGemm,
                         testing::ValuesIn(kStoredTypes), nameOf);

//===--- compilation ---===//

namespace {
class DeviceGemmCompile : public testing::TestWithParam<std::string> {};
} // namespace

/// No kernel spills, has a stack, or needs more shared memory than every block may have.
TEST_P(DeviceGemmCompile, EverythingStaysInRegisters) {
  const std::string architecture = GetParam();
  // All tiles of all types on two architectures of the full tests; else every tile and every type once.
  const bool all = std::getenv("MOEC_TEST_FULL") &&
                   (architecture == "sm_80" || architecture == "sm_90a");
  for (size_t i = 0; i < std::size(kTiles); ++i)
    for (size_t j = 0; j < std::size(kStoredTypes); ++j)
      if (all || i == j)
        expectNoSpills(compile("gemm.cu", architecture,
                               options(kTiles[i], kStoredTypes[j]))
                           .log,
                       std::string(kTiles[i].name) + " of " +
                           kStoredTypes[j].weight);
}

INSTANTIATE_TEST_SUITE_P(Architectures, DeviceGemmCompile,
                         testing::ValuesIn(testedArchitectures()),
                         [](const auto &info) {
                           return std::string(info.param);
                         });
