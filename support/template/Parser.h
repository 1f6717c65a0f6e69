//===- Parser.h - A template's syntax tree --------------------------------===//
#ifndef MOEC_SUPPORT_TEMPLATE_PARSER_H
#define MOEC_SUPPORT_TEMPLATE_PARSER_H

#include "support/template/Ast.h"

#include <string_view>

namespace moec::jinja {

/// Of a source as normalizeLines() gives it. Throws Error.
Body parseTemplate(std::string_view source);

} // namespace moec::jinja

#endif // MOEC_SUPPORT_TEMPLATE_PARSER_H
