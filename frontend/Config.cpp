//===- Config.cpp - Checked access to a model's configuration -------------===//

#include "frontend/Config.h"

#include "llvm/ADT/STLExtras.h"

#include <cfloat>
#include <cmath>

using namespace moec;
using llvm::StringRef;
using llvm::Twine;

Result<Config> Config::read(const std::string &path) {
  MOEC_ASSIGN_OR_RETURN(Json json, readJsonFile(path));
  return of(std::move(json), path);
}

Result<Config> Config::of(Json json, const std::string &path) {
  Config config;
  config.shared = std::make_shared<Shared>();
  config.shared->path = path;
  config.shared->json = std::move(json);
  if (!config.shared->json.is_object())
    return Status::error(path + ": expected an object, found " +
                         config.shared->json.type_name());
  config.rootObject = std::make_shared<ConfigObject>(
      ConfigObject(config.shared, config.shared->json, ""));
  return config;
}

/// A value as a message shows it.
static std::string show(const Json &value) {
  constexpr size_t limit = 60;
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true);
  return text.size() <= limit ? text : text.substr(0, limit) + "…";
}

void ConfigObject::fail(const Twine &message) {
  if (shared->error.ok())
    shared->error = Status::error((shared->path + ": " + message).str());
}

void ConfigObject::record(StringRef key, KeyUse use) {
  shared->keys.try_emplace((prefix + key).str(), std::move(use));
}

const Json *ConfigObject::find(StringRef key) {
  known.insert(key);
  record(key, {KeyUse::Optional});
  return findMember(*json, key);
}

const Json *ConfigObject::require(StringRef key, const Twine &expected) {
  record(key, {KeyUse::Required});
  const Json *value = find(key);
  if (!value)
    fail("expected " + expected + " for the key '" + prefix + key +
         "', found none");
  return value;
}

void ConfigObject::expect(bool condition, StringRef key,
                          const Twine &expected) {
  if (condition)
    return;
  const Json *value = findMember(*json, key);
  fail(Twine("expected the key '") + prefix + key + "' to be " + expected +
       ", found " + (value ? show(*value) : "none"));
}

bool ConfigObject::has(StringRef key) {
  record(key, {KeyUse::Optional});
  return findMember(*json, key);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

bool ConfigObject::isInteger(const Json &value, Range range) {
  // Integers above INT64_MAX are unsigned in JSON's model, and out of any range
  // here.
  return value.is_number_integer() &&
         !(value.is_number_unsigned() &&
           value.get<uint64_t>() > uint64_t(INT64_MAX)) &&
         value.get<int64_t>() >= range.min && value.get<int64_t>() <= range.max;
}

int64_t ConfigObject::integer(StringRef key, Range range) {
  std::string expected =
      ("an integer from " + Twine(range.min) + " to " + Twine(range.max)).str();
  const Json *value = require(key, expected);
  if (!value)
    return range.min;
  bool inRange = isInteger(*value, range);
  expect(inRange, key, expected);
  return inRange ? value->get<int64_t>() : range.min;
}

int64_t ConfigObject::integerOr(StringRef key, int64_t fallback, Range range) {
  return find(key) ? integer(key, range) : fallback;
}

double ConfigObject::real(StringRef key, bool mayBeZero,
                          std::optional<double> fallback) {
  StringRef expected = mayBeZero ? "a number from 0" : "a positive number";
  const Json *value = fallback ? find(key) : require(key, expected);
  if (!value)
    return fallback.value_or(1);
  // All of these numbers end in f32 arithmetic.
  double number = value->is_number() ? value->get<double>() : NAN;
  bool valid = (mayBeZero ? number >= 0 : number > 0) && number <= FLT_MAX;
  expect(valid, key, expected);
  return valid ? number : 1;
}

double ConfigObject::positive(StringRef key) {
  return real(key, /*mayBeZero=*/false, std::nullopt);
}
double ConfigObject::positiveOr(StringRef key, double fallback) {
  return real(key, /*mayBeZero=*/false, fallback);
}
double ConfigObject::nonNegativeOr(StringRef key, double fallback) {
  return real(key, /*mayBeZero=*/true, fallback);
}

bool ConfigObject::flag(StringRef key) {
  const Json *value = require(key, "true or false");
  if (!value)
    return false;
  expect(value->is_boolean(), key, "true or false");
  return value->is_boolean() && value->get<bool>();
}

bool ConfigObject::flagOr(StringRef key, bool fallback) {
  return find(key) ? flag(key) : fallback;
}

std::string ConfigObject::text(StringRef key) {
  const Json *value = require(key, "a string");
  if (!value)
    return "";
  expect(value->is_string(), key, "a string");
  return value->is_string() ? value->get<std::string>() : "";
}

std::string ConfigObject::textOr(StringRef key, StringRef fallback) {
  return find(key) ? text(key) : fallback.str();
}

std::vector<int64_t> ConfigObject::integersOr(StringRef key,
                                              std::vector<int64_t> fallback,
                                              Range range) {
  const Json *value = find(key);
  if (!value)
    return fallback;
  bool valid = value->is_array() && value->size() <= size_t(kCount.max) &&
               llvm::all_of(*value, [&](const Json &member) {
                 return isInteger(member, range);
               });
  expect(valid, key,
         "a list of at most " + Twine(kCount.max) + " integers from " +
             Twine(range.min) + " to " + Twine(range.max));
  return valid ? value->get<std::vector<int64_t>>() : fallback;
}

std::optional<ConfigObject> ConfigObject::object(StringRef key) {
  const Json *value = find(key);
  if (!value)
    return std::nullopt;
  expect(value->is_object(), key, "an object");
  if (!value->is_object())
    return std::nullopt;
  return ConfigObject(shared, *value, (prefix + key + ".").str());
}

std::vector<std::string> ConfigObject::texts(StringRef key) {
  const Json *value = find(key);
  if (!value)
    return {};
  bool valid =
      value->is_array() && llvm::all_of(*value, [](const Json &member) {
        return member.is_string();
      });
  expect(valid, key, "a list of strings");
  return valid ? value->get<std::vector<std::string>>()
               : std::vector<std::string>();
}

//===----------------------------------------------------------------------===//
// Demands
//===----------------------------------------------------------------------===//

void ConfigObject::only(StringRef key, const Json &supported) {
  record(key, {KeyUse::Fixed, supported.dump()});
  if (const Json *value = find(key))
    expect(*value == supported, key, supported.dump());
}

void ConfigObject::onlyList(StringRef key, int64_t count,
                            const Json &supported) {
  if (const Json *value = find(key))
    expect(*value == Json(Json::array_t(count, supported)), key,
           "a list of " + Twine(count) + " times " + supported.dump());
}

void ConfigObject::ignore(llvm::ArrayRef<llvm::StringLiteral> keys) {
  for (StringRef key : keys) {
    known.insert(key);
    record(key, {KeyUse::Ignored});
  }
}

void ConfigObject::finish() {
  for (const auto &[key, value] : json->items())
    if (!known.contains(key) && !value.is_null())
      fail("the key '" + Twine(prefix) + key +
           "' is not understood (its value is " + show(value) + ")");
}
