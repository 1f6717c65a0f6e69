//===- Parser.cpp - A template's syntax tree ------------------------------===//
//
// Recursive descent with Jinja's precedence, from weak to strong: conditional,
// or, and, not, comparison, + -, ~, * / // %, **, unary, then filters and
// tests. Filters bind tighter than operators: `a + b|trim` is `a + (b|trim)`.
//
//===----------------------------------------------------------------------===//
#include "support/template/Parser.h"

#include "support/template/Lexer.h"

#include <algorithm>

using namespace moec::jinja;

namespace {

constexpr size_t maxNamedArguments = 256;

class Parser {
public:
  explicit Parser(std::vector<Token> tokens) : tokens(std::move(tokens)) {}

  Body parseAll() {
    Body body = parseBody({});
    if (token().kind != Token::End)
      failAt(token().offset, "unexpected " + describe(token()));
    return body;
  }

private:
  //===- Tokens -----------------------------------------------------------===//

  const Token &token() const { return tokens[at]; }
  const Token &peek() const {
    return tokens[std::min(at + 1, tokens.size() - 1)];
  }
  const Token &next() { return tokens[at++]; } // never behind End

  static std::string describe(const Token &token) {
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
  [[noreturn]] void failExpected(const std::string &what) const {
    failAt(token().offset, "expected " + what + ", found " + describe(token()));
  }

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
  void expectOperator(std::string_view text) {
    if (!takeOperator(text))
      failExpected("'" + std::string(text) + "'");
  }
  std::string expectName(const char *what) {
    if (token().kind != Token::Name)
      failExpected(what);
    return next().text;
  }
  void expect(Token::Kind kind, const char *what) {
    if (token().kind != kind)
      failExpected(what);
    ++at;
  }
  void endTag() { expect(Token::CloseBlock, "'%}'"); }

  /// Counts what is open; nesting of the source is recursion here.
  class Nesting {
  public:
    explicit Nesting(Parser &parser) : parser(parser) {
      if (++parser.depth > maxSyntaxDepth)
        failAt(parser.token().offset,
               "nested deeper than " + std::to_string(maxSyntaxDepth));
    }
    ~Nesting() { --parser.depth; }

  private:
    Parser &parser;
  };

  //===- Expressions ------------------------------------------------------===//

  /// A chain like a + b + c is deep as well, and is counted here.
  static void addOperand(Expression &parent, ExpressionPtr operand) {
    if (operand && operand->depth >= parent.depth)
      parent.depth = operand->depth + 1;
    if (parent.depth > maxSyntaxDepth)
      failAt(parent.offset,
             "an expression deeper than " + std::to_string(maxSyntaxDepth));
    parent.operands.push_back(std::move(operand));
  }
  template <typename... Operands>
  static ExpressionPtr make(Expression::Kind kind, size_t offset,
                            Operands... operands) {
    auto expression = std::make_unique<Expression>(Expression{kind, offset});
    (addOperand(*expression, std::move(operands)), ...);
    return expression;
  }
  static ExpressionPtr makeConstant(size_t offset, Value value) {
    auto expression = make(Expression::Constant, offset);
    expression->constant = std::move(value);
    return expression;
  }
  static ExpressionPtr makeBinary(Expression::Operator op, size_t offset,
                                  ExpressionPtr left, ExpressionPtr right) {
    auto expression =
        make(Expression::Binary, offset, std::move(left), std::move(right));
    expression->operators.push_back(op);
    return expression;
  }

  ExpressionPtr parseExpression(bool withConditional = true) {
    Nesting nesting(*this);
    ExpressionPtr value = parseOr();
    while (withConditional && token().isName("if")) {
      size_t offset = next().offset;
      ExpressionPtr condition = parseOr();
      ExpressionPtr otherwise = takeName("else") ? parseExpression() : nullptr;
      value = make(Expression::Conditional, offset, std::move(condition),
                   std::move(value), std::move(otherwise));
    }
    return value;
  }

  ExpressionPtr parseOr() {
    ExpressionPtr left = parseAnd();
    while (token().isName("or")) {
      size_t offset = next().offset;
      left = make(Expression::Or, offset, std::move(left), parseAnd());
    }
    return left;
  }

  ExpressionPtr parseAnd() {
    ExpressionPtr left = parseNot();
    while (token().isName("and")) {
      size_t offset = next().offset;
      left = make(Expression::And, offset, std::move(left), parseNot());
    }
    return left;
  }

  ExpressionPtr parseNot() {
    if (!token().isName("not"))
      return parseCompare();
    Nesting nesting(*this);
    size_t offset = next().offset;
    return make(Expression::Not, offset, parseNot());
  }

  std::optional<Expression::Operator> takeComparison() {
    static const std::pair<const char *, Expression::Operator> operators[] = {
        {"==", Expression::Equal},  {"!=", Expression::NotEqual},
        {"<", Expression::Less},    {"<=", Expression::LessEqual},
        {">", Expression::Greater}, {">=", Expression::GreaterEqual}};
    for (auto [text, op] : operators)
      if (takeOperator(text))
        return op;
    if (takeName("in"))
      return Expression::In;
    if (token().isName("not") && peek().isName("in")) {
      at += 2;
      return Expression::NotIn;
    }
    return std::nullopt;
  }

  ExpressionPtr parseCompare() {
    ExpressionPtr left = parseSum();
    size_t offset = token().offset;
    auto op = takeComparison();
    if (!op)
      return left;
    auto comparison = make(Expression::Compare, offset, std::move(left));
    for (; op; op = takeComparison()) {
      comparison->operators.push_back(*op);
      addOperand(*comparison, parseSum());
    }
    return comparison;
  }

  using Operators =
      std::initializer_list<std::pair<const char *, Expression::Operator>>;
  /// A chain of operators of one precedence, from the left.
  template <typename ParseOperand>
  ExpressionPtr parseChain(Operators operators, ParseOperand parseOperand) {
    ExpressionPtr left = parseOperand();
    for (;;) {
      size_t offset = token().offset;
      auto found = std::find_if(
          operators.begin(), operators.end(),
          [&](const auto &entry) { return takeOperator(entry.first); });
      if (found == operators.end())
        return left;
      left = makeBinary(found->second, offset, std::move(left), parseOperand());
    }
  }
  ExpressionPtr parseSum() {
    return parseChain({{"+", Expression::Add}, {"-", Expression::Subtract}},
                      [this] { return parseConcatenation(); });
  }
  ExpressionPtr parseConcatenation() {
    return parseChain({{"~", Expression::Concatenate}},
                      [this] { return parseProduct(); });
  }
  ExpressionPtr parseProduct() {
    return parseChain({{"*", Expression::Multiply},
                       {"//", Expression::FloorDivide},
                       {"/", Expression::Divide},
                       {"%", Expression::Modulo}},
                      [this] { return parsePower(); });
  }
  ExpressionPtr parsePower() {
    return parseChain({{"**", Expression::Power}},
                      [this] { return parseUnary(); });
  }

  ExpressionPtr parseUnary(bool withFilters = true) {
    ExpressionPtr value;
    size_t offset = token().offset;
    if (token().isOperator("-") || token().isOperator("+")) {
      Nesting nesting(*this);
      auto op = next().text == "-" ? Expression::Subtract : Expression::Add;
      value = make(Expression::Unary, offset, parseUnary(false));
      value->operators.push_back(op);
    } else {
      value = parsePostfix(parsePrimary());
    }
    return withFilters ? parseFilters(std::move(value)) : std::move(value);
  }

  ExpressionPtr parsePrimary() {
    const Token &first = token();
    size_t offset = first.offset;
    switch (first.kind) {
    case Token::Name:
      return parseNameOrLiteral();
    case Token::String: {
      std::string text;
      while (token().kind == Token::String)
        text += next().text;
      return makeConstant(offset, Value::string(std::move(text)));
    }
    case Token::Integer:
      return makeConstant(offset, Value::integer(next().integer));
    case Token::Real:
      return makeConstant(offset, Value::real(next().real));
    default:
      break;
    }
    if (takeOperator("(")) {
      ExpressionPtr value = parseTuple(/*withConditional=*/true, ")");
      expectOperator(")");
      return value;
    }
    if (takeOperator("["))
      return parseList(offset);
    if (takeOperator("{"))
      return parseDict(offset);
    failExpected("an expression");
  }

  ExpressionPtr parseNameOrLiteral() {
    size_t offset = token().offset;
    std::string name = next().text;
    if (name == "true" || name == "True" || name == "false" || name == "False")
      return makeConstant(offset,
                          Value::boolean(name[0] == 't' || name[0] == 'T'));
    if (name == "none" || name == "None")
      return makeConstant(offset, Value(None()));
    auto expression = make(Expression::Name, offset);
    expression->name = std::move(name);
    return expression;
  }

  /// One expression, or several with commas, which are a tuple; none if `close`
  /// follows.
  ExpressionPtr parseTuple(bool withConditional, std::string_view close = "") {
    size_t offset = token().offset;
    if (!close.empty() && token().isOperator(close))
      return make(Expression::Tuple, offset);
    ExpressionPtr first = parseExpression(withConditional);
    if (!token().isOperator(","))
      return first;
    auto list = make(Expression::Tuple, offset, std::move(first));
    while (takeOperator(",") && !endsTuple(close))
      addOperand(*list, parseExpression(withConditional));
    return list;
  }
  bool endsTuple(std::string_view close) const {
    return token().kind == Token::CloseBlock ||
           token().kind == Token::CloseOutput ||
           (!close.empty() && token().isOperator(close));
  }

  ExpressionPtr parseList(size_t offset) {
    auto list = make(Expression::List, offset);
    while (!takeOperator("]")) {
      addOperand(*list, parseExpression());
      if (!token().isOperator("]"))
        expectOperator(",");
    }
    return list;
  }

  ExpressionPtr parseDict(size_t offset) {
    auto dict = make(Expression::Dict, offset);
    while (!takeOperator("}")) {
      addOperand(*dict, parseExpression());
      expectOperator(":");
      addOperand(*dict, parseExpression());
      if (!token().isOperator("}"))
        expectOperator(",");
    }
    return dict;
  }

  ExpressionPtr parsePostfix(ExpressionPtr value) {
    for (;;) {
      size_t offset = token().offset;
      if (takeOperator(".")) {
        value = parseAttribute(std::move(value), offset);
      } else if (takeOperator("[")) {
        value = parseSubscript(std::move(value), offset);
      } else if (takeOperator("(")) {
        value = make(Expression::Call, offset, std::move(value));
        parseArguments(*value);
      } else {
        return value;
      }
    }
  }

  ExpressionPtr parseAttribute(ExpressionPtr value, size_t offset) {
    if (token().kind == Token::Integer) {
      auto index = makeConstant(offset, Value::integer(next().integer));
      return make(Expression::Item, offset, std::move(value), std::move(index));
    }
    auto attribute = make(Expression::Attribute, offset, std::move(value));
    attribute->name = expectName("the name of an attribute");
    return attribute;
  }

  ExpressionPtr parseSubscript(ExpressionPtr value, size_t offset) {
    ExpressionPtr parts[3];
    size_t colons = 0;
    for (; !token().isOperator("]");) {
      if (takeOperator(":")) {
        if (++colons > 2)
          failAt(offset, "a slice has at most three parts");
      } else if (parts[colons]) {
        failExpected("']'");
      } else {
        parts[colons] = parseExpression();
      }
    }
    expectOperator("]");
    if (colons == 0 && !parts[0])
      failAt(offset, "expected an index");
    if (colons == 0)
      return make(Expression::Item, offset, std::move(value),
                  std::move(parts[0]));
    return make(Expression::Slice, offset, std::move(value),
                std::move(parts[0]), std::move(parts[1]), std::move(parts[2]));
  }

  /// Behind the opening parenthesis.
  void parseArguments(Expression &call) {
    auto &[positional, named] = call.arguments;
    auto parseOne = [&] {
      ExpressionPtr value = parseExpression();
      call.depth = std::max(call.depth, value->depth + 1);
      return value;
    };
    while (!takeOperator(")")) {
      if (token().isOperator("*") || token().isOperator("**"))
        failAt(token().offset,
               "'" + token().text + "' before an argument is not supported");
      if (token().kind == Token::Name && peek().isOperator("=")) {
        std::string name = next().text;
        ++at;
        if (std::any_of(named.begin(), named.end(),
                        [&](const auto &other) { return other.first == name; }))
          failAt(call.offset, "the argument '" + name + "' is given twice");
        if (named.size() == maxNamedArguments)
          failAt(call.offset, "more than " + std::to_string(maxNamedArguments) +
                                  " named arguments");
        named.emplace_back(std::move(name), parseOne());
      } else if (!named.empty()) {
        failExpected("an argument with a name");
      } else {
        positional.push_back(parseOne());
      }
      if (!token().isOperator(")"))
        expectOperator(",");
    }
  }

  ExpressionPtr parseFilters(ExpressionPtr value) {
    for (;;) {
      size_t offset = token().offset;
      if (takeOperator("|")) {
        value = parseFilter(std::move(value), offset);
      } else if (takeName("is")) {
        value = parseTest(std::move(value), offset);
      } else if (token().isOperator("(")) {
        value = parsePostfix(std::move(value));
      } else {
        return value;
      }
    }
  }

  ExpressionPtr parseFilter(ExpressionPtr value, size_t offset) {
    auto filter = make(Expression::Filter, offset, std::move(value));
    filter->name = expectName("the name of a filter");
    if (takeOperator("("))
      parseArguments(*filter);
    return filter;
  }

  ExpressionPtr parseTest(ExpressionPtr value, size_t offset) {
    bool isNegated = takeName("not");
    auto test = make(Expression::Test, offset, std::move(value));
    test->name = expectName("the name of a test");
    const Token &follows = token();
    bool isOperand = follows.kind == Token::String ||
                     follows.kind == Token::Integer ||
                     follows.kind == Token::Real || follows.isOperator("[") ||
                     follows.isOperator("{") ||
                     (follows.kind == Token::Name && !follows.isName("else") &&
                      !follows.isName("or") && !follows.isName("and") &&
                      !follows.isName("if") && !follows.isName("is") &&
                      !follows.isName("in") && !follows.isName("not"));
    if (takeOperator("(")) {
      parseArguments(*test);
    } else if (isOperand) { // `x is divisibleby 3`
      auto operand = parsePostfix(parsePrimary());
      test->depth = std::max(test->depth, operand->depth + 1);
      test->arguments.positional.push_back(std::move(operand));
    }
    return isNegated ? make(Expression::Not, offset, std::move(test))
                     : std::move(test);
  }

  //===- Statements -------------------------------------------------------===//

  /// Up to a tag that begins with one of `ends`, which is not taken.
  Body parseBody(std::initializer_list<const char *> ends) {
    Nesting nesting(*this);
    Body body;
    for (;;) {
      size_t offset = token().offset;
      if (token().kind == Token::Data) {
        body.push_back({offset, Text{next().text}});
      } else if (token().kind == Token::OpenOutput) {
        ++at;
        ExpressionPtr value = parseTuple(/*withConditional=*/true);
        expect(Token::CloseOutput, "'}}'");
        body.push_back({offset, Output{std::move(value)}});
      } else if (token().kind == Token::OpenBlock &&
                 std::none_of(ends.begin(), ends.end(), [&](const char *end) {
                   return peek().isName(end);
                 })) {
        ++at;
        parseStatement(body);
      } else {
        return body;
      }
    }
  }

  /// The end of a statement that began at `offset`.
  void parseEnd(const char *name, size_t offset) {
    if (token().kind == Token::End)
      failAt(offset, "the statement has no end, expected '{% " +
                         std::string(name) + " %}'");
    ++at; // the opening
    if (!takeName(name))
      failExpected("'" + std::string(name) + "'");
    endTag();
  }

  void parseStatement(Body &body) {
    size_t offset = token().offset;
    std::string keyword = expectName("a statement");
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
    ExpressionPtr condition = parseTuple(/*withConditional=*/true);
    for (;;) {
      endTag();
      Body body = parseBody({"elif", "else", "endif"});
      statement.branches.emplace_back(std::move(condition), std::move(body));
      if (token().kind != Token::OpenBlock || peek().isName("endif"))
        break;
      if (!statement.branches.back().first)
        break; // behind else
      at += 2;
      condition = tokens[at - 1].isName("elif")
                      ? parseTuple(/*withConditional=*/true)
                      : nullptr;
    }
    parseEnd("endif", offset);
    return statement;
  }

  For parseFor(size_t offset) {
    For statement;
    statement.targets = parseTargets();
    if (!takeName("in"))
      failExpected("'in'");
    statement.sequence = parseTuple(/*withConditional=*/false);
    if (takeName("if"))
      statement.condition = parseExpression();
    if (token().isName("recursive"))
      failAt(token().offset, "'recursive' is not supported");
    endTag();
    ++loops;
    statement.body = parseBody({"else", "endfor"});
    --loops;
    if (token().kind == Token::OpenBlock && peek().isName("else")) {
      at += 2;
      endTag();
      statement.otherwise = parseBody({"endfor"});
    }
    parseEnd("endfor", offset);
    return statement;
  }

  std::vector<Target> parseTargets() {
    const bool inParentheses = takeOperator("(");
    std::vector<Target> targets;
    do {
      Target target{token().offset, "", ""};
      target.name = expectName("the name of a variable");
      if (takeOperator("."))
        target.attribute = expectName("the name of an attribute");
      targets.push_back(std::move(target));
    } while (takeOperator(","));
    if (inParentheses)
      expectOperator(")");
    return targets;
  }

  void parseSet(size_t offset, Body &body) {
    std::vector<Target> targets = parseTargets();
    if (takeOperator("=")) {
      ExpressionPtr value = parseTuple(/*withConditional=*/true);
      endTag();
      body.push_back({offset, Set{std::move(targets), std::move(value)}});
      return;
    }
    if (targets.size() > 1)
      failExpected("'='");
    SetBlock statement{std::move(targets[0]), {}, nullptr};
    if (token().isOperator("|")) {
      auto input = makeConstant(offset, Value());
      statement.input = input.get();
      statement.filters = parseFilters(std::move(input));
    }
    endTag();
    statement.body = parseBody({"endset"});
    parseEnd("endset", offset);
    body.push_back({offset, std::move(statement)});
  }

  Macro parseMacro(size_t offset) {
    Macro macro;
    macro.name = expectName("the name of a macro");
    expectOperator("(");
    while (!takeOperator(")")) {
      std::string name = expectName("the name of a parameter");
      ExpressionPtr fallback;
      if (takeOperator("="))
        fallback = parseExpression();
      else if (!macro.parameters.empty() && macro.parameters.back().second)
        failExpected("'=', as the parameter before has a default");
      macro.parameters.emplace_back(std::move(name), std::move(fallback));
      if (!token().isOperator(")"))
        expectOperator(",");
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

  std::vector<Token> tokens;
  size_t at = 0;
  unsigned depth = 0;
  /// For statements around, up to the macro.
  unsigned loops = 0;
};

} // namespace

Body moec::jinja::parseTemplate(std::string_view source) {
  return Parser(tokenize(source)).parseAll();
}
