//===- TokenStream.h - Tokens of a template, one after the other ----------===//
#ifndef MOEC_SUPPORT_TEMPLATE_TOKENSTREAM_H
#define MOEC_SUPPORT_TEMPLATE_TOKENSTREAM_H

#include "support/template/Ast.h"
#include "support/template/Lexer.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moec::jinja {

/// What a parser looks at. It ends with an End, behind which nobody goes.
class TokenStream {
public:
  explicit TokenStream(std::vector<Token> tokens) : tokens(std::move(tokens)) {}

  const Token &token() const { return tokens[at]; }
  const Token &peek() const {
    return tokens[std::min(at + 1, tokens.size() - 1)];
  }
  const Token &next() { return tokens[at++]; }

  bool takeOperator(std::string_view text) {
    bool found = token().isOperator(text);
    at += found;
    return found;
  }
  bool takeName(std::string_view text) {
    bool found = token().isName(text);
    at += found;
    return found;
  }

  /// `what` was expected.
  [[noreturn]] void failExpected(const std::string &what) const;
  /// A token as a message names it.
  static std::string describe(const Token &token);

  void expectOperator(std::string_view text);
  std::string expectName(const char *what);
  void expect(Token::Kind kind, const char *what);

  /// Counts what is open; nesting of the source is recursion in the parser.
  class Nesting {
  public:
    explicit Nesting(TokenStream &tokens);
    ~Nesting() { --tokens.depth; }

  private:
    TokenStream &tokens;
  };

private:
  std::vector<Token> tokens;
  size_t at = 0;
  unsigned depth = 0;
};

} // namespace moec::jinja

#endif // MOEC_SUPPORT_TEMPLATE_TOKENSTREAM_H
