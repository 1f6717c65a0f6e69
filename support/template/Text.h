//===- Text.h - Python's operations on strings ----------------------------===//
//
// Texts are valid UTF-8; positions and lengths are counted in characters, as
// Python does.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TEMPLATE_TEXT_H
#define MOEC_SUPPORT_TEMPLATE_TEXT_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moec::jinja {

/// str.isspace() of a character: white space and the separators U+001C..1F.
bool isSpace(char32_t character);

/// Of spaces, or of the characters in `characters`.
std::string_view
stripLeft(std::string_view text,
          const std::optional<std::string> &characters = std::nullopt);
std::string_view
stripRight(std::string_view text,
           const std::optional<std::string> &characters = std::nullopt);

size_t countCharacters(std::string_view text);
std::vector<std::string_view> charactersOf(std::string_view text);

/// Where `part` first occurs, or npos; linear in the text for any `part`.
size_t find(std::string_view text, std::string_view part);

/// At most `limit` cuts, all for a negative one. Without a separator at runs of
/// spaces.
std::vector<std::string_view> split(std::string_view text,
                                    const std::optional<std::string> &separator,
                                    int64_t limit);
/// The same from the right; takes the product of both lengths at worst.
std::vector<std::string_view>
splitRight(std::string_view text, const std::optional<std::string> &separator,
           int64_t limit);
/// Without their ends.
std::vector<std::string_view> splitLines(std::string_view text);

/// At most `limit` times, all for a negative one.
std::string replace(std::string_view text, std::string_view from,
                    std::string_view to, int64_t limit);
size_t countOccurrences(std::string_view text, std::string_view part);

/// Character by character; refuses what is not ASCII in a build without
/// utf8proc.
std::string toUpper(std::string_view text);
std::string toLower(std::string_view text);
/// Words begin with an upper-case letter and go on in lower case: str.title(),
/// where anything but a letter parts words, and the filter of that name, where
/// spaces and opening brackets do.
std::string toTitle(std::string_view text);
std::string toTitleWords(std::string_view text);
std::string capitalize(std::string_view text);
bool isAlphabetic(char32_t character);
bool isDigit(char32_t character);

/// Python's repr() of a string and of a float.
std::string quote(std::string_view text);
std::string realText(double value);

} // namespace moec::jinja

#endif // MOEC_SUPPORT_TEMPLATE_TEXT_H
