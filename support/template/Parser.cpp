//===- Parser.cpp - A template's syntax tree ------------------------------===//
//
// Text, outputs and statements; what stands in them is ExpressionParser's.
//
//===----------------------------------------------------------------------===//
#include "support/template/Parser.h"

#include "support/template/ExpressionParser.h"
#include "support/template/TokenStream.h"

#include <algorithm>

using namespace moec::jinja;

namespace {

class Parser {
public:
  explicit Parser(std::vector<Token> tokens) : in(std::move(tokens)) {}

  Body parseAll() {
    Body body = parseBody({});
    if (in.token().kind != Token::End)
      failAt(in.token().offset, "unexpected " + in.describe(in.token()));
    return body;
  }

private:
  void endTag() { in.expect(Token::CloseBlock, "'%}'"); }

  /// Up to a tag that begins with one of `ends`, which is not taken.
  Body parseBody(std::initializer_list<const char *> ends) {
    TokenStream::Nesting nesting(in);
    Body body;
    for (;;) {
      size_t offset = in.token().offset;
      if (in.token().kind == Token::Data) {
        body.push_back({offset, Text{in.next().text}});
      } else if (in.token().kind == Token::OpenOutput) {
        in.next();
        ExpressionPtr value = parseTuple(in);
        in.expect(Token::CloseOutput, "'}}'");
        body.push_back({offset, Output{std::move(value)}});
      } else if (in.token().kind == Token::OpenBlock &&
                 std::none_of(ends.begin(), ends.end(), [&](const char *end) {
                   return in.peek().isName(end);
                 })) {
        in.next();
        parseStatement(body);
      } else {
        return body;
      }
    }
  }

  /// The end of a statement that began at `offset`.
  void parseEnd(const char *name, size_t offset) {
    if (in.token().kind == Token::End)
      failAt(offset, "the statement has no end, expected '{% " +
                         std::string(name) + " %}'");
    in.next(); // the opening
    if (!in.takeName(name))
      in.failExpected("'" + std::string(name) + "'");
    endTag();
  }

  void parseStatement(Body &body) {
    size_t offset = in.token().offset;
    std::string keyword = in.expectName("a statement");
    if (keyword == "if")
      body.push_back({offset, parseIf(offset)});
    else if (keyword == "for")
      body.push_back({offset, parseFor(offset)});
    else if (keyword == "set")
      parseSet(offset, body);
    else if (keyword == "macro")
      body.push_back({offset, parseMacro(offset)});
    else if (keyword == "generation")
      parseGeneration(offset, body);
    else if ((keyword == "break" || keyword == "continue") && loops > 0) {
      endTag();
      if (keyword == "break")
        body.push_back({offset, Break()});
      else
        body.push_back({offset, Continue()});
    } else {
      failAt(offset, "the statement '" + keyword + "' is not supported here");
    }
  }

  If parseIf(size_t offset) {
    If statement;
    ExpressionPtr condition = parseTuple(in);
    for (;;) {
      endTag();
      Body body = parseBody({"elif", "else", "endif"});
      statement.branches.emplace_back(std::move(condition), std::move(body));
      if (in.token().kind != Token::OpenBlock || in.peek().isName("endif"))
        break;
      if (!statement.branches.back().first)
        break; // behind else
      in.next();
      condition = in.next().isName("elif") ? parseTuple(in) : nullptr;
    }
    parseEnd("endif", offset);
    return statement;
  }

  For parseFor(size_t offset) {
    For statement;
    statement.targets = parseTargets();
    if (!in.takeName("in"))
      in.failExpected("'in'");
    statement.sequence = parseTuple(in, /*withConditional=*/false);
    if (in.takeName("if"))
      statement.condition = parseExpression(in);
    if (in.token().isName("recursive"))
      failAt(in.token().offset, "'recursive' is not supported");
    endTag();
    ++loops;
    statement.body = parseBody({"else", "endfor"});
    --loops;
    if (in.token().kind == Token::OpenBlock && in.peek().isName("else")) {
      in.next();
      in.next();
      endTag();
      statement.otherwise = parseBody({"endfor"});
    }
    parseEnd("endfor", offset);
    return statement;
  }

  std::vector<Target> parseTargets() {
    const bool inParentheses = in.takeOperator("(");
    std::vector<Target> targets;
    do {
      Target target{in.token().offset, "", ""};
      target.name = in.expectName("the name of a variable");
      if (in.takeOperator("."))
        target.attribute = in.expectName("the name of an attribute");
      targets.push_back(std::move(target));
    } while (in.takeOperator(","));
    if (inParentheses)
      in.expectOperator(")");
    return targets;
  }

  void parseSet(size_t offset, Body &body) {
    std::vector<Target> targets = parseTargets();
    if (in.takeOperator("=")) {
      ExpressionPtr value = parseTuple(in);
      endTag();
      body.push_back({offset, Set{std::move(targets), std::move(value)}});
      return;
    }
    if (targets.size() > 1)
      in.failExpected("'='");
    SetBlock statement{std::move(targets[0]), {}, nullptr};
    if (in.token().isOperator("|")) {
      auto input = std::make_unique<Expression>(
          Expression{Expression::Constant, offset});
      statement.input = input.get();
      statement.filters = parseFilters(in, std::move(input));
    }
    endTag();
    statement.body = parseBody({"endset"});
    parseEnd("endset", offset);
    body.push_back({offset, std::move(statement)});
  }

  Macro parseMacro(size_t offset) {
    Macro macro;
    macro.name = in.expectName("the name of a macro");
    in.expectOperator("(");
    while (!in.takeOperator(")")) {
      std::string name = in.expectName("the name of a parameter");
      ExpressionPtr fallback;
      if (in.takeOperator("="))
        fallback = parseExpression(in);
      else if (!macro.parameters.empty() && macro.parameters.back().second)
        in.failExpected("'=', as the parameter before has a default");
      macro.parameters.emplace_back(std::move(name), std::move(fallback));
      if (!in.token().isOperator(")"))
        in.expectOperator(",");
    }
    endTag();
    unsigned outer = std::exchange(loops, 0);
    macro.body = parseBody({"endmacro"});
    loops = outer;
    parseEnd("endmacro", offset);
    return macro;
  }

  /// Marks what the model wrote, for training; it changes nothing.
  void parseGeneration(size_t offset, Body &body) {
    endTag();
    Body inner = parseBody({"endgeneration"});
    parseEnd("endgeneration", offset);
    std::move(inner.begin(), inner.end(), std::back_inserter(body));
  }

  TokenStream in;
  /// For statements around, up to the macro.
  unsigned loops = 0;
};

} // namespace

Body moec::jinja::parseTemplate(std::string_view source) {
  return Parser(tokenize(source)).parseAll();
}
