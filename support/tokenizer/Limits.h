//===- Limits.h - What a tokenizer may be ---------------------------------===//
#ifndef MOEC_SUPPORT_TOKENIZER_LIMITS_H
#define MOEC_SUPPORT_TOKENIZER_LIMITS_H

#include <cstddef>
#include <cstdint>

namespace moec {

/// Tables are indexed by id, so a file must not choose their size freely. The
/// largest vocabularies have 2^18 tokens.
constexpr int64_t maxTokenId = (1 << 22) - 1;

/// Of a text to be encoded, before and after normalising: what the symbols of a
/// piece can be numbered with.
constexpr size_t maxTextBytes = size_t(1) << 28;

/// Of what a component puts into a text.
constexpr size_t maxContentBytes = 64;

} // namespace moec

#endif // MOEC_SUPPORT_TOKENIZER_LIMITS_H
