//===- Methods.cpp - Methods of strings and mappings ----------------------===//
#include "support/template/Builtins.h"

#include "support/Utf8.h"
#include "support/template/Text.h"

#include <algorithm>
#include <unordered_map>

using namespace moec;
using namespace moec::jinja;

namespace {

//===- Strings ------------------------------------------------------------===//

using StringMethod = Value (*)(const std::string &text, Arguments &arguments,
                               Budget &budget);

Value toList(const std::vector<std::string_view> &parts, Budget &budget) {
  budget.step(parts.size());
  std::vector<Value> elements;
  for (std::string_view part : parts)
    elements.push_back(Value::string(std::string(part)));
  return Value::list(std::move(elements));
}

template <bool fromRight>
Value splitMethod(const std::string &text, Arguments &arguments,
                  Budget &budget) {
  auto separator = arguments.takeString("sep");
  int64_t limit = arguments.takeInteger("maxsplit", -1);
  if (separator && separator->empty())
    fail("the separator is empty");
  if (!fromRight)
    return toList(split(text, separator, limit), budget);
  if (separator)
    budget.spend(text.size() * separator->size());
  return toList(splitRight(text, separator, limit), budget);
}

/// Whether `matches` holds for a string, or for one of a list of them.
template <typename Matches>
Value matchAny(Arguments &arguments, Budget &budget, const char *name,
               Matches matches) {
  Value parts = arguments.require(name);
  if (!parts.asList())
    parts = Value::list({parts});
  for (const Value &part : elementsOf(parts, budget)) {
    if (!part.asString())
      fail("expected a string or a list of them, found " + part.describe());
    if (matches(*part.asString()))
      return Value::boolean(true);
  }
  return Value::boolean(false);
}

Value startsWith(const std::string &text, Arguments &arguments,
                 Budget &budget) {
  return matchAny(arguments, budget, "prefix", [&](const std::string &part) {
    return text.compare(0, part.size(), part) == 0;
  });
}
Value endsWith(const std::string &text, Arguments &arguments, Budget &budget) {
  return matchAny(arguments, budget, "suffix", [&](const std::string &part) {
    return text.size() >= part.size() &&
           text.compare(text.size() - part.size(), part.size(), part) == 0;
  });
}

Value joinMethod(const std::string &text, Arguments &arguments,
                 Budget &budget) {
  std::string out;
  bool isFirst = true;
  for (const Value &element :
       elementsOf(arguments.require("iterable"), budget)) {
    if (!element.asString())
      fail("join takes strings, not " + element.describe());
    if (!isFirst)
      out += text;
    isFirst = false;
    out += *element.asString();
    budget.spend(text.size() + element.asString()->size());
  }
  return Value::string(std::move(out));
}

Value replaceMethod(const std::string &text, Arguments &arguments,
                    Budget &budget) {
  std::string from = arguments.requireString("old");
  std::string to = arguments.requireString("new");
  int64_t limit = arguments.takeInteger("count", -1);
  budget.spend(text.size() + (countOccurrences(text, from) + 1) * to.size());
  return Value::string(replace(text, from, to, limit));
}

template <bool fromRight>
Value findMethod(const std::string &text, Arguments &arguments,
                 Budget &budget) {
  std::string part = arguments.requireString("sub");
  if (fromRight)
    budget.spend(text.size() * part.size());
  size_t found = fromRight ? text.rfind(part) : find(text, part);
  if (found == text.npos)
    return Value::integer(-1);
  return Value::integer(
      int64_t(countCharacters(std::string_view(text).substr(0, found))));
}

/// Not empty, and all characters are as asked for.
template <bool (*predicate)(char32_t)>
Value allCharacters(const std::string &text, Arguments &, Budget &budget) {
  budget.step(text.size());
  auto characters = charactersOf(text);
  return Value::boolean(!characters.empty() &&
                        std::all_of(characters.begin(), characters.end(),
                                    [](std::string_view character) {
                                      return predicate(decodeUtf8(character));
                                    }));
}

template <std::string (*change)(std::string_view)>
Value changed(const std::string &text, Arguments &, Budget &budget) {
  budget.step(text.size());
  return Value::string(change(text));
}

const std::unordered_map<std::string_view, StringMethod> stringMethods = {
    {"strip",
     [](const std::string &text, Arguments &arguments, Budget &) {
       auto characters = arguments.takeString("chars");
       return Value::string(
           std::string(stripLeft(stripRight(text, characters), characters)));
     }},
    {"lstrip",
     [](const std::string &text, Arguments &arguments, Budget &) {
       return Value::string(
           std::string(stripLeft(text, arguments.takeString("chars"))));
     }},
    {"rstrip",
     [](const std::string &text, Arguments &arguments, Budget &) {
       return Value::string(
           std::string(stripRight(text, arguments.takeString("chars"))));
     }},
    {"split", splitMethod<false>},
    {"rsplit", splitMethod<true>},
    {"splitlines",
     [](const std::string &text, Arguments &, Budget &budget) {
       return toList(splitLines(text), budget);
     }},
    {"startswith", startsWith},
    {"endswith", endsWith},
    {"join", joinMethod},
    {"replace", replaceMethod},
    {"find", findMethod<false>},
    {"rfind", findMethod<true>},
    {"count",
     [](const std::string &text, Arguments &arguments, Budget &) {
       return Value::integer(
           int64_t(countOccurrences(text, arguments.requireString("sub"))));
     }},
    {"removeprefix",
     [](const std::string &text, Arguments &arguments, Budget &) {
       std::string prefix = arguments.requireString("prefix");
       bool matches = text.compare(0, prefix.size(), prefix) == 0;
       return Value::string(matches ? text.substr(prefix.size()) : text);
     }},
    {"removesuffix",
     [](const std::string &text, Arguments &arguments, Budget &) {
       std::string suffix = arguments.requireString("suffix");
       bool matches =
           text.size() >= suffix.size() &&
           text.compare(text.size() - suffix.size(), text.npos, suffix) == 0;
       return Value::string(
           matches ? text.substr(0, text.size() - suffix.size()) : text);
     }},
    {"upper", changed<toUpper>},
    {"lower", changed<toLower>},
    {"title", changed<toTitle>},
    {"capitalize", changed<capitalize>},
    {"isspace", allCharacters<isSpace>},
    {"isalpha", allCharacters<isAlphabetic>},
    {"isdigit", allCharacters<isDigit>},
};

//===- Mappings -----------------------------------------------------------===//

using DictMethod = Value (*)(const Dict &dict, Arguments &arguments,
                             Budget &budget);

const std::unordered_map<std::string_view, DictMethod> dictMethods = {
    {"items",
     [](const Dict &dict, Arguments &, Budget &budget) {
       budget.step(dict.members.size());
       std::vector<Value> items;
       for (const auto &[name, value] : dict.members)
         items.push_back(Value::tuple({Value::string(name), value}));
       return Value::list(std::move(items));
     }},
    {"keys",
     [](const Dict &dict, Arguments &, Budget &budget) {
       budget.step(dict.members.size());
       std::vector<Value> names;
       for (const auto &member : dict.members)
         names.push_back(Value::string(member.first));
       return Value::list(std::move(names));
     }},
    {"values",
     [](const Dict &dict, Arguments &, Budget &budget) {
       budget.step(dict.members.size());
       std::vector<Value> values;
       for (const auto &member : dict.members)
         values.push_back(member.second);
       return Value::list(std::move(values));
     }},
    {"get",
     [](const Dict &dict, Arguments &arguments, Budget &budget) {
       budget.step(dict.members.size());
       Value name = arguments.require("key");
       Value fallback = arguments.take("default").value_or(Value(None()));
       const Value *member =
           name.asString() ? dict.find(*name.asString()) : nullptr;
       return member ? *member : fallback;
     }},
};

} // namespace

bool moec::jinja::hasMethod(const Value &value, const std::string &name) {
  return (value.asString() && stringMethods.count(name)) ||
         (value.asDict() && dictMethods.count(name));
}

Value moec::jinja::callMethod(const Value &value, const std::string &name,
                              Arguments arguments, Runtime &runtime) {
  Value result;
  if (auto *text = value.asString(); text && stringMethods.count(name)) {
    runtime.budget.spend(text->size());
    result = stringMethods.at(name)(*text, arguments, runtime.budget);
  } else {
    result = dictMethods.at(name)(*value.asDict(), arguments, runtime.budget);
  }
  arguments.finish();
  return result;
}
