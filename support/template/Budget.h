//===- Budget.h - What rendering a template may cost ----------------------===//
//
// A template is a program from a stranger. Every expression, statement, element
// and byte it touches is counted, which bounds time and memory alike.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TEMPLATE_BUDGET_H
#define MOEC_SUPPORT_TEMPLATE_BUDGET_H

#include "support/template/Error.h"

#include <cstddef>
#include <cstdint>

namespace moec::jinja {

constexpr size_t maxSourceBytes = size_t(1) << 20;
/// Of the rendered text, and of what a macro or a block makes.
constexpr size_t maxOutputBytes = size_t(16) << 20;
/// Of expressions and statements within each other, in the source.
constexpr unsigned maxSyntaxDepth = 200;
/// Of the same while rendering, where macros call macros.
constexpr unsigned maxCallDepth = 600;
/// Of lists and mappings within each other.
constexpr unsigned maxValueDepth = 100;
/// Less than a second of work. A conversation of a megabyte takes a tenth of it.
constexpr uint64_t maxWork = uint64_t(1) << 27;
/// Work of an expression, a statement, or an element of a list.
constexpr uint64_t stepWork = 32;

class Budget {
public:
  /// Bytes of text that are read or written.
  void spend(uint64_t bytes) {
    if (bytes > left)
      fail("takes too long: more than " + std::to_string(maxWork) +
           " steps and bytes");
    left -= bytes;
  }
  void step(uint64_t count = 1) {
    spend(count > maxWork ? count : count * stepWork);
  }

private:
  uint64_t left = maxWork;
};

} // namespace moec::jinja

#endif // MOEC_SUPPORT_TEMPLATE_BUDGET_H
