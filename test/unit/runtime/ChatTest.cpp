//===- ChatTest.cpp - Conversations ---------------------------------------===//
//
// The hand-written model with the tokenizer of stories260K, whose 512 ids it
// shares. It samples at a high temperature, so that every logit matters: what a
// cache kept wrongly would show.
//
//===------------------------------------------------------------------------===//

#include "BigramModel.h"
#include "TestFiles.h"
#include "runtime/Conversation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <sys/wait.h>

using namespace moec;
using namespace moec::test;

namespace {

using Ids = std::vector<int32_t>;

const std::string modelFolder =
    std::string(MOEC_TEST_DATA) + "/models/stories260K-hf/";

const std::string plainTemplate =
    "{{ bos_token }}{% for m in messages %}{{ m.role[0] }}:{{ m.content }}{% "
    "if m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}{% if "
    "add_generation_prompt %}a:{% endif %}";

class ChatTest : public testing::Test {
protected:
  /// The program, with `chatTemplate` in tokenizer_config.json unless it is
  /// null.
  void install(const nlohmann::json &chatTemplate, Sections more = {}) {
    app = folder / "app";
    std::filesystem::copy_file(
        MOEC_BIGRAM_APP, app,
        std::filesystem::copy_options::overwrite_existing);
    auto config =
        nlohmann::json::parse(readText(modelFolder + "tokenizer_config.json"));
    if (!chatTemplate.is_null())
      config["chat_template"] = chatTemplate;
    more["weights"] = bigramWeightsSection();
    more["tokenizer.json"] = readText(modelFolder + "tokenizer.json");
    more["tokenizer_config.json"] = config.dump();
    appendBundle(app, bigramId, more);
  }

  void open() {
    moert_options options = {};
    options.threads = 2;
    options.executable_path = app.c_str();
    auto opened = Session::open(moec_model, options);
    ASSERT_TRUE(opened.ok()) << opened.message();
    session = std::move(*opened);
    auto loaded = loadTokenizer(session->files());
    ASSERT_TRUE(loaded.ok()) << loaded.message();
    tokenizer.emplace(std::move(*loaded));
    auto format = loadChatFormat(session->files());
    ASSERT_TRUE(format.ok()) << format.message();
    chatFormat.emplace(std::move(*format));
    options_.maxNewTokens = 4;
    options_.sampling.temperature = 8;
    options_.sampling.seed = 3;
    options_.stopIds = {tokenizer->eosId()};
  }

  Ids encode(const std::string &text) {
    auto ids = tokenizer->encode(text, false);
    EXPECT_TRUE(ids.ok()) << ids.message();
    return *ids;
  }

  /// What a model that reads all of `prompt` says, without the stop id.
  Ids freshAnswer(const Ids &prompt) {
    moert_options options = {};
    options.executable_path = app.c_str();
    auto fresh = Session::open(moec_model, options);
    EXPECT_TRUE(fresh.ok());
    Ids ids;
    EXPECT_TRUE(generate(**fresh, prompt, options_, [&](int32_t id) {
                  ids.push_back(id);
                  return true;
                }).ok());
    return ids;
  }

  struct Outcome {
    std::string out, err;
    int status;
  };
  Outcome run(const std::string &arguments, const std::string &input) {
    const std::string in = folder / "in", out = folder / "out",
                      err = folder / "err";
    writeText(in, input);
    int status = std::system(
        (app + " --chat " + arguments + " <" + in + " >" + out + " 2>" + err)
            .c_str());
    return {readText(out), readText(err), WEXITSTATUS(status)};
  }

  TemporaryFolder folder;
  std::string app;
  std::unique_ptr<Session> session;
  std::optional<Tokenizer> tokenizer;
  std::optional<ChatFormat> chatFormat;
  GenerateOptions options_;
};

/// Three turns: each prompt is written out by hand here, and read by a session
/// that knows nothing of the turns before.
TEST_F(ChatTest, TurnsGiveTheTokensOfTheWholeConversation) {
  install(plainTemplate);
  open();
  Conversation conversation(*session, *tokenizer, *chatFormat, options_, "Be.");
  std::string written = "<s>s:Be.";
  Ids heldByHand;
  for (const char *message : {"Lily", "a cat", "The"}) {
    SCOPED_TRACE(message);
    written += std::string("u:") + message + "a:";
    const Ids prompt = encode(written);
    ASSERT_EQ(prompt[0], 1); // BOS, once
    EXPECT_EQ(std::count(prompt.begin(), prompt.end(), 1), 1);
    const Ids answer = freshAnswer(prompt);
    Ids textIds = answer;
    if (textIds.back() == 2)
      textIds.pop_back();
    const std::string text = tokenizer->decode(textIds, true);

    std::string streamed;
    auto stats = conversation.answer(message, [&](const std::string &part) {
      streamed += part;
      return true;
    });
    ASSERT_TRUE(stats.ok()) << stats.message();
    EXPECT_EQ(stats->newTokens, int64_t(answer.size()));
    // The stream knows what stands before the answer, where a space counts.
    EXPECT_EQ(streamed.substr(streamed.find_first_not_of(' ')),
              text.substr(text.find_first_not_of(' ')));
    auto differs = std::mismatch(heldByHand.begin(), heldByHand.end(),
                                 prompt.begin(), prompt.end());
    EXPECT_EQ(stats->promptTokens, prompt.end() - differs.second);
    if (!heldByHand.empty()) {
      EXPECT_LT(stats->promptTokens, int64_t(prompt.size()));
    }
    heldByHand = prompt;
    heldByHand.insert(heldByHand.end(), answer.begin(), answer.end() - 1);
    written += text + "</s>";
  }
}

/// A template that leaves out what was said makes the model read it again.
TEST_F(ChatTest, ATemplateMayChangeTheHistory) {
  install("{{ bos_token }}{{ messages | length }}{% for m in messages %}"
          "{{ m.content[:3] }}{% endfor %}");
  open();
  Conversation conversation(*session, *tokenizer, *chatFormat, options_,
                            std::nullopt);
  auto ignore = [](const std::string &) { return true; };
  ASSERT_TRUE(conversation.answer("Lily", ignore).ok());
  const std::string first =
      tokenizer->decode(freshAnswer(encode("<s>1Lil")), true);
  std::string answer;
  for (char c : first.substr(0, 3)) // ASCII here
    answer += c;
  auto stats = conversation.answer("cat", ignore);
  ASSERT_TRUE(stats.ok()) << stats.message();
  const Ids prompt = encode("<s>3Lil" + answer + "cat");
  // All but BOS and the space before the number.
  EXPECT_GE(stats->promptTokens, int64_t(prompt.size()) - 2);
}

TEST_F(ChatTest, AFullContextIsAnError) {
  install(plainTemplate);
  open();
  Conversation conversation(*session, *tokenizer, *chatFormat, options_,
                            std::nullopt);
  auto ignore = [](const std::string &) { return true; };
  const std::string sevens(300, '7'); // a token each
  const size_t count = 300 + encode("<s>u:a:").size();
  EXPECT_EQ(conversation.answer(sevens, ignore).message(),
            "the conversation has " + std::to_string(count) +
                " tokens, the model's context holds 64: start a new one");
}

TEST_F(ChatTest, AsAProgramInAPipe) {
  install(plainTemplate);
  open();
  options_.sampling.temperature = 0;
  auto decode = [&](const std::string &prompt) {
    Ids ids = freshAnswer(encode(prompt));
    std::string text;
    StreamDecoder decoder(*tokenizer, true);
    for (int32_t id : encode(prompt))
      decoder.push(id);
    for (int32_t id : ids)
      text += decoder.push(id);
    return text + decoder.finish() + "\n";
  };
  Outcome outcome = run("-n 4", "one\\\ntwo\n\n/exit\nthree\n");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, decode("<s>u:one\ntwoa:"));
  EXPECT_EQ(outcome.err.rfind("1 turns: ", 0), 0u) << outcome.err;
  outcome = run("-n 4 --system Be", "one");
  EXPECT_EQ(outcome.out, decode("<s>s:Beu:onea:"));
  EXPECT_EQ(run("", "").out, "");
  EXPECT_EQ(run("", "").status, 0);
  // Special tokens that a user types are recognised, as transformers does.
  EXPECT_EQ(run("-n 4", "</s>\n").out, decode("<s>u:</s>a:"));
}

TEST_F(ChatTest, ErrorsOfTheProgram) {
  install(nullptr);
  Outcome outcome = run("", "hi\n");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err,
            "error: the model has no chat template (neither "
            "chat_template.jinja nor chat_template in tokenizer_config.json), "
            "so it is not known how it wants conversations written; use "
            "--prompt with the whole text\n");
  install("{% if");
  EXPECT_EQ(run("", "hi\n").err,
            "error: chat_template of tokenizer_config.json:1:1: the tag has no "
            "end, expected '%}'\n");
  install("{{ raise_exception('no ' ~ messages[0].content) }}");
  EXPECT_EQ(run("", "hi\n").err,
            "error: chat_template of tokenizer_config.json:1:19: the template "
            "refuses these messages: no hi\n");
  install(7);
  EXPECT_EQ(run("", "hi\n").err,
            "error: tokenizer_config.json: chat_template: expected a string or "
            "a list of templates, found number\n");
  install("");
  EXPECT_NE(run("", "hi\n").err.find("no chat template"), std::string::npos);
  install(plainTemplate);
  EXPECT_EQ(run("", "a\xff\n").err,
            "error: chat_template of tokenizer_config.json: a text is not "
            "UTF-8\n");
  outcome = run("-n 100 --ignore-eos", "hi\n");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err, "error: the conversation fills the context of 64 "
                         "positions: start a new one\n");
  EXPECT_NE(outcome.out, "");
}

/// A list has one for plain conversations; a file of its own comes first.
TEST_F(ChatTest, WhereTheTemplateComesFrom) {
  auto message = [&] { return run("", "hi\n").err; };
  install({{{"name", "tool_use"}, {"template", "x"}},
           {{"name", "default"},
            {"template", "{{ raise_exception('default') }}"}}});
  EXPECT_NE(message().find("messages: default"), std::string::npos);
  install({{{"name", "tool_use"}, {"template", "x"}}});
  EXPECT_EQ(message(), "error: tokenizer_config.json: chat_template: expected "
                       "one of the templates to have the name 'default'\n");
  install("{{ raise_exception('config') }}",
          {{"chat_template.jinja", "{{ raise_exception('file') }}"}});
  EXPECT_EQ(message(), "error: chat_template.jinja:1:19: the template refuses "
                       "these messages: file\n");
}

} // namespace
