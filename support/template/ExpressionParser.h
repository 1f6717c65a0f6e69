//===- ExpressionParser.h - Expressions of a template ---------------------===//
#ifndef MOEC_SUPPORT_TEMPLATE_EXPRESSIONPARSER_H
#define MOEC_SUPPORT_TEMPLATE_EXPRESSIONPARSER_H

#include "support/template/Ast.h"
#include "support/template/TokenStream.h"

#include <string_view>

namespace moec::jinja {

/// What follows in `in`; without `withConditional`, up to an `if`.
ExpressionPtr parseExpression(TokenStream &in, bool withConditional = true);

/// One expression, or several with commas, which are a tuple.
ExpressionPtr parseTuple(TokenStream &in, bool withConditional = true);

/// The filters and tests that follow, applied to `value`.
ExpressionPtr parseFilters(TokenStream &in, ExpressionPtr value);

} // namespace moec::jinja

#endif // MOEC_SUPPORT_TEMPLATE_EXPRESSIONPARSER_H
