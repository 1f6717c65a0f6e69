//===- Value.cpp - What template variables hold ---------------------------===//
#include "support/template/Value.h"

#include "support/Utf8.h"
#include "support/template/Text.h"

#include <algorithm>
#include <cstdio>

using namespace moec;
using namespace moec::jinja;

//===- Making -------------------------------------------------------------===//

namespace {

unsigned depthOf(const Value &value) {
  if (auto *list = value.asList())
    return list->depth;
  if (auto *dict = value.asDict())
    return dict->depth;
  return 0;
}

const std::string &checkUtf8(const std::string &text) {
  if (findInvalidUtf8(text))
    fail("a text is not UTF-8");
  return text;
}

unsigned depthAbove(unsigned depth) {
  if (depth == maxValueDepth)
    fail("lists and mappings are nested deeper than " +
         std::to_string(maxValueDepth));
  return depth + 1;
}

} // namespace

Value Value::undefined(std::string name) {
  return Value(Holding(),
               Undefined{std::make_shared<const std::string>(std::move(name))});
}

Value Value::string(std::string text) {
  return Value(Holding(), std::make_shared<const std::string>(std::move(text)));
}

Value Value::sequence(std::vector<Value> elements, bool isTuple) {
  unsigned depth = 0;
  for (const Value &element : elements)
    depth = std::max(depth, depthOf(element));
  return Value(Holding(),
               std::make_shared<const List>(
                   List{std::move(elements), isTuple, depthAbove(depth)}));
}

Value Value::dict(std::vector<std::pair<std::string, Value>> members) {
  unsigned depth = 0;
  for (const auto &member : members)
    depth = std::max(depth, depthOf(member.second));
  return Value(Holding(), std::make_shared<const Dict>(
                              Dict{std::move(members), depthAbove(depth)}));
}

Value Value::fromJson(const nlohmann::ordered_json &json, unsigned depth) {
  if (depth > maxValueDepth)
    depthAbove(maxValueDepth);
  using Type = nlohmann::ordered_json::value_t;
  switch (json.type()) {
  case Type::boolean:
    return boolean(json.get<bool>());
  case Type::number_integer:
    return integer(json.get<int64_t>());
  case Type::number_unsigned:
    if (json.get<uint64_t>() > uint64_t(INT64_MAX))
      fail("the integer " + json.dump() + " is out of range");
    return integer(json.get<int64_t>());
  case Type::number_float:
    return real(json.get<double>());
  case Type::string:
    return string(checkUtf8(json.get_ref<const std::string &>()));
  case Type::array: {
    std::vector<Value> elements;
    for (const auto &element : json)
      elements.push_back(fromJson(element, depth + 1));
    return list(std::move(elements));
  }
  case Type::object: {
    std::vector<std::pair<std::string, Value>> members;
    for (const auto &[name, member] : json.items())
      members.emplace_back(checkUtf8(name), fromJson(member, depth + 1));
    return dict(std::move(members));
  }
  default:
    return Value(None());
  }
}

const Value *Dict::find(std::string_view name) const {
  for (const auto &member : members)
    if (member.first == name)
      return &member.second;
  return nullptr;
}

Value *Namespace::find(std::string_view name) {
  for (auto &member : members)
    if (member.first == name)
      return &member.second;
  return nullptr;
}

void Namespace::set(const std::string &name, Value value) {
  if (Value *member = find(name))
    *member = std::move(value);
  else
    members.emplace_back(name, std::move(value));
}

//===- Asking -------------------------------------------------------------===//

std::optional<int64_t> Value::asInteger() const {
  if (auto *integer = as<int64_t>())
    return *integer;
  if (auto *boolean = as<bool>())
    return *boolean;
  return std::nullopt;
}

std::optional<double> Value::asNumber() const {
  if (auto *real = as<double>())
    return *real;
  if (auto integer = asInteger())
    return double(*integer);
  return std::nullopt;
}

bool Value::isTrue() const {
  if (isUndefined() || isNone())
    return false;
  if (auto number = asNumber())
    return *number != 0;
  if (auto *text = asString())
    return !text->empty();
  if (auto *list = asList())
    return !list->elements.empty();
  if (auto *dict = asDict())
    return !dict->members.empty();
  return true;
}

std::string Value::describe() const {
  if (auto *undefined = as<Undefined>())
    return "an undefined value ('" + *undefined->name + "')";
  if (isNone())
    return "none";
  if (as<bool>())
    return "a boolean";
  if (as<int64_t>())
    return "an integer";
  if (as<double>())
    return "a float";
  if (asString())
    return "a string";
  if (asList())
    return "a list";
  if (asDict())
    return "a mapping";
  if (asNamespace())
    return "a namespace";
  if (as<const Loop *>())
    return "a loop";
  return "a function";
}

//===- Printing -----------------------------------------------------------===//

namespace {

/// Both spellings of a container differ in their leaves and separators only.
class Printer {
public:
  explicit Printer(Budget &budget) : budget(budget) {}
  virtual ~Printer() = default;
  std::string out;

  void print(const Value &value) {
    budget.step();
    size_t before = out.size();
    if (auto *list = value.asList())
      printList(*list);
    else if (auto *dict = value.asDict())
      printAll(members(*dict), '{', '}', [&](const auto &member) {
        printString(member.first);
        out += keySeparator();
        print(member.second);
      });
    else
      printLeaf(value);
    // A container pays for its own bytes and those within it, so for each byte
    // as often as it is deep.
    budget.spend(out.size() - before);
  }

protected:
  virtual void printList(const List &list) {
    printAll(list.elements, '[', ']',
             [&](const Value &element) { print(element); });
  }
  virtual void printLeaf(const Value &value) = 0;
  virtual void printString(const std::string &text) = 0;
  virtual std::string keySeparator() const { return ": "; }
  virtual std::string itemSeparator() const { return ", "; }
  virtual std::vector<std::pair<std::string, Value>>
  members(const Dict &dict) const {
    return dict.members;
  }
  /// Where an element or the closing bracket begins.
  virtual void printBreak(unsigned depth) {}

  template <typename Elements, typename PrintOne>
  void printAll(const Elements &elements, char open, char close,
                PrintOne printOne) {
    out += open;
    ++depth;
    bool isFirst = true;
    for (const auto &element : elements) {
      if (!isFirst)
        out += itemSeparator();
      isFirst = false;
      printBreak(depth);
      printOne(element);
    }
    --depth;
    if (!elements.empty())
      printBreak(depth);
    out += close;
  }

private:
  Budget &budget;
  unsigned depth = 0;
};

std::string numberText(const Value &value) {
  if (auto *real = value.as<double>())
    return realText(*real);
  return std::to_string(*value.asInteger());
}

class PythonPrinter : public Printer {
public:
  using Printer::Printer;

protected:
  void printList(const List &list) override {
    if (!list.isTuple)
      return Printer::printList(list);
    out += '(';
    bool isFirst = true;
    for (const Value &element : list.elements) {
      if (!isFirst)
        out += ", ";
      isFirst = false;
      print(element);
    }
    out += list.elements.size() == 1 ? ",)" : ")";
  }
  void printLeaf(const Value &value) override {
    if (value.isUndefined())
      out += "Undefined";
    else if (value.isNone())
      out += "None";
    else if (auto *boolean = value.as<bool>())
      out += *boolean ? "True" : "False";
    else if (auto *text = value.asString())
      printString(*text);
    else if (value.asNumber())
      out += numberText(value);
    else
      fail(value.describe() + " cannot be printed");
  }
  void printString(const std::string &text) override { out += quote(text); }
};

class JsonPrinter : public Printer {
public:
  JsonPrinter(const JsonStyle &style, Budget &budget)
      : Printer(budget), style(style), budget(budget) {}

protected:
  void printLeaf(const Value &value) override {
    if (value.isNone())
      out += "null";
    else if (auto *boolean = value.as<bool>())
      out += *boolean ? "true" : "false";
    else if (auto *text = value.asString())
      printString(*text);
    else if (auto *real = value.as<double>(); real && *real - *real != 0)
      out += *real != *real ? "NaN" : *real < 0 ? "-Infinity" : "Infinity";
    else if (value.asNumber())
      out += numberText(value);
    else
      fail(value.describe() + " cannot be written as JSON");
  }

  void printString(const std::string &text) override {
    out += '"';
    for (std::string_view spelled : charactersOf(text)) {
      char32_t c = decodeUtf8(spelled);
      static const std::pair<char32_t, const char *> escapes[] = {
          {'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\r', "\\r"},
          {'\t', "\\t"}, {'\b', "\\b"},  {'\f', "\\f"}};
      auto *escape =
          std::find_if(std::begin(escapes), std::end(escapes),
                       [&](auto &entry) { return entry.first == c; });
      if (escape != std::end(escapes))
        out += escape->second;
      else if (c >= 0x20 && (!style.ascii || c < 0x80))
        out += spelled;
      else if (c < 0x10000)
        printUnit(c);
      else {
        printUnit(0xd800 + ((c - 0x10000) >> 10));
        printUnit(0xdc00 + ((c - 0x10000) & 0x3ff));
      }
    }
    out += '"';
  }

  std::string keySeparator() const override { return style.keySeparator; }
  std::string itemSeparator() const override { return style.itemSeparator; }

  std::vector<std::pair<std::string, Value>>
  members(const Dict &dict) const override {
    auto sorted = dict.members;
    if (style.sortKeys)
      std::sort(sorted.begin(), sorted.end(),
                [](const auto &a, const auto &b) { return a.first < b.first; });
    return sorted;
  }

  void printBreak(unsigned depth) override {
    if (!style.indent)
      return;
    size_t spaces = size_t(std::max<int64_t>(*style.indent, 0)) * depth;
    budget.spend(spaces);
    out += '\n';
    out.append(spaces, ' ');
  }

private:
  void printUnit(char32_t unit) {
    char escape[12];
    std::snprintf(escape, sizeof escape, "\\u%04x", unsigned(unit));
    out += escape;
  }

  const JsonStyle &style;
  Budget &budget;
};

} // namespace

std::string moec::jinja::toText(const Value &value, Budget &budget) {
  if (value.isUndefined())
    return "";
  if (auto *text = value.asString()) {
    budget.spend(text->size());
    return *text;
  }
  PythonPrinter printer(budget);
  printer.print(value);
  return std::move(printer.out);
}

std::string moec::jinja::toJson(const Value &value, const JsonStyle &style,
                                Budget &budget) {
  JsonPrinter printer(style, budget);
  printer.print(value);
  return std::move(printer.out);
}

//===- Elements and comparison --------------------------------------------===//

std::vector<Value> moec::jinja::elementsOf(const Value &value, Budget &budget) {
  std::vector<Value> elements;
  if (auto *list = value.asList()) {
    elements = list->elements;
  } else if (auto *dict = value.asDict()) {
    for (const auto &member : dict->members)
      elements.push_back(Value::string(member.first));
  } else if (auto *text = value.asString()) {
    budget.step(text->size());
    for (std::string_view character : charactersOf(*text))
      elements.push_back(Value::string(std::string(character)));
  } else if (!value.isUndefined()) {
    fail(value.describe() + " has no elements");
  }
  budget.step(elements.size());
  return elements;
}

bool moec::jinja::equal(const Value &a, const Value &b, Budget &budget) {
  budget.step();
  if (auto x = a.asInteger())
    if (auto y = b.asInteger())
      return *x == *y;
  if (auto x = a.asNumber()) {
    auto y = b.asNumber();
    return y && *x == *y;
  }
  if (auto *x = a.asString()) {
    auto *y = b.asString();
    budget.spend(x->size());
    return y && *x == *y;
  }
  if (auto *x = a.asList()) {
    auto *y = b.asList();
    return y && x->isTuple == y->isTuple &&
           std::equal(x->elements.begin(), x->elements.end(),
                      y->elements.begin(), y->elements.end(),
                      [&](const Value &left, const Value &right) {
                        return equal(left, right, budget);
                      });
  }
  if (auto *x = a.asDict()) {
    auto *y = b.asDict();
    if (!y || x->members.size() != y->members.size())
      return false;
    budget.step(x->members.size() * x->members.size());
    return std::all_of(x->members.begin(), x->members.end(),
                       [&](const auto &member) {
                         const Value *other = y->find(member.first);
                         return other && equal(member.second, *other, budget);
                       });
  }
  if (a.asNamespace() || b.asNamespace())
    return a.asNamespace() == b.asNamespace();
  return (a.isNone() && b.isNone()) || (a.isUndefined() && b.isUndefined());
}

bool moec::jinja::less(const Value &a, const Value &b, Budget &budget) {
  budget.step();
  auto x = a.asInteger(), y = b.asInteger();
  if (x && y)
    return *x < *y;
  if (a.asNumber() && b.asNumber())
    return *a.asNumber() < *b.asNumber();
  if (a.asString() && b.asString()) {
    budget.spend(a.asString()->size());
    return *a.asString() < *b.asString(); // as UTF-8 they are ordered alike
  }
  if (a.asList() && b.asList()) {
    const auto &left = a.asList()->elements, &right = b.asList()->elements;
    for (size_t i = 0; i < std::min(left.size(), right.size()); ++i)
      if (!equal(left[i], right[i], budget))
        return less(left[i], right[i], budget);
    return left.size() < right.size();
  }
  fail("cannot order " + a.describe() + " and " + b.describe());
}

bool moec::jinja::contains(const Value &haystack, const Value &needle,
                           Budget &budget) {
  if (auto *text = haystack.asString()) {
    auto *part = needle.asString();
    if (!part)
      fail("'in' of a string takes a string, not " + needle.describe());
    budget.spend(text->size() + part->size());
    return find(*text, *part) != text->npos;
  }
  if (auto *dict = haystack.asDict()) {
    budget.step(dict->members.size());
    return needle.asString() && dict->find(*needle.asString());
  }
  if (haystack.isUndefined())
    return false;
  if (auto *list = haystack.asList())
    return std::any_of(
        list->elements.begin(), list->elements.end(),
        [&](const Value &element) { return equal(element, needle, budget); });
  fail("'in' takes a string, a list or a mapping, not " + haystack.describe());
}
