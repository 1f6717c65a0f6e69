//===- JsonTest.cpp - Bounded parsing of JSON from strangers --------------===//
#include "support/Json.h"
#include "test/unit/support/TestFiles.h"

using namespace moec;
using namespace moec::test;

namespace {

TEST(Json, ParsesEveryKindOfValue) {
  auto json = parseJson(
      R"({"a": [1, -2, 2.5, true, null, "é\u4e2d\ud83d\ude00"], "b": {"c": {}}})",
      "x");
  ASSERT_TRUE(json.ok()) << json.message();
  EXPECT_EQ((*json)["a"][0], 1);
  EXPECT_EQ((*json)["a"][1], -2);
  EXPECT_EQ((*json)["a"][2], 2.5);
  EXPECT_EQ((*json)["a"][3], true);
  EXPECT_TRUE((*json)["a"][4].is_null());
  EXPECT_EQ((*json)["a"][5], "é中😀");
  EXPECT_TRUE((*json)["b"]["c"].is_object());
  EXPECT_EQ(parseJson("7", "x")->get<int>(), 7);
}

TEST(Json, NamesThePlaceOfAnError) {
  EXPECT_ERROR(parseJson("{\n  \"a\": 1,\n  \"b\" \"c\"\n}", "f.json"),
               "f.json:3:9: ");
  EXPECT_ERROR(parseJson("", "f.json"), "f.json:1:1: ");
  EXPECT_ERROR(parseJson("[1] x", "f.json"), "f.json:1:5: ");
  EXPECT_ERROR(parseJson("[1", "f.json"), "unexpected end of input");
}

TEST(Json, RefusesDuplicateKeys) {
  EXPECT_ERROR(parseJson("{\"a\": 1,\n\"b\": {\"a\": 1, \"a\": 2}}", "f.json"),
               "f.json:2:17: duplicate key \"a\"");
}

TEST(Json, RefusesDepth) {
  JsonLimits limits;
  limits.maxDepth = 3;
  EXPECT_TRUE(parseJson("[[{}]]", "x", limits).ok());
  EXPECT_ERROR(parseJson("[[{\"a\": []}]]", "x", limits), "deeper than 3");
  EXPECT_ERROR(parseJson(std::string(1'000'000, '['), "x"), "deeper than 64");
}

TEST(Json, RefusesSize) {
  JsonLimits limits;
  limits.maxBytes = 4;
  EXPECT_TRUE(parseJson("[12]", "x", limits).ok());
  EXPECT_ERROR(parseJson("[123]", "x", limits),
               "5 bytes of JSON, the limit is 4");
}

TEST(Json, RefusesWhatIsNoText) {
  EXPECT_ERROR(parseJson("[\"\xff\"]", "x"), "ill-formed UTF-8");
  EXPECT_ERROR(parseJson("[\"\xed\xa0\x80\"]", "x"), "ill-formed UTF-8");
  EXPECT_ERROR(parseJson(R"(["\ud800"])", "x"), "surrogate");
  EXPECT_ERROR(parseJson("[1e999]", "x"), "number overflow");
  EXPECT_ERROR(parseJson("[NaN]", "x"), "x:1:2: ");
}

TEST(Json, ReadsFiles) {
  TemporaryFolder folder;
  EXPECT_EQ((*readJsonFile(folder.write("a", "{\"k\": 1}")))["k"], 1);
  EXPECT_ERROR(readJsonFile(folder.write("b", "{")), folder.path("b") + ":1:");
  EXPECT_ERROR(readJsonFile(folder.path("none")), "cannot open");
}

TEST(Json, MembersOfTheRightType) {
  Json object = *parseJson(
      R"({"s": "t", "i": -3, "u": 18446744073709551615, "d": 1.5, "b": true, "n": null, "o": {}, "a": []})",
      "x");
  EXPECT_EQ(*getMember<std::string>(object, "s", "x"), "t");
  EXPECT_EQ(*getMember<int64_t>(object, "i", "x"), -3);
  EXPECT_EQ(*getMember<double>(object, "d", "x"), 1.5);
  EXPECT_EQ(*getMember<double>(object, "i", "x"), -3);
  EXPECT_EQ(*getMember<bool>(object, "b", "x"), true);
  EXPECT_EQ(*getMemberOr<int64_t>(object, "none", 5, "x"), 5);
  EXPECT_EQ(*getMemberOr<int64_t>(object, "n", 5, "x"), 5);
  EXPECT_TRUE(getObject(object, "o", "x").ok());
  EXPECT_TRUE(getArray(object, "a", "x").ok());
  EXPECT_EQ(findMember(object, "n"), nullptr);
  EXPECT_EQ(findMember(Json(3), "n"), nullptr);
}

TEST(Json, MembersOfTheWrongType) {
  Json object =
      *parseJson(R"({"s": "t", "u": 18446744073709551615, "d": 1.5})", "x");
  EXPECT_ERROR(getMember<int64_t>(object, "none", "f.json"),
               "f.json: \"none\" is missing");
  EXPECT_ERROR(getMember<int64_t>(object, "s", "f.json"),
               "f.json: expected \"s\" to be an integer, found string");
  EXPECT_ERROR(getMember<int64_t>(object, "d", "x"), "to be an integer");
  EXPECT_ERROR(getMember<int64_t>(object, "u", "x"), "out of range");
  EXPECT_ERROR(getMember<double>(object, "s", "x"), "to be a number");
  EXPECT_ERROR(getMember<bool>(object, "s", "x"), "to be a boolean");
  EXPECT_ERROR(getMember<std::string>(object, "d", "x"), "to be a string");
  EXPECT_ERROR(getMemberOr<int64_t>(object, "s", 1, "x"), "to be an integer");
  EXPECT_ERROR(getObject(object, "s", "x"), "to be an object");
  EXPECT_ERROR(getArray(object, "s", "x"), "to be an array");
  EXPECT_ERROR(getArray(Json(3), "s", "x"), "expected an object, found number");
}

} // namespace
