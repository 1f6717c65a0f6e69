//===- Rope.h - Rotary embeddings of a configuration ----------------------===//
#ifndef MOEC_FRONTEND_ROPE_H
#define MOEC_FRONTEND_ROPE_H

#include "dialects/moe/Moe.h"
#include "frontend/Config.h"

namespace moec {

struct Rope {
  int64_t width = 0;
  double theta = 0;
  /// One of the dialect's scalings, or null.
  mlir::Attribute scaling;
  /// YaRN's correction of the softmax scale, `m²`. DeepSeek's models apply it,
  /// in addition to the factor on cosines and sines; others do not.
  double softmaxCorrection = 1;
};

/// The rotary embedding of `width` elements. Two spellings mean the same:
/// `rope_theta` beside `rope_scaling` in older files, `rope_parameters` with
/// everything in it since transformers 5.
Rope readRope(ConfigObject &config, int64_t width, mlir::MLIRContext &context);

/// The same of the first elements of a head, whose part the key
/// `partial_rotary_factor` tells in either spelling.
Rope readPartialRope(ConfigObject &config, int64_t headDim,
                     mlir::MLIRContext &context);

} // namespace moec

#endif // MOEC_FRONTEND_ROPE_H
