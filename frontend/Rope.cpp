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

Rope moec::readRope(ConfigObject &config, int64_t width, MLIRContext &context) {
  Rope rope;
  rope.width = width;
  rope.theta = config.positiveOr("rope_theta", kDefaultTheta);
  config.expect(!config.has("rope_parameters") || !config.has("rope_scaling"),
                "rope_scaling", "absent beside the key 'rope_parameters'");
  std::optional<ConfigObject> parameters = config.object("rope_parameters");
  std::optional<ConfigObject> scaling = config.object("rope_scaling");
  if (parameters)
    scaling = std::move(parameters);
  if (!scaling)
    return rope;

  // The base may stand in either place, or in both.
  double theta = scaling->positiveOr("rope_theta", rope.theta);
  config.expect(!config.has("rope_theta") || theta == rope.theta, "rope_theta",
                Json(theta).dump() + " as in the object beside it");
  rope.theta = theta;
  std::string type = readType(*scaling);
  if (type == "linear")
    rope.scaling = readLinear(*scaling, context);
  else if (type == "llama3")
    rope.scaling = readLlama3(*scaling, context);
  else if (type == "yarn")
    rope.scaling = readYarn(*scaling, rope, context);
  else
    scaling->expect(type == "default",
                    scaling->has("rope_type") ? "rope_type" : "type",
                    "\"default\", \"linear\", \"llama3\" or \"yarn\"");
  // The ramp of YaRN divides by the logarithm of theta.
  config.expect(type != "yarn" || rope.theta != 1, "rope_theta",
                "other than 1 with scaling \"yarn\"");
  scaling->finish();
  return rope;
}
