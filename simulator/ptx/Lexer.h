//===- Lexer.h - Tokens of PTX ----------------------------------*- C++ -*-===//
#ifndef MOEC_SIMULATOR_PTX_LEXER_H
#define MOEC_SIMULATOR_PTX_LEXER_H

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace moec::cudasim::ptx {

/// An error in the text; parse() turns it into a Status.
struct SyntaxError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class TokenKind : uint8_t {
  End,
  Word,        ///< %r1, $L__BB0_2, ld, _
  DotWord,     ///< global, L2::128B: what follows a dot, without it
  Integer,     ///< bits
  Float32,     ///< bits
  Float64,     ///< bits
  String,      ///< text without quotes
  Punctuation, ///< one character
};

struct Token {
  TokenKind kind = TokenKind::End;
  std::string_view text;
  uint64_t bits = 0;
  uint32_t line = 1;
  bool spaceBefore = false; ///< "%tid.x" is one name, "%p .x" is not
};

class Lexer {
public:
  Lexer(std::string_view text, std::string_view name) : text(text), name(name) {
    advance();
  }

  const Token &peek() const { return current; }
  Token next() {
    Token token = current;
    advance();
    return token;
  }

  bool at(char punctuation) const {
    return current.kind == TokenKind::Punctuation &&
           current.text[0] == punctuation;
  }
  bool atDot(std::string_view word) const {
    return current.kind == TokenKind::DotWord && current.text == word;
  }
  bool accept(char punctuation) { return at(punctuation) && (advance(), true); }
  bool acceptDot(std::string_view word) {
    return atDot(word) && (advance(), true);
  }
  void expect(char punctuation);
  std::string_view expectWord(const char *what);
  uint64_t expectInteger(const char *what);

  [[noreturn]] void fail(const std::string &message) const {
    failAt(current.line, message);
  }
  [[noreturn]] void failAt(uint32_t line, const std::string &message) const;
  /// The current token for a message.
  std::string found() const;

private:
  void advance();
  void skipSpace();
  void number();

  std::string_view text, name;
  size_t at_ = 0;
  uint32_t line = 1;
  Token current;
};

} // namespace moec::cudasim::ptx

#endif // MOEC_SIMULATOR_PTX_LEXER_H
