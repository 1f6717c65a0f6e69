//===- Interpreter.cpp - Runs the syntax tree of a template ---------------===//
#include "support/template/Interpreter.h"

#include "support/template/Operators.h"

#include <deque>
#include <unordered_map>

namespace moec::jinja {

struct Scope {
  Scope *parent;
  /// Names are of the syntax tree or of the caller, which live longer.
  std::unordered_map<std::string_view, Value> variables = {};
};

/// A macro where it was defined.
struct Closure {
  const Macro *macro;
  Scope *scope;
};

} // namespace moec::jinja

using namespace moec::jinja;

namespace {

enum class Flow { Next, Break, Continue };

class Interpreter {
public:
  explicit Interpreter(const std::tm &now) { runtime.now = now; }

  std::string run(const Body &body,
                  const std::vector<std::pair<std::string, Value>> &variables) {
    scope = &scopes.emplace_back(Scope{nullptr});
    for (const Function &function : globalFunctions())
      scope->variables.emplace(function.name, Value(&function));
    for (const auto &[name, value] : variables)
      scope->variables.insert_or_assign(name, value);
    return capture(body);
  }

private:
  //===- Bookkeeping ------------------------------------------------------===//

  /// Counts what is open; nesting of the template is recursion here.
  class Nesting {
  public:
    explicit Nesting(Interpreter &self) : self(self) {
      self.runtime.budget.step();
      if (++self.depth > maxCallDepth) {
        --self.depth;
        fail("expressions and macros are nested deeper than " +
             std::to_string(maxCallDepth));
      }
    }
    ~Nesting() { --self.depth; }

  private:
    Interpreter &self;
  };

  /// A scope within the present one, or within `parent`, until the end of the
  /// block.
  class InnerScope {
  public:
    InnerScope(Interpreter &self, Scope *parent)
        : self(self), outer(self.scope), closures(self.closures.size()) {
      self.runtime.budget.step(4);
      self.scope = &self.scopes.emplace_back(Scope{parent});
    }
    explicit InnerScope(Interpreter &self) : InnerScope(self, self.scope) {}
    InnerScope(const InnerScope &) = delete;
    InnerScope &operator=(const InnerScope &) = delete;
    ~InnerScope() {
      self.scope = outer;
      // A macro that was defined here, or further in, still sees it.
      if (self.closures.size() == closures)
        self.scopes.pop_back();
    }

  private:
    Interpreter &self;
    Scope *outer;
    size_t closures;
  };

  void print(const std::string &text) {
    runtime.budget.spend(text.size());
    if (text.size() > maxOutputBytes - out->size())
      fail("the text grows over " + std::to_string(maxOutputBytes) + " bytes");
    *out += text;
  }

  /// What a body prints, in place of where it would have gone.
  std::string capture(const Body &body) {
    std::string text;
    std::string *outer = std::exchange(out, &text);
    // After an error nothing is printed any more.
    execute(body);
    out = outer;
    return text;
  }

  //===- Statements -------------------------------------------------------===//

  Flow execute(const Body &body) {
    for (const Statement &statement : body) {
      Flow flow = execute(statement);
      if (flow != Flow::Next)
        return flow;
    }
    return Flow::Next;
  }

  Flow execute(const Statement &statement) try {
    Nesting nesting(*this);
    return std::visit([this](const auto &node) { return run(node); },
                      statement.node);
  } catch (Error &error) {
    if (!error.offset)
      error.offset = statement.offset;
    throw;
  }

  Flow run(const Text &text) {
    print(text.text);
    return Flow::Next;
  }
  Flow run(const Output &output) {
    print(toText(evaluate(*output.value), runtime.budget));
    return Flow::Next;
  }
  Flow run(const Break &) { return Flow::Break; }
  Flow run(const Continue &) { return Flow::Continue; }

  Flow run(const If &statement) {
    for (const auto &[condition, body] : statement.branches)
      if (!condition || evaluate(*condition).isTrue())
        return execute(body);
    return Flow::Next;
  }

  Flow run(const For &statement) {
    std::vector<Value> elements =
        elementsOf(evaluate(*statement.sequence), runtime.budget);
    if (statement.condition)
      elements = filtered(statement, std::move(elements));
    if (elements.empty())
      return execute(statement.otherwise);
    runtime.budget.step(4);
    Loop &loop = loops.emplace_back();
    loop.length = elements.size();
    loop.sequence = Value::list(std::move(elements));
    for (; loop.index < loop.length; ++loop.index) {
      InnerScope inner(*this);
      scope->variables.emplace("loop", Value(&loop));
      assign(statement.targets, loop.sequence.asList()->elements[loop.index]);
      if (execute(statement.body) == Flow::Break)
        break;
    }
    return Flow::Next;
  }

  std::vector<Value> filtered(const For &statement,
                              std::vector<Value> elements) {
    std::vector<Value> kept;
    for (Value &element : elements) {
      InnerScope inner(*this);
      assign(statement.targets, element);
      if (evaluate(*statement.condition).isTrue())
        kept.push_back(std::move(element));
    }
    return kept;
  }

  Flow run(const Set &statement) {
    assign(statement.targets, evaluate(*statement.value));
    return Flow::Next;
  }

  Flow run(const SetBlock &statement) {
    std::string text;
    {
      InnerScope inner(*this);
      text = capture(statement.body);
    }
    Value value = Value::string(std::move(text));
    if (statement.filters) {
      blockTexts.emplace_back(statement.input, std::move(value));
      value = evaluate(*statement.filters);
      blockTexts.pop_back();
    }
    assign({statement.target}, value);
    return Flow::Next;
  }

  Flow run(const Macro &macro) {
    closures.push_back({&macro, scope});
    scope->variables.insert_or_assign(macro.name, Value(&closures.back()));
    return Flow::Next;
  }

  void assign(const std::vector<Target> &targets, const Value &value) {
    if (targets.size() == 1)
      return assign(targets[0], value);
    auto elements = elementsOf(value, runtime.budget);
    if (elements.size() != targets.size())
      failAt(targets[0].offset,
             "cannot unpack " + std::to_string(elements.size()) +
                 " elements into " + std::to_string(targets.size()));
    for (size_t i = 0; i < targets.size(); ++i)
      assign(targets[i], elements[i]);
  }

  void assign(const Target &target, const Value &value) {
    if (target.attribute.empty()) {
      scope->variables.insert_or_assign(target.name, value);
      return;
    }
    Value object = lookUp(target.name);
    Namespace *space = object.asNamespace();
    if (!space)
      failAt(target.offset, "cannot set an attribute of " + object.describe() +
                                ", only of a namespace");
    runtime.budget.step(space->members.size());
    space->set(target.attribute, value);
  }

  Value lookUp(const std::string &name) {
    for (Scope *at = scope; at; at = at->parent) {
      auto found = at->variables.find(name);
      if (found != at->variables.end())
        return found->second;
    }
    return Value::undefined(name);
  }

  //===- Expressions ------------------------------------------------------===//

  Value evaluate(const Expression &expression) try {
    Nesting nesting(*this);
    switch (expression.kind) {
    case Expression::Constant:
      return constant(expression);
    case Expression::Name:
      return lookUp(expression.name);
    case Expression::List:
    case Expression::Tuple:
      return list(expression);
    case Expression::Dict:
      return dict(expression);
    case Expression::Attribute:
      return getAttribute(operand(expression, 0), expression.name, runtime);
    case Expression::Item: {
      Value object = operand(expression, 0);
      return getItem(object, operand(expression, 1), runtime);
    }
    case Expression::Slice:
      return slice(expression);
    case Expression::Call:
      return call(expression);
    case Expression::Filter: {
      Value object = operand(expression, 0);
      return applyFilter(expression.name, object, arguments(expression),
                         runtime);
    }
    case Expression::Test: {
      Value object = operand(expression, 0);
      return Value::boolean(
          applyTest(expression.name, object, arguments(expression), runtime));
    }
    case Expression::Unary:
      return applyUnary(expression.operators[0], operand(expression, 0));
    case Expression::Binary: {
      Value left = operand(expression, 0);
      return applyBinary(expression.operators[0], left, operand(expression, 1),
                         runtime.budget);
    }
    case Expression::Compare:
      return compare(expression);
    case Expression::And:
    case Expression::Or: {
      Value left = operand(expression, 0);
      bool decides = left.isTrue() == (expression.kind == Expression::Or);
      return decides ? left : operand(expression, 1);
    }
    case Expression::Not:
      return Value::boolean(!operand(expression, 0).isTrue());
    case Expression::Conditional:
      return conditional(expression);
    }
    fail("unknown expression");
  } catch (Error &error) {
    if (!error.offset)
      error.offset = expression.offset;
    throw;
  }

  Value operand(const Expression &expression, size_t index) {
    return evaluate(*expression.operands[index]);
  }

  Value constant(const Expression &expression) {
    for (auto it = blockTexts.rbegin(); it != blockTexts.rend(); ++it)
      if (it->first == &expression)
        return it->second;
    return expression.constant;
  }

  Value list(const Expression &expression) {
    std::vector<Value> elements;
    for (const ExpressionPtr &element : expression.operands)
      elements.push_back(evaluate(*element));
    return Value::sequence(std::move(elements),
                           expression.kind == Expression::Tuple);
  }

  Value dict(const Expression &expression) {
    Namespace members; // the later of two equal names counts
    for (size_t i = 0; i < expression.operands.size(); i += 2) {
      Value name = operand(expression, i);
      if (!name.asString())
        failAt(expression.operands[i]->offset,
               "the names in a mapping are expected to be strings, not " +
                   name.describe());
      runtime.budget.step(members.members.size());
      members.set(*name.asString(), operand(expression, i + 1));
    }
    return Value::dict(std::move(members.members));
  }

  Value slice(const Expression &expression) {
    Value object = operand(expression, 0);
    Value parts[3];
    for (size_t i = 0; i < 3; ++i)
      parts[i] = expression.operands[i + 1] ? operand(expression, i + 1)
                                            : Value(None());
    return getSlice(object, parts[0], parts[1], parts[2], runtime);
  }

  Value compare(const Expression &expression) {
    Value left = operand(expression, 0);
    for (size_t i = 0; i < expression.operators.size(); ++i) {
      Value right = operand(expression, i + 1);
      if (!applyComparison(expression.operators[i], left, right,
                           runtime.budget))
        return Value::boolean(false);
      left = std::move(right);
    }
    return Value::boolean(true);
  }

  Value conditional(const Expression &expression) {
    if (operand(expression, 0).isTrue())
      return operand(expression, 1);
    return expression.operands[2] ? operand(expression, 2)
                                  : Value::undefined("if without else");
  }

  //===- Calls ------------------------------------------------------------===//

  Arguments arguments(const Expression &expression) {
    std::vector<Value> positional;
    for (const ExpressionPtr &value : expression.arguments.positional)
      positional.push_back(evaluate(*value));
    std::vector<std::pair<std::string, Value>> named;
    for (const auto &[name, value] : expression.arguments.named)
      named.emplace_back(name, evaluate(*value));
    return Arguments(std::move(positional), std::move(named));
  }

  Value call(const Expression &expression) {
    const Expression &callee = *expression.operands[0];
    if (callee.kind == Expression::Attribute) {
      Value object = operand(callee, 0);
      if (auto *loop = object.as<const Loop *>())
        return callLoop(**loop, callee.name, arguments(expression));
      if (hasMethod(object, callee.name))
        return callMethod(object, callee.name, arguments(expression), runtime);
      return callValue(getAttribute(object, callee.name, runtime), expression);
    }
    return callValue(evaluate(callee), expression);
  }

  Value callValue(const Value &value, const Expression &expression) {
    if (auto *function = value.as<const Function *>())
      return (*function)->call(arguments(expression), runtime);
    if (auto *closure = value.as<const Closure *>())
      return callMacro(**closure, arguments(expression));
    if (auto *undefined = value.as<Undefined>())
      fail("'" + *undefined->name +
           "' cannot be called: it is undefined or not supported");
    fail(value.describe() + " cannot be called");
  }

  Value callMacro(const Closure &closure, Arguments given) {
    const Macro &macro = *closure.macro;
    InnerScope inner(*this, closure.scope);
    for (const auto &[name, fallback] : macro.parameters) {
      auto value = given.take(name.c_str());
      if (!value)
        value = fallback ? evaluate(*fallback) : Value::undefined(name);
      scope->variables.insert_or_assign(name, std::move(*value));
    }
    given.finish();
    return Value::string(capture(macro.body));
  }

  Value callLoop(const Loop &loop, const std::string &name, Arguments given) {
    if (name != "cycle")
      fail("the method '" + name + "' of a loop is not supported");
    auto values = given.takePositional();
    given.finish();
    if (values.empty())
      fail("loop.cycle needs values");
    return values[loop.index % values.size()];
  }

  Runtime runtime;
  unsigned depth = 0;
  std::string *out = nullptr;
  Scope *scope = nullptr;
  std::deque<Scope> scopes;
  std::deque<Loop> loops;
  std::deque<Closure> closures;
  /// What stands for the input of the filters of open set blocks.
  std::vector<std::pair<const Expression *, Value>> blockTexts;
};

} // namespace

std::string
moec::jinja::interpret(const Body &body,
                       std::vector<std::pair<std::string, Value>> variables,
                       const std::tm &now) {
  return Interpreter(now).run(body, variables);
}
