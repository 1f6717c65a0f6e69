//===- SynthesizeTest.cpp - Checkpoints of random weights -----------------===//

#include "frontend/Synthesize.h"

#include "TestFolder.h"
#include "support/SafeTensors.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <mutex>

using namespace moec;

namespace {

RandomTensor tensor(const std::string &name, DType dtype,
                    std::vector<int64_t> shape, double mean, double deviation) {
  RandomTensor result;
  result.info = {name, dtype, std::move(shape)};
  result.mean = mean;
  result.deviation = deviation;
  return result;
}

class SynthesizeTest : public testing::Test {
protected:
  SafeTensorsFolder write(const std::vector<RandomTensor> &tensors,
                          const SynthesisOptions &options = {}) {
    Status written = writeRandomTensors(tensors, folder.path(), options);
    EXPECT_TRUE(written.ok()) << written.message();
    auto opened = SafeTensorsFolder::open(folder.path());
    EXPECT_TRUE(opened.ok()) << opened.message();
    return std::move(*opened);
  }
  std::vector<float> floats(const SafeTensorsFolder &checkpoint,
                            const std::string &name) {
    auto values = readFloats(*checkpoint.find(name));
    EXPECT_TRUE(values.ok()) << values.message();
    return *values;
  }
  std::vector<RandomTensor> list(const std::string &text) {
    mlir::MLIRContext context;
    context.loadDialect<moe::MoeDialect, mlir::func::FuncDialect>();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    auto tensors = listRandomTensors(*module);
    EXPECT_TRUE(tensors.ok()) << tensors.message();
    return *tensors;
  }
  test::TestFolder folder;
};

/// Checks the first four moments; of n normal numbers their errors are about
/// 1/√n, 1/√(2n), √(6/n) and √(24/n).
void expectNormal(const std::vector<float> &values, double mean,
                  double deviation) {
  double n = values.size(), moments[5] = {};
  for (float value : values) {
    ASSERT_TRUE(std::isfinite(value));
    double x = (value - mean) / deviation;
    for (int i = 1; i <= 4; ++i)
      moments[i] += std::pow(x, i) / n;
  }
  EXPECT_NEAR(moments[1], 0, 5 / std::sqrt(n));
  EXPECT_NEAR(moments[2], 1, 0.01 + 5 / std::sqrt(n / 2));
  EXPECT_NEAR(moments[3], 0, 5 * std::sqrt(15 / n));
  EXPECT_NEAR(moments[4], 3, 0.05 + 5 * std::sqrt(96 / n));
}

TEST_F(SynthesizeTest, ElementsAreNormal) {
  auto checkpoint = write({
      tensor("bf16", DType::BF16, {300, 1000}, 0, 0.02),
      tensor("f16", DType::F16, {300, 1000}, 1, 0.1),
      tensor("f32", DType::F32, {300, 1000}, -3, 2),
      tensor("f8", DType::F8_E4M3, {300, 1000}, 0, 448 / 4.5),
      // More than a thread makes at a time.
      tensor("long", DType::BF16, {2, 1024, 1025}, 0, 1),
  });
  expectNormal(floats(checkpoint, "bf16"), 0, 0.02);
  expectNormal(floats(checkpoint, "f16"), 1, 0.1);
  expectNormal(floats(checkpoint, "f32"), -3, 2);
  expectNormal(floats(checkpoint, "f8"), 0, 448 / 4.5);
  auto values = floats(checkpoint, "long");
  expectNormal(values, 0, 1);
  // Neighbours and pieces are independent.
  double n = values.size() / 2, neighbours = 0, halves = 0;
  for (size_t i = 0; i < values.size() / 2; ++i) {
    neighbours += values[2 * i] * values[2 * i + 1] / n;
    halves += values[i] * values[i + values.size() / 2] / n;
  }
  EXPECT_NEAR(neighbours, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(halves, 0, 5 / std::sqrt(n));
}

TEST_F(SynthesizeTest, ShardsHoldTheSame) {
  std::vector<RandomTensor> tensors;
  for (std::string name : {"a", "b", "c", "d", "e"})
    tensors.push_back(tensor(name, DType::F32, {10, 10}, 0, 1));
  SynthesisOptions options;
  options.seed = 7;
  std::map<std::string, std::vector<float>> whole;
  {
    auto checkpoint = write(tensors, options);
    for (const auto &[name, view] : checkpoint.tensors())
      whole[name] = floats(checkpoint, name);
  }
  EXPECT_NE(whole["a"], whole["b"]);
  std::filesystem::remove(folder / "model.safetensors");

  options.maxShardBytes = 800; // two tensors
  auto checkpoint = write(tensors, options);
  EXPECT_EQ(checkpoint.tensors().size(), 5u);
  EXPECT_EQ(checkpoint.find("e")->file,
            folder / "model-00003-of-00003.safetensors");
  for (const auto &[name, values] : whole)
    EXPECT_EQ(floats(checkpoint, name), values);
}

TEST_F(SynthesizeTest, ProgressCanStopIt) {
  SynthesisOptions options;
  std::vector<std::pair<uint64_t, uint64_t>> seen;
  auto stop = [&](uint64_t done, uint64_t total) {
    seen.emplace_back(done, total);
    return false;
  };
  options.progress = stop;
  Status written = writeRandomTensors({tensor("a", DType::F32, {5, 5}, 0, 1)},
                                      folder.path(), options);
  EXPECT_EQ(written.message(), folder.path() + ": interrupted");
  EXPECT_EQ(seen, (std::vector<std::pair<uint64_t, uint64_t>>{{100, 100}}));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(SynthesizeTest, TensorsOfWeights) {
  auto tensors = list(R"(
    moe.weight @fp8 : tensor<384x160x!moe.scaled<f8E4M3FN, 128x128, f32>> from [
      #moe.part<"a" scale "a_scale_inv">, #moe.part<"b" scale "b_scale_inv">]
    moe.weight @uk : tensor<4x2x16xbf16> from [#moe.part<"kv", heads = 4, end = 2>]
    moe.weight @uv : tensor<4x3x16xbf16> from [#moe.part<"kv", heads = 4, begin = 2, end = 5>]
    moe.weight @n : tensor<384xf32> from [#moe.part<"n">]
    func.func @step(%x: tensor<?x160xf32>, %q: tensor<?x16xf32>, %c: !moe.cache<[16, 2], f32>, %b: !moe.batch) {
      %fp8 = moe.get_weight @fp8 : tensor<384x160x!moe.scaled<f8E4M3FN, 128x128, f32>>
      %uk = moe.get_weight @uk : tensor<4x2x16xbf16>
      %uv = moe.get_weight @uv : tensor<4x3x16xbf16>
      %n = moe.get_weight @n : tensor<384xf32>
      %y = moe.linear %x, %fp8 : (tensor<?x160xf32>, tensor<384x160x!moe.scaled<f8E4M3FN, 128x128, f32>>) -> tensor<?x384xf32>
      %z = moe.rms_norm %y, %n eps 1.0e-06 : tensor<?x384xf32>, tensor<384xf32>
      %o = moe.mla %q, %c, %uk, %uv of %b scale 1.0
          : (tensor<?x16xf32>, !moe.cache<[16, 2], f32>, tensor<4x2x16xbf16>, tensor<4x3x16xbf16>) -> tensor<?x12xf32>
      return
    })");
  ASSERT_EQ(tensors.size(), 6u);
  auto expect = [&](size_t i, const char *name, DType dtype,
                    std::vector<int64_t> shape) {
    EXPECT_EQ(tensors[i].info.name, name);
    EXPECT_EQ(tensors[i].info.dtype, dtype);
    EXPECT_EQ(tensors[i].info.shape, shape);
  };
  // The last row of blocks is ragged.
  expect(0, "a", DType::F8_E4M3, {192, 160});
  expect(1, "a_scale_inv", DType::F32, {2, 2});
  expect(2, "b", DType::F8_E4M3, {192, 160});
  expect(3, "b_scale_inv", DType::F32, {2, 2});
  expect(4, "kv", DType::BF16, {20, 16});
  expect(5, "n", DType::F32, {384});
  // Elements times scales have the deviation that 160 products need.
  EXPECT_NEAR(tensors[0].deviation * tensors[1].mean, 1 / std::sqrt(160.0),
              1e-12);
  EXPECT_NEAR(tensors[4].deviation, 0.25, 1e-12);
  EXPECT_EQ(tensors[5].mean, 1);
}

} // namespace
