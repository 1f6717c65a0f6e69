//===- PostProcessor.h - Tokens around a prompt ---------------------------===//
#ifndef MOEC_SUPPORT_TOKENIZER_POSTPROCESSOR_H
#define MOEC_SUPPORT_TOKENIZER_POSTPROCESSOR_H

#include "support/Json.h"
#include "support/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace moec {

/// The ids put before and after those of a text.
struct PostProcessor {
  std::vector<int32_t> prefix;
  std::vector<int32_t> suffix;

  /// ByteLevel (which only changes offsets), TemplateProcessing, Sequence.
  /// `json` may be null.
  static Result<PostProcessor> fromJson(const Json &json,
                                        const std::string &where);
};

} // namespace moec

#endif // MOEC_SUPPORT_TOKENIZER_POSTPROCESSOR_H
