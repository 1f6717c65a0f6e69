//===- ExpressionParser.cpp - Expressions of a template -------------------===//
//
// Recursive descent with Jinja's precedence, from weak to strong: conditional,
// or, and, not, comparison, + -, ~, * / // %, **, unary, then filters and
// tests. Filters bind tighter than operators: `a + b|trim` is `a + (b|trim)`.
//
//===----------------------------------------------------------------------===//
#include "support/template/ExpressionParser.h"

#include <algorithm>

using namespace moec::jinja;

namespace {

constexpr size_t maxNamedArguments = 256;

class ExpressionParser {
public:
  explicit ExpressionParser(TokenStream &in) : in(in) {}

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
    TokenStream::Nesting nesting(in);
    ExpressionPtr value = parseOr();
    while (withConditional && in.token().isName("if")) {
      size_t offset = in.next().offset;
      ExpressionPtr condition = parseOr();
      ExpressionPtr otherwise =
          in.takeName("else") ? parseExpression() : nullptr;
      value = make(Expression::Conditional, offset, std::move(condition),
                   std::move(value), std::move(otherwise));
    }
    return value;
  }

  ExpressionPtr parseOr() {
    ExpressionPtr left = parseAnd();
    while (in.token().isName("or")) {
      size_t offset = in.next().offset;
      left = make(Expression::Or, offset, std::move(left), parseAnd());
    }
    return left;
  }

  ExpressionPtr parseAnd() {
    ExpressionPtr left = parseNot();
    while (in.token().isName("and")) {
      size_t offset = in.next().offset;
      left = make(Expression::And, offset, std::move(left), parseNot());
    }
    return left;
  }

  ExpressionPtr parseNot() {
    if (!in.token().isName("not"))
      return parseCompare();
    TokenStream::Nesting nesting(in);
    size_t offset = in.next().offset;
    return make(Expression::Not, offset, parseNot());
  }

  std::optional<Expression::Operator> takeComparison() {
    static const std::pair<const char *, Expression::Operator> operators[] = {
        {"==", Expression::Equal},  {"!=", Expression::NotEqual},
        {"<", Expression::Less},    {"<=", Expression::LessEqual},
        {">", Expression::Greater}, {">=", Expression::GreaterEqual}};
    for (auto [text, op] : operators)
      if (in.takeOperator(text))
        return op;
    if (in.takeName("in"))
      return Expression::In;
    if (in.token().isName("not") && in.peek().isName("in")) {
      in.next();
      in.next();
      return Expression::NotIn;
    }
    return std::nullopt;
  }

  ExpressionPtr parseCompare() {
    ExpressionPtr left = parseSum();
    size_t offset = in.token().offset;
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
      size_t offset = in.token().offset;
      auto found = std::find_if(
          operators.begin(), operators.end(),
          [&](const auto &entry) { return in.takeOperator(entry.first); });
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
    size_t offset = in.token().offset;
    if (in.token().isOperator("-") || in.token().isOperator("+")) {
      TokenStream::Nesting nesting(in);
      auto op = in.next().text == "-" ? Expression::Subtract : Expression::Add;
      value = make(Expression::Unary, offset, parseUnary(false));
      value->operators.push_back(op);
    } else {
      value = parsePostfix(parsePrimary());
    }
    return withFilters ? parseFilters(std::move(value)) : std::move(value);
  }

  ExpressionPtr parsePrimary() {
    const Token &first = in.token();
    size_t offset = first.offset;
    switch (first.kind) {
    case Token::Name:
      return parseNameOrLiteral();
    case Token::String: {
      std::string text;
      while (in.token().kind == Token::String)
        text += in.next().text;
      return makeConstant(offset, Value::string(std::move(text)));
    }
    case Token::Integer:
      return makeConstant(offset, Value::integer(in.next().integer));
    case Token::Real:
      return makeConstant(offset, Value::real(in.next().real));
    default:
      break;
    }
    if (in.takeOperator("(")) {
      ExpressionPtr value = parseTuple(/*withConditional=*/true, ")");
      in.expectOperator(")");
      return value;
    }
    if (in.takeOperator("["))
      return parseList(offset);
    if (in.takeOperator("{"))
      return parseDict(offset);
    in.failExpected("an expression");
  }

  ExpressionPtr parseNameOrLiteral() {
    size_t offset = in.token().offset;
    std::string name = in.next().text;
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
    size_t offset = in.token().offset;
    if (!close.empty() && in.token().isOperator(close))
      return make(Expression::Tuple, offset);
    ExpressionPtr first = parseExpression(withConditional);
    if (!in.token().isOperator(","))
      return first;
    auto list = make(Expression::Tuple, offset, std::move(first));
    while (in.takeOperator(",") && !endsTuple(close))
      addOperand(*list, parseExpression(withConditional));
    return list;
  }
  bool endsTuple(std::string_view close) const {
    return in.token().kind == Token::CloseBlock ||
           in.token().kind == Token::CloseOutput ||
           (!close.empty() && in.token().isOperator(close));
  }

  ExpressionPtr parseList(size_t offset) {
    auto list = make(Expression::List, offset);
    while (!in.takeOperator("]")) {
      addOperand(*list, parseExpression());
      if (!in.token().isOperator("]"))
        in.expectOperator(",");
    }
    return list;
  }

  ExpressionPtr parseDict(size_t offset) {
    auto dict = make(Expression::Dict, offset);
    while (!in.takeOperator("}")) {
      addOperand(*dict, parseExpression());
      in.expectOperator(":");
      addOperand(*dict, parseExpression());
      if (!in.token().isOperator("}"))
        in.expectOperator(",");
    }
    return dict;
  }

  ExpressionPtr parsePostfix(ExpressionPtr value) {
    for (;;) {
      size_t offset = in.token().offset;
      if (in.takeOperator(".")) {
        value = parseAttribute(std::move(value), offset);
      } else if (in.takeOperator("[")) {
        value = parseSubscript(std::move(value), offset);
      } else if (in.takeOperator("(")) {
        value = make(Expression::Call, offset, std::move(value));
        parseArguments(*value);
      } else {
        return value;
      }
    }
  }

  ExpressionPtr parseAttribute(ExpressionPtr value, size_t offset) {
    if (in.token().kind == Token::Integer) {
      auto index = makeConstant(offset, Value::integer(in.next().integer));
      return make(Expression::Item, offset, std::move(value), std::move(index));
    }
    auto attribute = make(Expression::Attribute, offset, std::move(value));
    attribute->name = in.expectName("the name of an attribute");
    return attribute;
  }

  ExpressionPtr parseSubscript(ExpressionPtr value, size_t offset) {
    ExpressionPtr parts[3];
    size_t colons = 0;
    for (; !in.token().isOperator("]");) {
      if (in.takeOperator(":")) {
        if (++colons > 2)
          failAt(offset, "a slice has at most three parts");
      } else if (parts[colons]) {
        in.failExpected("']'");
      } else {
        parts[colons] = parseExpression();
      }
    }
    in.expectOperator("]");
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
    while (!in.takeOperator(")")) {
      if (in.token().isOperator("*") || in.token().isOperator("**"))
        failAt(in.token().offset,
               "'" + in.token().text + "' before an argument is not supported");
      if (in.token().kind == Token::Name && in.peek().isOperator("=")) {
        std::string name = in.next().text;
        in.next();
        if (std::any_of(named.begin(), named.end(),
                        [&](const auto &other) { return other.first == name; }))
          failAt(call.offset, "the argument '" + name + "' is given twice");
        if (named.size() == maxNamedArguments)
          failAt(call.offset, "more than " + std::to_string(maxNamedArguments) +
                                  " named arguments");
        named.emplace_back(std::move(name), parseOne());
      } else if (!named.empty()) {
        in.failExpected("an argument with a name");
      } else {
        positional.push_back(parseOne());
      }
      if (!in.token().isOperator(")"))
        in.expectOperator(",");
    }
  }

  ExpressionPtr parseFilters(ExpressionPtr value) {
    for (;;) {
      size_t offset = in.token().offset;
      if (in.takeOperator("|")) {
        value = parseFilter(std::move(value), offset);
      } else if (in.takeName("is")) {
        value = parseTest(std::move(value), offset);
      } else if (in.token().isOperator("(")) {
        value = parsePostfix(std::move(value));
      } else {
        return value;
      }
    }
  }

  ExpressionPtr parseFilter(ExpressionPtr value, size_t offset) {
    auto filter = make(Expression::Filter, offset, std::move(value));
    filter->name = in.expectName("the name of a filter");
    if (in.takeOperator("("))
      parseArguments(*filter);
    return filter;
  }

  ExpressionPtr parseTest(ExpressionPtr value, size_t offset) {
    bool isNegated = in.takeName("not");
    auto test = make(Expression::Test, offset, std::move(value));
    test->name = in.expectName("the name of a test");
    const Token &follows = in.token();
    bool isOperand = follows.kind == Token::String ||
                     follows.kind == Token::Integer ||
                     follows.kind == Token::Real || follows.isOperator("[") ||
                     follows.isOperator("{") ||
                     (follows.kind == Token::Name && !follows.isName("else") &&
                      !follows.isName("or") && !follows.isName("and") &&
                      !follows.isName("if") && !follows.isName("is") &&
                      !follows.isName("in") && !follows.isName("not"));
    if (in.takeOperator("(")) {
      parseArguments(*test);
    } else if (isOperand) { // `x is divisibleby 3`
      auto operand = parsePostfix(parsePrimary());
      test->depth = std::max(test->depth, operand->depth + 1);
      test->arguments.positional.push_back(std::move(operand));
    }
    return isNegated ? make(Expression::Not, offset, std::move(test))
                     : std::move(test);
  }

private:
  TokenStream &in;
};

} // namespace

ExpressionPtr moec::jinja::parseExpression(TokenStream &in,
                                           bool withConditional) {
  return ExpressionParser(in).parseExpression(withConditional);
}

ExpressionPtr moec::jinja::parseTuple(TokenStream &in, bool withConditional) {
  return ExpressionParser(in).parseTuple(withConditional);
}

ExpressionPtr moec::jinja::parseFilters(TokenStream &in, ExpressionPtr value) {
  return ExpressionParser(in).parseFilters(std::move(value));
}
