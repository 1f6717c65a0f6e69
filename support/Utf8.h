//===- Utf8.h - Walking through UTF-8 -------------------------------------===//
#ifndef MOEC_SUPPORT_UTF8_H
#define MOEC_SUPPORT_UTF8_H

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace moec {

/// What stands at the start of a non-empty text.
struct Utf8Unit {
  enum Kind {
    Character,  ///< a whole character of `bytes` bytes
    Invalid,    ///< `bytes` bytes that one U+FFFD replaces
    Incomplete, ///< the whole text: a character that lacks bytes at its end
  } kind;
  size_t bytes;
};
Utf8Unit firstUtf8(std::string_view text);

/// Offset of the first byte that is not part of a character.
std::optional<size_t> findInvalidUtf8(std::string_view text);

/// Bytes of the character that `lead` starts, in a text known to be valid.
inline size_t utf8Length(char lead) {
  unsigned char byte = lead;
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}
/// The first character of a non-empty valid text.
char32_t decodeUtf8(std::string_view text);
void appendUtf8(std::string &text, char32_t character);

/// Whether a valid text is one character.
inline bool isOneCharacter(std::string_view text) {
  return !text.empty() && utf8Length(text[0]) == text.size();
}

/// Offset of the last character of a non-empty valid text.
size_t lastUtf8(std::string_view text);

/// The Unicode property White_Space.
bool isWhiteSpace(char32_t character);

} // namespace moec

#endif // MOEC_SUPPORT_UTF8_H
