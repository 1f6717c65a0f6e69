//===- Json.h - Bounded parsing of JSON from strangers --------------------===//
//
// nlohmann::json with limits and with errors as values. Refused: a text or file
// larger than the limit, nesting deeper than the limit, a key that occurs twice
// in one object, bytes that are no UTF-8, and anything after the value.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_JSON_H
#define MOEC_SUPPORT_JSON_H

#include "support/Status.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace moec {

using Json = nlohmann::json;

struct JsonLimits {
  uint64_t maxBytes = uint64_t(64) << 20;
  unsigned maxDepth = 64;
};

/// `name` stands for the text in messages, which read `name:line:column: …`.
Result<Json> parseJson(std::string_view text, const std::string &name,
                       const JsonLimits &limits = {});
Result<Json> readJsonFile(const std::string &path,
                          const JsonLimits &limits = {});

/// The member `key` of `object`; null when it is absent, when it is the JSON
/// null, or when `object` is no object.
const Json *findMember(const Json &object, std::string_view key);

/// The member `key` as a T (bool, int64_t, double, std::string); an error that
/// starts with `where` when it is absent or of another type. Integers outside
/// int64_t are refused, an integer is a valid double.
template <typename T>
Result<T> getMember(const Json &object, std::string_view key,
                    const std::string &where);

template <>
Result<bool> getMember<bool>(const Json &, std::string_view,
                             const std::string &);
template <>
Result<int64_t> getMember<int64_t>(const Json &, std::string_view,
                                   const std::string &);
template <>
Result<double> getMember<double>(const Json &, std::string_view,
                                 const std::string &);
template <>
Result<std::string> getMember<std::string>(const Json &, std::string_view,
                                           const std::string &);

/// The same, but an absent or null member gives `fallback`.
template <typename T>
Result<T> getMemberOr(const Json &object, std::string_view key, T fallback,
                      const std::string &where) {
  if (!findMember(object, key))
    return fallback;
  return getMember<T>(object, key, where);
}

/// The member `key` when it is an object (or an array); an error that starts
/// with `where` otherwise.
Result<const Json *> getObject(const Json &object, std::string_view key,
                               const std::string &where);
Result<const Json *> getArray(const Json &object, std::string_view key,
                              const std::string &where);

} // namespace moec

#endif // MOEC_SUPPORT_JSON_H
