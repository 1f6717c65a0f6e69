//===- Replace.h - The Replace component of tokenizer.json ----------------===//
#ifndef MOEC_SUPPORT_TOKENIZER_REPLACE_H
#define MOEC_SUPPORT_TOKENIZER_REPLACE_H

#include "support/Json.h"
#include "support/Status.h"

#include <string>
#include <string_view>

namespace moec {

/// Puts `content` for every occurrence of `pattern`; a normalizer and a
/// decoder. Regular expressions are refused: no tokenizer of ours has one here.
struct Replace {
  std::string pattern;
  std::string content;

  static Result<Replace> fromJson(const Json &json, const std::string &where);
  std::string apply(std::string_view text) const;
  /// Most bytes that a text of so many bytes can become.
  size_t greatestSize(size_t bytes) const {
    return bytes + bytes / pattern.size() * content.size();
  }
};

} // namespace moec

#endif // MOEC_SUPPORT_TOKENIZER_REPLACE_H
