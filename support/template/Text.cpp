//===- Text.cpp - Python's operations on strings --------------------------===//
#include "support/template/Text.h"

#include "support/Utf8.h"
#include "support/template/Error.h"
#include "support/tokenizer/Regex.h"

#ifdef MOEC_HAS_UTF8PROC
#include <utf8proc.h>
#endif

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace moec;
using namespace moec::jinja;

//===- Characters ---------------------------------------------------------===//

namespace {

bool matches(const Regex &pattern, char32_t character) {
  std::string text;
  appendUtf8(text, character);
  std::vector<Span> found;
  return pattern.findAll(text, found).ok() && !found.empty();
}

char32_t mapCase(char32_t character, bool upper) {
  if (character < 0x80) {
    char32_t first = upper ? 'a' : 'A';
    return character - first < 26 ? character ^ 0x20 : character;
  }
#ifdef MOEC_HAS_UTF8PROC
  return char32_t(upper ? utf8proc_toupper(utf8proc_int32_t(character))
                        : utf8proc_tolower(utf8proc_int32_t(character)));
#else
  fail("upper and lower case of a character that is not ASCII needs a build "
       "with utf8proc");
#endif
}

/// `isUpper` says of a character what case it gets, given the one before it (0
/// at the start).
template <typename Predicate>
std::string mapText(std::string_view text, Predicate isUpper) {
  std::string out;
  char32_t previous = 0;
  for (size_t at = 0; at < text.size(); at += utf8Length(text[at])) {
    char32_t character = decodeUtf8(text.substr(at));
    appendUtf8(out, mapCase(character, isUpper(previous)));
    previous = character;
  }
  return out;
}

bool isStripped(std::string_view character,
                const std::optional<std::string> &characters) {
  if (!characters)
    return isSpace(decodeUtf8(character));
  // A character begins with a byte that is inside of no other.
  return characters->find(character) != characters->npos;
}

} // namespace

bool moec::jinja::isSpace(char32_t character) {
  return isWhiteSpace(character) || (character >= 0x1c && character <= 0x1f);
}

bool moec::jinja::isAlphabetic(char32_t character) {
  if (character < 0x80)
    return (character | 0x20) - 'a' < 26;
  static const Regex pattern = *Regex::compile(R"(\p{L})", "letter");
  return matches(pattern, character);
}

bool moec::jinja::isDigit(char32_t character) {
  if (character < 0x80)
    return character - '0' < 10;
  static const Regex pattern = *Regex::compile(R"(\p{Nd})", "digit");
  return matches(pattern, character);
}

std::string moec::jinja::toUpper(std::string_view text) {
  return mapText(text, [](char32_t) { return true; });
}
std::string moec::jinja::toLower(std::string_view text) {
  return mapText(text, [](char32_t) { return false; });
}
std::string moec::jinja::toTitle(std::string_view text) {
  return mapText(text, [](char32_t previous) {
    return previous == 0 || !isAlphabetic(previous);
  });
}
std::string moec::jinja::toTitleWords(std::string_view text) {
  return mapText(text, [](char32_t previous) {
    return previous == 0 || isSpace(previous) || previous == '-' ||
           previous == '(' || previous == '{' || previous == '[' ||
           previous == '<';
  });
}
std::string moec::jinja::capitalize(std::string_view text) {
  return mapText(text, [](char32_t previous) { return previous == 0; });
}

//===- Parts --------------------------------------------------------------===//

std::string_view
moec::jinja::stripLeft(std::string_view text,
                       const std::optional<std::string> &characters) {
  while (!text.empty() &&
         isStripped(text.substr(0, utf8Length(text[0])), characters))
    text.remove_prefix(utf8Length(text[0]));
  return text;
}

std::string_view
moec::jinja::stripRight(std::string_view text,
                        const std::optional<std::string> &characters) {
  while (!text.empty()) {
    size_t last = lastUtf8(text);
    if (!isStripped(text.substr(last), characters))
      break;
    text = text.substr(0, last);
  }
  return text;
}

size_t moec::jinja::countCharacters(std::string_view text) {
  return size_t(std::count_if(text.begin(), text.end(),
                              [](char c) { return (c & 0xc0) != 0x80; }));
}

std::vector<std::string_view> moec::jinja::charactersOf(std::string_view text) {
  std::vector<std::string_view> out;
  for (size_t at = 0; at < text.size(); at += utf8Length(text[at]))
    out.push_back(text.substr(at, utf8Length(text[at])));
  return out;
}

size_t moec::jinja::find(std::string_view text, std::string_view part) {
  const void *found =
      memmem(text.data(), text.size(), part.data(), part.size());
  return found ? size_t(static_cast<const char *>(found) - text.data())
               : text.npos;
}

namespace {

/// Runs of other than spaces, with where they begin.
std::vector<std::string_view> splitSpaces(std::string_view text,
                                          int64_t limit) {
  std::vector<std::string_view> parts;
  for (text = stripLeft(text); !text.empty(); text = stripLeft(text)) {
    if (limit >= 0 && int64_t(parts.size()) == limit) {
      parts.push_back(text);
      break;
    }
    size_t end = 0;
    while (end < text.size() && !isSpace(decodeUtf8(text.substr(end))))
      end += utf8Length(text[end]);
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return parts;
}

std::vector<std::string_view> splitSpacesRight(std::string_view text,
                                               int64_t limit) {
  std::vector<std::string_view> parts;
  for (text = stripRight(text); !text.empty(); text = stripRight(text)) {
    if (limit >= 0 && int64_t(parts.size()) == limit) {
      parts.push_back(text);
      break;
    }
    size_t begin = text.size();
    while (begin > 0) {
      size_t last = lastUtf8(text.substr(0, begin));
      if (isSpace(decodeUtf8(text.substr(last))))
        break;
      begin = last;
    }
    parts.push_back(text.substr(begin));
    text = text.substr(0, begin);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

} // namespace

std::vector<std::string_view>
moec::jinja::split(std::string_view text,
                   const std::optional<std::string> &separator, int64_t limit) {
  if (!separator)
    return splitSpaces(text, limit);
  std::vector<std::string_view> parts;
  size_t found;
  while ((limit < 0 || int64_t(parts.size()) < limit) &&
         (found = find(text, *separator)) != text.npos) {
    parts.push_back(text.substr(0, found));
    text.remove_prefix(found + separator->size());
  }
  parts.push_back(text);
  return parts;
}

std::vector<std::string_view>
moec::jinja::splitRight(std::string_view text,
                        const std::optional<std::string> &separator,
                        int64_t limit) {
  if (!separator)
    return splitSpacesRight(text, limit);
  std::vector<std::string_view> parts;
  size_t found;
  while ((limit < 0 || int64_t(parts.size()) < limit) &&
         (found = text.rfind(*separator)) != text.npos) {
    parts.push_back(text.substr(found + separator->size()));
    text = text.substr(0, found);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> moec::jinja::splitLines(std::string_view text) {
  auto endsLine = [](char32_t c) {
    return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 ||
           c == 0x2028 || c == 0x2029;
  };
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    size_t next = at + utf8Length(text[at]);
    if (endsLine(decodeUtf8(text.substr(at)))) {
      lines.push_back(text.substr(begin, at - begin));
      if (text.substr(at, 2) == "\r\n")
        ++next;
      begin = next;
    }
    at = next;
  }
  if (begin < text.size())
    lines.push_back(text.substr(begin));
  return lines;
}

std::string moec::jinja::replace(std::string_view text, std::string_view from,
                                 std::string_view to, int64_t limit) {
  std::string out;
  int64_t count = 0;
  auto mayGoOn = [&] { return limit < 0 || count < limit; };
  if (from.empty()) { // between all characters
    for (std::string_view character : charactersOf(text)) {
      if (mayGoOn()) {
        out += to;
        ++count;
      }
      out += character;
    }
    return mayGoOn() ? out.append(to) : out;
  }
  for (size_t found; mayGoOn() && (found = find(text, from)) != text.npos;
       ++count) {
    out += text.substr(0, found);
    out += to;
    text.remove_prefix(found + from.size());
  }
  return out += text;
}

size_t moec::jinja::countOccurrences(std::string_view text,
                                     std::string_view part) {
  if (part.empty())
    return countCharacters(text) + 1;
  size_t count = 0;
  for (size_t at; (at = find(text, part)) != text.npos; ++count)
    text.remove_prefix(at + part.size());
  return count;
}

//===- Spelling -----------------------------------------------------------===//

std::string moec::jinja::quote(std::string_view text) {
  // What Python's str.isprintable() refuses, the space aside.
  static const Regex hidden = *Regex::compile(R"([\p{C}\p{Z}])", "hidden");
  const bool useDouble =
      text.find('\'') != text.npos && text.find('"') == text.npos;
  const char mark = useDouble ? '"' : '\'';
  std::string out(1, mark);
  for (std::string_view spelled : charactersOf(text)) {
    char32_t c = decodeUtf8(spelled);
    char escape[16];
    if (c == char32_t(mark) || c == '\\')
      (out += '\\') += char(c);
    else if (c == '\n' || c == '\r' || c == '\t')
      (out += '\\') += c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
    else if (c >= ' ' && (c < 0x7f || (c >= 0x80 && !matches(hidden, c))))
      out += spelled;
    else {
      std::snprintf(escape, sizeof escape,
                    c < 0x100     ? "\\x%02x"
                    : c < 0x10000 ? "\\u%04x"
                                  : "\\U%08x",
                    unsigned(c));
      out += escape;
    }
  }
  return out += mark;
}

std::string moec::jinja::realText(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  // The shortest digits that read back as the value; Python's choice of where
  // the exponent begins.
  char buffer[40];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                           std::chars_format::scientific)
                 .ptr;
  std::string_view text(buffer, size_t(end - buffer));
  size_t e = text.find('e');
  int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  if (exponent < -4 || exponent >= 16)
    return std::string(text);
  end = std::to_chars(buffer, buffer + sizeof buffer, value,
                      std::chars_format::fixed)
            .ptr;
  std::string fixed(buffer, end);
  return fixed.find('.') == fixed.npos ? fixed + ".0" : fixed;
}
