//===- chat_template_fuzz.cpp - Templates from strangers ------------------===//
//
// The input is a template; what follows the first zero byte, if it is a JSON
// object, are its variables.
//
//===----------------------------------------------------------------------===//

#include "support/ChatTemplate.h"
#include "support/Utf8.h"

#include <nlohmann/json.hpp>

#include <cstdlib>

using namespace moec;
using Json = nlohmann::ordered_json;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view input(reinterpret_cast<const char *>(data), size);
  const size_t end = std::min(input.find('\0'), size);
  Json variables = Json::parse(input.substr(std::min(end + 1, size)), nullptr,
                               /*allow_exceptions=*/false);
  if (!variables.is_object())
    variables = {
        {"messages",
         {{{"role", "system"}, {"content", "Be brief."}},
          {{"role", "user"}, {"content", "<b>é</b>\n"}},
          {{"role", "assistant"},
           {"content", nullptr},
           {"tool_calls",
            {{{"function", {{"name", "f"}, {"arguments", {1, 2.5}}}}}}}}}},
        {"add_generation_prompt", true},
        {"bos_token", "<s>"},
        {"tools", nullptr}};
  auto chatTemplate = ChatTemplate::parse(input.substr(0, end), "t");
  if (!chatTemplate.ok())
    return 0;
  std::tm now = {};
  now.tm_year = 126;
  now.tm_mday = 15;
  auto text = chatTemplate->render(variables, now);
  if (text.ok() &&
      (text->size() > (size_t(16) << 20) || findInvalidUtf8(*text)))
    std::abort();
  return 0;
}
