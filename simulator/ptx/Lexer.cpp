//===- Lexer.cpp ----------------------------------------------------------===//
#include "simulator/ptx/Lexer.h"

#include <bit>
#include <cctype>
#include <charconv>
#include <cstdlib>

namespace moec::cudasim::ptx {

static bool isWordStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '$' ||
         c == '%';
}
static bool isWordPart(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$';
}

void Lexer::failAt(uint32_t where, const std::string &message) const {
  throw SyntaxError(std::string(name) + ":" + std::to_string(where) + ": " +
                    message);
}

std::string Lexer::found() const {
  switch (current.kind) {
  case TokenKind::End:
    return "the end of the text";
  case TokenKind::DotWord:
    return "'." + std::string(current.text) + "'";
  default:
    return "'" + std::string(current.text) + "'";
  }
}

void Lexer::expect(char punctuation) {
  if (!accept(punctuation))
    fail(std::string("expected '") + punctuation + "', found " + found());
}

std::string_view Lexer::expectWord(const char *what) {
  if (current.kind != TokenKind::Word)
    fail(std::string("expected ") + what + ", found " + found());
  return next().text;
}

uint64_t Lexer::expectInteger(const char *what) {
  bool negative = accept('-');
  if (current.kind != TokenKind::Integer)
    fail(std::string("expected ") + what + ", found " + found());
  uint64_t bits = next().bits;
  return negative ? -bits : bits;
}

void Lexer::skipSpace() {
  while (at_ < text.size()) {
    char c = text[at_];
    if (c == '\n') {
      ++line;
      ++at_;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
      ++at_;
    } else if (text.substr(at_, 2) == "//") {
      while (at_ < text.size() && text[at_] != '\n')
        ++at_;
    } else if (text.substr(at_, 2) == "/*") {
      uint32_t begin = line;
      size_t end = text.find("*/", at_ + 2);
      if (end == std::string_view::npos)
        failAt(begin, "this comment has no end");
      for (; at_ < end + 2; ++at_)
        line += text[at_] == '\n';
    } else {
      return;
    }
  }
}

void Lexer::number() {
  size_t begin = at_;
  auto hexDigits = [&](size_t from, size_t count) {
    for (size_t i = from; i < from + count; ++i)
      if (i >= text.size() ||
          !std::isxdigit(static_cast<unsigned char>(text[i])))
        return false;
    return true;
  };
  auto bad = [&] {
    while (at_ < text.size() && isWordPart(text[at_]))
      ++at_;
    failAt(line, "'" + std::string(text.substr(begin, at_ - begin)) +
                     "' is no number");
  };
  char second = begin + 1 < text.size() ? text[begin + 1] : '\0';
  if (text[begin] == '0' &&
      (second == 'f' || second == 'F' || second == 'd' || second == 'D')) {
    bool wide = second == 'd' || second == 'D';
    size_t digits = wide ? 16 : 8;
    if (!hexDigits(begin + 2, digits))
      bad();
    std::from_chars(text.data() + begin + 2, text.data() + begin + 2 + digits,
                    current.bits, 16);
    at_ = begin + 2 + digits;
    current.kind = wide ? TokenKind::Float64 : TokenKind::Float32;
  } else {
    int base = 10;
    size_t digits = begin;
    if (text[begin] == '0' && (second == 'x' || second == 'X'))
      base = 16, digits += 2;
    else if (text[begin] == '0' && (second == 'b' || second == 'B'))
      base = 2, digits += 2;
    else if (text[begin] == '0' &&
             std::isdigit(static_cast<unsigned char>(second)))
      base = 8;
    auto [end, error] = std::from_chars(
        text.data() + digits, text.data() + text.size(), current.bits, base);
    if (error != std::errc() && !(base == 8))
      bad();
    at_ = end - text.data();
    current.kind = TokenKind::Integer;
    bool fraction = at_ < text.size() && text[at_] == '.' &&
                    at_ + 1 < text.size() &&
                    std::isdigit(static_cast<unsigned char>(text[at_ + 1]));
    bool exponent = at_ < text.size() && (text[at_] == 'e' || text[at_] == 'E');
    if ((base == 10 || base == 8) && (fraction || exponent)) {
      double value = 0;
      auto result = std::from_chars(text.data() + begin,
                                    text.data() + text.size(), value);
      if (result.ec != std::errc())
        bad();
      at_ = result.ptr - text.data();
      current.bits = std::bit_cast<uint64_t>(value);
      current.kind = TokenKind::Float64;
    } else if (at_ < text.size() && text[at_] == 'U') {
      ++at_;
    }
  }
  if (at_ < text.size() && isWordPart(text[at_]))
    bad();
  current.text = text.substr(begin, at_ - begin);
}

void Lexer::advance() {
  size_t before = at_;
  skipSpace();
  current = Token();
  current.line = line;
  current.spaceBefore = at_ != before;
  // Images of PTX are padded with zeros.
  if (at_ >= text.size() || text[at_] == '\0')
    return;
  size_t begin = at_;
  char c = text[at_];
  if (isWordStart(c)) {
    ++at_;
    while (at_ < text.size() && isWordPart(text[at_]))
      ++at_;
    current.kind = TokenKind::Word;
    current.text = text.substr(begin, at_ - begin);
  } else if (c == '.' && at_ + 1 < text.size() && isWordPart(text[at_ + 1])) {
    ++at_;
    while (at_ < text.size() &&
           (isWordPart(text[at_]) ||
            (text.substr(at_, 2) == "::" && at_ + 2 < text.size() &&
             isWordPart(text[at_ + 2]) && ++at_)))
      ++at_;
    current.kind = TokenKind::DotWord;
    current.text = text.substr(begin + 1, at_ - begin - 1);
  } else if (std::isdigit(static_cast<unsigned char>(c))) {
    number();
  } else if (c == '"') {
    size_t end = text.find_first_of("\"\n", at_ + 1);
    if (end == std::string_view::npos || text[end] != '"')
      failAt(line, "this string has no end");
    current.kind = TokenKind::String;
    current.text = text.substr(begin + 1, end - begin - 1);
    at_ = end + 1;
  } else if (std::ispunct(static_cast<unsigned char>(c))) {
    ++at_;
    current.kind = TokenKind::Punctuation;
    current.text = text.substr(begin, 1);
  } else {
    failAt(line, "unexpected character 0x" +
                     std::string(1, "0123456789abcdef"[(c >> 4) & 15]) +
                     "0123456789abcdef"[c & 15]);
  }
}

} // namespace moec::cudasim::ptx
