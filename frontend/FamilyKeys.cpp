//===- FamilyKeys.cpp - The keys that a family understands ----------------===//

#include "frontend/FamilyKeys.h"

using namespace moec;

/// What makes descriptions ask for more keys.
static std::vector<Json> probes() {
  std::vector<Json> configs = {Json::object()};
  for (const char *place : {"rope_scaling", "rope_parameters"})
    for (const char *type : {"linear", "llama3", "yarn"})
      configs.push_back({{place, {{"rope_type", type}}}});
  configs.push_back({{"topk_method", "group_limited_greedy"}});
  return configs;
}

/// A key that one configuration needs and another does not is optional; one
/// that is ignored somewhere and used elsewhere is not ignored.
static KeyUse::Kind join(KeyUse::Kind lhs, KeyUse::Kind rhs) {
  if (lhs == rhs)
    return lhs;
  if (lhs == KeyUse::Ignored)
    return rhs;
  if (rhs == KeyUse::Ignored)
    return lhs;
  return KeyUse::Optional;
}

std::map<std::string, KeyUse> moec::familyKeys(const Family &family,
                                               mlir::MLIRContext &context) {
  std::map<std::string, KeyUse> keys;
  for (Json &probe : probes()) {
    Result<Config> config = Config::of(std::move(probe), "config.json");
    // That keys are missing is an error, which is of no interest here.
    family.describe(config->root(), context);
    for (const auto &[name, use] : config->keys()) {
      auto [known, isNew] = keys.try_emplace(name, use);
      if (!isNew)
        known->second.kind = join(known->second.kind, use.kind);
    }
  }
  return keys;
}
