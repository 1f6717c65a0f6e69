//===- AttentionTest.cpp - kernel.attention on the device ---------------------===//

#include "test/unit/device/DeviceProgram.h"
#include "test/unit/device/Oracle.h"
#include "test/unit/device/Random.h"

#include "gtest/gtest.h"

using namespace moec;
using namespace moec::test;

namespace {

/// A kernel of attention.cu, `rows` those of its tile.
struct Kernel {
  std::string name;
  int rows;
  bool splits() const { return name.starts_with("split"); }
};

/// Tokens of some sequences and the cache they attend to.
struct Batch {
  std::vector<int32_t> positions, cacheRows;
  std::vector<float> query, cache;

  int tokens() const { return static_cast<int>(positions.size()); }
};

/// Of each sequence the last few tokens. Rows of the cache behind them are NaN: nobody may read them.
Batch makeBatch(Random &random, const oracle::AttentionShape &shape,
                int sequences, int mostKeys, int mostTokens) {
  Batch batch;
  batch.cache.assign(size_t(sequences) * mostKeys * shape.row, NAN);
  for (int s = 0; s < sequences; ++s) {
    int keys = s == 0 ? mostKeys : random.between(1, mostKeys),
        tokens = random.between(1, std::min(keys, mostTokens));
    for (int position = keys - tokens; position < keys; ++position) {
      batch.positions.push_back(position);
      batch.cacheRows.push_back(s * mostKeys + position);
    }
    for (size_t i = 0; i < size_t(keys) * shape.row; ++i)
      batch.cache[size_t(s) * mostKeys * shape.row + i] = random.normal();
  }
  batch.query =
      random.normals(batch.positions.size() * shape.heads * shape.key);
  return batch;
}

std::vector<float> attend(const Batch &batch,
                          const oracle::AttentionShape &shape) {
  std::vector<float> result(size_t(batch.tokens()) * shape.heads * shape.value);
  for (int t = 0; t < batch.tokens(); ++t)
    for (int h = 0; h < shape.heads; ++h)
      oracle::attend(
          shape, &batch.query[(size_t(t) * shape.heads + h) * shape.key],
          &batch.cache[size_t(batch.cacheRows[t] - batch.positions[t]) *
                       shape.row],
          h / (shape.heads / shape.kvHeads), batch.positions[t],
          &result[(size_t(t) * shape.heads + h) * shape.value]);
  return result;
}

/// Runs a kernel on tokens [begin, end) of a batch. `cache` holds batch.cache.
std::vector<float> run(DeviceProgram &program, const Kernel &kernel,
                       const Batch &batch, const DeviceBuffer &cache,
                       const oracle::AttentionShape &shape, int begin,
                       int end) {
  auto part = [&](const auto &all, int width) {
    return std::vector(all.begin() + size_t(begin) * width,
                       all.begin() + size_t(end) * width);
  };
  int tokens = end - begin, group = shape.heads / shape.kvHeads,
      heads = std::min(group, kernel.rows);
  std::vector<int32_t> positions = part(batch.positions, 1);
  DeviceBuffer dQuery = upload(part(batch.query, shape.heads * shape.key)),
               dPositions = upload(positions),
               dCacheRows = upload(part(batch.cacheRows, 1)),
               result =
                   reserve<float>(size_t(tokens) * shape.heads * shape.value);
  unsigned columns = shape.kvHeads * ((group + heads - 1) / heads);
  unsigned splits =
      *std::max_element(positions.begin(), positions.end()) / 256 + 1;
  int tileTokens = kernel.splits() ? 1 : kernel.rows / heads;
  std::array<unsigned, 3> grid = {
      columns, unsigned(tokens + tileTokens - 1) / tileTokens,
      kernel.splits() ? splits : 1};
  size_t partials =
      size_t(tokens) * shape.heads * splits * ((shape.value + 3) / 4 * 4 + 4);
  // Tickets are zero, partial results anything.
  std::vector<float> scratchBefore(16384 + partials, NAN);
  std::fill_n(scratchBefore.begin(), 16384, 0.0f);
  DeviceBuffer scratch = upload(scratchBefore);
  for (int repetition = 0; repetition < (splits > 1 && kernel.splits() ? 2 : 1);
       ++repetition)
    program.run(kernel.name, grid, 128, dQuery, cache, dPositions, dCacheRows,
                result, scratch, int32_t(tokens), int32_t(shape.heads),
                int32_t(shape.kvHeads), int32_t(shape.key),
                int32_t(shape.value), int32_t(shape.keyBegin),
                int32_t(shape.valueBegin), int32_t(shape.row), shape.scale);
  std::vector<int32_t> scratchAfter = download<int32_t>(scratch);
  EXPECT_EQ(std::count(scratchAfter.begin(), scratchAfter.begin() + 16384, 0),
            16384)
      << "tickets are not reset";
  return download<float>(result);
}

std::vector<float> run(DeviceProgram &program, const Kernel &kernel,
                       const Batch &batch, const DeviceBuffer &cache,
                       const oracle::AttentionShape &shape) {
  return run(program, kernel, batch, cache, shape, 0, batch.tokens());
}

DeviceProgram &fmaProgram() {
  static DeviceProgram program("attention.cu", {"-DCOMPUTE=float"});
  return program;
}
DeviceProgram &tensorProgram() {
  static DeviceProgram program("attention.cu", {"-DCOMPUTE=bf16"});
  return program;
}

struct Case {
  const char *name;
  oracle::AttentionShape
      shape; // heads, kv heads, key, value, key begin, value begin, row, scale
  int sequences, mostKeys, mostTokens;
  Kernel tokens, split;
};

const Kernel kSplit128 = {"split_16_128", 16}, kSplit256 = {"split_16_256", 16},
             kSplit512 = {"split_16_512", 16};
const Kernel kTokens64 = {"tokens_64_64", 64},
             kTokens128 = {"tokens_64_128", 64},
             kTokens256 = {"tokens_32_256", 32},
             kTokens512 = {"tokens_16_512", 16};

const Case kCases[] = {
    {"GroupsOfFour",
     {8, 2, 64, 64, 0, 128, 256, 0.125f},
     3,
     600,
     20,
     kTokens64,
     kSplit128},
    {"HeadsOfTheirOwn",
     {3, 3, 20, 12, 0, 60, 96, 0.2f},
     2,
     300,
     70,
     kTokens64,
     kSplit128},
    {"ManySequences",
     {4, 4, 8, 8, 0, 32, 64, 0.35f},
     30,
     4,
     3,
     kTokens64,
     kSplit128},
    {"ThreeHeadsOfAGroup",
     {6, 2, 36, 100, 0, 72, 272, 0.17f},
     5,
     520,
     9,
     kTokens128,
     kSplit128},
    {"WideValues",
     {5, 1, 40, 236, 0, 40, 276, 0.15f},
     3,
     280,
     9,
     kTokens256,
     kSplit256},
    {"Latents",
     {20, 1, 576, 512, 0, 0, 576, 0.07f},
     2,
     290,
     3,
     kTokens512,
     kSplit512},
    {"SmallLatents",
     {4, 1, 40, 32, 0, 0, 40, 0.16f},
     4,
     100,
     12,
     kTokens64,
     kSplit128},
    {"Unaligned",
     {6, 3, 7, 5, 1, 22, 37, 0.4f},
     6,
     270,
     5,
     {"tokens_64_64_unaligned", 64},
     {"split_16_128_unaligned", 16}},
};

class DeviceAttention : public testing::TestWithParam<Case> {};

} // namespace

TEST_P(DeviceAttention, IsTheOracleBitByBit) {
  const auto &[name, shape, sequences, mostKeys, mostTokens, tokens, split] =
      GetParam();
  Random random(6);
  Batch batch = makeBatch(random, shape, sequences, mostKeys, mostTokens);
  DeviceBuffer cache = upload(batch.cache);
  std::vector<float> expected = attend(batch, shape);
  EXPECT_EQ(countDifferences(run(fmaProgram(), tokens, batch, cache, shape),
                             expected),
            0u)
      << "prefill";
  EXPECT_EQ(
      countDifferences(run(fmaProgram(), split, batch, cache, shape), expected),
      0u)
      << "decode";
}

TEST_P(DeviceAttention, TensorCoresAreNearAndBlindToTheBatch) {
  const auto &[name, shape, sequences, mostKeys, mostTokens, tokens, split] =
      GetParam();
  Random random(7);
  Batch batch = makeBatch(random, shape, sequences, mostKeys, mostTokens);
  DeviceBuffer cache = upload(batch.cache);
  std::vector<float> expected = attend(batch, shape),
                     result = run(tensorProgram(), tokens, batch, cache, shape);
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(result[i], expected[i], 0.02)
        << i; // of values about 1 in magnitude, rounded to 8 bits
  EXPECT_EQ(countDifferences(run(tensorProgram(), split, batch, cache, shape),
                             result),
            0u)
      << "decode";
  size_t width = size_t(shape.heads) * shape.value;
  for (int t : {0, batch.tokens() / 2, batch.tokens() - 1}) {
    std::vector<float> alone =
        run(tensorProgram(), tokens, batch, cache, shape, t, t + 1);
    EXPECT_EQ(countDifferences(alone, {result.begin() + t * width,
                                       result.begin() + (t + 1) * width}),
              0u)
        << "token " << t;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, DeviceAttention, testing::ValuesIn(kCases),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

/// What a later key holds does not change an earlier token; a NaN that is attended to shows.
TEST(DeviceAttentionNan, StaysWithThoseWhoSeeIt) {
  oracle::AttentionShape shape = {4, 2, 16, 16, 0, 32, 64, 0.25f};
  Random random(8);
  Batch batch = makeBatch(random, shape, 1, 50, 50);
  int bad = batch.positions[batch.tokens() - 1] - 1, first = batch.positions[0];
  for (int i = 0; i < shape.row; ++i)
    batch.cache[bad * shape.row + i] = i % 2 ? NAN : INFINITY;
  DeviceBuffer cache = upload(batch.cache);
  std::vector<float> expected = attend(batch, shape);
  size_t width = size_t(shape.heads) * shape.value;
  for (const Kernel &kernel : {kTokens64, kSplit128}) {
    std::vector<float> result = run(fmaProgram(), kernel, batch, cache, shape);
    EXPECT_EQ(countDifferences(result, expected), 0u) << kernel.name;
    for (int t = 0; t < batch.tokens(); ++t)
      EXPECT_EQ(std::isnan(result[t * width]), first + t >= bad)
          << kernel.name << ", token " << t;
  }
}
