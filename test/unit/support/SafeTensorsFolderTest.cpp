//===- SafeTensorsFolderTest.cpp - The tensors of a checkpoint ------------===//
#include "support/SafeTensors.h"
#include "test/unit/support/TestFiles.h"

using namespace moec;
using namespace moec::test;

namespace {

class SafeTensorsFolderTest : public testing::Test {
protected:
  void shard(const std::string &file, const std::vector<std::string> &names) {
    std::map<std::string, TensorData> tensors;
    for (const std::string &name : names)
      tensors[name] = TensorData::fromFloats({1}, {1});
    ASSERT_TRUE(writeSafeTensors(folder.path(file), tensors).ok());
  }
  Result<SafeTensorsFolder> openIndex(const std::string &weightMap) {
    folder.write("model.safetensors.index.json",
                 "{\"metadata\": {}, \"weight_map\": " + weightMap + "}");
    return SafeTensorsFolder::open(folder.path());
  }
  TemporaryFolder folder;
};

TEST_F(SafeTensorsFolderTest, OneFile) {
  shard("model.safetensors", {"a", "b"});
  auto opened = SafeTensorsFolder::open(folder.path());
  ASSERT_TRUE(opened.ok()) << opened.message();
  EXPECT_EQ(opened->tensors().size(), 2u);
  EXPECT_EQ(*readFloats(*opened->find("a")), std::vector<float>({1}));
  EXPECT_EQ(opened->find("c"), nullptr);
}

TEST_F(SafeTensorsFolderTest, Shards) {
  shard("one", {"a", "b"});
  shard("two", {"c", "extra"});
  auto opened = openIndex(R"({"a": "one", "b": "one", "c": "two"})");
  ASSERT_TRUE(opened.ok()) << opened.message();
  EXPECT_EQ(opened->tensors().size(), 4u);
  EXPECT_EQ(opened->find("c")->file, folder.path("two"));
}

TEST_F(SafeTensorsFolderTest, AShardedModel) {
  auto opened = SafeTensorsFolder::open(MOEC_TEST_DATA "/models/deepseek-v3");
  ASSERT_TRUE(opened.ok()) << opened.message();
  EXPECT_NE(opened->find("model.embed_tokens.weight"), nullptr);
}

TEST_F(SafeTensorsFolderTest, AnEmptyFolder) {
  EXPECT_ERROR(SafeTensorsFolder::open(folder.path()),
               "expected model.safetensors or model.safetensors.index.json, "
               "found neither");
}

TEST_F(SafeTensorsFolderTest, ABrokenIndex) {
  shard("one", {"a"});
  EXPECT_ERROR(openIndex("[]"), "expected \"weight_map\" to be an object");
  EXPECT_ERROR(openIndex(R"({"a": 1})"), "expected the name of a file");
  EXPECT_ERROR(openIndex(R"({"a": "none"})"), "none: cannot open");
  EXPECT_ERROR(openIndex(R"({"b": "one"})"), "tensor 'b' is not in");
}

TEST_F(SafeTensorsFolderTest, AnIndexThatLeavesTheFolder) {
  shard("one", {"a"});
  for (const char *name :
       {"../one", "/one", "sub/one", "sub\\\\one", "..", ".", "", "one\\u0000"})
    EXPECT_ERROR(openIndex(std::string(R"({"a": ")") + name + "\"}"),
                 "tensor 'a': expected the name of a file of this folder");
}

TEST_F(SafeTensorsFolderTest, ATensorInTwoShards) {
  shard("one", {"a", "b"});
  shard("two", {"b"});
  EXPECT_ERROR(openIndex(R"({"a": "one", "b": "two"})"),
               "tensor 'b' is in both");
}

TEST_F(SafeTensorsFolderTest, ATensorInTheWrongShard) {
  shard("one", {"a", "b"});
  shard("two", {"c"});
  EXPECT_ERROR(openIndex(R"({"a": "one", "b": "two"})"),
               "tensor 'b' is not in");
}

} // namespace
