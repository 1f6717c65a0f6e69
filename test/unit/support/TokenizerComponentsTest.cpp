//===- TokenizerComponentsTest.cpp - What a tokenizer.json may not be -----===//
//
// Every test changes one thing of a published tokenizer. That the rest still
// loads is TokenizerTest's.
//
//===----------------------------------------------------------------------===//
#include "support/Json.h"
#include "support/Tokenizer.h"
#include "support/tokenizer/Bpe.h"
#include "support/tokenizer/Regex.h"
#include "test/unit/support/TestFiles.h"

using namespace moec;
using namespace moec::test;

namespace {

/// stories260K's tokenizer with the value at a JSON pointer replaced or added.
Result<Tokenizer> loadWith(const std::string &pointer, const Json &value) {
  static const Json base =
      *readJsonFile(MOEC_TEST_DATA "/models/stories260K-hf/tokenizer.json");
  Json changed = base;
  changed[Json::json_pointer(pointer)] = value;
  return Tokenizer::fromJson(changed.dump(), "", "t");
}

Json object(const char *text) { return *parseJson(text, "test"); }

TEST(TokenizerFile, NeedsItsParts) {
  EXPECT_TRUE(loadWith("/version", "1.0").ok());
  EXPECT_ERROR(Tokenizer::fromJson("{", "", "t"), "t:1:");
  EXPECT_ERROR(Tokenizer::fromJson("[]", "", "t"),
               "t: expected an object, found array");
  EXPECT_ERROR(loadWith("/added_tokens", nullptr),
               "t: added_tokens: expected an array");
  EXPECT_ERROR(loadWith("/model", nullptr),
               "t: expected \"model\" to be an object");
  EXPECT_ERROR(loadWith("/decoder", nullptr), "t: decoder: expected an object");
}

TEST(TokenizerFile, RefusesUnknownComponents) {
  for (const char *part :
       {"normalizer", "pre_tokenizer", "post_processor", "decoder"})
    EXPECT_ERROR(loadWith(std::string("/") + part, {{"type", "Magic"}}),
                 std::string("t: ") + part + ": 'Magic' is not supported");
  EXPECT_ERROR(loadWith("/model/type", "Unigram"),
               "t: model: 'Unigram' is not supported, expected BPE");
  for (const char *part :
       {"normalizer", "pre_tokenizer", "post_processor", "decoder"})
    EXPECT_ERROR(loadWith(std::string("/") + part, 3),
                 std::string(part) + ": expected an object");
}

TEST(Model, RefusesWhatItDoesNotDo) {
  EXPECT_ERROR(loadWith("/model/dropout", 0.1), "dropout is not supported");
  EXPECT_ERROR(loadWith("/model/continuing_subword_prefix", "##"),
               "continuing_subword_prefix is not supported");
  EXPECT_ERROR(loadWith("/model/end_of_word_suffix", "</w>"),
               "end_of_word_suffix is not supported");
  EXPECT_ERROR(loadWith("/model/unk_token", "<u>"), "lacks unk_token '<u>'");
}

TEST(Model, RefusesABrokenVocabulary) {
  EXPECT_ERROR(loadWith("/model/vocab", 3),
               "expected \"vocab\" to be an object");
  EXPECT_ERROR(loadWith("/model/vocab/x", -1),
               "the id of 'x' is -1, expected 0..");
  EXPECT_ERROR(loadWith("/model/vocab/x", 1 << 22), "the id of 'x' is 4194304");
  EXPECT_ERROR(loadWith("/model/vocab/x", 1.5), "the id of 'x' is 1.5");
  EXPECT_ERROR(loadWith("/model/vocab/new one", 300), "have the same id 300");
}

TEST(Model, RefusesBrokenMerges) {
  EXPECT_ERROR(loadWith("/model/merges", 3),
               "expected \"merges\" to be an array");
  for (const char *merge :
       {R"("ab")", R"("a b c")", R"(["a"])", R"(["a", 3])", "3"})
    EXPECT_ERROR(loadWith("/model/merges/0", object(merge)),
                 "expected merge 0 to have two sides, found ");
  EXPECT_ERROR(loadWith("/model/merges/1", "qq b"),
               "merge 1 \"qq b\" is of or to a token");
  EXPECT_ERROR(loadWith("/model/merges/1", {"q", "z"}),
               "that the vocabulary lacks");
}

/// "abc" is a token but no merge makes it; of two pairs with a common part the
/// earlier merge wins; equals go leftmost.
TEST(Model, MergesInTheOrderOfTheList) {
  auto bpe = Bpe::fromJson(
      object(
          R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4, "abc": 5, "aa": 6},
                 "merges": ["b c", "a b", "a a"]})"),
      "m");
  ASSERT_TRUE(bpe.ok()) << bpe.message();
  auto encode = [&](const char *piece) {
    std::vector<int32_t> ids;
    bpe->encode(piece, ids);
    return ids;
  };
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(encode("abc"), Ids({0, 4}));
  EXPECT_EQ(encode("abab"), Ids({3, 3}));
  EXPECT_EQ(encode("aaa"), Ids({6, 0}));
  EXPECT_EQ(encode("aaab"), Ids({6, 3}));
  EXPECT_EQ(encode("x"), Ids({})); // no token, no bytes, no unk_token
  EXPECT_EQ(encode(""), Ids({}));
  EXPECT_EQ(bpe->size(), 7);
  EXPECT_EQ(*bpe->tokenOf(5), "abc");
  EXPECT_EQ(bpe->tokenOf(7), nullptr);
  EXPECT_EQ(bpe->tokenOf(-1), nullptr);
}

TEST(AddedTokens, RefusesBrokenOnes) {
  EXPECT_ERROR(loadWith("/added_tokens/0/id", -1), "id -1 is not in 0..");
  EXPECT_ERROR(loadWith("/added_tokens/0/id", int64_t(1) << 40),
               "is not in 0..");
  EXPECT_ERROR(loadWith("/added_tokens/0/id", "1"), "to be an integer");
  EXPECT_ERROR(loadWith("/added_tokens/0/id", 1), "occurs twice");
  EXPECT_ERROR(loadWith("/added_tokens/0/content", "<s>"), "occurs twice");
  EXPECT_ERROR(loadWith("/added_tokens/0/content", "<other>"),
               "'<other>' has id 0, the vocabulary disagrees");
  EXPECT_ERROR(loadWith("/added_tokens/0/id", 600),
               "'<unk>' has id 600, the vocabulary disagrees");
  EXPECT_ERROR(loadWith("/added_tokens/0/content", ""),
               "has 0 bytes, expected 1..1024");
  EXPECT_ERROR(loadWith("/added_tokens/0/content", std::string(1025, 'a')),
               "has 1025 bytes");
  EXPECT_ERROR(loadWith("/added_tokens/0/lstrip", nullptr), "to be a boolean");
  EXPECT_ERROR(loadWith("/added_tokens/0", 3), "expected an object");
}

TEST(Normalizer, RefusesBrokenOnes) {
  EXPECT_ERROR(
      loadWith(
          "/normalizer",
          object(
              R"({"type": "Replace", "pattern": {"Regex": "a"}, "content": ""})")),
      "\"String\" is missing");
  EXPECT_ERROR(
      loadWith(
          "/normalizer",
          object(
              R"({"type": "Replace", "pattern": {"String": ""}, "content": ""})")),
      "the pattern of Replace is empty");
  Json replace = object(
      R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"})");
  replace["content"] = std::string(65, 'a');
  EXPECT_ERROR(loadWith("/normalizer", replace),
               "has 65 bytes, the limit is 64");
  Json sequence = {{"type", "Sequence"},
                   {"normalizers",
                    Json::array_t(9, {{"type", "Prepend"}, {"prepend", "a"}})}};
  EXPECT_ERROR(loadWith("/normalizer", sequence), "more than 8 normalizers");
}

#ifndef MOEC_HAS_UTF8PROC
TEST(Normalizer, RefusesNfcWithoutUtf8proc) {
  EXPECT_ERROR(loadWith("/normalizer", {{"type", "NFC"}}),
               "NFC needs a build with utf8proc");
}
#endif

TEST(Normalizer, PrependsLittle) {
  EXPECT_ERROR(loadWith("/normalizer", {{"type", "Prepend"},
                                        {"prepend", std::string(65, 'a')}}),
               "Prepend of 65 bytes, the limit is 64");
}

TEST(Normalizer, BoundsWhatATextBecomes) {
  auto tokenizer =
      loadWith("/normalizer", object(R"({"type": "Sequence", "normalizers": [
      {"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
      {"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
      {"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]})"));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  EXPECT_ERROR(tokenizer->encode(std::string(10'000, 'a'), false),
               "bytes may grow over the limit of 268435456");
}

TEST(PreTokenizer, RefusesBrokenOnes) {
  auto split = [](const char *pattern, const char *behavior) {
    return loadWith("/pre_tokenizer", {{"type", "Split"},
                                       {"pattern", {{"Regex", pattern}}},
                                       {"behavior", behavior}});
  };
  EXPECT_TRUE(split("a", "Isolated").ok());
  EXPECT_ERROR(split("a", "Sideways"), "unknown behavior 'Sideways'");
  EXPECT_ERROR(split("(a", "Isolated"),
               "pre_tokenizer: missing closing parenthesis at byte 2");
  EXPECT_ERROR(split("", "Isolated"), "a pattern of 0 bytes");
  EXPECT_ERROR(split(std::string(70'000, 'a').c_str(), "Isolated"),
               "a pattern of 70000 bytes");
  EXPECT_ERROR(loadWith("/pre_tokenizer",
                        object(R"({"type": "Split", "behavior": "Isolated"})")),
               "\"pattern\" is missing");
  EXPECT_ERROR(
      loadWith(
          "/pre_tokenizer",
          object(
              R"({"type": "Split", "behavior": "Isolated", "pattern": {}})")),
      "\"Regex\" is missing");
  EXPECT_ERROR(
      loadWith(
          "/pre_tokenizer",
          object(
              R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "last"})")),
      "unknown prepend_scheme 'last'");
  Json nested = {{"type", "Digits"}};
  for (int i = 0; i < 6; ++i)
    nested = {{"type", "Sequence"}, {"pretokenizers", {nested, nested}}};
  EXPECT_ERROR(loadWith("/pre_tokenizer", nested), "more than 32 steps");
}

TEST(PreTokenizer, MetaspaceNeedsOneCharacter) {
  EXPECT_ERROR(
      loadWith("/pre_tokenizer",
               object(R"({"type": "Metaspace", "replacement": "__"})")),
      "expected one character for a space, found '__'");
}

TEST(PostProcessor, RefusesBrokenTemplates) {
  auto with = [](const char *single) {
    Json json = object(
        R"({"type": "TemplateProcessing", "special_tokens": {"a": {"ids": [1]}, "b": {"ids": [-1]}, "d": {"ids": [512]}}})");
    json["single"] = object(single);
    return loadWith("/post_processor", json);
  };
  EXPECT_TRUE(
      with(R"([{"SpecialToken": {"id": "a"}}, {"Sequence": {"id": "A"}}])")
          .ok());
  EXPECT_ERROR(
      with(R"([{"SpecialToken": {"id": "c"}}, {"Sequence": {"id": "A"}}])"),
      "lacks the special token 'c'");
  EXPECT_ERROR(
      with(R"([{"SpecialToken": {"id": "b"}}, {"Sequence": {"id": "A"}}])"),
      "special token 'b' has the id -1");
  EXPECT_ERROR(
      with(R"([{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "d"}}])"),
      "post_processor: adds the id 512, which no token has");
  EXPECT_ERROR(with(R"([{"SpecialToken": {"id": "a"}}])"),
               "the template lacks the text");
  EXPECT_ERROR(
      with(R"([{"Sequence": {"id": "A"}}, {"Sequence": {"id": "A"}}])"),
      "unexpected item of a template");
  EXPECT_ERROR(with("[3]"), "unexpected item of a template: 3");
  Json one = object(
      R"({"type": "TemplateProcessing", "special_tokens": {"a": {"ids": [1]}},
                        "single": [{"SpecialToken": {"id": "a"}}, {"Sequence": {"id": "A"}}]})");
  EXPECT_ERROR(loadWith("/post_processor",
                        {{"type", "Sequence"}, {"processors", {one, one}}}),
               "more than one template is not supported");
}

TEST(Decoder, NeverLengthens) {
  EXPECT_ERROR(
      loadWith(
          "/decoder",
          object(
              R"({"type": "Replace", "pattern": {"String": "a"}, "content": "bc"})")),
      "a Replace that lengthens is not supported");
}

TEST(Decoder, RefusesBrokenOnes) {
  auto with = [](const char *decoder) {
    return loadWith("/decoder", object(decoder));
  };
  EXPECT_ERROR(
      with(R"({"type": "Strip", "content": " ", "start": 0, "stop": 1})"),
      "Strip from the end is not supported");
  EXPECT_ERROR(
      with(R"({"type": "Strip", "content": "ab", "start": 1, "stop": 0})"),
      "expected one character to strip, found 'ab'");
  EXPECT_ERROR(
      with(R"({"type": "Strip", "content": "", "start": 1, "stop": 0})"),
      "expected one character to strip");
  EXPECT_ERROR(with(R"({"type": "Metaspace", "replacement": ""})"),
               "expected one character for a space, found ''");
  EXPECT_ERROR(
      with(
          R"({"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "ByteFallback"}]})"),
      "'ByteFallback' is not supported behind 'Fuse' or 'ByteLevel'");
  Json sequence = {{"type", "Sequence"},
                   {"decoders", Json::array_t(9, {{"type", "ByteFallback"}})}};
  EXPECT_ERROR(loadWith("/decoder", sequence), "more than 8 decoders");
}

//===- Regex --------------------------------------------------------------===//

std::vector<std::string> matches(const char *pattern, std::string_view text) {
  auto regex = Regex::compile(pattern, "r");
  EXPECT_TRUE(regex.ok()) << regex.message();
  std::vector<Span> spans;
  Status status = regex->findAll(text, spans);
  EXPECT_TRUE(status.ok()) << status.message();
  std::vector<std::string> found;
  for (Span span : spans)
    found.emplace_back(text.substr(span.begin, span.end - span.begin));
  return found;
}

using Strings = std::vector<std::string>;

TEST(Regex, ReadsOnigurumasDialect) {
  EXPECT_EQ(matches(R"(\p{Lu})", "aÄB"), Strings({"Ä", "B"}));
  EXPECT_EQ(matches(R"((?i:'S))", "'s'S'ſ"), Strings({"'s", "'S", "'ſ"}));
  // White_Space has U+0085 and U+3000 but not U+180E.
  EXPECT_EQ(matches(R"(\s+)", "a\u0085b\u180ec\u3000\t"),
            Strings({"\u0085", "\u3000\t"}));
  EXPECT_EQ(matches(R"([\sx]+)", "x\u180e x"), Strings({"x", " x"}));
  EXPECT_EQ(matches(R"(\S+)", " a\u180e b"), Strings({"a\u180e", "b"}));
  EXPECT_EQ(matches(R"([^\s]+)", "a\u180e\u0085"), Strings({"a\u180e"}));
  // ^ and $ are of lines, which only \n ends; the dot takes all else.
  EXPECT_EQ(matches("^.", "ab\ncd\re"), Strings({"a", "c"}));
  EXPECT_EQ(matches(".$", "ab\ncd"), Strings({"b", "d"}));
  EXPECT_EQ(matches(R"([\]\-a]+)", "]-a["), Strings({"]-a"}));
}

TEST(Regex, RefusesWhatOnigurumaReadsOtherwise) {
  auto refused = [](const char *pattern) {
    return Regex::compile(pattern, "r");
  };
  EXPECT_ERROR(refused(R"([a&&[^b]])"),
               "r: a set operation in a class is not supported");
  EXPECT_ERROR(refused(R"([a[bc]])"), "a set operation in a class");
  for (char escape : std::string("hHwWvRXbBAZzGKkgxuoQEcC1"))
    EXPECT_ERROR(refused((std::string("a\\") + escape).c_str()),
                 std::string("the escape \\") + escape + " is not supported");
  EXPECT_ERROR(refused(R"([\S])"), "\\S in a class");
  EXPECT_ERROR(refused("a\\"), "a trailing backslash");
}

TEST(Regex, GivesUpOnEndlessBacktracking) {
  auto regex = Regex::compile("(a+)+$", "r");
  ASSERT_TRUE(regex.ok());
  std::vector<Span> spans;
  EXPECT_ERROR(regex->findAll(std::string(64, 'a') + "b", spans),
               "cannot split the text at byte 0: match limit exceeded");
}

} // namespace
