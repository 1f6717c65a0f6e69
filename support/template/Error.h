//===- Error.h - Errors inside the template interpreter -------------------===//
//
// An expression can fail at any depth, so errors travel as exceptions here;
// ChatTemplate.cpp turns them into a Status, none leaves support/.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TEMPLATE_ERROR_H
#define MOEC_SUPPORT_TEMPLATE_ERROR_H

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace moec::jinja {

struct Error {
  std::string message;
  /// Byte of the source. What fails below the syntax tree does not know it;
  /// the innermost expression around it fills it in.
  std::optional<size_t> offset;
};

[[noreturn]] inline void fail(std::string message) {
  throw Error{std::move(message), std::nullopt};
}
[[noreturn]] inline void failAt(size_t offset, std::string message) {
  throw Error{std::move(message), offset};
}

} // namespace moec::jinja

#endif // MOEC_SUPPORT_TEMPLATE_ERROR_H
