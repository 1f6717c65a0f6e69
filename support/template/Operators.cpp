//===- Operators.cpp - Operators on values --------------------------------===//
#include "support/template/Operators.h"

#include <cmath>
#include <limits>

using namespace moec::jinja;

namespace {

[[noreturn]] void failOperands(const char *op, const Value &left,
                               const Value &right) {
  fail(std::string("'") + op + "' of " + left.describe() + " and " +
       right.describe());
}

const char *spell(Expression::Operator op) {
  switch (op) {
  case Expression::Add:
    return "+";
  case Expression::Subtract:
    return "-";
  case Expression::Multiply:
    return "*";
  case Expression::Divide:
    return "/";
  case Expression::FloorDivide:
    return "//";
  case Expression::Modulo:
    return "%";
  case Expression::Power:
    return "**";
  default:
    return "~";
  }
}

[[noreturn]] void failOverflow() { fail("an integer leaves 64 bits"); }

int64_t power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if (exponent % 2 && __builtin_mul_overflow(result, base, &result))
      failOverflow();
    exponent /= 2;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base))
      failOverflow();
  }
  return result;
}

void expectDivisor(Expression::Operator op, bool isNonZero) {
  const bool divides = op == Expression::Divide ||
                       op == Expression::FloorDivide ||
                       op == Expression::Modulo;
  if (divides && !isNonZero)
    fail("division by zero");
}

Value integers(Expression::Operator op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflows = false;
  expectDivisor(op, b != 0);
  switch (op) {
  case Expression::Add:
    overflows = __builtin_add_overflow(a, b, &result);
    break;
  case Expression::Subtract:
    overflows = __builtin_sub_overflow(a, b, &result);
    break;
  case Expression::Multiply:
    overflows = __builtin_mul_overflow(a, b, &result);
    break;
  case Expression::Divide:
    return Value::real(double(a) / double(b));
  case Expression::FloorDivide:
    if (b == -1)
      overflows = __builtin_sub_overflow(int64_t(0), a, &result);
    else
      result = a / b - (a % b != 0 && (a < 0) != (b < 0));
    break;
  case Expression::Modulo: // of the sign of b
    if (b != -1)
      result = a % b + (a % b != 0 && (a < 0) != (b < 0) ? b : 0);
    break;
  default:
    if (b < 0)
      return Value::real(std::pow(double(a), double(b)));
    result = power(a, b);
  }
  if (overflows)
    failOverflow();
  return Value::integer(result);
}

Value reals(Expression::Operator op, double a, double b) {
  expectDivisor(op, b != 0);
  switch (op) {
  case Expression::Add:
    return Value::real(a + b);
  case Expression::Subtract:
    return Value::real(a - b);
  case Expression::Multiply:
    return Value::real(a * b);
  case Expression::Divide:
    return Value::real(a / b);
  case Expression::FloorDivide:
    return Value::real(std::floor(a / b));
  case Expression::Modulo: {
    double rest = std::fmod(a, b);
    return Value::real(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
  }
  default:
    return Value::real(std::pow(a, b));
  }
}

/// A string or a list, `count` times; nothing for other values.
std::optional<Value> repeat(const Value &value, const Value &times,
                            Budget &budget) {
  auto wanted = times.asInteger();
  if (!wanted)
    return std::nullopt;
  const uint64_t count = *wanted > 0 ? uint64_t(*wanted) : 0;
  // More than the budget is refused before the product can overflow.
  if (auto *text = value.asString()) {
    if (!text->empty())
      budget.spend(count);
    budget.spend(count * text->size());
    std::string out;
    for (uint64_t i = 0; i < count && !text->empty(); ++i)
      out += *text;
    return Value::string(std::move(out));
  }
  if (auto *list = value.asList()) {
    if (!list->elements.empty())
      budget.step(count);
    budget.step(count * list->elements.size());
    std::vector<Value> elements;
    for (uint64_t i = 0; i < count && !list->elements.empty(); ++i)
      elements.insert(elements.end(), list->elements.begin(),
                      list->elements.end());
    return Value::sequence(std::move(elements), list->isTuple);
  }
  return std::nullopt;
}

} // namespace

Value moec::jinja::applyUnary(Expression::Operator op, const Value &value) {
  if (auto integer = value.asInteger())
    return op == Expression::Subtract
               ? integers(Expression::Subtract, 0, *integer)
               : Value::integer(*integer);
  if (auto real = value.asNumber())
    return Value::real(op == Expression::Subtract ? -*real : *real);
  fail(std::string("'") + spell(op) + "' of " + value.describe());
}

Value moec::jinja::applyBinary(Expression::Operator op, const Value &left,
                               const Value &right, Budget &budget) {
  if (op == Expression::Concatenate) {
    std::string text = toText(left, budget);
    text += toText(right, budget);
    return Value::string(std::move(text));
  }
  auto a = left.asInteger(), b = right.asInteger();
  if (a && b)
    return integers(op, *a, *b);
  auto x = left.asNumber(), y = right.asNumber();
  if (x && y)
    return reals(op, *x, *y);
  if (op == Expression::Add && left.asString() && right.asString()) {
    budget.spend(left.asString()->size() + right.asString()->size());
    return Value::string(*left.asString() + *right.asString());
  }
  if (op == Expression::Add && left.asList() && right.asList()) {
    std::vector<Value> elements = left.asList()->elements;
    const bool isTuple = left.asList()->isTuple;
    if (isTuple != right.asList()->isTuple)
      fail("'+' of a list and a tuple");
    const auto &more = right.asList()->elements;
    budget.step(elements.size() + more.size());
    elements.insert(elements.end(), more.begin(), more.end());
    return Value::sequence(std::move(elements), isTuple);
  }
  if (op == Expression::Multiply) {
    if (auto repeated = repeat(left, right, budget))
      return *repeated;
    if (auto repeated = repeat(right, left, budget))
      return *repeated;
  }
  failOperands(spell(op), left, right);
}

bool moec::jinja::applyComparison(Expression::Operator op, const Value &left,
                                  const Value &right, Budget &budget) {
  switch (op) {
  case Expression::Equal:
    return equal(left, right, budget);
  case Expression::NotEqual:
    return !equal(left, right, budget);
  case Expression::Less:
    return less(left, right, budget);
  case Expression::LessEqual:
    return !less(right, left, budget);
  case Expression::Greater:
    return less(right, left, budget);
  case Expression::GreaterEqual:
    return !less(left, right, budget);
  case Expression::In:
    return contains(right, left, budget);
  default:
    return !contains(right, left, budget);
  }
}
