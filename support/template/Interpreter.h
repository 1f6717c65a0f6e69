//===- Interpreter.h - Runs the syntax tree of a template -----------------===//
//
// Scopes are Jinja's: `set` writes the innermost one, and a `for` statement
// opens one for each element, so what it sets is gone with the element; `if`
// opens none. A macro sees the scope it was defined in. Attributes of a
// namespace are how values leave a loop.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TEMPLATE_INTERPRETER_H
#define MOEC_SUPPORT_TEMPLATE_INTERPRETER_H

#include "support/template/Ast.h"
#include "support/template/Builtins.h"

#include <string>
#include <utility>
#include <vector>

namespace moec::jinja {

/// The rendered text. Throws Error.
std::string interpret(const Body &body,
                      std::vector<std::pair<std::string, Value>> variables,
                      const std::tm &now);

} // namespace moec::jinja

#endif // MOEC_SUPPORT_TEMPLATE_INTERPRETER_H
