//===- ChatTemplate.h - From a conversation to a prompt -------------------===//
//
// Runs the chat templates of Hugging Face models: the part of Jinja that they
// use, in the environment that transformers gives them (trim_blocks,
// lstrip_blocks, tojson without escaping of HTML or of what is not ASCII,
// raise_exception, strftime_now, loop controls, generation blocks).
//
// A template is a program by a stranger: depth, steps, memory and output are
// bounded (support/template/Budget.h), and a construct that is not supported is
// an error with its line and column, where it is reached.
//
// It differs from Jinja where no chat template is known to look: what `map` and
// its like give is a list, integers have 64 bits, upper case is found character
// by character.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_CHATTEMPLATE_H
#define MOEC_SUPPORT_CHATTEMPLATE_H

#include "support/Status.h"

#include <nlohmann/json_fwd.hpp>

#include <ctime>
#include <memory>
#include <string>
#include <string_view>

namespace moec {

class ChatTemplate {
public:
  /// `name` stands for the source in messages, which read
  /// `name:line:column: …`.
  static Result<ChatTemplate> parse(std::string_view source,
                                    const std::string &name);
  ChatTemplate(ChatTemplate &&);
  ChatTemplate &operator=(ChatTemplate &&);
  ~ChatTemplate();

  /// `variables` is an object: "messages", "bos_token" and so on, null for
  /// none; what it lacks is undefined. `now` is the local time for
  /// strftime_now.
  Result<std::string> render(const nlohmann::ordered_json &variables,
                             const std::tm &now) const;

private:
  struct Impl;
  explicit ChatTemplate(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace moec

#endif // MOEC_SUPPORT_CHATTEMPLATE_H
