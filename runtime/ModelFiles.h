//===- ModelFiles.h - What an executable carries beside its code ----------===//
//
// The bundle behind the executable holds tokenizer and generation defaults, and
// the weights if they are small. Large weights are in a bundle of their own,
// `APP.weights`. Both carry the id of the compilation they belong to.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_MODELFILES_H
#define MOEC_RUNTIME_MODELFILES_H

#include "runtime/moert.h"
#include "support/Bundle.h"
#include "support/Status.h"

#include <optional>
#include <string>
#include <string_view>

namespace moec {

/// The files of a model, mapped read-only; nothing of the weights is read here.
class ModelFiles {
public:
  /// Finds the bundles and checks that they belong to `model`.
  static Result<ModelFiles> open(const moert_model &model,
                                 const moert_options &options);

  /// A section of the executable's bundle; nothing if it has none of that name.
  std::optional<std::string_view> find(const std::string &name) const;
  /// The same where the caller cannot do without.
  Result<std::string_view> section(const std::string &name) const;
  /// Start of the weights; null for a model without any.
  const uint8_t *weights() const { return weightData; }
  /// The file that holds them.
  const std::string &weightsPath() const { return weightFile; }

private:
  Status openExecutable(const moert_model &model, const moert_options &options);
  Status openWeights(const moert_model &model, const moert_options &options);

  std::string executableName;
  std::optional<Bundle> executable;
  /// Why there is no `executable`. A program that embeds a model has no bundle,
  /// and is none the worse for it until it asks for what is in there.
  std::string executableProblem;
  std::optional<Bundle> separate;
  const uint8_t *weightData = nullptr;
  std::string weightFile;
};

} // namespace moec

#endif // MOEC_RUNTIME_MODELFILES_H
