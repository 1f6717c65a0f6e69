//===- ChatTemplate.cpp - From a conversation to a prompt -----------------===//
#include "support/ChatTemplate.h"

#include "support/Utf8.h"
#include "support/template/Interpreter.h"
#include "support/template/Lexer.h"
#include "support/template/Parser.h"
#include "support/template/Text.h"

#include <algorithm>

using namespace moec;
using namespace moec::jinja;

struct ChatTemplate::Impl {
  std::string name;
  std::string source;
  Body body;

  Status report(const Error &error) const {
    std::string place = name;
    if (error.offset) {
      std::string_view before =
          std::string_view(source).substr(0, *error.offset);
      size_t line = size_t(std::count(before.begin(), before.end(), '\n'));
      size_t lineStart = before.rfind('\n') + 1; // npos + 1 is 0
      place += ":" + std::to_string(line + 1) + ":" +
               std::to_string(countCharacters(before.substr(lineStart)) + 1);
    }
    return Status::error(place + ": " + error.message);
  }
};

ChatTemplate::ChatTemplate(std::unique_ptr<Impl> impl)
    : impl(std::move(impl)) {}
ChatTemplate::ChatTemplate(ChatTemplate &&) = default;
ChatTemplate &ChatTemplate::operator=(ChatTemplate &&) = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::parse(std::string_view source,
                                         const std::string &name) {
  if (source.size() > maxSourceBytes)
    return Status::error(
        name + ": a template of " + std::to_string(source.size()) +
        " bytes, the limit is " + std::to_string(maxSourceBytes));
  if (auto invalid = findInvalidUtf8(source))
    return Status::error(name + ": the template is not UTF-8 at byte " +
                         std::to_string(*invalid));
  auto impl = std::make_unique<Impl>(Impl{name, normalizeLines(source), {}});
  try {
    impl->body = parseTemplate(impl->source);
  } catch (const Error &error) {
    return impl->report(error);
  }
  return ChatTemplate(std::move(impl));
}

Result<std::string>
ChatTemplate::render(const nlohmann::ordered_json &variables,
                     const std::tm &now) const {
  try {
    std::vector<std::pair<std::string, Value>> values;
    for (const auto &[key, value] : variables.items())
      values.emplace_back(key, Value::fromJson(value));
    return interpret(impl->body, std::move(values), now);
  } catch (const Error &error) {
    return impl->report(error);
  }
}
