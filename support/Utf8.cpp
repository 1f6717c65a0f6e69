//===- Utf8.cpp - Walking through UTF-8 -----------------------------------===//
#include "support/Utf8.h"

using namespace moec;

Utf8Unit moec::firstUtf8(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80)
    return {Utf8Unit::Character, 1};
  if (lead < 0xc2 || lead > 0xf4)
    return {Utf8Unit::Invalid, 1};
  size_t length = utf8Length(text[0]);
  // The second byte's range excludes overlong forms, surrogates and what lies
  // beyond U+10FFFF.
  unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size())
      return {Utf8Unit::Incomplete, i};
    if (byte(i) < low || byte(i) > high)
      return {Utf8Unit::Invalid, i};
    low = 0x80;
    high = 0xbf;
  }
  return {Utf8Unit::Character, length};
}

std::optional<size_t> moec::findInvalidUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    Utf8Unit unit = firstUtf8(text.substr(at));
    if (unit.kind != Utf8Unit::Character)
      return at;
    at += unit.bytes;
  }
  return std::nullopt;
}

char32_t moec::decodeUtf8(std::string_view text) {
  static constexpr unsigned char leadMask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  size_t length = utf8Length(text[0]);
  char32_t character = text[0] & leadMask[length];
  for (size_t i = 1; i < length; ++i)
    character = character << 6 | (text[i] & 0x3f);
  return character;
}

void moec::appendUtf8(std::string &text, char32_t character) {
  auto tail = [&](int shift) {
    text += char(0x80 | (character >> shift & 0x3f));
  };
  if (character < 0x80) {
    text += char(character);
  } else if (character < 0x800) {
    text += char(0xc0 | character >> 6);
    tail(0);
  } else if (character < 0x10000) {
    text += char(0xe0 | character >> 12);
    tail(6);
    tail(0);
  } else {
    text += char(0xf0 | character >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

size_t moec::lastUtf8(std::string_view text) {
  size_t at = text.size() - 1;
  while ((text[at] & 0xc0) == 0x80)
    --at;
  return at;
}

bool moec::isWhiteSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}
