//===- ByteLevel.h - GPT-2's spelling of bytes as characters --------------===//
//
// A byte-level vocabulary is stored as text: every byte has a visible
// character, itself where it is printable Latin-1, else U+0100 and following.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TOKENIZER_BYTELEVEL_H
#define MOEC_SUPPORT_TOKENIZER_BYTELEVEL_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace moec {

/// Appends the character of a byte.
void appendByteLevel(std::string &text, uint8_t byte);

/// The bytes that a token spells, or nothing if it has a character that stands
/// for no byte.
std::optional<std::string> bytesOfByteLevel(std::string_view token);

} // namespace moec

#endif // MOEC_SUPPORT_TOKENIZER_BYTELEVEL_H
