//===- Lexer.h - A template into text and tokens --------------------------===//
//
// White space around tags is settled here: with `-` it goes; without, a block
// tag or comment takes the line break behind it (trim_blocks) and, if it is the
// first of its line, the spaces before it (lstrip_blocks); `+` keeps both. The
// last line break of the template goes too.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TEMPLATE_LEXER_H
#define MOEC_SUPPORT_TEMPLATE_LEXER_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moec::jinja {

struct Token {
  enum Kind {
    Data, ///< text between tags
    OpenBlock,
    CloseBlock,
    OpenOutput,
    CloseOutput,
    Name,
    String, ///< without its quotes and escapes
    Integer,
    Real,
    Operator,
    End,
  } kind;
  size_t offset;
  std::string text;
  int64_t integer = 0;
  double real = 0;

  bool is(Kind wanted, std::string_view spelled) const {
    return kind == wanted && text == spelled;
  }
  bool isOperator(std::string_view spelled) const {
    return is(Operator, spelled);
  }
  bool isName(std::string_view spelled) const { return is(Name, spelled); }
};

/// Line ends as \n, without the last; what offsets count in.
std::string normalizeLines(std::string_view source);

/// Of a normalised text in valid UTF-8; ends with an End. Throws Error.
std::vector<Token> tokenize(std::string_view source);

} // namespace moec::jinja

#endif // MOEC_SUPPORT_TEMPLATE_LEXER_H
