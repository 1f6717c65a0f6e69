//===- Rope.cpp - Rotary embeddings of a configuration --------------------===//

#include "frontend/Rope.h"

#include <cmath>

using namespace moec;
using namespace mlir;

/// What rope_theta is where no file says it (Llama 2).
static constexpr double kDefaultTheta = 10000;

static moe::LinearScalingAttr readLinear(ConfigObject &scaling,
                                         MLIRContext &context) {
  return moe::LinearScalingAttr::get(&context, scaling.positive("factor"));
}

static moe::Llama3ScalingAttr readLlama3(ConfigObject &scaling,
                                         MLIRContext &context) {
  double factor = scaling.positive("factor");
  double low = scaling.positive("low_freq_factor");
  double high = scaling.positive("high_freq_factor");
  scaling.expect(low <= high, "low_freq_factor",
                 "at most the key 'high_freq_factor'");
  int64_t original =
      scaling.integer("original_max_position_embeddings", kPositions);
  return moe::Llama3ScalingAttr::get(&context, factor, low, high, original);
}

/// How much YaRN scales the attention of a context stretched by `factor` (arXiv
/// 2309.00071, equation 22).
static double yarnMagnitude(double factor, double mscale) {
  return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

static moe::YarnScalingAttr readYarn(ConfigObject &scaling, Rope &rope,
                                     MLIRContext &context) {
  double factor = scaling.positive("factor");
  double betaFast = scaling.positiveOr("beta_fast", 32);
  double betaSlow = scaling.positiveOr("beta_slow", 1);
  int64_t original =
      scaling.integer("original_max_position_embeddings", kPositions);
  bool truncate = scaling.flagOr("truncate", true);
  // DeepSeek's two corrections are independent: the ratio of the magnitudes on
  // cosines and sines, and the square of the second one on the softmax scale.
  // An mscale of 0 counts as absent.
  double mscale = scaling.nonNegativeOr("mscale", 0);
  double mscaleAllDim = scaling.nonNegativeOr("mscale_all_dim", 0);
  double allDim = yarnMagnitude(factor, mscaleAllDim);
  double attentionFactor = scaling.positiveOr(
      "attention_factor", mscale && mscaleAllDim
                              ? yarnMagnitude(factor, mscale) / allDim
                              : yarnMagnitude(factor, 1));
  rope.softmaxCorrection = allDim * allDim;
  return moe::YarnScalingAttr::get(&context, factor, betaFast, betaSlow,
                                   original, attentionFactor, truncate);
}

/// The kind of scaling, under its new or its old name or both.
static std::string readType(ConfigObject &scaling) {
  std::string type =
      scaling.textOr("rope_type", scaling.textOr("type", "default"));
  scaling.only("type", type);
  return type;
}

/// The object of the embedding's parameters, under its new or its old name.
static std::optional<ConfigObject> readParameters(ConfigObject &config) {
  config.expect(!config.has("rope_parameters") || !config.has("rope_scaling"),
                "rope_scaling", "absent beside the key 'rope_parameters'");
  std::optional<ConfigObject> parameters = config.object("rope_parameters");
  std::optional<ConfigObject> scaling = config.object("rope_scaling");
  return parameters ? parameters : scaling;
}

/// A number that stands in that object, or beside it, or in both places.
static double readShared(ConfigObject &config,
                         std::optional<ConfigObject> &parameters, StringRef key,
                         double fallback) {
  double beside = config.positiveOr(key, fallback);
  if (!parameters)
    return beside;
  double value = parameters->positiveOr(key, beside);
  config.expect(!config.has(key) || value == beside, key,
                Json(value).dump() + " as in the object beside it");
  return value;
}

/// Theta and scaling; what else the object holds must have been read.
static void readFrequencies(ConfigObject &config,
                            std::optional<ConfigObject> &parameters, Rope &rope,
                            MLIRContext &context) {
  rope.theta = readShared(config, parameters, "rope_theta", kDefaultTheta);
  if (!parameters)
    return;
  std::string type = readType(*parameters);
  if (type == "linear")
    rope.scaling = readLinear(*parameters, context);
  else if (type == "llama3")
    rope.scaling = readLlama3(*parameters, context);
  else if (type == "yarn")
    rope.scaling = readYarn(*parameters, rope, context);
  else
    parameters->expect(type == "default",
                       parameters->has("rope_type") ? "rope_type" : "type",
                       "\"default\", \"linear\", \"llama3\" or \"yarn\"");
  // The ramp of YaRN divides by the logarithm of theta.
  config.expect(type != "yarn" || rope.theta != 1, "rope_theta",
                "other than 1 with scaling \"yarn\"");
  parameters->finish();
}

Rope moec::readRope(ConfigObject &config, int64_t width, MLIRContext &context) {
  std::optional<ConfigObject> parameters = readParameters(config);
  Rope rope;
  rope.width = width;
  readFrequencies(config, parameters, rope, context);
  return rope;
}

Rope moec::readPartialRope(ConfigObject &config, int64_t headDim,
                           MLIRContext &context) {
  constexpr StringLiteral key = "partial_rotary_factor";
  std::optional<ConfigObject> parameters = readParameters(config);
  ConfigObject &place =
      parameters && parameters->has(key) ? *parameters : config;
  place.positive(key);
  double width = headDim * readShared(config, parameters, key, 1);
  bool valid = width >= 2 && width <= headDim && std::fmod(width, 2) == 0;
  place.expect(valid, key,
               "a part of the key 'head_dim' that is an even number");
  Rope rope;
  rope.width = valid ? width : 2;
  readFrequencies(config, parameters, rope, context);
  return rope;
}
