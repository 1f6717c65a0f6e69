//===- Filters.cpp - `value|name` -----------------------------------------===//
#include "support/template/Builtins.h"

#include "support/template/Text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

using namespace moec::jinja;

namespace {

using Filter = Value (*)(const Value &value, Arguments &arguments,
                         Runtime &runtime);

/// What filters of strings make of other values.
std::string textOf(const Value &value, Runtime &runtime) {
  std::string text = toText(value, runtime.budget);
  runtime.budget.spend(text.size());
  return text;
}

//===- Strings ------------------------------------------------------------===//

template <std::string (*change)(std::string_view)>
Value changed(const Value &value, Arguments &, Runtime &runtime) {
  std::string text = textOf(value, runtime);
  runtime.budget.step(text.size());
  return Value::string(change(text));
}

Value trim(const Value &value, Arguments &arguments, Runtime &runtime) {
  std::string text = textOf(value, runtime);
  auto characters = arguments.takeString("chars");
  return Value::string(
      std::string(stripLeft(stripRight(text, characters), characters)));
}

Value replaceFilter(const Value &value, Arguments &arguments,
                    Runtime &runtime) {
  std::string text = textOf(value, runtime);
  std::string from = arguments.requireString("old");
  std::string to = arguments.requireString("new");
  auto count = arguments.take("count");
  int64_t limit =
      count && count->asInteger() ? *count->asInteger() : int64_t(-1);
  runtime.budget.spend((countOccurrences(text, from) + 1) * to.size());
  return Value::string(replace(text, from, to, limit));
}

/// Every line but the first, unless told otherwise.
Value indent(const Value &value, Arguments &arguments, Runtime &runtime) {
  std::string text = textOf(value, runtime) + "\n";
  Value width = arguments.take("width").value_or(Value::integer(4));
  const bool first = arguments.takeBoolean("first", false);
  const bool blank = arguments.takeBoolean("blank", false);
  std::string spaces;
  if (auto *given = width.asString())
    spaces = *given;
  else if (auto count = width.asInteger(); count && *count < 1000)
    spaces.assign(size_t(std::max<int64_t>(*count, 0)), ' ');
  else
    fail("'width' is expected to be a string or an integer below 1000");
  std::string out;
  bool isFirst = true;
  for (std::string_view line : splitLines(text)) {
    runtime.budget.spend(line.size() + spaces.size());
    if (!isFirst)
      out += '\n';
    if (isFirst ? first : blank || !line.empty())
      out += spaces;
    isFirst = false;
    out += line;
  }
  return Value::string(std::move(out));
}

Value join(const Value &value, Arguments &arguments, Runtime &runtime);

//===- Numbers ------------------------------------------------------------===//

template <typename T>
std::optional<T> readNumber(std::string_view text) {
  text = stripLeft(stripRight(text));
  if (!text.empty() && text[0] == '+')
    text.remove_prefix(1);
  T number;
  auto [rest, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest != text.data() + text.size())
    return std::nullopt;
  return number;
}

Value toInteger(const Value &value, Arguments &arguments, Runtime &) {
  Value fallback = arguments.take("default").value_or(Value::integer(0));
  std::optional<double> real = value.asNumber();
  if (auto integer = value.asInteger())
    return Value::integer(*integer);
  if (auto *text = value.asString()) {
    if (auto integer = readNumber<int64_t>(*text))
      return Value::integer(*integer);
    real = readNumber<double>(*text);
  }
  if (!real || !(std::fabs(*real) < 0x1p63))
    return fallback;
  return Value::integer(int64_t(*real));
}

Value toReal(const Value &value, Arguments &arguments, Runtime &) {
  Value fallback = arguments.take("default").value_or(Value::real(0));
  std::optional<double> real = value.asNumber();
  if (auto *text = value.asString())
    real = readNumber<double>(*text);
  return real ? Value::real(*real) : fallback;
}

Value absolute(const Value &value, Arguments &, Runtime &) {
  if (auto integer = value.asInteger();
      integer && *integer != std::numeric_limits<int64_t>::min())
    return Value::integer(std::abs(*integer));
  if (auto real = value.asNumber())
    return Value::real(std::fabs(*real));
  fail("abs takes a number, not " + value.describe());
}

/// Halves go to the even neighbour, as in Python.
Value roundFilter(const Value &value, Arguments &arguments, Runtime &) {
  const int64_t precision = arguments.takeInteger("precision", 0);
  const std::string method = arguments.takeString("method").value_or("common");
  auto number = value.asNumber();
  if (!number || precision < 0 || precision > 15)
    fail("round takes a number and a precision of 0 to 15");
  const double scale = std::pow(10.0, double(precision));
  if (method == "common") {
    char buffer[400];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, *number,
                             std::chars_format::fixed, int(precision))
                   .ptr;
    return Value::real(*readNumber<double>({buffer, size_t(end - buffer)}));
  }
  if (method != "ceil" && method != "floor")
    fail("round knows the methods common, ceil and floor, not '" + method +
         "'");
  double scaled = *number * scale;
  return Value::real(
      (method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

//===- Elements -----------------------------------------------------------===//

/// The part of an element that a filter is about: `attribute` may be a path
/// like "function.name" or a number. `fallback` stands for what is undefined on
/// the way.
Value partOf(const Value &element, const std::optional<Value> &attribute,
             Runtime &runtime,
             const std::optional<Value> &fallback = std::nullopt) {
  if (!attribute || attribute->isNone())
    return element;
  auto orFallback = [&](Value part) {
    return part.isUndefined() && fallback ? *fallback : part;
  };
  if (!attribute->asString())
    return orFallback(getItem(element, *attribute, runtime));
  Value part = element;
  for (std::string_view name : split(*attribute->asString(), ".", -1)) {
    auto index = readNumber<int64_t>(name);
    part = orFallback(getItem(
        part, index ? Value::integer(*index) : Value::string(std::string(name)),
        runtime));
  }
  return part;
}

Value join(const Value &value, Arguments &arguments, Runtime &runtime) {
  Value between = arguments.take("d").value_or(Value::string(""));
  auto attribute = arguments.take("attribute");
  std::string separator = toText(between, runtime.budget);
  std::string out;
  bool isFirst = true;
  for (const Value &element : elementsOf(value, runtime.budget)) {
    if (!isFirst)
      out += separator;
    isFirst = false;
    runtime.budget.spend(separator.size());
    out += toText(partOf(element, attribute, runtime), runtime.budget);
  }
  return Value::string(std::move(out));
}

Value length(const Value &value, Arguments &, Runtime &runtime) {
  if (auto *text = value.asString()) {
    runtime.budget.spend(text->size());
    return Value::integer(int64_t(countCharacters(*text)));
  }
  if (auto *list = value.asList())
    return Value::integer(int64_t(list->elements.size()));
  if (auto *dict = value.asDict())
    return Value::integer(int64_t(dict->members.size()));
  if (value.isUndefined())
    return Value::integer(0);
  fail(value.describe() + " has no length");
}

Value first(const Value &value, Arguments &, Runtime &runtime) {
  auto elements = elementsOf(value, runtime.budget);
  return elements.empty() ? Value::undefined("first") : elements.front();
}
Value last(const Value &value, Arguments &, Runtime &runtime) {
  auto elements = elementsOf(value, runtime.budget);
  return elements.empty() ? Value::undefined("last") : elements.back();
}

Value toList(const Value &value, Arguments &, Runtime &runtime) {
  return Value::list(elementsOf(value, runtime.budget));
}

Value reverse(const Value &value, Arguments &, Runtime &runtime) {
  auto elements = elementsOf(value, runtime.budget);
  std::reverse(elements.begin(), elements.end());
  if (!value.asString())
    return Value::list(std::move(elements));
  std::string text;
  for (const Value &character : elements)
    text += *character.asString();
  return Value::string(std::move(text));
}

/// map('filter', …) or map(attribute='name', default=…).
Value map(const Value &value, Arguments &arguments, Runtime &runtime) {
  std::vector<Value> results;
  const auto elements = elementsOf(value, runtime.budget);
  auto positional = arguments.takePositional();
  if (positional.empty()) {
    Value attribute = arguments.require("attribute");
    auto fallback = arguments.take("default");
    for (const Value &element : elements)
      results.push_back(partOf(element, attribute, runtime, fallback));
    return Value::list(std::move(results));
  }
  if (!positional[0].asString())
    fail("map takes the name of a filter, not " + positional[0].describe());
  const std::string name = *positional[0].asString();
  positional.erase(positional.begin());
  auto named = arguments.takeNamed();
  for (const Value &element : elements)
    results.push_back(
        applyFilter(name, element, Arguments(positional, named), runtime));
  return Value::list(std::move(results));
}

/// The elements, or their attributes, for which a test holds or fails; without
/// a test, whether they are true.
template <bool wanted, bool byAttribute>
Value select(const Value &value, Arguments &arguments, Runtime &runtime) {
  std::optional<Value> attribute;
  if (byAttribute)
    attribute = arguments.require("attribute");
  auto positional = arguments.takePositional();
  auto named = arguments.takeNamed();
  std::string test;
  if (!positional.empty()) {
    if (!positional[0].asString())
      fail("expected the name of a test, found " + positional[0].describe());
    test = *positional[0].asString();
    positional.erase(positional.begin());
  }
  std::vector<Value> results;
  for (const Value &element : elementsOf(value, runtime.budget)) {
    Value part = partOf(element, attribute, runtime);
    bool holds =
        test.empty()
            ? part.isTrue()
            : applyTest(test, part, Arguments(positional, named), runtime);
    if (holds == wanted)
      results.push_back(element);
  }
  return Value::list(std::move(results));
}

/// What is compared when case does not matter.
Value foldCase(const Value &value, bool caseSensitive, Runtime &runtime) {
  if (caseSensitive || !value.asString())
    return value;
  runtime.budget.step(value.asString()->size());
  return Value::string(toLower(*value.asString()));
}

/// Keeps the order of equal ones, in either direction.
std::vector<Value> sortBy(const std::vector<std::pair<Value, Value>> &keyed,
                          bool reversed, Runtime &runtime) {
  std::vector<size_t> order(keyed.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  // An order is what std::sort needs to stay within its array; less() can
  // break off with an error but gives none that contradicts itself, NaN aside.
  for (const auto &entry : keyed)
    if (auto number = entry.first.asNumber(); number && std::isnan(*number))
      fail("cannot order NaN");
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return reversed ? less(keyed[b].first, keyed[a].first, runtime.budget)
                    : less(keyed[a].first, keyed[b].first, runtime.budget);
  });
  std::vector<Value> sorted;
  for (size_t i : order)
    sorted.push_back(keyed[i].second);
  return sorted;
}

Value sort(const Value &value, Arguments &arguments, Runtime &runtime) {
  const bool reversed = arguments.takeBoolean("reverse", false);
  const bool caseSensitive = arguments.takeBoolean("case_sensitive", false);
  auto attribute = arguments.take("attribute");
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value &element : elementsOf(value, runtime.budget))
    keyed.emplace_back(
        foldCase(partOf(element, attribute, runtime), caseSensitive, runtime),
        element);
  return Value::list(sortBy(keyed, reversed, runtime));
}

Value items(const Value &value, Arguments &, Runtime &runtime) {
  if (value.isUndefined())
    return Value::list({});
  if (!value.asDict())
    fail("items takes a mapping, not " + value.describe());
  return callMethod(value, "items", Arguments(), runtime);
}

Value dictsort(const Value &value, Arguments &arguments, Runtime &runtime) {
  if (!value.asDict())
    fail("dictsort takes a mapping, not " + value.describe());
  const bool caseSensitive = arguments.takeBoolean("case_sensitive", false);
  const std::string by = arguments.takeString("by").value_or("key");
  const bool reversed = arguments.takeBoolean("reverse", false);
  if (by != "key" && by != "value")
    fail("dictsort sorts by key or value, not '" + by + "'");
  std::vector<std::pair<Value, Value>> keyed;
  Value pairs = items(value, arguments, runtime);
  for (const Value &pair : pairs.asList()->elements)
    keyed.emplace_back(foldCase(pair.asList()->elements[by == "value"],
                                caseSensitive, runtime),
                       pair);
  return Value::list(sortBy(keyed, reversed, runtime));
}

Value unique(const Value &value, Arguments &arguments, Runtime &runtime) {
  const bool caseSensitive = arguments.takeBoolean("case_sensitive", false);
  auto attribute = arguments.take("attribute");
  std::vector<Value> seen, results;
  for (const Value &element : elementsOf(value, runtime.budget)) {
    Value key =
        foldCase(partOf(element, attribute, runtime), caseSensitive, runtime);
    if (std::none_of(seen.begin(), seen.end(), [&](const Value &other) {
          return equal(key, other, runtime.budget);
        })) {
      seen.push_back(key);
      results.push_back(element);
    }
  }
  return Value::list(std::move(results));
}

template <bool greatest>
Value extreme(const Value &value, Arguments &arguments, Runtime &runtime) {
  const bool caseSensitive = arguments.takeBoolean("case_sensitive", false);
  auto attribute = arguments.take("attribute");
  std::optional<Value> best;
  Value bestKey;
  for (const Value &element : elementsOf(value, runtime.budget)) {
    Value key =
        foldCase(partOf(element, attribute, runtime), caseSensitive, runtime);
    if (!best || (greatest ? less(bestKey, key, runtime.budget)
                           : less(key, bestKey, runtime.budget))) {
      best = element;
      bestKey = key;
    }
  }
  return best ? *best : Value::undefined(greatest ? "max" : "min");
}

Value sum(const Value &value, Arguments &arguments, Runtime &runtime) {
  auto attribute = arguments.take("attribute");
  Value start = arguments.take("start").value_or(Value::integer(0));
  std::optional<int64_t> integer = start.asInteger();
  std::optional<double> real = start.asNumber();
  for (const Value &element : elementsOf(value, runtime.budget)) {
    Value part = partOf(element, attribute, runtime);
    if (!real || !part.asNumber())
      fail("sum takes numbers, not " + part.describe());
    real = *real + *part.asNumber();
    int64_t total;
    if (integer && part.asInteger() &&
        !__builtin_add_overflow(*integer, *part.asInteger(), &total))
      integer = total;
    else
      integer = std::nullopt;
  }
  if (integer)
    return Value::integer(*integer);
  return real ? Value::real(*real) : start;
}

//===- Others -------------------------------------------------------------===//

Value defaultFilter(const Value &value, Arguments &arguments, Runtime &) {
  Value fallback = arguments.take("default_value").value_or(Value::string(""));
  const bool alsoFalse = arguments.takeBoolean("boolean", false);
  return value.isUndefined() || (alsoFalse && !value.isTrue()) ? fallback
                                                               : value;
}

/// Of transformers, which takes other arguments than Jinja's own.
Value tojson(const Value &value, Arguments &arguments, Runtime &runtime) {
  JsonStyle style;
  style.ascii = arguments.takeBoolean("ensure_ascii", false);
  if (auto indent = arguments.take("indent"); indent && !indent->isNone()) {
    auto spaces = indent->asInteger();
    if (!spaces || *spaces > 100)
      fail("'indent' is expected to be an integer up to 100");
    style.indent = *spaces;
    style.itemSeparator = ",";
  }
  if (auto separators = arguments.take("separators");
      separators && !separators->isNone()) {
    auto *list = separators->asList();
    if (!list || list->elements.size() != 2 || !list->elements[0].asString() ||
        !list->elements[1].asString())
      fail("'separators' is expected to be two strings");
    style.itemSeparator = *list->elements[0].asString();
    style.keySeparator = *list->elements[1].asString();
  }
  style.sortKeys = arguments.takeBoolean("sort_keys", false);
  return Value::string(toJson(value, style, runtime.budget));
}

const std::unordered_map<std::string_view, Filter> filters = {
    {"abs", absolute},
    {"capitalize", changed<capitalize>},
    {"count", length},
    {"d", defaultFilter},
    {"default", defaultFilter},
    {"dictsort", dictsort},
    {"first", first},
    {"float", toReal},
    {"indent", indent},
    {"int", toInteger},
    {"items", items},
    {"join", join},
    {"last", last},
    {"length", length},
    {"list", toList},
    {"lower", changed<toLower>},
    {"map", map},
    {"max", extreme<true>},
    {"min", extreme<false>},
    {"reject", select<false, false>},
    {"rejectattr", select<false, true>},
    {"replace", replaceFilter},
    {"reverse", reverse},
    {"round", roundFilter},
    {"safe", [](const Value &value, Arguments &,
                Runtime &) { return value; }}, // nothing is escaped here
    {"select", select<true, false>},
    {"selectattr", select<true, true>},
    {"sort", sort},
    {"string",
     [](const Value &value, Arguments &, Runtime &runtime) {
       return Value::string(toText(value, runtime.budget));
     }},
    {"sum", sum},
    {"title", changed<toTitleWords>},
    {"tojson", tojson},
    {"trim", trim},
    {"unique", unique},
    {"upper", changed<toUpper>},
};

} // namespace

Value moec::jinja::applyFilter(const std::string &name, const Value &value,
                               Arguments arguments, Runtime &runtime) {
  auto filter = filters.find(name);
  if (filter == filters.end())
    fail("the filter '" + name + "' is not supported");
  runtime.budget.step();
  Value result = filter->second(value, arguments, runtime);
  arguments.finish();
  return result;
}
