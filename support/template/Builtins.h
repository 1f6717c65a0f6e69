//===- Builtins.h - Filters, tests, methods and functions -----------------===//
//
// What a template can call beside its own macros: Jinja's and transformers',
// as far as chat templates use them. All throw Error.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TEMPLATE_BUILTINS_H
#define MOEC_SUPPORT_TEMPLATE_BUILTINS_H

#include "support/template/Value.h"

#include <ctime>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moec::jinja {

/// What rendering shares.
struct Runtime {
  Budget budget;
  std::tm now;
  /// Those that the template has made; they live until the end.
  std::deque<Namespace> namespaces;
};

/// The values of a call, taken in the order of the parameters.
class Arguments {
public:
  Arguments(std::vector<Value> positional = {},
            std::vector<std::pair<std::string, Value>> named = {})
      : positional(std::move(positional)), named(std::move(named)) {}

  /// The next one by position, else the one called `name`, else nothing.
  std::optional<Value> take(const char *name);
  Value require(const char *name);
  bool takeBoolean(const char *name, bool fallback);
  int64_t takeInteger(const char *name, int64_t fallback);
  std::string requireString(const char *name);
  /// Nothing for none, too.
  std::optional<std::string> takeString(const char *name);
  /// Refuses what nobody took.
  void finish() const;

  /// All that are left.
  std::vector<Value> takePositional();
  std::vector<std::pair<std::string, Value>> takeNamed() {
    return std::exchange(named, {});
  }

private:
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
  size_t at = 0;
};

/// `value.name`: a method, a member, or undefined.
Value getAttribute(const Value &value, const std::string &name,
                   Runtime &runtime);
/// `value[index]`.
Value getItem(const Value &value, const Value &index, Runtime &runtime);
/// `value[start:stop:step]`, each an integer or none.
Value getSlice(const Value &value, const Value &start, const Value &stop,
               const Value &step, Runtime &runtime);

Value applyFilter(const std::string &name, const Value &value,
                  Arguments arguments, Runtime &runtime);
bool applyTest(const std::string &name, const Value &value, Arguments arguments,
               Runtime &runtime);

bool hasMethod(const Value &value, const std::string &name);
/// Of a value that has it.
Value callMethod(const Value &value, const std::string &name,
                 Arguments arguments, Runtime &runtime);

struct Function {
  const char *name;
  Value (*call)(Arguments arguments, Runtime &runtime);
};
/// namespace, range, dict, raise_exception, strftime_now.
const std::vector<Function> &globalFunctions();

} // namespace moec::jinja

#endif // MOEC_SUPPORT_TEMPLATE_BUILTINS_H
