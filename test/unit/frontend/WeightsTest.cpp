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

#include <cstring>

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
    Status written = writeSafeTensors(folder / "model.safetensors", tensors);
    ASSERT_TRUE(written.ok()) << written.message();
    auto opened = SafeTensorsFolder::open(folder.path());
    ASSERT_TRUE(opened.ok()) << opened.message();
    checkpoint.emplace(std::move(*opened));
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
      [&](uint64_t done, uint64_t total) { seen.emplace_back(done, total); });
  ASSERT_TRUE(packed.ok()) << packed.message();
  EXPECT_EQ(seen,
            (std::vector<std::pair<uint64_t, uint64_t>>{{12, 72}, {72, 72}}));
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
