//===- Status.h - Errors as values ----------------------------------------===//
//
// What can fail in support/, frontend/ and runtime/ returns a Status or a
// Result<T>. A message names the file, the tensor or the line, what was
// expected and what was found; it starts in lower case and has no final period.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_STATUS_H
#define MOEC_SUPPORT_STATUS_H

#include <optional>
#include <string>
#include <utility>

namespace moec {

/// Success, or the message of an error.
class [[nodiscard]] Status {
public:
  static Status success() { return Status(); }
  static Status error(std::string message) {
    Status status;
    status.text = std::move(message);
    return status;
  }

  bool ok() const { return !text.has_value(); }
  /// Empty on success.
  const std::string &message() const {
    static const std::string none;
    return text ? *text : none;
  }
  /// The same error with `context: ` before its message.
  Status withContext(const std::string &context) const {
    return ok() ? *this : error(context + ": " + *text);
  }

private:
  std::optional<std::string> text;
};

/// A value, or the message of an error.
template <typename T>
class [[nodiscard]] Result {
public:
  Result(T value) : value(std::move(value)) {}
  Result(Status error) : error(std::move(error)) {}

  bool ok() const { return value.has_value(); }
  const Status &status() const { return error; }
  const std::string &message() const { return error.message(); }

  T &operator*() { return *value; }
  const T &operator*() const { return *value; }
  T *operator->() { return &*value; }
  const T *operator->() const { return &*value; }

private:
  std::optional<T> value;
  Status error = Status::success();
};

} // namespace moec

/// Returns the error of `expr` from the enclosing function, if it has one.
#define MOEC_RETURN_IF_ERROR(expr)                                             \
  do {                                                                         \
    if (::moec::Status moecStatus_ = (expr); !moecStatus_.ok())                \
      return moecStatus_;                                                      \
  } while (false)

#define MOEC_CONCAT_IMPL(a, b) a##b
#define MOEC_CONCAT(a, b) MOEC_CONCAT_IMPL(a, b)

/// `MOEC_ASSIGN_OR_RETURN(auto x, f())`: x is the value of f(), or the
/// enclosing function returns its error.
#define MOEC_ASSIGN_OR_RETURN(lhs, expr)                                       \
  auto MOEC_CONCAT(moecResult_, __LINE__) = (expr);                            \
  if (!MOEC_CONCAT(moecResult_, __LINE__).ok())                                \
    return MOEC_CONCAT(moecResult_, __LINE__).status();                        \
  lhs = std::move(*MOEC_CONCAT(moecResult_, __LINE__))

#endif // MOEC_SUPPORT_STATUS_H
