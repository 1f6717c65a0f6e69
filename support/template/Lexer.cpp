//===- Lexer.cpp - A template into text and tokens ------------------------===//
#include "support/template/Lexer.h"

#include "support/Utf8.h"
#include "support/template/Error.h"
#include "support/template/Text.h"

#include <algorithm>
#include <charconv>
#include <optional>

using namespace moec;
using namespace moec::jinja;

namespace {

bool isDigitByte(char c) { return c >= '0' && c <= '9'; }
bool isNameStart(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool isNameByte(char c) { return isNameStart(c) || isDigitByte(c); }

class Lexer {
public:
  explicit Lexer(std::string_view source) : source(source) {}

  std::vector<Token> run() {
    while (at < source.size()) {
      size_t open = findOpen();
      addText(open);
      if (open == source.npos)
        break;
      lexTag(open);
    }
    add(Token::End, source.size());
    return std::move(tokens);
  }

private:
  bool sees(std::string_view text) const {
    return source.substr(at, text.size()) == text;
  }
  bool take(std::string_view text) {
    if (!sees(text))
      return false;
    at += text.size();
    return true;
  }
  void skipSpaces() {
    at = source.size() - stripLeft(source.substr(at)).size();
  }
  void add(Token::Kind kind, size_t offset, std::string text = "") {
    tokens.push_back({kind, offset, std::move(text)});
  }

  size_t findOpen() const {
    for (size_t i = at; (i = source.find('{', i)) != source.npos; ++i)
      if (i + 1 < source.size() &&
          (source[i + 1] == '{' || source[i + 1] == '%' ||
           source[i + 1] == '#'))
        return i;
    return source.npos;
  }

  /// The text before a tag at `open`, or the rest.
  void addText(size_t open) {
    std::string_view text = source.substr(at, open - at);
    if (open != source.npos) {
      char sign = open + 2 < source.size() ? source[open + 2] : 0;
      if (sign == '-')
        text = stripRight(text);
      else if (sign != '+' && source[open + 1] != '{')
        text = withoutIndent(text);
    }
    if (!text.empty())
      add(Token::Data, at, std::string(text));
    at = open;
  }

  /// Without what stands on the last line if that is only space.
  std::string_view withoutIndent(std::string_view text) const {
    size_t line = text.rfind('\n') + 1; // npos + 1 is 0
    bool isLineStart = line > 0 || at == 0 || source[at - 1] == '\n';
    return isLineStart && stripLeft(text.substr(line)).empty()
               ? text.substr(0, line)
               : text;
  }

  void takeLineBreak() { take("\n"); }

  void lexTag(size_t open) {
    at = open + 2;
    char kind = source[open + 1];
    if (at < source.size() && (source[at] == '-' || source[at] == '+'))
      ++at;
    if (kind == '#')
      lexComment(open);
    else if (kind == '{')
      lexExpressions(open, Token::OpenOutput, Token::CloseOutput, "}}");
    else if (!lexRaw(open))
      lexExpressions(open, Token::OpenBlock, Token::CloseBlock, "%}");
  }

  void lexComment(size_t open) {
    size_t end = source.find("#}", at);
    if (end == source.npos)
      failAt(open, "the comment has no end, expected '#}'");
    char sign = end > at ? source[end - 1] : 0;
    at = end + 2;
    if (sign == '-')
      skipSpaces();
    else if (sign != '+')
      takeLineBreak();
  }

  /// `{% word %}` where `at` is behind its opening: how it ends.
  std::optional<char> takeKeywordTag(std::string_view word) {
    size_t before = at;
    skipSpaces();
    if (take(word)) {
      skipSpaces();
      char sign = at < source.size() ? source[at] : 0;
      if (take("-%}") || take("+%}"))
        return sign;
      if (take("%}"))
        return ' ';
    }
    at = before;
    return std::nullopt;
  }

  bool lexRaw(size_t open) {
    auto sign = takeKeywordTag("raw");
    if (!sign || *sign == '+')
      return at = open + 2 +
                  (source[open + 2] == '-' || source[open + 2] == '+'),
             false;
    if (*sign == '-')
      skipSpaces();
    const size_t begin = at;
    for (size_t end = begin; (end = source.find("{%", end)) != source.npos;
         ++end) {
      at = end + 2;
      char opening = at < source.size() ? source[at] : 0;
      if (opening == '-' || opening == '+')
        ++at;
      auto closing = takeKeywordTag("endraw");
      if (!closing)
        continue;
      const size_t after = at;
      at = begin;
      std::string_view text = source.substr(begin, end - begin);
      text = opening == '-'   ? stripRight(text)
             : opening == '+' ? text
                              : withoutIndent(text);
      if (!text.empty())
        add(Token::Data, begin, std::string(text));
      at = after;
      if (*closing == '-')
        skipSpaces();
      else if (*closing == ' ')
        takeLineBreak();
      return true;
    }
    failAt(open, "'raw' has no end, expected '{% endraw %}'");
  }

  void lexExpressions(size_t open, Token::Kind opening, Token::Kind closing,
                      std::string_view end) {
    add(opening, open);
    for (unsigned braces = 0;;) {
      skipSpaces();
      size_t offset = at;
      if (at == source.size())
        failAt(open, "the tag has no end, expected '" + std::string(end) + "'");
      if (braces == 0 && lexEnd(end, closing == Token::CloseBlock)) {
        add(closing, offset);
        return;
      }
      lexToken();
      if (tokens.back().isOperator("{"))
        ++braces;
      else if (tokens.back().isOperator("}") && braces-- == 0)
        failAt(offset, "'}' without '{'");
    }
  }

  bool lexEnd(std::string_view end, bool isBlock) {
    size_t before = at;
    char sign = source[at];
    if (sign == '-' || (sign == '+' && isBlock))
      ++at;
    if (!take(end)) {
      at = before;
      return false;
    }
    if (sign == '-')
      skipSpaces();
    else if (isBlock && sign != '+')
      takeLineBreak();
    return true;
  }

  void lexToken() {
    char c = source[at];
    if (isNameStart(c)) {
      size_t begin = at;
      while (at < source.size() && isNameByte(source[at]))
        ++at;
      add(Token::Name, begin, std::string(source.substr(begin, at - begin)));
    } else if (isDigitByte(c)) {
      lexNumber();
    } else if (c == '"' || c == '\'') {
      lexString();
    } else {
      lexOperator();
    }
  }

  void lexNumber() {
    const size_t begin = at;
    auto digits = [&] {
      while (at < source.size() && isDigitByte(source[at]))
        ++at;
    };
    auto digitAt = [&](size_t i) {
      return i < source.size() && isDigitByte(source[i]);
    };
    digits();
    bool isReal = false;
    if (at < source.size() && source[at] == '.' && digitAt(at + 1)) {
      isReal = true;
      ++at;
      digits();
    }
    if (at < source.size() && (source[at] == 'e' || source[at] == 'E')) {
      size_t exponent = at + 1;
      if (exponent < source.size() &&
          (source[exponent] == '+' || source[exponent] == '-'))
        ++exponent;
      if (digitAt(exponent)) {
        isReal = true;
        at = exponent;
        digits();
      }
    }
    Token token{isReal ? Token::Real : Token::Integer, begin,
                std::string(source.substr(begin, at - begin))};
    const char *first = token.text.data(), *last = first + token.text.size();
    auto error = isReal ? std::from_chars(first, last, token.real).ec
                        : std::from_chars(first, last, token.integer).ec;
    if (error != std::errc() || (at < source.size() && isNameByte(source[at])))
      failAt(begin, "the number " + token.text + " cannot be read");
    tokens.push_back(std::move(token));
  }

  void lexString() {
    const size_t begin = at;
    const char quote = source[at++];
    std::string text;
    for (;;) {
      if (at == source.size())
        failAt(begin, "the string has no end");
      char c = source[at++];
      if (c == quote)
        break;
      if (c == '\\')
        lexEscape(begin, text);
      else
        text += c;
    }
    add(Token::String, begin, std::move(text));
  }

  /// As in Python: what is no escape is itself, with its backslash.
  void lexEscape(size_t begin, std::string &text) {
    if (at == source.size())
      failAt(begin, "the string has no end");
    char c = source[at++];
    static constexpr std::string_view letters = "abfnrtv\\'\"";
    static constexpr std::string_view meanings = "\a\b\f\n\r\t\v\\'\"";
    if (size_t which = letters.find(c); which != letters.npos)
      text += meanings[which];
    else if (c == 'x' || c == 'u' || c == 'U')
      appendCharacter(text, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16);
    else if (c >= '0' && c <= '7') {
      --at;
      size_t length = 1;
      while (length < 3 && at + length < source.size() &&
             source[at + length] >= '0' && source[at + length] <= '7')
        ++length;
      appendCharacter(text, length, 8);
    } else if (c == 'N')
      failAt(at - 2, "the escape \\N is not supported");
    else if (c != '\n')
      (text += '\\') += c;
  }

  void appendCharacter(std::string &text, size_t length, int base) {
    std::string_view digits = source.substr(at, length);
    uint32_t value = 0;
    auto [rest, error] = std::from_chars(
        digits.data(), digits.data() + digits.size(), value, base);
    if (digits.size() < length || error != std::errc() ||
        rest != digits.data() + length || value > 0x10ffff ||
        (value >= 0xd800 && value < 0xe000))
      failAt(at, "the escape stands for no character");
    at += length;
    appendUtf8(text, value);
  }

  void lexOperator() {
    static constexpr std::string_view operators[] = {
        "//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<",
        ">",  "=",  "(",  ")",  "[",  "]",  "{", "}", ".", ":", "|", ","};
    for (std::string_view spelled : operators)
      if (size_t offset = at; take(spelled))
        return add(Token::Operator, offset, std::string(spelled));
    failAt(at, "unexpected character '" +
                   std::string(source.substr(at, utf8Length(source[at]))) +
                   "'");
  }

  std::string_view source;
  size_t at = 0;
  std::vector<Token> tokens;
};

} // namespace

std::string moec::jinja::normalizeLines(std::string_view source) {
  std::string out;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r')
      out += source[i];
    else if (i + 1 == source.size() || source[i + 1] != '\n')
      out += '\n';
  }
  if (!out.empty() && out.back() == '\n')
    out.pop_back();
  return out;
}

std::vector<Token> moec::jinja::tokenize(std::string_view source) {
  return Lexer(source).run();
}
