//===- Replace.cpp - The Replace component of tokenizer.json --------------===//
#include "support/tokenizer/Replace.h"

#include "support/tokenizer/Limits.h"

using namespace moec;

Result<Replace> Replace::fromJson(const Json &json, const std::string &where) {
  Replace replace;
  MOEC_ASSIGN_OR_RETURN(const Json *pattern, getObject(json, "pattern", where));
  MOEC_ASSIGN_OR_RETURN(replace.pattern,
                        getMember<std::string>(*pattern, "String", where));
  MOEC_ASSIGN_OR_RETURN(replace.content,
                        getMember<std::string>(json, "content", where));
  if (replace.pattern.empty())
    return Status::error(where + ": the pattern of Replace is empty");
  if (replace.content.size() > maxContentBytes)
    return Status::error(where + ": the content of Replace has " +
                         std::to_string(replace.content.size()) +
                         " bytes, the limit is " +
                         std::to_string(maxContentBytes));
  return replace;
}

std::string Replace::apply(std::string_view text) const {
  std::string out;
  size_t at = 0;
  for (size_t found; (found = text.find(pattern, at)) != text.npos;
       at = found + pattern.size()) {
    out += text.substr(at, found - at);
    out += content;
  }
  return out += text.substr(at);
}
