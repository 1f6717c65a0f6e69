//===- Conversation.h - Turns of a user and a model -----------------------===//
//
// The template writes the whole conversation anew for every answer; the model
// reads only what differs from the tokens that its cache holds. Usually that is
// the last message. A template that drops part of earlier answers (what a model
// thought) makes it read again from there on.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_CONVERSATION_H
#define MOEC_RUNTIME_CONVERSATION_H

#include "runtime/Assets.h"
#include "runtime/Generate.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moec {

class Conversation {
public:
  /// All of them live longer than this. It uses slot 0 of the session.
  Conversation(Session &session, const Tokenizer &tokenizer,
               const ChatFormat &format, const GenerateOptions &options,
               const std::optional<std::string> &system);

  /// Sends a message and generates the answer; `onText` receives the parts of
  /// it and can end it with false. As transformers does, the rendered text is
  /// encoded as a whole and nothing is added to it: special tokens in it are
  /// recognised wherever they come from, and BOS is the template's business.
  /// An error if the conversation leaves no room for an answer in the context.
  Result<GenerateStats>
  answer(const std::string &message,
         const std::function<bool(const std::string &)> &onText);

private:
  Result<std::vector<int32_t>> encodeMessages() const;
  /// Of how many of `tokens` the session need not read again.
  int64_t countHeld(const std::vector<int32_t> &tokens) const;

  Session &session;
  const Tokenizer &tokenizer;
  const ChatFormat &format;
  GenerateOptions options;
  nlohmann::ordered_json messages;
  /// Tokens in the session's slot.
  std::vector<int32_t> held;
};

} // namespace moec

#endif // MOEC_RUNTIME_CONVERSATION_H
