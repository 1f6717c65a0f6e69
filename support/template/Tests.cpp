//===- Tests.cpp - `value is name` ----------------------------------------===//
#include "support/template/Builtins.h"

#include <unordered_map>

using namespace moec::jinja;

namespace {

using Test = bool (*)(const Value &value, Arguments &arguments, Budget &budget);

int64_t requireInteger(const Value &value) {
  if (auto integer = value.asInteger())
    return *integer;
  fail("expected an integer, found " + value.describe());
}

template <bool (*relation)(const Value &, const Value &, Budget &),
          bool swapped = false, bool negated = false>
bool compared(const Value &value, Arguments &arguments, Budget &budget) {
  Value other = arguments.require("other");
  return negated != (swapped ? relation(other, value, budget)
                             : relation(value, other, budget));
}

const std::unordered_map<std::string_view, Test> tests = {
    {"defined", [](const Value &value, Arguments &,
                   Budget &) { return !value.isUndefined(); }},
    {"undefined", [](const Value &value, Arguments &,
                     Budget &) { return value.isUndefined(); }},
    {"none",
     [](const Value &value, Arguments &, Budget &) { return value.isNone(); }},
    {"boolean", [](const Value &value, Arguments &,
                   Budget &) { return value.as<bool>() != nullptr; }},
    {"true", [](const Value &value, Arguments &,
                Budget &) { return value.as<bool>() && *value.as<bool>(); }},
    {"false", [](const Value &value, Arguments &,
                 Budget &) { return value.as<bool>() && !*value.as<bool>(); }},
    {"integer", [](const Value &value, Arguments &,
                   Budget &) { return value.as<int64_t>() != nullptr; }},
    {"float", [](const Value &value, Arguments &,
                 Budget &) { return value.as<double>() != nullptr; }},
    {"number", [](const Value &value, Arguments &,
                  Budget &) { return value.asNumber().has_value(); }},
    {"string", [](const Value &value, Arguments &,
                  Budget &) { return value.asString() != nullptr; }},
    {"mapping", [](const Value &value, Arguments &,
                   Budget &) { return value.asDict() != nullptr; }},
    {"sequence",
     [](const Value &value, Arguments &, Budget &) {
       return value.asString() || value.asList() || value.asDict() ||
              value.isUndefined();
     }},
    {"iterable",
     [](const Value &value, Arguments &, Budget &) {
       return value.asString() || value.asList() || value.asDict() ||
              value.isUndefined();
     }},
    {"callable", [](const Value &value, Arguments &,
                    Budget &) { return value.isCallable(); }},
    {"odd", [](const Value &value, Arguments &,
               Budget &) { return requireInteger(value) % 2 != 0; }},
    {"even", [](const Value &value, Arguments &,
                Budget &) { return requireInteger(value) % 2 == 0; }},
    {"divisibleby",
     [](const Value &value, Arguments &arguments, Budget &) {
       int64_t divisor = requireInteger(arguments.require("num"));
       if (divisor == 0)
         fail("division by zero");
       return divisor == -1 || requireInteger(value) % divisor == 0;
     }},
    {"in",
     [](const Value &value, Arguments &arguments, Budget &budget) {
       return contains(arguments.require("seq"), value, budget);
     }},
    {"eq", compared<equal>},
    {"equalto", compared<equal>},
    {"==", compared<equal>},
    {"ne", compared<equal, false, true>},
    {"!=", compared<equal, false, true>},
    {"lt", compared<less>},
    {"lessthan", compared<less>},
    {"<", compared<less>},
    {"gt", compared<less, true>},
    {"greaterthan", compared<less, true>},
    {">", compared<less, true>},
    {"ge", compared<less, false, true>},
    {">=", compared<less, false, true>},
    {"le", compared<less, true, true>},
    {"<=", compared<less, true, true>},
};

} // namespace

bool moec::jinja::applyTest(const std::string &name, const Value &value,
                            Arguments arguments, Runtime &runtime) {
  auto test = tests.find(name);
  if (test == tests.end())
    fail("the test '" + name + "' is not supported");
  runtime.budget.step();
  bool result = test->second(value, arguments, runtime.budget);
  arguments.finish();
  return result;
}
