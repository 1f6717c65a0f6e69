//===- ConfigTest.cpp - Access to configurations, and ropes from them -----===//

#include "frontend/Config.h"
#include "frontend/Rope.h"

#include "TestFolder.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace moec;

namespace {

class ConfigTest : public testing::Test {
protected:
  /// The configuration of this text.
  ConfigObject &read(const std::string &text) {
    folder.write("config.json", text);
    Result<Config> result = Config::read(folder / "config.json");
    EXPECT_TRUE(result.ok()) << result.message();
    config.emplace(*result);
    return config->root();
  }
  /// The error without the file's name.
  std::string error() const {
    const std::string &message = config->status().message();
    std::string file = folder / "config.json: ";
    EXPECT_EQ(message.substr(0, file.size()), file);
    return message.substr(std::min(file.size(), message.size()));
  }
  bool ok() const { return config->status().ok(); }

  test::TestFolder folder;
  std::optional<Config> config;
};

TEST_F(ConfigTest, ReadsTypedValues) {
  ConfigObject &root = read(R"({"n": 3, "x": 0.5, "whole": 2, "flag": true,
      "text": "a", "inner": {"n": 4}, "nothing": null})");
  EXPECT_EQ(root.integer("n"), 3);
  EXPECT_EQ(root.positive("x"), 0.5);
  EXPECT_EQ(root.positive("whole"), 2.0);
  EXPECT_TRUE(root.flag("flag"));
  EXPECT_EQ(root.text("text"), "a");
  EXPECT_EQ(root.object("inner")->integer("n"), 4);
  EXPECT_EQ(root.integerOr("nothing", 7), 7);
  EXPECT_FALSE(root.has("nothing"));
  EXPECT_FALSE(root.object("nothing"));
  root.finish();
  EXPECT_TRUE(ok()) << error();
}

TEST_F(ConfigTest, MissingKey) {
  EXPECT_EQ(read("{}").integer("n", {2, 9}), 2);
  EXPECT_EQ(error(),
            "expected an integer from 2 to 9 for the key 'n', found none");
}

TEST_F(ConfigTest, IntegerOutOfRange) {
  for (const char *value :
       {"10", "-1", "18446744073709551615", "3.0", "\"3\"", "true", "[3]"}) {
    EXPECT_EQ(read(std::string("{\"n\": ") + value + "}").integer("n", {2, 9}),
              2);
    EXPECT_EQ(error(), std::string("expected the key 'n' to be an integer from "
                                   "2 to 9, found ") +
                           value);
  }
}

TEST_F(ConfigTest, NumberThatIsNotPositive) {
  for (const char *value : {"0", "-0.5", "1e39", "\"x\""}) {
    EXPECT_EQ(read(std::string("{\"x\": ") + value + "}").positive("x"), 1);
    EXPECT_FALSE(ok());
  }
  EXPECT_EQ(error(),
            "expected the key 'x' to be a positive number, found \"x\"");
}

TEST_F(ConfigTest, FlagThatIsNone) {
  EXPECT_FALSE(read(R"({"f": 1})").flagOr("f", true));
  EXPECT_EQ(error(), "expected the key 'f' to be true or false, found 1");
}

TEST_F(ConfigTest, TheOnlySupportedValue) {
  read(R"({"act": "silu", "freq": 1})").only("act", "silu");
  config->root().only("freq", 1);
  config->root().only("absent", false);
  EXPECT_TRUE(ok());
  read(R"({"act": "gelu"})").only("act", "silu");
  EXPECT_EQ(error(), "expected the key 'act' to be \"silu\", found \"gelu\"");
  read(R"({"bias": 1})").only("bias", true);
  EXPECT_FALSE(ok());
}

TEST_F(ConfigTest, Lists) {
  ConfigObject &root = read(R"({"a": [3, 0], "b": [], "c": null})");
  EXPECT_EQ(root.integersOr("a", {}, {0, 3}), (std::vector<int64_t>{3, 0}));
  EXPECT_EQ(root.integersOr("b", {7}), std::vector<int64_t>());
  EXPECT_EQ(root.integersOr("c", {7}), std::vector<int64_t>{7});
  EXPECT_EQ(root.integersOr("d", {7}), std::vector<int64_t>{7});
  root.onlyList("a", 2, 5);
  EXPECT_EQ(error(),
            "expected the key 'a' to be a list of 2 times 5, found [3,0]");
  for (const char *list : {"3", "[1, 4]", "[-1]", "[1.0]", "[[1]]"}) {
    read(R"({"a": )" + std::string(list) + "}").integersOr("a", {}, {0, 3});
    EXPECT_EQ(error().find("expected the key 'a' to be a list of at most 16384 "
                           "integers from 0 to 3, found "),
              0u)
        << error();
  }
  std::string members = "0";
  for (int i = 0; i < 16384; ++i)
    members += ",0";
  read(R"({"a": [)" + members + "]}").integersOr("a", {}, {0, 3});
  EXPECT_NE(error(), "");
}

TEST_F(ConfigTest, TheOnlySupportedList) {
  ConfigObject &root = read(R"({"a": ["x", "x"], "b": ["x"], "c": "x"})");
  root.onlyList("a", 2, "x");
  root.onlyList("d", 2, "x");
  EXPECT_TRUE(ok()) << error();
  root.onlyList("b", 2, "x");
  EXPECT_EQ(error(), "expected the key 'b' to be a list of 2 times \"x\", "
                     "found [\"x\"]");
  read(R"({"c": "x"})").onlyList("c", 1, "x");
  EXPECT_FALSE(ok());
}

TEST_F(ConfigTest, UnknownKeys) {
  ConfigObject &root = read(R"({"a": 1, "b": {"c": 2}})");
  root.ignore({"a"});
  std::optional<ConfigObject> inner = root.object("b");
  inner->finish();
  EXPECT_EQ(error(), "the key 'b.c' is not understood (its value is 2)");
}

TEST_F(ConfigTest, TheFirstErrorStays) {
  ConfigObject &root = read(R"({"a": 1})");
  root.text("a");
  root.finish();
  root.integer("b");
  EXPECT_EQ(error(), "expected the key 'a' to be a string, found 1");
}

TEST_F(ConfigTest, LongValuesAreCut) {
  read("{\"a\": [" + std::string(100, '1') + "]}").text("a");
  EXPECT_LT(error().size(), 200u);
}

TEST_F(ConfigTest, NotAnObject) {
  folder.write("config.json", "[]");
  Result<Config> result = Config::read(folder / "config.json");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.message(),
            folder / "config.json: expected an object, found array");
}

//===----------------------------------------------------------------------===//
// Rotary embeddings
//===----------------------------------------------------------------------===//

class RopeTest : public ConfigTest {
protected:
  RopeTest() { context.loadDialect<moe::MoeDialect>(); }

  Rope readWith(const std::string &text, int64_t width = 64) {
    ConfigObject &root = read(text);
    Rope rope = readRope(root, width, context);
    root.finish();
    return rope;
  }

  mlir::MLIRContext context;
};

TEST_F(RopeTest, DefaultBase) {
  Rope rope = readWith("{}");
  EXPECT_TRUE(ok());
  EXPECT_EQ(rope.theta, 10000);
  EXPECT_FALSE(rope.scaling);
}

TEST_F(RopeTest, BothSpellingsMeanTheSame) {
  std::string scaling = R"("factor": 8.0, "low_freq_factor": 1.0,
      "high_freq_factor": 4.0, "original_max_position_embeddings": 8192)";
  Rope before =
      readWith(R"({"rope_theta": 5e5, "rope_scaling": {"type": "llama3", )" +
               scaling + "}}");
  EXPECT_TRUE(ok()) << error();
  Rope after = readWith(
      R"({"rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, )" +
      scaling + "}}");
  EXPECT_TRUE(ok()) << error();
  EXPECT_EQ(before.theta, 5e5);
  EXPECT_EQ(after.theta, 5e5);
  EXPECT_TRUE(before.scaling);
  EXPECT_EQ(before.scaling, after.scaling);
}

std::string yarn(const std::string &keys) {
  return R"({"rope_scaling": {"type": "yarn", "original_max_position_embeddings": 4096, )" +
         keys + "}}";
}

/// DeepSeek's own figures: 192^-0.5 m² for V3, V2-Lite and Kimi K2.
TEST_F(RopeTest, YarnMagnitudes) {
  double scale = 1 / std::sqrt(192.0);
  auto attentionFactor = [](const Rope &rope) {
    return double(
        mlir::cast<moe::YarnScalingAttr>(rope.scaling).getAttentionFactor());
  };
  Rope v3 =
      readWith(yarn(R"("factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0)"));
  EXPECT_NEAR(v3.softmaxCorrection * scale, 0.13523378, 1e-8);
  EXPECT_EQ(attentionFactor(v3), 1);
  Rope lite = readWith(
      yarn(R"("factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707)"));
  EXPECT_NEAR(lite.softmaxCorrection * scale, 0.11472139, 1e-8);
  EXPECT_EQ(attentionFactor(lite), 1);
  Rope kimi =
      readWith(yarn(R"("factor": 32, "mscale": 1.0, "mscale_all_dim": 1.0)"));
  EXPECT_NEAR(kimi.softmaxCorrection * scale, 0.13086080, 1e-8);
  // Without mscale the correction is on cosines and sines alone, and an
  // explicit factor replaces it.
  Rope plain = readWith(yarn(R"("factor": 32)"));
  EXPECT_EQ(plain.softmaxCorrection, 1);
  EXPECT_NEAR(attentionFactor(plain), 1.34657359, 1e-8);
  Rope given = readWith(yarn(R"("factor": 32, "attention_factor": 1.25)"));
  EXPECT_EQ(attentionFactor(given), 1.25);
  EXPECT_TRUE(ok());
}

TEST_F(RopeTest, Refusals) {
  readWith(R"({"rope_scaling": {"type": "dynamic", "factor": 2}})");
  EXPECT_EQ(error(), "expected the key 'rope_scaling.type' to be \"default\", "
                     "\"linear\", \"llama3\" or \"yarn\", found \"dynamic\"");
  readWith(
      R"({"rope_scaling": {"type": "yarn", "rope_type": "linear", "factor": 2}})");
  EXPECT_EQ(error(), "expected the key 'rope_scaling.type' to be \"linear\", "
                     "found \"yarn\"");
  readWith(yarn(R"("factor": 2, "finetuned": true)"));
  EXPECT_EQ(error(), "the key 'rope_scaling.finetuned' is not understood (its "
                     "value is true)");
  readWith(R"({"rope_scaling": {"type": "yarn", "factor": 2}})");
  EXPECT_EQ(error(), "expected an integer from 1 to 2147483647 for the key "
                     "'rope_scaling.original_max_position_embeddings', found "
                     "none");
  readWith(R"({"rope_theta": 1e4, "rope_parameters": {"rope_theta": 1e6}})");
  EXPECT_EQ(error(), "expected the key 'rope_theta' to be 1000000.0 as in the "
                     "object beside it, found 10000.0");
  readWith(R"({"rope_scaling": {"type": "linear", "factor": 2},
               "rope_parameters": {"rope_theta": 1e6}})");
  EXPECT_EQ(error(), "expected the key 'rope_scaling' to be absent beside the "
                     "key 'rope_parameters', found "
                     "{\"factor\":2,\"type\":\"linear\"}");
  readWith(
      R"({"rope_scaling": {"type": "llama3", "factor": 2, "low_freq_factor": 4,
      "high_freq_factor": 1, "original_max_position_embeddings": 8}})");
  EXPECT_EQ(error(), "expected the key 'rope_scaling.low_freq_factor' to be at "
                     "most the key 'high_freq_factor', found 4");
}

TEST_F(RopeTest, PartOfAHead) {
  auto width = [&](const std::string &text, int64_t headDim = 128) {
    ConfigObject &root = read(text);
    Rope rope = readPartialRope(root, headDim, context);
    root.finish();
    return rope.width;
  };
  EXPECT_EQ(width(R"({"partial_rotary_factor": 0.5, "rope_scaling": null})"),
            64);
  EXPECT_TRUE(ok()) << error();
  EXPECT_EQ(width(R"({"rope_parameters": {"partial_rotary_factor": 0.25}})"),
            32);
  EXPECT_TRUE(ok()) << error();
  EXPECT_EQ(width(R"({"partial_rotary_factor": 1})"), 128);
  EXPECT_TRUE(ok()) << error();

  width(R"({"partial_rotary_factor": 0.5,
            "rope_parameters": {"partial_rotary_factor": 0.25}})");
  EXPECT_EQ(error(), "expected the key 'partial_rotary_factor' to be 0.25 as "
                     "in the object beside it, found 0.5");
  width("{}");
  EXPECT_EQ(error(), "expected a positive number for the key "
                     "'partial_rotary_factor', found none");
  for (const char *part : {"0.3", "1.5", "0.0078125"}) {
    width(R"({"partial_rotary_factor": )" + std::string(part) + "}");
    EXPECT_EQ(error(), "expected the key 'partial_rotary_factor' to be a part "
                       "of the key 'head_dim' that is an even number, found " +
                           std::string(part));
  }
}

} // namespace
