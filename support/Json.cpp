//===- Json.cpp - Bounded parsing of JSON from strangers ------------------===//
#include "support/Json.h"

#include "support/MappedFile.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <vector>

using namespace moec;

namespace {

/// An iterator that leaves its position where the handler below can see it:
/// nlohmann's parser tells a position only with its own errors.
class TrackedIterator {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char *;
  using reference = const char &;

  TrackedIterator(const char *at, const char **seen) : at(at), seen(seen) {}
  reference operator*() const { return *at; }
  TrackedIterator &operator++() {
    *seen = ++at;
    return *this;
  }
  bool operator==(const TrackedIterator &other) const { return at == other.at; }
  bool operator!=(const TrackedIterator &other) const { return at != other.at; }

private:
  const char *at;
  const char **seen;
};

/// Builds the value and refuses depth and duplicates on the way.
class Builder : public nlohmann::json_sax<Json> {
public:
  explicit Builder(unsigned maxDepth) : maxDepth(maxDepth) {}

  Json root;
  std::string error;

  bool null() override { return place(nullptr); }
  bool boolean(bool value) override { return place(value); }
  bool number_integer(number_integer_t value) override { return place(value); }
  bool number_unsigned(number_unsigned_t value) override {
    return place(value);
  }
  bool number_float(number_float_t value, const string_t &) override {
    return place(value);
  }
  bool string(string_t &value) override { return place(std::move(value)); }
  bool binary(binary_t &) override { return false; } // no JSON text has one

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }

  bool key(string_t &name) override {
    auto &members = stack.back()->get_ref<Json::object_t &>();
    auto [member, isNew] = members.emplace(std::move(name), nullptr);
    if (!isNew) {
      error = "duplicate key \"" + member->first + "\"";
      return false;
    }
    slot = &member->second;
    return true;
  }

  bool parse_error(std::size_t, const std::string &,
                   const nlohmann::detail::exception &exception) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax
    // error …": the place is added later, for all errors alike.
    std::string_view text = exception.what();
    size_t start = text.find(": ");
    if (start == text.npos)
      start = text.find("] ");
    error = text.substr(start == text.npos ? 0 : start + 2);
    return false;
  }

private:
  template <typename T>
  Json *store(T &&value) {
    if (stack.empty()) {
      root = std::forward<T>(value);
      return &root;
    }
    if (stack.back()->is_array()) {
      auto &elements = stack.back()->get_ref<Json::array_t &>();
      elements.emplace_back(std::forward<T>(value));
      return &elements.back();
    }
    *slot = std::forward<T>(value);
    return slot;
  }
  template <typename T>
  bool place(T &&value) {
    store(std::forward<T>(value));
    return true;
  }
  bool open(Json container) {
    if (stack.size() == maxDepth) {
      error = "nesting is deeper than " + std::to_string(maxDepth);
      return false;
    }
    stack.push_back(store(std::move(container)));
    return true;
  }
  bool close() {
    stack.pop_back();
    return true;
  }

  unsigned maxDepth;
  /// The open containers. An element's address is stable while it is open:
  /// nothing is added to its parent meanwhile.
  std::vector<Json *> stack;
  /// Where the value of the last key goes.
  Json *slot = nullptr;
};

/// Line and column of the last character read.
std::string place(std::string_view text, size_t numRead) {
  std::string_view before = text.substr(0, std::max<size_t>(numRead, 1) - 1);
  size_t line = 1 + std::count(before.begin(), before.end(), '\n');
  size_t lineStart = before.rfind('\n') + 1; // npos + 1 is 0
  return std::to_string(line) + ":" +
         std::to_string(before.size() - lineStart + 1);
}

Status wrongType(const Json &found, std::string_view key, const char *expected,
                 const std::string &where) {
  return Status::error(where + ": expected \"" + std::string(key) +
                       "\" to be " + expected + ", found " + found.type_name());
}

Result<const Json *> require(const Json &object, std::string_view key,
                             const std::string &where) {
  if (!object.is_object())
    return Status::error(where + ": expected an object, found " +
                         object.type_name());
  auto member = object.find(key);
  if (member == object.end())
    return Status::error(where + ": \"" + std::string(key) + "\" is missing");
  return &*member;
}

} // namespace

Result<Json> moec::parseJson(std::string_view text, const std::string &name,
                             const JsonLimits &limits) {
  if (text.size() > limits.maxBytes)
    return Status::error(name + ": " + std::to_string(text.size()) +
                         " bytes of JSON, the limit is " +
                         std::to_string(limits.maxBytes));
  Builder builder(limits.maxDepth);
  const char *at = text.data();
  TrackedIterator begin(text.data(), &at);
  TrackedIterator end(text.data() + text.size(), &at);
  if (!Json::sax_parse(begin, end, &builder))
    return Status::error(name + ":" + place(text, at - text.data()) + ": " +
                         builder.error);
  return std::move(builder.root);
}

Result<Json> moec::readJsonFile(const std::string &path,
                                const JsonLimits &limits) {
  MOEC_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
  return parseJson(file->text(), path, limits);
}

const Json *moec::findMember(const Json &object, std::string_view key) {
  if (!object.is_object())
    return nullptr;
  auto member = object.find(key);
  return member == object.end() || member->is_null() ? nullptr : &*member;
}

namespace moec {

template <>
Result<bool> getMember<bool>(const Json &object, std::string_view key,
                             const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(const Json *member, require(object, key, where));
  if (!member->is_boolean())
    return wrongType(*member, key, "a boolean", where);
  return member->get<bool>();
}

template <>
Result<int64_t> getMember<int64_t>(const Json &object, std::string_view key,
                                   const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(const Json *member, require(object, key, where));
  if (!member->is_number_integer())
    return wrongType(*member, key, "an integer", where);
  if (member->is_number_unsigned() &&
      member->get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max()))
    return Status::error(where + ": \"" + std::string(key) +
                         "\" is out of range: " + member->dump());
  return member->get<int64_t>();
}

template <>
Result<double> getMember<double>(const Json &object, std::string_view key,
                                 const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(const Json *member, require(object, key, where));
  if (!member->is_number())
    return wrongType(*member, key, "a number", where);
  return member->get<double>();
}

template <>
Result<std::string> getMember<std::string>(const Json &object,
                                           std::string_view key,
                                           const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(const Json *member, require(object, key, where));
  if (!member->is_string())
    return wrongType(*member, key, "a string", where);
  return member->get<std::string>();
}

} // namespace moec

Result<const Json *> moec::getObject(const Json &object, std::string_view key,
                                     const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(const Json *member, require(object, key, where));
  if (!member->is_object())
    return wrongType(*member, key, "an object", where);
  return member;
}

Result<const Json *> moec::getArray(const Json &object, std::string_view key,
                                    const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(const Json *member, require(object, key, where));
  if (!member->is_array())
    return wrongType(*member, key, "an array", where);
  return member;
}
