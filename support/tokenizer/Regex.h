//===- Regex.h - The regular expressions of tokenizer.json ----------------===//
//
// tokenizer.json is written for Oniguruma; this runs it on PCRE2. Where the two
// read a construct differently it is translated (\s) or refused (class
// intersection, escapes such as \h), so a pattern that compiles means the same.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TOKENIZER_REGEX_H
#define MOEC_SUPPORT_TOKENIZER_REGEX_H

#include "support/Json.h"
#include "support/Status.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moec {

/// A half-open range of bytes of a text.
struct Span {
  size_t begin;
  size_t end;
};

class Regex {
public:
  static Result<Regex> compile(const std::string &pattern,
                               const std::string &where);
  /// {"Regex": pattern} or {"String": text}, the member "pattern" of
  /// `component`.
  static Result<Regex> fromJson(const Json &component,
                                const std::string &where);

  /// Appends the non-overlapping matches in a valid UTF-8 text, from the left.
  /// Fails when matching takes more steps than a sane pattern needs.
  Status findAll(std::string_view text, std::vector<Span> &matches) const;

private:
  static Result<Regex> build(const std::string &pattern, uint32_t options,
                             const std::string &where);

  /// A pcre2_code, immutable and so shared by copies and threads.
  std::shared_ptr<void> code;
};

} // namespace moec

#endif // MOEC_SUPPORT_TOKENIZER_REGEX_H
