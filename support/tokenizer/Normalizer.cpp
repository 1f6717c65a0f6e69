//===- Normalizer.cpp - What is done to a text before it is split ---------===//
#include "support/tokenizer/Normalizer.h"

#include "support/tokenizer/Limits.h"

#ifdef MOEC_HAS_UTF8PROC
#include <utf8proc.h>
#endif

#include <cstdlib>
#include <memory>

using namespace moec;

namespace {

constexpr size_t maxSteps = 8;

#ifdef MOEC_HAS_UTF8PROC
constexpr bool hasNfc = true;

Result<std::string> toNfc(const std::string &text) {
  utf8proc_uint8_t *composed = nullptr;
  utf8proc_ssize_t length = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t *>(text.data()), text.size(),
      &composed, utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (length < 0)
    return Status::error(std::string("cannot normalise the text: ") +
                         utf8proc_errmsg(length));
  std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed,
                                                                std::free);
  return std::string(reinterpret_cast<const char *>(composed), length);
}
#else
constexpr bool hasNfc = false;

Result<std::string> toNfc(const std::string &text) { return text; }
#endif

} // namespace

Status Normalizer::add(const Json &json, const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(auto type, getMember<std::string>(json, "type", where));
  if (type == "Sequence") {
    MOEC_ASSIGN_OR_RETURN(const Json *members,
                          getArray(json, "normalizers", where));
    for (const Json &member : *members)
      MOEC_RETURN_IF_ERROR(add(member, where));
    return Status::success();
  }
  if (steps.size() == maxSteps)
    return Status::error(where + ": more than " + std::to_string(maxSteps) +
                         " normalizers");
  if (type == "Prepend") {
    MOEC_ASSIGN_OR_RETURN(auto prefix,
                          getMember<std::string>(json, "prepend", where));
    if (prefix.size() > maxContentBytes)
      return Status::error(
          where + ": Prepend of " + std::to_string(prefix.size()) +
          " bytes, the limit is " + std::to_string(maxContentBytes));
    steps.push_back(Prepend{std::move(prefix)});
  } else if (type == "Replace") {
    MOEC_ASSIGN_OR_RETURN(auto replace, Replace::fromJson(json, where));
    steps.push_back(std::move(replace));
  } else if (type == "NFC" && hasNfc) {
    steps.push_back(Nfc{});
  } else if (type == "NFC") {
    return Status::error(where + ": NFC needs a build with utf8proc");
  } else {
    return Status::error(where + ": '" + type + "' is not supported");
  }
  return Status::success();
}

Result<Normalizer> Normalizer::fromJson(const Json &json,
                                        const std::string &where) {
  Normalizer normalizer;
  if (!json.is_null())
    MOEC_RETURN_IF_ERROR(normalizer.add(json, where));
  return normalizer;
}

Result<std::string> Normalizer::apply(std::string text) const {
  for (const Step &step : steps) {
    if (auto *prepend = std::get_if<Prepend>(&step)) {
      if (!text.empty())
        text.insert(0, prepend->prefix);
    } else if (auto *replace = std::get_if<Replace>(&step)) {
      if (replace->greatestSize(text.size()) > maxTextBytes)
        return Status::error("a text of " + std::to_string(text.size()) +
                             " bytes may grow over the limit of " +
                             std::to_string(maxTextBytes));
      text = replace->apply(text);
    } else {
      MOEC_ASSIGN_OR_RETURN(text, toNfc(text));
    }
  }
  return text;
}
