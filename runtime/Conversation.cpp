//===- Conversation.cpp - Turns of a user and a model ---------------------===//

#include "runtime/Conversation.h"

#include <algorithm>
#include <ctime>

using namespace moec;

static nlohmann::ordered_json makeMessage(const char *role,
                                          const std::string &content) {
  return {{"role", role}, {"content", content}};
}

Conversation::Conversation(Session &session, const Tokenizer &tokenizer,
                           const ChatFormat &format,
                           const GenerateOptions &options,
                           const std::optional<std::string> &system)
    : session(session), tokenizer(tokenizer), format(format), options(options),
      messages(nlohmann::ordered_json::array()) {
  if (system)
    messages.push_back(makeMessage("system", *system));
}

Result<std::vector<int32_t>> Conversation::encodeMessages() const {
  nlohmann::ordered_json variables = format.variables;
  variables["messages"] = messages;
  variables["add_generation_prompt"] = true;
  std::time_t seconds = std::time(nullptr);
  std::tm now = {};
  localtime_r(&seconds, &now);
  MOEC_ASSIGN_OR_RETURN(std::string text,
                        format.chatTemplate.render(variables, now));
  return tokenizer.encode(text, /*special=*/false);
}

int64_t Conversation::countHeld(const std::vector<int32_t> &tokens) const {
  auto differs =
      std::mismatch(held.begin(), held.end(), tokens.begin(), tokens.end());
  // The last token is read in any case: its logits are wanted.
  return std::min<int64_t>(differs.first - held.begin(),
                           static_cast<int64_t>(tokens.size()) - 1);
}

Result<GenerateStats>
Conversation::answer(const std::string &message,
                     const std::function<bool(const std::string &)> &onText) {
  messages.push_back(makeMessage("user", message));
  MOEC_ASSIGN_OR_RETURN(std::vector<int32_t> tokens, encodeMessages());
  const moert_model &model = session.model();
  if (tokens.empty())
    return Status::error("the chat template makes no tokens of the messages");
  if (static_cast<int64_t>(tokens.size()) > model.max_context)
    return Status::error(
        "the conversation has " + std::to_string(tokens.size()) +
        " tokens, the model's context holds " +
        std::to_string(model.max_context) + ": start a new one");
  options.held = countHeld(tokens);

  // The decoder reads the prompt too: whether a token begins with a space can
  // depend on what stands before it.
  StreamDecoder decoder(tokenizer, /*skipSpecial=*/true);
  for (int32_t id : tokens)
    decoder.push(id);
  std::vector<int32_t> ids;
  // What a step that fails leaves in the slot is not known.
  held.clear();
  MOEC_ASSIGN_OR_RETURN(GenerateStats stats,
                        generate(session, tokens, options, [&](int32_t id) {
                          ids.push_back(id);
                          return onText(decoder.push(id));
                        }));
  onText(decoder.finish());
  if (!ids.empty()) {
    held = std::move(tokens);
    held.insert(held.end(), ids.begin(), ids.end() - 1);
  }
  if (stats.reason == StopReason::StopId)
    ids.pop_back();
  messages.push_back(
      makeMessage("assistant", tokenizer.decode(ids, /*skipSpecial=*/true)));
  return stats;
}
