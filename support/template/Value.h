//===- Value.h - What template variables hold -----------------------------===//
//
// Python's values as far as templates see them. A value never changes and is
// cheap to copy; namespaces, loops and macros belong to the interpreter, so no
// value can contain itself.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TEMPLATE_VALUE_H
#define MOEC_SUPPORT_TEMPLATE_VALUE_H

#include "support/template/Budget.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace moec::jinja {

class Value;
struct Closure;
struct Function;
struct Loop;
struct Namespace;

/// A variable, attribute or item that is not there. It prints as nothing and is
/// false; most other uses are errors that name it.
struct Undefined {
  std::shared_ptr<const std::string> name;
};
struct None {};
/// A method that is named but not called, like `x.items`: all that can be said
/// of it is that it is there.
struct Method {};

struct List;
struct Dict;

class Value {
public:
  using String = std::shared_ptr<const std::string>;

  Value() : data(None()) {}
  static Value undefined(std::string name);
  static Value boolean(bool value) { return Value(Holding(), value); }
  static Value integer(int64_t value) { return Value(Holding(), value); }
  static Value real(double value) { return Value(Holding(), value); }
  static Value string(std::string text);
  static Value list(std::vector<Value> elements) {
    return sequence(std::move(elements), false);
  }
  static Value tuple(std::vector<Value> elements) {
    return sequence(std::move(elements), true);
  }
  static Value sequence(std::vector<Value> elements, bool isTuple);
  static Value dict(std::vector<std::pair<std::string, Value>> members);
  static Value method() { return Value(Holding(), Method()); }
  explicit Value(None value) : data(value) {}
  explicit Value(Namespace *value) : data(value) {}
  explicit Value(const Loop *value) : data(value) {}
  explicit Value(const Closure *value) : data(value) {}
  explicit Value(const Function *value) : data(value) {}

  static Value fromJson(const nlohmann::ordered_json &json, unsigned depth = 0);

  /// Null unless it is of that type.
  template <typename T>
  const T *as() const {
    return std::get_if<T>(&data);
  }
  const std::string *asString() const {
    auto *text = as<String>();
    return text ? text->get() : nullptr;
  }
  const List *asList() const {
    auto *list = as<std::shared_ptr<const List>>();
    return list ? list->get() : nullptr;
  }
  const Dict *asDict() const {
    auto *dict = as<std::shared_ptr<const Dict>>();
    return dict ? dict->get() : nullptr;
  }
  Namespace *asNamespace() const {
    auto *object = as<Namespace *>();
    return object ? *object : nullptr;
  }
  bool isUndefined() const { return as<Undefined>(); }
  bool isNone() const { return as<None>(); }
  bool isCallable() const {
    return as<const Closure *>() || as<const Function *>() || as<Method>();
  }
  /// Integers and booleans, which count as 0 and 1, nothing else.
  std::optional<int64_t> asInteger() const;
  /// The same and reals.
  std::optional<double> asNumber() const;

  bool isTrue() const;
  /// "a string", "none", "an undefined value ('x')": for messages.
  std::string describe() const;

private:
  struct Holding {};
  template <typename T>
  Value(Holding, T data) : data(std::move(data)) {}

  std::variant<Undefined, None, bool, int64_t, double, String,
               std::shared_ptr<const List>, std::shared_ptr<const Dict>,
               Namespace *, const Loop *, const Closure *, const Function *,
               Method>
      data;
};

/// Or a tuple, which differs in how it prints and in what it equals.
struct List {
  std::vector<Value> elements;
  bool isTuple;
  /// Of lists and mappings within it.
  unsigned depth;
};

/// In the order of insertion; a name occurs once.
struct Dict {
  std::vector<std::pair<std::string, Value>> members;
  unsigned depth;

  const Value *find(std::string_view name) const;
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> members;

  Value *find(std::string_view name);
  void set(const std::string &name, Value value);
};

/// `loop` inside a for statement.
struct Loop {
  Value sequence;
  size_t length = 0;
  size_t index = 0;
};

//===- Operations ---------------------------------------------------------===//

/// Python's str(): what `{{ value }}` prints.
std::string toText(const Value &value, Budget &budget);

/// What the elements of a value are: of a list, the names of a mapping, the
/// characters of a string, none of an undefined one.
std::vector<Value> elementsOf(const Value &value, Budget &budget);

bool equal(const Value &a, const Value &b, Budget &budget);
/// Numbers, strings and lists have an order, other things are refused.
bool less(const Value &a, const Value &b, Budget &budget);
/// `needle in haystack`.
bool contains(const Value &haystack, const Value &needle, Budget &budget);

struct JsonStyle {
  /// Spaces a level, or all in one line.
  std::optional<int64_t> indent;
  std::string itemSeparator = ", ";
  std::string keySeparator = ": ";
  bool ascii = false;
  bool sortKeys = false;
};
/// Python's json.dumps().
std::string toJson(const Value &value, const JsonStyle &style, Budget &budget);

} // namespace moec::jinja

#endif // MOEC_SUPPORT_TEMPLATE_VALUE_H
