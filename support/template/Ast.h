//===- Ast.h - The syntax tree of a template ------------------------------===//
#ifndef MOEC_SUPPORT_TEMPLATE_AST_H
#define MOEC_SUPPORT_TEMPLATE_AST_H

#include "support/template/Value.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace moec::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

/// What stands in the parentheses of a call.
struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
};

struct Expression {
  enum Kind {
    Constant,
    Name,
    List,      ///< operands: its elements
    Tuple,     ///< the same
    Dict,      ///< operands: name, value, name, value, …
    Attribute, ///< operands[0].name
    Item,      ///< operands[0][operands[1]]
    Slice,     ///< operands[0][1:2:3], null where one is left out
    Call,      ///< operands[0](arguments)
    Filter,    ///< operands[0]|name(arguments)
    Test,      ///< operands[0] is name(arguments)
    Unary,     ///< operators[0] operands[0]
    Binary,    ///< operands[0] operators[0] operands[1]
    Compare,   ///< operands[0] operators[0] operands[1] operators[1] …
    And,
    Or,
    Not,
    Conditional, ///< operands[1] if operands[0] else operands[2], may be null
  };
  enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    Concatenate,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
  };

  Kind kind;
  size_t offset;
  std::vector<ExpressionPtr> operands = {};
  std::vector<Operator> operators = {};
  std::string name = {};
  CallArguments arguments = {};
  Value constant = {};
  /// Of expressions within it.
  unsigned depth = 1;
};

struct Statement;
using Body = std::vector<Statement>;

/// A variable or an attribute of a namespace: what `set` and `for` write.
struct Target {
  size_t offset;
  std::string name;
  std::string attribute; ///< empty for a variable
};

struct Text {
  std::string text;
};
struct Output {
  ExpressionPtr value;
};
struct If {
  /// In order; `else` has no condition.
  std::vector<std::pair<ExpressionPtr, Body>> branches;
};
struct For {
  std::vector<Target> targets; ///< several unpack each element
  ExpressionPtr sequence;
  ExpressionPtr condition; ///< may be null
  Body body;
  Body otherwise;
};
struct Set {
  std::vector<Target> targets;
  ExpressionPtr value;
};
struct SetBlock {
  Target target;
  Body body;
  /// A chain of filters over `Constant`, which stands for what the body
  /// printed; null if there is none.
  ExpressionPtr filters;
  /// The innermost operand of `filters`.
  Expression *input = nullptr;
};
struct Macro {
  std::string name;
  /// With their defaults, which may be null.
  std::vector<std::pair<std::string, ExpressionPtr>> parameters;
  Body body;
};
struct Break {};
struct Continue {};

struct Statement {
  size_t offset;
  std::variant<Text, Output, If, For, Set, SetBlock, Macro, Break, Continue>
      node;
};

} // namespace moec::jinja

#endif // MOEC_SUPPORT_TEMPLATE_AST_H
