//===- Operators.h - Operators on values ----------------------------------===//
#ifndef MOEC_SUPPORT_TEMPLATE_OPERATORS_H
#define MOEC_SUPPORT_TEMPLATE_OPERATORS_H

#include "support/template/Ast.h"

namespace moec::jinja {

Value applyUnary(Expression::Operator op, const Value &value);
/// Python's arithmetic; what leaves 64 bits is an error.
Value applyBinary(Expression::Operator op, const Value &left,
                  const Value &right, Budget &budget);
bool applyComparison(Expression::Operator op, const Value &left,
                     const Value &right, Budget &budget);

} // namespace moec::jinja

#endif // MOEC_SUPPORT_TEMPLATE_OPERATORS_H
