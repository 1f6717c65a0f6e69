//===- Access.cpp - Attributes, items, slices and arguments ---------------===//
#include "support/template/Builtins.h"

#include "support/template/Text.h"

#include <algorithm>

using namespace moec::jinja;

//===- Arguments ----------------------------------------------------------===//

std::optional<Value> Arguments::take(const char *name) {
  if (at < positional.size())
    return positional[at++];
  for (auto it = named.begin(); it != named.end(); ++it)
    if (it->first == name) {
      Value value = std::move(it->second);
      named.erase(it);
      return value;
    }
  return std::nullopt;
}

Value Arguments::require(const char *name) {
  if (auto value = take(name))
    return *value;
  fail(std::string("the argument '") + name + "' is missing");
}

bool Arguments::takeBoolean(const char *name, bool fallback) {
  auto value = take(name);
  return value ? value->isTrue() : fallback;
}

int64_t Arguments::takeInteger(const char *name, int64_t fallback) {
  auto value = take(name);
  if (!value)
    return fallback;
  if (auto integer = value->asInteger())
    return *integer;
  fail(std::string("the argument '") + name +
       "' is expected to be an integer, not " + value->describe());
}

std::string Arguments::requireString(const char *name) {
  Value value = require(name);
  if (auto *text = value.asString())
    return *text;
  fail(std::string("the argument '") + name +
       "' is expected to be a string, not " + value.describe());
}

std::optional<std::string> Arguments::takeString(const char *name) {
  auto value = take(name);
  if (!value || value->isNone())
    return std::nullopt;
  if (auto *text = value->asString())
    return *text;
  fail(std::string("the argument '") + name +
       "' is expected to be a string, not " + value->describe());
}

void Arguments::finish() const {
  if (at < positional.size())
    fail("takes at most " + std::to_string(at) + " arguments, not " +
         std::to_string(positional.size()));
  if (!named.empty())
    fail("there is no argument '" + named.front().first + "'");
}

std::vector<Value> Arguments::takePositional() {
  std::vector<Value> rest(positional.begin() + ptrdiff_t(at), positional.end());
  at = positional.size();
  return rest;
}

//===- Attributes and items -----------------------------------------------===//

namespace {

/// Undefined where there is nothing of that name.
Value loopAttribute(const Loop &loop, const std::string &name) {
  auto number = [](size_t value) { return Value::integer(int64_t(value)); };
  auto element = [&](size_t index) {
    return index < loop.length ? loop.sequence.asList()->elements[index]
                               : Value::undefined("loop." + name);
  };
  if (name == "index")
    return number(loop.index + 1);
  if (name == "index0")
    return number(loop.index);
  if (name == "revindex")
    return number(loop.length - loop.index);
  if (name == "revindex0")
    return number(loop.length - loop.index - 1);
  if (name == "first")
    return Value::boolean(loop.index == 0);
  if (name == "last")
    return Value::boolean(loop.index + 1 == loop.length);
  if (name == "length")
    return number(loop.length);
  if (name == "depth" || name == "depth0") // of recursive loops only
    return number(name == "depth");
  if (name == "previtem")
    return element(loop.index - 1); // 0 - 1 is behind the end
  if (name == "nextitem")
    return element(loop.index + 1);
  return Value::undefined("loop." + name);
}

const Value *findMember(const Value &value, const std::string &name,
                        Runtime &runtime) {
  if (auto *dict = value.asDict()) {
    runtime.budget.step(dict->members.size());
    return dict->find(name);
  }
  if (auto *object = value.asNamespace()) {
    runtime.budget.step(object->members.size());
    return object->find(name);
  }
  return nullptr;
}

[[noreturn]] void failUndefined(const Value &value) {
  fail("'" + *value.as<Undefined>()->name + "' is undefined");
}

/// `index` from the end if it is negative; nothing if it is outside.
std::optional<size_t> positionOf(int64_t index, size_t length) {
  if (index < 0)
    index += int64_t(length);
  if (index < 0 || index >= int64_t(length))
    return std::nullopt;
  return size_t(index);
}

} // namespace

Value moec::jinja::getAttribute(const Value &value, const std::string &name,
                                Runtime &runtime) {
  if (value.isUndefined())
    failUndefined(value);
  if (auto *loop = value.as<const Loop *>())
    return loopAttribute(**loop, name);
  if (hasMethod(value, name))
    return Value::method();
  const Value *member = findMember(value, name, runtime);
  return member ? *member : Value::undefined(name);
}

Value moec::jinja::getItem(const Value &value, const Value &index,
                           Runtime &runtime) {
  if (value.isUndefined())
    failUndefined(value);
  if (auto *name = index.asString()) {
    const Value *member = findMember(value, *name, runtime);
    return member ? *member : getAttribute(value, *name, runtime);
  }
  auto number = index.asInteger();
  if (auto *list = value.asList(); list && number) {
    if (auto at = positionOf(*number, list->elements.size()))
      return list->elements[*at];
  } else if (auto *text = value.asString(); text && number) {
    runtime.budget.step(text->size());
    auto characters = charactersOf(*text);
    if (auto at = positionOf(*number, characters.size()))
      return Value::string(std::string(characters[*at]));
  }
  return Value::undefined(number ? "item " + std::to_string(*number)
                                 : index.describe());
}

namespace {

/// The positions of a slice, by Python's rules.
std::vector<size_t> slicePositions(const Value &startValue,
                                   const Value &stopValue,
                                   const Value &stepValue, size_t size) {
  auto part = [](const Value &value) -> std::optional<int64_t> {
    if (value.isNone())
      return std::nullopt;
    auto number = value.asInteger();
    if (!number)
      fail("a slice takes integers, not " + value.describe());
    return number;
  };
  const auto length = int64_t(size);
  const int64_t step = part(stepValue).value_or(1);
  if (step == 0)
    fail("the step of a slice is 0");
  const int64_t least = step > 0 ? 0 : -1;
  const int64_t greatest = step > 0 ? length : length - 1;
  auto bound = [&](const Value &value, int64_t fallback) {
    auto number = part(value);
    if (!number)
      return fallback;
    int64_t index = *number < 0 ? *number + length : *number;
    return std::clamp(index, least, greatest);
  };
  const int64_t start = bound(startValue, step > 0 ? least : greatest);
  const int64_t stop = bound(stopValue, step > 0 ? greatest : least);
  std::vector<size_t> positions;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    positions.push_back(size_t(i));
    if (__builtin_add_overflow(i, step, &i))
      break;
  }
  return positions;
}

} // namespace

Value moec::jinja::getSlice(const Value &value, const Value &start,
                            const Value &stop, const Value &step,
                            Runtime &runtime) {
  if (auto *list = value.asList()) {
    std::vector<Value> elements;
    for (size_t i : slicePositions(start, stop, step, list->elements.size()))
      elements.push_back(list->elements[i]);
    runtime.budget.step(elements.size());
    return Value::sequence(std::move(elements), list->isTuple);
  }
  if (auto *text = value.asString()) {
    runtime.budget.step(text->size());
    auto characters = charactersOf(*text);
    std::string part;
    for (size_t i : slicePositions(start, stop, step, characters.size()))
      part += characters[i];
    return Value::string(std::move(part));
  }
  if (value.isUndefined())
    failUndefined(value);
  return Value::undefined("slice of " + value.describe());
}
