//===- SummaryTest.cpp - What models are made of --------------------------===//
//
// Totals are those that are published, or that follow from the published
// shapes; parts are computed by hand from the shapes.
//
//===----------------------------------------------------------------------===//

#include "frontend/Summary.h"
#include "frontend/Import.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace moec;

namespace {

Result<ModelSummary> summarizeConfig(const std::string &name) {
  mlir::MLIRContext context;
  ImportOptions options;
  options.configOnly = true;
  options.config = name;
  MOEC_ASSIGN_OR_RETURN(
      auto module,
      importCheckpoint(context, MOEC_TEST_DATA "/../frontend/Inputs", options));
  return summarize(*module);
}

int64_t parametersOf(const ModelSummary &summary, ModelPart part) {
  return summary.parts[unsigned(part)].parameters;
}

struct Published {
  const char *config;
  int64_t parameters;
};

class SummaryTest : public testing::TestWithParam<Published> {};

TEST_P(SummaryTest, Parameters) {
  auto summary = summarizeConfig(GetParam().config);
  ASSERT_TRUE(summary.ok()) << summary.message();
  EXPECT_EQ(summary->total().parameters, GetParam().parameters);
  // Every weight has a part, and every model has these.
  EXPECT_EQ(parametersOf(*summary, ModelPart::Other), 0);
  for (ModelPart part :
       {ModelPart::Embedding, ModelPart::Attention, ModelPart::Norms})
    EXPECT_GT(parametersOf(*summary, part), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Published, SummaryTest,
    testing::Values(Published{"deepseek-v3-671b.json", 671'026'419'200},
                    Published{"kimi-k2.json", 1'026'408'232'448},
                    Published{"llama-2-7b.json", 6'738'415'616},
                    Published{"llama-3.1-8b.json", 8'030'261'248}),
    [](const auto &info) {
      std::string name = info.param.config;
      for (char &c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)))
          c = '_';
      return name;
    });

TEST(SummaryTest, PartsOfDeepseekV3) {
  auto summary = summarizeConfig("deepseek-v3-671b.json");
  ASSERT_TRUE(summary.ok()) << summary.message();
  EXPECT_EQ(parametersOf(*summary, ModelPart::Embedding), 129'280 * 7168);
  EXPECT_EQ(parametersOf(*summary, ModelPart::Attention),
            int64_t(61) * (1536 * 7168 + 24'576 * 1536 + 576 * 7168 +
                           32'768 * 512 + 7168 * 16'384));
  // Each expert has a score and a bias.
  EXPECT_EQ(parametersOf(*summary, ModelPart::Router), 58 * 256 * (7168 + 1));
  EXPECT_EQ(parametersOf(*summary, ModelPart::Experts),
            int64_t(58) * 256 * 3 * 7168 * 2048);
  EXPECT_EQ(parametersOf(*summary, ModelPart::SharedExperts),
            int64_t(58) * 3 * 7168 * 2048);
  EXPECT_EQ(parametersOf(*summary, ModelPart::DenseMlp),
            int64_t(3) * 3 * 7168 * 18'432);
  EXPECT_EQ(parametersOf(*summary, ModelPart::Norms),
            61 * (2 * 7168 + 1536 + 512) + 7168);
  EXPECT_EQ(parametersOf(*summary, ModelPart::Head), 129'280 * 7168);
  // 8 of 256 experts, and everything else.
  EXPECT_EQ(summary->total().activeParameters,
            671'026'419'200 - int64_t(58) * 248 * 3 * 7168 * 2048);
  // The latent and the rotary key, in f32.
  EXPECT_EQ(summary->cacheBytesPerToken(), 61 * (512 + 64) * 4);
}

TEST(SummaryTest, ExpectedExperts) {
  EXPECT_DOUBLE_EQ(expectedExperts(8, 2, 1), 2);
  // 8 (1 - (3/4)^2)
  EXPECT_DOUBLE_EQ(expectedExperts(8, 2, 2), 3.5);
  EXPECT_DOUBLE_EQ(expectedExperts(4, 4, 3), 4);
}

class SummaryOfModule : public testing::Test {
protected:
  Result<ModelSummary> summarizeText(const std::string &text) {
    context.loadDialect<moe::MoeDialect, mlir::func::FuncDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return summarize(*module);
  }
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_F(SummaryOfModule, ScalesAreBytesButNoParameters) {
  auto summary = summarizeText(R"(
    module attributes {moe.model = {name = "m"}} {
      moe.weight @e : tensor<8x160xbf16> from [#moe.part<"e">]
      moe.weight @w : tensor<384x160x!moe.scaled<f8E4M3FN, 128x128, f32>> from [
        #moe.part<"a" scale "a_scale_inv">, #moe.part<"b" scale "b_scale_inv">]
      func.func @step(%b: !moe.batch) -> tensor<?x384xf32> {
        %e = moe.get_weight @e : tensor<8x160xbf16>
        %w = moe.get_weight @w : tensor<384x160x!moe.scaled<f8E4M3FN, 128x128, f32>>
        %x = moe.embedding %e of %b : tensor<8x160xbf16> -> tensor<?x160xf32>
        %y = moe.linear %x, %w : (tensor<?x160xf32>, tensor<384x160x!moe.scaled<f8E4M3FN, 128x128, f32>>) -> tensor<?x384xf32>
        return %y : tensor<?x384xf32>
      }
    })");
  ASSERT_TRUE(summary.ok()) << summary.message();
  EXPECT_EQ(parametersOf(*summary, ModelPart::Head), 384 * 160);
  // Each part of 192 rows has 2 x 2 blocks.
  EXPECT_EQ(summary->parts[unsigned(ModelPart::Head)].bytes,
            384 * 160 + 2 * 4 * 4);
  // Of the embedding, a token reads its row.
  EXPECT_EQ(summary->weightBytesPerStep(3), 384 * 160 + 32 + 3 * 160 * 2);
}

TEST_F(SummaryOfModule, GatesBelongToWhatTheyGate) {
  auto summary = summarizeText(R"(
    module attributes {moe.model = {name = "m"}} {
      moe.weight @up : tensor<8x4xf32> from [#moe.part<"up">]
      moe.weight @down : tensor<4x4xf32> from [#moe.part<"down">]
      moe.weight @gate : tensor<1x4xf32> from [#moe.part<"gate">]
      moe.weight @other : tensor<4x4xf32> from [#moe.part<"other">]
      func.func private @layer(%x: tensor<?x4xf32>, %up: tensor<8x4xf32>, %down: tensor<4x4xf32>,
          %gate: tensor<1x4xf32>, %other: tensor<4x4xf32>) -> tensor<?x4xf32> {
        %u = moe.linear %x, %up : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
        %a = moe.glu silu %u : tensor<?x8xf32> -> tensor<?x4xf32>
        %d = moe.linear %a, %down : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
        %g = moe.linear %x, %gate : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
        %y = moe.sigmoid_gate %d, %g : tensor<?x4xf32>, tensor<?x1xf32>
        %o = moe.linear %y, %other : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
        return %o : tensor<?x4xf32>
      }
      func.func @step(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
        %up = moe.get_weight @up : tensor<8x4xf32>
        %down = moe.get_weight @down : tensor<4x4xf32>
        %gate = moe.get_weight @gate : tensor<1x4xf32>
        %other = moe.get_weight @other : tensor<4x4xf32>
        %y = call @layer(%x, %up, %down, %gate, %other)
            : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<4x4xf32>, tensor<1x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
        return %y : tensor<?x4xf32>
      }
    })");
  ASSERT_TRUE(summary.ok()) << summary.message();
  EXPECT_EQ(parametersOf(*summary, ModelPart::DenseMlp), 32 + 16 + 4);
  EXPECT_EQ(parametersOf(*summary, ModelPart::Attention), 16);
  ASSERT_EQ(summary->layers.size(), 1u);
  EXPECT_EQ(summary->layers[0].parameters, 68);
}

TEST_F(SummaryOfModule, Refusals) {
  EXPECT_EQ(summarizeText("module {}").message(),
            "expected an imported module");
  EXPECT_EQ(summarizeText(R"(
    module attributes {moe.model = {name = "m"}} {
      moe.weight @w : tensor<4xf32> from [#moe.part<"w">]
      func.func @step() { return }
    })")
                .message(),
            "weight 'w': nothing uses it");
}

} // namespace
