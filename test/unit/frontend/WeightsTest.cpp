//===- WeightsTest.cpp - Weights from tensors, plain and packed -----------===//
//
// The checkpoint's tensors hold r * 10 + c at row r and column c (experts and
// parts add hundreds), so an expectation shows where each element came from.
//
//===----------------------------------------------------------------------===//

#include "frontend/Weights.h"

#include "TestFolder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <variant>

using namespace moec;

namespace {

TensorData matrix(int64_t rows, int64_t columns, float base = 0) {
  std::vector<float> values;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      values.push_back(base + r * 10 + c);
  return TensorData::fromFloats({rows, columns}, values);
}

std::vector<float> floats(const uint8_t *data, uint64_t bytes) {
  std::vector<float> values(bytes / sizeof(float));
  std::memcpy(values.data(), data, bytes);
  return values;
}

class WeightsTest : public testing::Test {
protected:
  void SetUp() override {
    context.loadDialect<moe::MoeDialect>();
    std::map<std::string, TensorData> tensors;
    tensors.emplace("m", matrix(5, 2));
    tensors.emplace("gate", matrix(3, 2));
    tensors.emplace("up", matrix(3, 2, 100));
    tensors.emplace("heads", matrix(6, 2));
    for (int e : {0, 1}) {
      tensors.emplace("e." + std::to_string(e) + ".gate",
                      matrix(3, 2, e * 1000));
      tensors.emplace("e." + std::to_string(e) + ".up",
                      matrix(3, 2, e * 1000 + 100));
    }
    tensors.emplace("v", TensorData::fromFloats({3}, {1, 2, 3}));
    tensors.emplace("w", TensorData::fromFloats({2}, {4, 5}));
    tensors.emplace("half",
                    TensorData{DType::BF16, {3, 1}, {1, 2, 3, 4, 5, 6}});
    tensors.emplace("ints", TensorData::fromInts({3, 1}, {1, 2, 3}));
    addScaled(tensors);
    Status written = writeSafeTensors(folder / "model.safetensors", tensors);
    ASSERT_TRUE(written.ok()) << written.message();
    auto opened = SafeTensorsFolder::open(folder.path());
    ASSERT_TRUE(opened.ok()) << opened.message();
    checkpoint.emplace(std::move(*opened));
  }

  /// FP8 matrices "f8" (3x6) and "f8.heads" (4x2), in blocks of 2x4 and 2x2. Bytes
  /// of E4M3: 0x38 is 1 and the next ones are 1.125, 1.25, …; 0x40 is 2.
  static void addScaled(std::map<std::string, TensorData> &tensors) {
    TensorData f8{DType::F8_E4M3, {3, 6}, {}};
    for (uint8_t r : {0, 1, 2})
      for (uint8_t c : {0, 1, 2, 3, 4, 5})
        f8.data.push_back(0x38 + r * 8 + c);
    tensors.emplace("f8", f8);
    tensors.emplace("f8.s", TensorData::fromFloats({2, 2}, {1, 10, 100, 1000}));
    tensors.emplace("f8.heads", TensorData{DType::F8_E4M3,
                                           {4, 2},
                                           {0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d,
                                            0x3e, 0x3f}});
    tensors.emplace("f8.heads.s", TensorData::fromFloats({2, 1}, {1, 10}));
    tensors.emplace("f8.half.s",
                    TensorData{DType::BF16, {2, 1}, {0x80, 0x3f, 0x20, 0x41}});
    f8.data[8] = 0xff;
    tensors.emplace("f8.nan", f8);
    tensors.emplace("nan.s", TensorData::fromFloats({2, 2}, {1, NAN, 1, 1}));
    tensors.emplace("huge.s", TensorData::fromFloats({2, 2}, {1, 1, 1e37, 1}));
    // Two rows of 40: 63.5, 1, … make d = 1/2; the last 8 columns d = 1.
    std::vector<float> wide(80);
    wide[0] = 63.5f, wide[1] = 1, wide[31] = -2, wide[32] = -127, wide[39] = 3;
    wide[40] = 63.5f, wide[79] = 127;
    tensors.emplace("wide", TensorData::fromFloats({2, 40}, wide));
    // Codes of d = 1/4.
    std::vector<float> codes;
    for (int row : {0, 1})
      for (int k = 0; k < 32; ++k)
        codes.push_back(0.25f * ((k + row) % 16 - 8));
    tensors.emplace("codes", TensorData::fromFloats({2, 32}, codes));
    std::vector<float> bad = wide;
    bad[45] = INFINITY;
    tensors.emplace("wide.inf", TensorData::fromFloats({2, 40}, bad));
    bad[45] = 3e38f;
    tensors.emplace("wide.huge", TensorData::fromFloats({2, 40}, bad));
    tensors.emplace("v.nan", TensorData::fromFloats({3}, {1, NAN, 3}));
    tensors.emplace("half.inf",
                    TensorData{DType::BF16,
                               {3, 2},
                               {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0x80, 0xff}});
  }

  void parse(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module);
  }
  /// The module of one weight.
  moe::WeightOp weight(const std::string &text) {
    parse("moe.weight @w : " + text);
    return *module->getOps<moe::WeightOp>().begin();
  }

  std::vector<float> load(const std::string &text) {
    auto data = loadWeight(weight(text), *checkpoint);
    EXPECT_TRUE(data.ok()) << data.message();
    return data.ok() ? floats(data->data.data(), data->data.size())
                     : std::vector<float>();
  }
  std::string loadError(const std::string &text) {
    auto data = loadWeight(weight(text), *checkpoint);
    EXPECT_FALSE(data.ok());
    return data.message();
  }

  /// The section of the module's weights.
  Result<std::vector<uint8_t>> packModule() {
    std::string path = folder / "packed";
    std::filesystem::remove(path);
    MOEC_ASSIGN_OR_RETURN(auto writer, BundleWriter::append(path));
    MOEC_RETURN_IF_ERROR(packWeights(*module, *checkpoint, writer));
    MOEC_RETURN_IF_ERROR(writer.finish("test"));
    MOEC_ASSIGN_OR_RETURN(auto bundle, Bundle::open(path));
    const BundleSection *section = bundle.find("weights");
    return std::vector<uint8_t>(section->data, section->data + section->bytes);
  }
  std::vector<float> pack(const std::string &text) {
    moe::WeightOp op = weight(text + " at 0");
    auto bytes = packModule();
    EXPECT_TRUE(bytes.ok()) << bytes.message();
    if (!bytes.ok())
      return {};
    EXPECT_EQ(bytes->size(), packedBytes(op));
    return floats(bytes->data(), bytes->size());
  }
  std::string packError() {
    auto bytes = packModule();
    EXPECT_FALSE(bytes.ok());
    return bytes.message();
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  test::TestFolder folder;
  std::optional<SafeTensorsFolder> checkpoint;
};

using Floats = std::vector<float>;

//===----------------------------------------------------------------------===//
// The model's own layout
//===----------------------------------------------------------------------===//

TEST_F(WeightsTest, LoadsATensor) {
  EXPECT_EQ(load(R"(tensor<5x2xf32> from [#moe.part<"m">])"),
            (Floats{0, 1, 10, 11, 20, 21, 30, 31, 40, 41}));
}

TEST_F(WeightsTest, LoadsJoinedRows) {
  EXPECT_EQ(
      load(R"(tensor<6x2xf32> from [#moe.part<"gate">, #moe.part<"up">])"),
      (Floats{0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121}));
}

TEST_F(WeightsTest, LoadsJoinedVectors) {
  EXPECT_EQ(load(R"(tensor<5xf32> from [#moe.part<"v">, #moe.part<"w">])"),
            (Floats{1, 2, 3, 4, 5}));
}

TEST_F(WeightsTest, LoadsStackedExperts) {
  EXPECT_EQ(load(R"(tensor<2x6x2xf32> from [#moe.part<"e.{expert}.gate">,
                                            #moe.part<"e.{expert}.up">])"),
            (Floats{0,    1,    10,   11,   20,   21,   100,  101,
                    110,  111,  120,  121,  1000, 1001, 1010, 1011,
                    1020, 1021, 1100, 1101, 1110, 1111, 1120, 1121}));
}

TEST_F(WeightsTest, LoadsRowsOfHeads) {
  // Two heads of three rows each: the first two of each, and the last.
  EXPECT_EQ(
      load(
          R"(tensor<2x2x2xf32> from [#moe.part<"heads", heads = 2, end = 2>])"),
      (Floats{0, 1, 10, 11, 30, 31, 40, 41}));
  EXPECT_EQ(
      load(
          R"(tensor<2x1x2xf32> from [#moe.part<"heads", heads = 2, begin = 2, end = 3>])"),
      (Floats{20, 21, 50, 51}));
}

TEST_F(WeightsTest, LoadKeepsTheStoredType) {
  auto data = loadWeight(weight(R"(tensor<3x1xbf16> from [#moe.part<"half">])"),
                         *checkpoint);
  ASSERT_TRUE(data.ok()) << data.message();
  EXPECT_EQ(data->dtype, DType::BF16);
  EXPECT_EQ(data->shape, (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(data->data, (std::vector<uint8_t>{1, 2, 3, 4, 5, 6}));
}

TEST_F(WeightsTest, LoadRefusals) {
  std::string file = folder / "model.safetensors";
  EXPECT_EQ(
      loadError(R"(tensor<5x2xf32> from [#moe.part<"none">])"),
      "weight 'w': expected a tensor 'none' in the checkpoint, found none");
  EXPECT_EQ(loadError(R"(tensor<5x2xbf16> from [#moe.part<"m">])"),
            "weight 'w': " + file +
                ": tensor 'm': expected the element type of the weight, "
                "'bf16', found F32");
  EXPECT_EQ(
      loadError(R"(tensor<5x3xf32> from [#moe.part<"m">])"),
      "weight 'w': " + file +
          ": tensor 'm': expected rows of 3 elements, found shape [5, 2]");
  EXPECT_EQ(loadError(R"(tensor<5xf32> from [#moe.part<"m">])"),
            "weight 'w': " + file +
                ": tensor 'm': expected a vector, found shape [5, 2]");
  EXPECT_EQ(loadError(R"(tensor<6x2xf32> from [#moe.part<"m">])"),
            "weight 'w': expected 6 rows in its parts, found 5");
  EXPECT_EQ(
      loadError(
          R"(tensor<4x1x2xf32> from [#moe.part<"heads", heads = 4, end = 1>])"),
      "weight 'w': " + file +
          ": tensor 'heads': expected 4 heads of at least 1 rows, found 6 "
          "rows");
  EXPECT_EQ(
      loadError(
          R"(tensor<2x4x2xf32> from [#moe.part<"heads", heads = 2, end = 4>])"),
      "weight 'w': " + file +
          ": tensor 'heads': expected 2 heads of at least 4 rows, found 6 "
          "rows");
  EXPECT_EQ(loadError(R"(tensor<3x1xi64> from [#moe.part<"ints">])"),
            "weight 'w': expected elements of f32, f16 or bf16, found 'i64'");
  EXPECT_EQ(
      loadError(R"(tensor<3x3x2xf32> from [#moe.part<"e.{expert}.gate">])"),
      "weight 'w': expected a tensor 'e.2.gate' in the checkpoint, found none");
}

//===----------------------------------------------------------------------===//
// The packed layout
//===----------------------------------------------------------------------===//

TEST_F(WeightsTest, PacksRowMajorWithoutALayout) {
  EXPECT_EQ(pack(R"(tensor<5x2xf32> from [#moe.part<"m">])"),
            (Floats{0, 1, 10, 11, 20, 21, 30, 31, 40, 41}));
}

TEST_F(WeightsTest, PacksRaggedPanels) {
  // 5 rows in panels of 4: k runs inside a panel, rows 5 to 7 are padding.
  EXPECT_EQ(pack(R"(tensor<5x2xf32> from [#moe.part<"m">] layout <width = 4>)"),
            (Floats{0, 10, 20, 30, 1, 11, 21, 31, //
                    40, 0, 0, 0, 41, 0, 0, 0}));
}

TEST_F(WeightsTest, PacksFullPanels) {
  EXPECT_EQ(
      pack(R"(tensor<6x2xf32> from [#moe.part<"heads">] layout <width = 3>)"),
      (Floats{0, 10, 20, 1, 11, 21, 30, 40, 50, 31, 41, 51}));
}

TEST_F(WeightsTest, PacksAlternatingParts) {
  // gate, up, gate, up: each of 3 rows in panels of 2.
  EXPECT_EQ(pack(R"(tensor<6x2xf32> from [#moe.part<"gate">, #moe.part<"up">]
                    layout <width = 2, parts = 2>)"),
            (Floats{0, 10, 1, 11, 100, 110, 101, 111, //
                    20, 0, 21, 0, 120, 0, 121, 0}));
}

TEST_F(WeightsTest, PacksTheTransposedMatrix) {
  // The 2 columns of 5 elements become rows, one panel of 4.
  EXPECT_EQ(
      pack(
          R"(tensor<5x2xf32> from [#moe.part<"m">] layout <width = 4, transpose = true>)"),
      (Floats{0, 1, 0,  0,  10, 11, 0,  0,  20, 21,
              0, 0, 30, 31, 0,  0,  40, 41, 0,  0}));
}

TEST_F(WeightsTest, PacksExpertsOneAfterAnother) {
  EXPECT_EQ(
      pack(
          R"(tensor<2x3x2xf32> from [#moe.part<"e.{expert}.up">] layout <width = 4>)"),
      (Floats{100, 110, 120, 0, 101, 111, 121, 0, //
              1100, 1110, 1120, 0, 1101, 1111, 1121, 0}));
}

TEST_F(WeightsTest, PacksHeadsTransposed) {
  // Head by head, 2 rows of 2 columns each.
  EXPECT_EQ(
      pack(R"(tensor<2x2x2xf32> from [#moe.part<"heads", heads = 2, end = 2>]
                    layout <width = 2, transpose = true>)"),
      (Floats{0, 1, 10, 11, 30, 31, 40, 41}));
}

TEST_F(WeightsTest, PacksTwoByteElements) {
  weight(
      R"(tensor<3x1xbf16> from [#moe.part<"half">] layout <width = 2> at 0)");
  auto bytes = packModule();
  ASSERT_TRUE(bytes.ok()) << bytes.message();
  EXPECT_EQ(*bytes, (std::vector<uint8_t>{1, 2, 3, 4, 5, 6, 0, 0}));
}

TEST_F(WeightsTest, PacksEachWeightAtItsOffset) {
  parse(R"(moe.weight @b : tensor<2xf32> from [#moe.part<"w">] at 8256
           moe.weight @a : tensor<3xf32> from [#moe.part<"v">] at 64)");
  auto bytes = packModule();
  ASSERT_TRUE(bytes.ok()) << bytes.message();
  Floats expected(16 + 3 + (8256 - 64 - 12) / 4 + 2);
  expected[16] = 1, expected[17] = 2, expected[18] = 3;
  expected[8256 / 4] = 4, expected[8256 / 4 + 1] = 5;
  EXPECT_EQ(floats(bytes->data(), bytes->size()), expected);
}

TEST_F(WeightsTest, ReportsProgress) {
  parse(R"(moe.weight @a : tensor<3xf32> from [#moe.part<"v">] at 0
           moe.weight @b : tensor<2xf32> from [#moe.part<"w">] at 64)");
  auto writer = BundleWriter::append(folder / "packed");
  ASSERT_TRUE(writer.ok()) << writer.message();
  std::vector<std::pair<uint64_t, uint64_t>> seen;
  Status packed = packWeights(
      *module, *checkpoint, *writer,
      [&](uint64_t done, uint64_t total) { seen.emplace_back(done, total); },
      /*threads=*/1);
  ASSERT_TRUE(packed.ok()) << packed.message();
  EXPECT_EQ(seen,
            (std::vector<std::pair<uint64_t, uint64_t>>{{12, 72}, {72, 72}}));
}

TEST_F(WeightsTest, ThreadsChangeNothing) {
  std::string text;
  for (int i = 0; i < 40; ++i)
    text +=
        "moe.weight @w" + std::to_string(i) +
        " : tensor<5x2xf32> from [#moe.part<\"m\">] layout <width = 4> at " +
        std::to_string(i * 64) + "\n";
  parse(text);
  auto pack = [&](unsigned threads) {
    std::string path = folder / ("threads" + std::to_string(threads));
    auto writer = BundleWriter::append(path);
    EXPECT_TRUE(writer.ok());
    uint64_t last = 0;
    Status packed = packWeights(
        *module, *checkpoint, *writer,
        [&](uint64_t done, uint64_t total) {
          EXPECT_GT(done, last);
          EXPECT_EQ(total, 40u * 64);
          last = done;
        },
        threads);
    EXPECT_TRUE(packed.ok()) << packed.message();
    EXPECT_EQ(last, 40u * 64);
    EXPECT_TRUE(writer->finish("x").ok());
    auto bundle = Bundle::open(path);
    EXPECT_TRUE(bundle.ok());
    const BundleSection *section = bundle->find("weights");
    return std::vector<uint8_t>(section->data, section->data + section->bytes);
  };
  EXPECT_EQ(pack(1), pack(7));
}

//===----------------------------------------------------------------------===//
// Scaled elements
//===----------------------------------------------------------------------===//

constexpr const char *kF8 =
    R"(tensor<3x6x!moe.scaled<f8E4M3FN, 2x4, f32>> from [#moe.part<"f8" scale "f8.s">])";
constexpr const char *kF8Heads =
    R"(tensor<2x2x2x!moe.scaled<f8E4M3FN, 2x2, f32>> from [#moe.part<"f8.heads" scale "f8.heads.s", heads = 2, end = 2>])";

/// The bytes of f32 scales and of elements, in order.
std::vector<uint8_t>
bytesOf(std::initializer_list<std::variant<float, int>> list) {
  std::vector<uint8_t> bytes;
  for (auto item : list) {
    if (const int *element = std::get_if<int>(&item)) {
      bytes.push_back(uint8_t(*element));
      continue;
    }
    uint8_t scale[sizeof(float)];
    std::memcpy(scale, &std::get<float>(item), sizeof(scale));
    bytes.insert(bytes.end(), scale, scale + sizeof(scale));
  }
  return bytes;
}

TEST_F(WeightsTest, LoadsPublishedBlocks) {
  EXPECT_EQ(load(kF8), (Floats{1, 1.125, 1.25, 1.375, 15, 16.25, //
                               2, 2.25, 2.5, 2.75, 30, 32.5,     //
                               400, 450, 500, 550, 6000, 6500}));
  EXPECT_EQ(load(R"(tensor<2x1x2x!moe.scaled<f8E4M3FN, 2x2, bf16>>
        from [#moe.part<"f8.heads" scale "f8.half.s", heads = 2, begin = 1, end = 2>])"),
            (Floats{1.25, 1.375, 17.5, 18.75}));
}

TEST_F(WeightsTest, PacksPublishedBlocks) {
  // Panels of two rows; in each, blocks of four columns, the last one padded.
  parse("moe.weight @w : " + std::string(kF8) + " layout <width = 2> at 0");
  auto bytes = packModule();
  ASSERT_TRUE(bytes.ok()) << bytes.message();
  EXPECT_EQ(
      *bytes,
      bytesOf(
          {1.0f,    1.0f,  0x38, 0x40, 0x39, 0x41, 0x3a, 0x42, 0x3b, 0x43, //
           10.0f,   10.0f, 0x3c, 0x44, 0x3d, 0x45, 0,    0,    0,    0,    //
           100.0f,  0.0f,  0x48, 0,    0x49, 0,    0x4a, 0,    0x4b, 0,    //
           1000.0f, 0.0f,  0x4c, 0,    0x4d, 0,    0,    0,    0,    0}));
}

TEST_F(WeightsTest, PacksPublishedBlocksTransposed) {
  // Per head: the two columns become rows of two elements, one block.
  parse("moe.weight @w : " + std::string(kF8Heads) +
        " layout <width = 2, transpose = true> at 0");
  auto bytes = packModule();
  ASSERT_TRUE(bytes.ok()) << bytes.message();
  EXPECT_EQ(*bytes, bytesOf({1.0f, 1.0f, 0x38, 0x39, 0x3a, 0x3b, //
                             10.0f, 10.0f, 0x3c, 0x3d, 0x3e, 0x3f}));
}

TEST_F(WeightsTest, LoadsWhatTheQuantizerMakes) {
  std::vector<float> found = load(
      R"(tensor<2x40x!moe.scaled<i8, 1x32, bf16>> from [#moe.part<"wide">])");
  Floats expected(80);
  expected[0] = 63.5f, expected[1] = 1, expected[31] = -2;
  expected[32] = -127, expected[39] = 3, expected[40] = 63.5f;
  expected[79] = 127;
  EXPECT_EQ(found, expected);
}

TEST_F(WeightsTest, PacksEightBits) {
  parse(R"(moe.weight @w : tensor<2x40x!moe.scaled<i8, 1x32, bf16>>
             from [#moe.part<"wide">] layout <width = 2> at 0)");
  auto bytes = packModule();
  ASSERT_TRUE(bytes.ok()) << bytes.message();
  std::vector<uint8_t> expected(2 * (2 * 2 + 64));
  auto put = [&](int64_t block, int64_t row, int64_t k, int8_t q) {
    expected[block * 68 + 4 + k * 2 + row] = uint8_t(q);
  };
  auto putScale = [&](int64_t block, int64_t row, uint16_t scale) {
    expected[block * 68 + row * 2] = uint8_t(scale);
    expected[block * 68 + row * 2 + 1] = uint8_t(scale >> 8);
  };
  putScale(0, 0, 0x3f00), put(0, 0, 0, 127), put(0, 0, 1, 2), put(0, 0, 31, -4);
  putScale(1, 0, 0x3f80), put(1, 0, 0, -127), put(1, 0, 7, 3);
  putScale(0, 1, 0x3f00), put(0, 1, 0, 127);
  putScale(1, 1, 0x3f80), put(1, 1, 7, 127);
  EXPECT_EQ(*bytes, expected);
}

TEST_F(WeightsTest, PacksFourBitsInWords) {
  parse(R"(moe.weight @w : tensor<2x32x!moe.scaled<i4, 1x32, bf16>>
             from [#moe.part<"codes">] layout <width = 2> at 0)");
  auto bytes = packModule();
  ASSERT_TRUE(bytes.ok()) << bytes.message();
  ASSERT_EQ(bytes->size(), 2u * 2 + 2 * 16);
  std::vector<uint16_t> scales(2);
  std::memcpy(scales.data(), bytes->data(), 4);
  EXPECT_EQ(scales, (std::vector<uint16_t>{0x3e80, 0x3e80}));
  // Word (k / 8, n): q = -8 is 8, -7 is 9, …; the first element lies lowest. The
  // second row is one code ahead.
  std::vector<uint32_t> words(8);
  std::memcpy(words.data(), bytes->data() + 4, 32);
  EXPECT_EQ(words, (std::vector<uint32_t>{0xfedcba98, 0x0fedcba9, 0x76543210,
                                          0x87654321, 0xfedcba98, 0x0fedcba9,
                                          0x76543210, 0x87654321}));
}

TEST_F(WeightsTest, PanelsOfSixteenRows) {
  // Wide enough for whole vectors, with a rest: 16 rows of 21 columns, twice.
  std::vector<float> values;
  for (int i = 0; i < 20 * 21; ++i)
    values.push_back(float(i + 1));
  std::map<std::string, TensorData> tensors;
  tensors.emplace("m", TensorData::fromFloats({20, 21}, values));
  TensorData half{DType::BF16, {20, 21}, {}};
  for (int i = 0; i < 20 * 21; ++i)
    half.data.insert(half.data.end(), {uint8_t(i), uint8_t(i >> 8)});
  tensors.emplace("h", half);
  ASSERT_TRUE(writeSafeTensors(folder / "model.safetensors", tensors).ok());
  checkpoint.emplace(std::move(*SafeTensorsFolder::open(folder.path())));
  std::vector<float> found =
      pack(R"(tensor<20x21xf32> from [#moe.part<"m">] layout <width = 16>)");
  ASSERT_EQ(found.size(), 2u * 21 * 16);
  weight(
      R"(tensor<20x21xbf16> from [#moe.part<"h">] layout <width = 16> at 0)");
  auto bytes = packModule();
  ASSERT_TRUE(bytes.ok()) << bytes.message();
  for (int panel = 0; panel < 2; ++panel)
    for (int k = 0; k < 21; ++k)
      for (int j = 0; j < 16; ++j) {
        int row = panel * 16 + j, place = (panel * 21 + k) * 16 + j;
        ASSERT_EQ(found[place], row < 20 ? row * 21 + k + 1 : 0);
        int bits = (*bytes)[2 * place] | (*bytes)[2 * place + 1] << 8;
        ASSERT_EQ(bits, row < 20 ? row * 21 + k : 0);
      }
}

TEST_F(WeightsTest, ScaledRefusals) {
  std::string file = folder / "model.safetensors";
  auto f8 = [](const std::string &part) {
    return "tensor<3x6x!moe.scaled<f8E4M3FN, 2x4, f32>> from [" + part + "]";
  };
  EXPECT_EQ(loadError(f8(R"(#moe.part<"f8" scale "none">)")),
            "weight 'w': " + file +
                ": tensor 'f8': expected its scales in a tensor 'none', found "
                "none");
  EXPECT_EQ(
      loadError(f8(R"(#moe.part<"f8" scale "f8.heads.s">)")),
      "weight 'w': " + file +
          ": tensor 'f8.heads.s': expected shape [2, 2], a scale for each "
          "2x4 block of [3, 6], found [2, 1]");
  EXPECT_EQ(loadError(f8(R"(#moe.part<"f8" scale "f8.half.s">)")),
            "weight 'w': " + file +
                ": tensor 'f8.half.s': expected the type of the scales, F32, "
                "found BF16");
  EXPECT_EQ(loadError(f8(R"(#moe.part<"wide" scale "f8.s">)")),
            "weight 'w': " + file +
                ": tensor 'wide': expected the element type of the weight, "
                "'!moe.scaled<f8E4M3FN, 2x4, f32>', found F32");
  EXPECT_EQ(
      loadError(
          R"(tensor<4x6x!moe.scaled<f8E4M3FN, 2x4, f32>> from [#moe.part<"f8" scale "f8.s">, #moe.part<"f8">])"),
      "weight 'w': " + file +
          ": tensor 'f8': expected scales of this part as of the others, found "
          "none");
  std::string formats =
      "weight 'w': expected elements of '!moe.scaled<f8E4M3FN, …>' whose parts "
      "have scales, '!moe.scaled<i8, 1x32, bf16>' or '!moe.scaled<i4, 1x32, "
      "bf16>', found ";
  EXPECT_EQ(loadError(f8(R"(#moe.part<"f8">)")),
            formats + "'!moe.scaled<f8E4M3FN, 2x4, f32>'");
  EXPECT_EQ(
      loadError(
          R"(tensor<2x40x!moe.scaled<i8, 1x16, bf16>> from [#moe.part<"wide">])"),
      formats + "'!moe.scaled<i8, 1x16, bf16>'");
  EXPECT_EQ(
      loadError(
          R"(tensor<3x6x!moe.scaled<i8, 1x32, bf16>> from [#moe.part<"f8" scale "f8.s">])"),
      formats + "'!moe.scaled<i8, 1x32, bf16>'");
  EXPECT_EQ(
      loadError(
          R"(tensor<3x6x!moe.scaled<i8, 1x32, bf16>> from [#moe.part<"f8">])"),
      "weight 'w': " + file +
          ": tensor 'f8': expected elements of F32, F16 or BF16 to quantise, "
          "found F8_E4M3");
  EXPECT_EQ(
      loadError(
          R"(tensor<2x40x!moe.scaled<i8, 1x32, bf16>> from [#moe.part<"wide.inf">])"),
      file + ": tensor 'wide.inf': element [1, 5]: expected a finite number, "
             "found an infinity");
  EXPECT_EQ(
      loadError(
          R"(tensor<2x40x!moe.scaled<i4, 1x32, bf16>> from [#moe.part<"wide.huge">])"),
      file + ": tensor 'wide.huge': row 1: expected magnitudes below 2^100 to "
             "quantise, found a greater one from column 0");

  weight(std::string(kF8) + " at 0");
  EXPECT_EQ(packError(),
            "weight 'w': expected a layout in panels of its scaled elements");
  weight(
      R"(tensor<2x40x!moe.scaled<i8, 1x32, bf16>> from [#moe.part<"wide">] layout <width = 2, transpose = true> at 0)");
  EXPECT_EQ(packError(),
            "weight 'w': cannot quantise a matrix that is packed transposed");
  weight(
      R"(tensor<1x2x2x!moe.scaled<f8E4M3FN, 2x2, f32>> from [#moe.part<"f8.heads" scale "f8.heads.s", heads = 1, begin = 1, end = 3>] layout <width = 2, transpose = true> at 0)");
  EXPECT_EQ(packError(),
            file + ": tensor 'f8.heads': expected rows 1 to 2, which the "
                   "transposed matrix takes as one block, to lie in one block "
                   "of 2 rows");
}

TEST_F(WeightsTest, RefusesWhatIsNotFinite) {
  std::string file = folder / "model.safetensors";
  auto expectError = [&](const std::string &text, const std::string &message) {
    weight(text + " at 0");
    EXPECT_EQ(packError(), file + message);
  };
  expectError(R"(tensor<3xf32> from [#moe.part<"v.nan">])",
              ": tensor 'v.nan': element [1]: expected a finite number, found "
              "NaN");
  std::string infinite =
      ": tensor 'half.inf': element [2, 1]: expected a finite number, found an "
      "infinity";
  for (const char *layout : {"", " layout <width = 16>", " layout <width = 2>",
                             " layout <width = 2, transpose = true>"})
    expectError(
        std::string(R"(tensor<3x2xbf16> from [#moe.part<"half.inf">])") +
            layout,
        infinite);
  expectError(
      R"(tensor<2x40xf32> from [#moe.part<"wide.inf">] layout <width = 16>)",
      ": tensor 'wide.inf': element [1, 5]: expected a finite number, found an "
      "infinity");
  auto f8 = [](const std::string &tensor, const std::string &scale,
               const std::string &layout) {
    return "tensor<3x6x!moe.scaled<f8E4M3FN, 2x4, f32>> from [#moe.part<\"" +
           tensor + "\" scale \"" + scale + "\">] layout <" + layout + ">";
  };
  expectError(f8("f8.nan", "f8.s", "width = 16"),
              ": tensor 'f8.nan': element [1, 2]: expected a finite number, "
              "found NaN");
  expectError(f8("f8", "nan.s", "width = 16"),
              ": tensor 'nan.s': element [0, 1]: expected a finite scale that "
              "keeps 448 times it finite, found nan");
  expectError(f8("f8", "huge.s", "width = 2"),
              ": tensor 'huge.s': element [1, 0]: expected a finite scale that "
              "keeps 448 times it finite, found "
              "9999999933815812510711506376257961984.000000");
}

TEST_F(WeightsTest, TheFirstErrorIsReported) {
  std::string text;
  for (int i = 0; i < 20; ++i)
    text += "moe.weight @w" + std::to_string(i) +
            " : tensor<3xf32> from [#moe.part<\"" + (i == 7 ? "v.nan" : "v") +
            "\">] at " + std::to_string(i * 64) + "\n";
  text +=
      R"(moe.weight @last : tensor<3x2xbf16> from [#moe.part<"half.inf">] at 1280)";
  for (int run = 0; run < 20; ++run) {
    parse(text);
    EXPECT_NE(packError().find("'v.nan'"), std::string::npos);
  }
}

TEST_F(WeightsTest, PackRefusals) {
  weight(R"(tensor<3xf32> from [#moe.part<"v">])");
  EXPECT_EQ(packError(), "weight 'w': expected a planned offset, found none");
  weight(R"(tensor<3xf32> from [#moe.part<"v">] at 32)");
  EXPECT_EQ(packError(), "weight 'w': expected an offset that is a multiple of "
                         "64, found 32");
  weight(R"(tensor<3x1xi64> from [#moe.part<"ints">] at 0)");
  EXPECT_EQ(packError(),
            "weight 'w': expected elements of f32, f16 or bf16, found 'i64'");
  parse(
      R"(moe.weight @a : tensor<5x2xf32> from [#moe.part<"m">] layout <width = 16> at 0
           moe.weight @b : tensor<3xf32> from [#moe.part<"v">] at 64)");
  EXPECT_EQ(packError(),
            "weight 'b': expected an offset of at least 128, where "
            "the weight before it ends, found 64");
}

} // namespace
