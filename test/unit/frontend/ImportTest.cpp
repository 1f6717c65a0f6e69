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
