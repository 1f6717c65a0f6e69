//===- TokenStream.cpp - Tokens of a template, one after the other --------===//
#include "support/template/TokenStream.h"

using namespace moec::jinja;

std::string TokenStream::describe(const Token &token) {
  switch (token.kind) {
  case Token::End:
    return "end of the template";
  case Token::CloseBlock:
    return "end of the tag";
  case Token::CloseOutput:
    return "end of the expression";
  case Token::String:
    return "a string";
  default:
    return "'" + token.text + "'";
  }
}

void TokenStream::failExpected(const std::string &what) const {
  failAt(token().offset, "expected " + what + ", found " + describe(token()));
}

void TokenStream::expectOperator(std::string_view text) {
  if (!takeOperator(text))
    failExpected("'" + std::string(text) + "'");
}

std::string TokenStream::expectName(const char *what) {
  if (token().kind != Token::Name)
    failExpected(what);
  return next().text;
}

void TokenStream::expect(Token::Kind kind, const char *what) {
  if (token().kind != kind)
    failExpected(what);
  ++at;
}

TokenStream::Nesting::Nesting(TokenStream &tokens) : tokens(tokens) {
  if (++tokens.depth > maxSyntaxDepth)
    failAt(tokens.token().offset,
           "nested deeper than " + std::to_string(maxSyntaxDepth));
}
