//===- ImportTest.cpp - Whole models from their configurations ------------===//
//
// A model's parameter count is published; counting the weights that the import
// declares checks every shape of the family at once.
//
//===----------------------------------------------------------------------===//

#include "frontend/Import.h"
#include "frontend/ModelFiles.h"

#include "TestFolder.h"
#include "dialects/moe/Moe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <gtest/gtest.h>

using namespace moec;

namespace {

const std::string kConfigs = MOEC_TEST_DATA "/../frontend/Inputs";
const std::string kModels = MOEC_TEST_DATA "/models";

struct Figures {
  int64_t parameters = 0;
  int64_t functions = 0;
};

Figures importConfig(const std::string &name) {
  mlir::MLIRContext context;
  ImportOptions options;
  options.configOnly = true;
  options.config = name;
  auto module = importCheckpoint(context, kConfigs, options);
  EXPECT_TRUE(module.ok()) << module.message();
  Figures figures;
  if (!module.ok())
    return figures;
  for (auto weight : (*module)->getOps<moe::WeightOp>())
    figures.parameters +=
        mlir::cast<mlir::RankedTensorType>(weight.getType()).getNumElements();
  for (auto function : (*module)->getOps<mlir::func::FuncOp>()) {
    (void)function;
    ++figures.functions;
  }
  return figures;
}

TEST(ImportTest, DeepseekV3) {
  Figures figures = importConfig("deepseek-v3-671b.json");
  EXPECT_EQ(figures.parameters, 671'026'419'200);
  EXPECT_EQ(figures.functions, 3); // @dense_layer, @moe_layer, @step
}

TEST(ImportTest, KimiK2) {
  Figures figures = importConfig("kimi-k2.json");
  EXPECT_EQ(figures.parameters, 1'026'408'232'448);
  EXPECT_EQ(figures.functions, 3);
}

TEST(ImportTest, Llama31) {
  Figures figures = importConfig("llama-3.1-8b.json");
  EXPECT_EQ(figures.parameters, 8'030'261'248);
  EXPECT_EQ(figures.functions, 2);
}

TEST(ImportTest, Llama2) {
  EXPECT_EQ(importConfig("llama-2-7b.json").parameters, 6'738'415'616);
}

TEST(ImportTest, DeepseekMoe16B) {
  Figures figures = importConfig("deepseek-moe-16b.json");
  EXPECT_EQ(figures.parameters, 16'375'728'128);
  EXPECT_EQ(figures.functions, 3);
}

TEST(ImportTest, DeepseekV2) {
  Figures figures = importConfig("deepseek-v2-236b.json");
  EXPECT_EQ(figures.parameters, 235'741'434'880);
  EXPECT_EQ(figures.functions, 3);
}

TEST(ImportTest, DeepseekV2Lite) {
  EXPECT_EQ(importConfig("deepseek-v2-lite.json").parameters, 15'706'484'224);
}

/// The published number counts the layer that predicts a second token, with
/// another embedding and head.
TEST(ImportTest, Glm45Air) {
  Figures figures = importConfig("glm-4.5-air.json");
  EXPECT_EQ(figures.parameters, 110'468'824'832 - 3'616'573'568);
  EXPECT_EQ(figures.functions, 3);
}

TEST(ImportTest, Mixtral8x22B) {
  Figures figures = importConfig("mixtral-8x22b.json");
  EXPECT_EQ(figures.parameters, 140'620'634'112);
  EXPECT_EQ(figures.functions, 2);
}

TEST(ImportTest, Olmoe) {
  EXPECT_EQ(importConfig("olmoe-1b-7b.json").parameters, 6'919'161'856);
}

TEST(ImportTest, R1DistillQwen) {
  EXPECT_EQ(importConfig("r1-distill-qwen-1.5b.json").parameters,
            1'777'088'000);
}

/// Summed up by hand from the shapes; the published number is rounded.
TEST(ImportTest, Qwen2Moe57B) {
  EXPECT_EQ(importConfig("qwen2-57b-a14b.json").parameters, 57'408'658'944);
}

TEST(ImportTest, Qwen3) {
  EXPECT_EQ(importConfig("qwen3-8b.json").parameters, 8'190'735'360);
}

TEST(ImportTest, Qwen3Moe235B) {
  Figures figures = importConfig("qwen3-235b-a22b.json");
  EXPECT_EQ(figures.parameters, 235'093'634'560);
  EXPECT_EQ(figures.functions, 2);
}

TEST(ImportTest, NamedAfterItsFolder) {
  for (const char *spelling :
       {"/llama31", "/llama31/", "/kimi-k2/../llama31"}) {
    mlir::MLIRContext context;
    auto module = importCheckpoint(context, kModels + spelling);
    ASSERT_TRUE(module.ok()) << module.message();
    auto model =
        (**module)->getAttrOfType<mlir::DictionaryAttr>(moe::kModelAttr);
    EXPECT_EQ(model.getAs<mlir::StringAttr>("name"), "llama31");
  }
}

TEST(ImportTest, ModelFiles) {
  auto texts = readModelFiles(kModels + "/stories260K-hf");
  ASSERT_TRUE(texts.ok()) << texts.message();
  EXPECT_EQ(texts->size(), 3u);
  EXPECT_EQ((*texts)["generation_config.json"].size(), 77u);
  auto none = readModelFiles(kModels + "/llama31");
  ASSERT_TRUE(none.ok()) << none.message();
  EXPECT_TRUE(none->empty());
}

TEST(ImportTest, ModelFilesThatCannotBeRead) {
  test::TestFolder folder;
  std::filesystem::create_directory(folder / "tokenizer.json");
  auto texts = readModelFiles(folder.path());
  ASSERT_FALSE(texts.ok());
  EXPECT_NE(texts.message().find("tokenizer.json"), std::string::npos);
}

} // namespace
