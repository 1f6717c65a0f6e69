//===- Functions.cpp - Functions that every template can call -------------===//
#include "support/template/Builtins.h"

#include <cctype>
#include <ctime>

using namespace moec::jinja;

namespace {

Value makeNamespace(Arguments arguments, Runtime &runtime) {
  Namespace &result = runtime.namespaces.emplace_back();
  runtime.budget.step(8);
  for (const Value &from : arguments.takePositional()) {
    if (!from.asDict())
      fail("namespace takes a mapping, not " + from.describe());
    runtime.budget.step(from.asDict()->members.size());
    for (const auto &[name, value] : from.asDict()->members)
      result.set(name, value);
  }
  for (auto &[name, value] : arguments.takeNamed())
    result.set(name, std::move(value));
  return Value(&result);
}

Value makeDict(Arguments arguments, Runtime &) {
  auto members = arguments.takeNamed();
  arguments.finish();
  return Value::dict(std::move(members));
}

/// Jinja's sandbox has the same limit.
constexpr uint64_t maxRange = 100'000;

Value range(Arguments arguments, Runtime &runtime) {
  int64_t start = 0;
  Value first = arguments.require("stop");
  if (!first.asInteger())
    fail("range takes integers, not " + first.describe());
  int64_t stop = *first.asInteger();
  if (auto second = arguments.take("stop")) {
    if (!second->asInteger())
      fail("range takes integers, not " + second->describe());
    start = std::exchange(stop, *second->asInteger());
  }
  const int64_t step = arguments.takeInteger("step", 1);
  arguments.finish();
  if (step == 0)
    fail("the step of range is 0");
  std::vector<Value> numbers;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (numbers.size() == maxRange)
      fail("a range of more than " + std::to_string(maxRange) + " numbers");
    numbers.push_back(Value::integer(i));
    if (__builtin_add_overflow(i, step, &i))
      break;
  }
  runtime.budget.step(numbers.size());
  return Value::list(std::move(numbers));
}

[[noreturn]] Value raiseException(Arguments arguments, Runtime &runtime) {
  Value message = arguments.require("message");
  fail("the template refuses these messages: " +
       toText(message, runtime.budget));
}

Value strftimeNow(Arguments arguments, Runtime &runtime) {
  std::string format = arguments.requireString("format");
  arguments.finish();
  // What the C library reads behind a % beside letters are widths and flags.
  for (size_t i = 0; (i = format.find('%', i)) != format.npos; i += 2) {
    char c = i + 1 < format.size() ? format[i + 1] : 0;
    bool isKnown = c == '%' || std::isalpha(static_cast<unsigned char>(c)) ||
                   (c == '-' && i + 2 < format.size());
    if (!isKnown || c == 'E' || c == 'O')
      fail("strftime_now cannot read the format '" + format + "'");
  }
  if (format.empty())
    return Value::string("");
  char buffer[1024];
  size_t length =
      std::strftime(buffer, sizeof buffer, format.c_str(), &runtime.now);
  if (length == 0)
    fail("strftime_now makes nothing or more than " +
         std::to_string(sizeof buffer) + " bytes of '" + format + "'");
  return Value::string(std::string(buffer, length));
}

} // namespace

const std::vector<Function> &moec::jinja::globalFunctions() {
  static const std::vector<Function> functions = {
      {"dict", makeDict},
      {"namespace", makeNamespace},
      {"raise_exception", raiseException},
      {"range", range},
      {"strftime_now", strftimeNow}};
  return functions;
}
