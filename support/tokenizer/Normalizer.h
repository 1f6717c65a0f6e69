//===- Normalizer.h - What is done to a text before it is split -----------===//
#ifndef MOEC_SUPPORT_TOKENIZER_NORMALIZER_H
#define MOEC_SUPPORT_TOKENIZER_NORMALIZER_H

#include "support/Json.h"
#include "support/Status.h"
#include "support/tokenizer/Replace.h"

#include <string>
#include <variant>
#include <vector>

namespace moec {

/// Sequence, Prepend, Replace of a string, NFC. Anything else is refused.
class Normalizer {
public:
  /// `json` may be null: nothing is done then.
  static Result<Normalizer> fromJson(const Json &json,
                                     const std::string &where);

  /// The text is valid UTF-8.
  Result<std::string> apply(std::string text) const;

private:
  struct Prepend {
    std::string prefix;
  };
  struct Nfc {};
  using Step = std::variant<Prepend, Replace, Nfc>;

  Status add(const Json &json, const std::string &where);

  std::vector<Step> steps;
};

} // namespace moec

#endif // MOEC_SUPPORT_TOKENIZER_NORMALIZER_H
