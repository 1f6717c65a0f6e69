//===- Config.h - Checked access to a model's configuration ---------------===//
//
// A config.json describes a model in keys that each maker invents. Every key
// must be accounted for: it is read, it is demanded to have the one value that
// is implemented, or it is ignored by name. What remains when a family has
// described its model is an error, because a key that nobody understood may
// change the mathematics.
//
// Errors stick: after the first one the accessors return harmless values, and
// the caller asks `status()` once. So a family reads like a list of facts.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_FRONTEND_CONFIG_H
#define MOEC_FRONTEND_CONFIG_H

#include "support/Json.h"
#include "support/Status.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moec {

/// Bounds of an integer. The default ones suit widths: the product of three, in
/// bytes, stays below 2^63.
struct Range {
  int64_t min = 1;
  int64_t max = int64_t(1) << 20;
};

/// Bounds of what is counted rather than measured: heads, experts, layers.
inline constexpr Range kCount = {1, int64_t(1) << 14};
/// Bounds of the positions in a sequence.
inline constexpr Range kPositions = {1, INT32_MAX};
/// Bounds of the number of token ids.
inline constexpr Range kVocabulary = {1, int64_t(1) << 24};

/// How a description uses a key.
struct KeyUse {
  enum Kind { Required, Optional, Fixed, Ignored } kind;
  /// The only value that is supported, of a fixed key.
  std::string value = {};
};

class ConfigObject;

/// A configuration file and the first error in it.
class Config {
public:
  static Result<Config> read(const std::string &path);
  /// The configuration `json`, called `path` in messages.
  static Result<Config> of(Json json, const std::string &path);

  ConfigObject &root() { return *rootObject; }
  const Status &status() const { return shared->error; }
  /// The keys that were asked for, "rope_scaling.factor" of an object in it,
  /// whether they are there or not.
  const std::map<std::string, KeyUse> &keys() const { return shared->keys; }

private:
  friend class ConfigObject;
  struct Shared {
    std::string path;
    Json json;
    Status error = Status::success();
    std::map<std::string, KeyUse> keys;
  };
  std::shared_ptr<Shared> shared;
  std::shared_ptr<ConfigObject> rootObject;
};

/// An object of the configuration. A key that is null counts as absent.
class ConfigObject {
public:
  bool has(llvm::StringRef key);

  /// Required values. On an error, `min`, 1, false or an empty text.
  int64_t integer(llvm::StringRef key, Range range = {});
  double positive(llvm::StringRef key);
  bool flag(llvm::StringRef key);
  std::string text(llvm::StringRef key);

  /// The same with a value for an absent key.
  int64_t integerOr(llvm::StringRef key, int64_t fallback, Range range = {});
  double positiveOr(llvm::StringRef key, double fallback);
  double nonNegativeOr(llvm::StringRef key, double fallback);
  bool flagOr(llvm::StringRef key, bool fallback);
  std::string textOr(llvm::StringRef key, llvm::StringRef fallback);
  /// A list, each member in the range and no more of them than kCount allows.
  std::vector<int64_t> integersOr(llvm::StringRef key,
                                  std::vector<int64_t> fallback,
                                  Range range = {});

  /// The member that is an object, if there is one.
  std::optional<ConfigObject> object(llvm::StringRef key);
  /// A list of strings, empty for an absent key.
  std::vector<std::string> texts(llvm::StringRef key);

  /// The key may be absent, or must have the only value that is supported.
  void only(llvm::StringRef key, const Json &supported);
  /// The same for a list of `count` members.
  void onlyList(llvm::StringRef key, int64_t count, const Json &supported);

  /// Keys that do not change what is computed, whatever their values.
  void ignore(llvm::ArrayRef<llvm::StringLiteral> keys);

  /// An error unless `condition`: what `key` is expected to be, and what it is.
  void expect(bool condition, llvm::StringRef key, const llvm::Twine &expected);

  /// An error for each key that was neither read nor ignored.
  void finish();

private:
  friend class Config;
  ConfigObject(std::shared_ptr<Config::Shared> shared, const Json &json,
               std::string prefix)
      : shared(std::move(shared)), json(&json), prefix(std::move(prefix)) {}

  /// The first use of a key says what it is.
  void record(llvm::StringRef key, KeyUse use);
  const Json *find(llvm::StringRef key);
  const Json *require(llvm::StringRef key, const llvm::Twine &expected);
  double real(llvm::StringRef key, bool mayBeZero,
              std::optional<double> fallback);
  void fail(const llvm::Twine &message);
  static bool isInteger(const Json &value, Range range);

  std::shared_ptr<Config::Shared> shared;
  const Json *json;
  /// Of the keys in messages, e.g. "rope_scaling.".
  std::string prefix;
  llvm::StringSet<> known;
};

} // namespace moec

#endif // MOEC_FRONTEND_CONFIG_H
