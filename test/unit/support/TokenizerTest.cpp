//===- TokenizerTest.cpp - Tokenizers as they are published ---------------===//
#include "support/Tokenizer.h"

#include "support/Json.h"
#include "support/SafeTensors.h"
#include "support/Utf8.h"
#include "test/unit/support/TestFiles.h"

#include <cstring>
#include <map>
#include <sstream>

using namespace moec;
using namespace moec::test;

namespace {

const std::string models = MOEC_TEST_DATA "/models/";

Tokenizer load(const std::string &model, bool withConfig) {
  std::string folder = models + model;
  auto tokenizer = Tokenizer::fromJson(
      readFile(folder + "/tokenizer.json"),
      withConfig ? readFile(folder + "/tokenizer_config.json") : "", model);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.message();
  return std::move(*tokenizer);
}

std::vector<int32_t> encode(const Tokenizer &tokenizer, std::string_view text,
                            bool special) {
  auto ids = tokenizer.encode(text, special);
  EXPECT_TRUE(ids.ok()) << ids.message();
  return ids.ok() ? *ids : std::vector<int32_t>();
}

std::string stream(const Tokenizer &tokenizer, const std::vector<int32_t> &ids,
                   bool skipSpecial) {
  StreamDecoder decoder(tokenizer, skipSpecial);
  std::string text;
  auto add = [&](const std::string &part) {
    EXPECT_FALSE(findInvalidUtf8(part)) << part;
    text += part;
  };
  for (int32_t id : ids)
    add(decoder.push(id));
  add(decoder.finish());
  return text;
}

/// Each line of a file in test/data/tokenizers.
std::vector<Json> vectors(const std::string &file) {
  std::istringstream lines(readFile(MOEC_TEST_DATA "/tokenizers/" + file));
  std::vector<Json> rows;
  for (std::string line; std::getline(lines, line);)
    rows.push_back(*parseJson(line, file));
  EXPECT_FALSE(rows.empty());
  return rows;
}

void check(const Tokenizer &tokenizer, const Json &row) {
  SCOPED_TRACE(row.dump(-1, ' ', /*ensure_ascii=*/true));
  auto text = row["text"].get<std::string>();
  auto ids = row["ids"].get<std::vector<int32_t>>();
  auto idsSpecial = row["ids_special"].get<std::vector<int32_t>>();
  EXPECT_EQ(encode(tokenizer, text, false), ids);
  EXPECT_EQ(encode(tokenizer, text, true), idsSpecial);
  EXPECT_EQ(tokenizer.decode(ids, false), row["decoded"]);
  EXPECT_EQ(tokenizer.decode(idsSpecial, true), row["decoded_skip_special"]);
  EXPECT_EQ(stream(tokenizer, ids, false), row["decoded"]);
}

TEST(Tokenizer, AgreesWithTheReference) {
  std::map<std::string, Tokenizer> tokenizers;
  for (const Json &row : vectors("vectors.jsonl")) {
    auto model = row["tokenizer"].get<std::string>();
    auto entry = tokenizers.find(model);
    if (entry == tokenizers.end())
      entry =
          tokenizers.emplace(model, load(model, /*withConfig=*/false)).first;
    check(entry->second, row);
  }
}

/// Published tokenizers with the tokens that these texts need: each has its own
/// pre-tokenizer, normalizer and treatment of merges.
TEST(Tokenizer, PublishedTokenizersAgreeWithTheReference) {
  const std::string folder = MOEC_TEST_DATA "/tokenizers/reduced/";
  std::map<std::string, Tokenizer> tokenizers;
  for (const Json &row : vectors("reduced/vectors.jsonl")) {
    auto name = row["tokenizer"].get<std::string>();
#ifndef MOEC_HAS_UTF8PROC
    if (name == "qwen3")
      continue;
#endif
    auto entry = tokenizers.find(name);
    if (entry == tokenizers.end()) {
      auto tokenizer =
          Tokenizer::fromJson(readFile(folder + name + ".json"), "", name);
      ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
      entry = tokenizers.emplace(name, std::move(*tokenizer)).first;
    }
    check(entry->second, row);
  }
}

/// The reference on one changed component a row.
TEST(Tokenizer, ComponentsAgreeWithTheReference) {
  for (const Json &row : vectors("components.jsonl")) {
    SCOPED_TRACE(row["name"].get<std::string>());
#ifndef MOEC_HAS_UTF8PROC
    if (row["name"] == "NFC")
      continue;
#endif
    Json json = *readJsonFile(models + row["tokenizer"].get<std::string>() +
                              "/tokenizer.json");
    auto tokenizer =
        Tokenizer::fromJson(json.patch(row["patch"]).dump(), "", "x");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
    check(*tokenizer, row);
  }
}

TEST(Tokenizer, EvalTextOfTinyDeepSeek) {
  Tokenizer tokenizer = load("tiny-deepseek-v3", true);
  std::string text = readFile(models + "tiny-deepseek-v3/eval.txt");
  Json eval = *readJsonFile(models + "tiny-deepseek-v3/eval.json");
  std::vector<int32_t> ids = encode(tokenizer, text, false);
  EXPECT_EQ(ids.size(), eval["n_tokens"].get<size_t>());
  auto first = eval["first_tokens"].get<std::vector<int32_t>>();
  ids.resize(first.size());
  EXPECT_EQ(ids, first);
}

/// The prompts of the goldens, which begin with a BOS that only
/// tokenizer_config.json asks for.
TEST(Tokenizer, PromptsOfTinyDeepSeek) {
  Tokenizer tokenizer = load("tiny-deepseek-v3", true);
  EXPECT_EQ(tokenizer.bosId(), 0);
  EXPECT_EQ(tokenizer.eosId(), 1);
  EXPECT_EQ(tokenizer.vocabSize(), 763);
  auto golden =
      SafeTensorsFile::open(models + "tiny-deepseek-v3/golden.safetensors");
  ASSERT_TRUE(golden.ok()) << golden.message();
  std::string texts = readFile(models + "tiny-deepseek-v3/generated.txt");
  struct {
    const char *name;
    const char *prompt;
  } rows[] = {{"generated_ids", "ROMEO:\n"},
              {"generated_ids_1", "First Citizen:\nBefore we proceed"},
              {"generated_ids_chat",
               "<｜User｜>ROMEO:\nIs the day so young?<｜Assistant｜>"}};
  for (const auto &row : rows) {
    SCOPED_TRACE(row.name);
    auto wide = *readInts(*golden->find(row.name));
    std::vector<int32_t> ids(wide.begin(), wide.end());
    EXPECT_NE(texts.find(tokenizer.decode(ids, false)), std::string::npos);
    auto length =
        *readInts(*golden->find(std::string(row.name) + ".prompt_len"));
    ids.resize(length[0]);
    EXPECT_EQ(encode(tokenizer, row.prompt, true), ids);
  }
}

TEST(Tokenizer, GeneratedTextOfStories) {
  Tokenizer tokenizer = load("stories260K-hf", true);
  EXPECT_EQ(tokenizer.bosId(), 1);
  EXPECT_EQ(tokenizer.eosId(), 2);
  EXPECT_EQ(tokenizer.vocabSize(), 512);
  auto golden =
      SafeTensorsFile::open(models + "stories260K-hf/golden.safetensors");
  ASSERT_TRUE(golden.ok()) << golden.message();
  auto wide = *readInts(*golden->find("generated_ids"));
  std::vector<int32_t> ids(wide.begin(), wide.end());
  std::string text = readFile(models + "stories260K-hf/expected_greedy.txt");
  while (text.back() == '\n')
    text.pop_back();
  EXPECT_EQ(tokenizer.decode(ids, true), text);
  EXPECT_EQ(stream(tokenizer, ids, true), text);
  EXPECT_EQ(encode(tokenizer, text, true), ids);
}

TEST(Tokenizer, ConfigDecidesAboutBosAndEos) {
  std::string json = readFile(models + "stories260K-hf/tokenizer.json");
  auto idsWith = [&](const std::string &config) {
    auto tokenizer = Tokenizer::fromJson(json, config, "t");
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.message();
    return encode(*tokenizer, "", true);
  };
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(idsWith(""), Ids({1}));
  EXPECT_EQ(idsWith(R"({"bos_token": "<s>"})"), Ids({1}));
  EXPECT_EQ(idsWith(R"({"bos_token": null})"), Ids({1}));
  EXPECT_EQ(idsWith(R"({"add_bos_token": false, "bos_token": "<s>"})"),
            Ids({}));
  EXPECT_EQ(idsWith(R"({"add_bos_token": true, "add_eos_token": true,
                        "bos_token": {"content": "<s>"}, "eos_token": "</s>"})"),
            Ids({1, 2}));
}

TEST(Tokenizer, RefusesABrokenConfig) {
  std::string json = readFile(models + "stories260K-hf/tokenizer.json");
  auto with = [&](const std::string &config) {
    return Tokenizer::fromJson(json, config, "t");
  };
  EXPECT_ERROR(with("{"), "t: configuration:1:");
  EXPECT_ERROR(with(R"({"bos_token": "<b>"})"),
               "the vocabulary lacks bos_token '<b>'");
  EXPECT_ERROR(with(R"({"eos_token": 3})"),
               "expected \"eos_token\" to be a string");
  EXPECT_ERROR(with(R"({"add_bos_token": 1, "bos_token": "<s>"})"),
               "to be a boolean");
  EXPECT_ERROR(with(R"({"add_bos_token": true})"), "without bos_token");
  EXPECT_ERROR(with(R"({"add_eos_token": true, "bos_token": "<s>"})"),
               "without");
}

TEST(Tokenizer, RefusesInvalidUtf8) {
  Tokenizer tokenizer = load("stories260K-hf", false);
  EXPECT_ERROR(tokenizer.encode("ab\xff", false),
               "the text is not UTF-8 at byte 2");
  EXPECT_ERROR(tokenizer.encode("ab\xe4\xb8", false), "not UTF-8 at byte 2");
}

TEST(Tokenizer, FindsTokens) {
  Tokenizer tokenizer = load("tiny-deepseek-v3", true);
  EXPECT_EQ(tokenizer.idOf("<｜begin▁of▁sentence｜>"), 0);
  EXPECT_EQ(tokenizer.idOf("Ġt"), encode(tokenizer, " t", false)[0]);
  EXPECT_EQ(tokenizer.idOf("no such token"), -1);
  EXPECT_EQ(tokenizer.idOf(""), -1);
}

TEST(Tokenizer, IdsWithoutTextAreLeftOut) {
  Tokenizer tokenizer = load("tiny-deepseek-v3", true);
  int32_t t = tokenizer.idOf("Ġt");
  EXPECT_EQ(tokenizer.decode({-1, t, 763, 767, 1 << 30, t}, false), " t t");
}

/// A character in four byte-level tokens comes out whole, and a cut one as
/// U+FFFD at the end.
TEST(StreamDecoder, HoldsBackPartsOfACharacter) {
  Tokenizer tokenizer = load("tiny-deepseek-v3", true);
  std::vector<int32_t> ids = encode(tokenizer, "😀", false);
  ASSERT_EQ(ids.size(), 4u);
  StreamDecoder decoder(tokenizer, false);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(decoder.push(ids[i]), "");
  EXPECT_EQ(decoder.push(ids[3]), "😀");
  EXPECT_EQ(decoder.push(ids[0]), "");
  EXPECT_EQ(decoder.finish(), "\xef\xbf\xbd");
}

/// A run of byte tokens is text or not as a whole, so it is held back until it
/// ends.
TEST(StreamDecoder, HoldsBackByteTokens) {
  Tokenizer tokenizer = load("stories260K-hf", true);
  int32_t first = tokenizer.idOf("<0xC3>"), second = tokenizer.idOf("<0xA9>");
  StreamDecoder decoder(tokenizer, true);
  EXPECT_EQ(decoder.push(tokenizer.bosId()), "");
  EXPECT_EQ(decoder.push(tokenizer.idOf("▁a")),
            "a"); // the space at the start goes
  EXPECT_EQ(decoder.push(first), "");
  EXPECT_EQ(decoder.push(second), "");
  EXPECT_EQ(decoder.push(tokenizer.idOf("▁a")), "é a");
  EXPECT_EQ(decoder.push(first), "");
  EXPECT_EQ(decoder.push(tokenizer.idOf("b")), "\xef\xbf\xbd"
                                               "b");
  EXPECT_EQ(decoder.finish(), "");
}

/// Quadratic work on any of these would take minutes (hours on the first three),
/// a recursive matcher would overflow the stack.
TEST(Tokenizer, LongTexts) {
  for (const char *model : {"tiny-deepseek-v3", "stories260K-hf"}) {
    Tokenizer tokenizer = load(model, true);
    for (const char *unit :
         {"a", " ", "7", "A", "中", "\n", "!", " \n", "\xcc\x81", "<"}) {
      SCOPED_TRACE(std::string(model) + " " + unit);
      std::string text;
      const size_t size =
          std::strchr("a 7", *unit) && !unit[1] ? 1'000'000 : 100'000;
      while (text.size() < size)
        text += unit;
      EXPECT_EQ(tokenizer.decode(encode(tokenizer, text, true), true), text);
    }
  }
}

} // namespace
