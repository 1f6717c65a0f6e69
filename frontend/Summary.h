//===- Summary.h - What a model is made of and what a step reads ----------===//
//
// Counts over an imported module. Parameters are elements of weights, not the
// scales of quantised blocks; a table that is the head as well counts once.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_FRONTEND_SUMMARY_H
#define MOEC_FRONTEND_SUMMARY_H

#include "frontend/ModelParts.h"

#include <array>
#include <string>
#include <vector>

namespace moec {

struct PartSummary {
  int64_t parameters = 0;
  /// Those that one token uses: all but the experts that were not chosen.
  int64_t activeParameters = 0;
  /// As the checkpoint holds them, with the scales of quantised blocks.
  int64_t bytes = 0;
};

/// Layers that share a function.
struct LayerSummary {
  std::string kind;
  int64_t count = 0;
  /// Of each of them.
  int64_t parameters = 0;
  int64_t cacheBytesPerToken = 0;
  /// 0 where there is no routing.
  int64_t experts = 0;
  int64_t topK = 0;
};

struct ModelSummary {
  std::string name, type;
  int64_t vocab = 0;
  int64_t maxPositions = 0;
  std::array<PartSummary, kNumModelParts> parts;
  std::vector<LayerSummary> layers;

  PartSummary total() const;
  /// Of all layers.
  int64_t cacheBytesPerToken() const;
  /// Bytes of weights that a step of one token in each of `tokens` sequences
  /// reads, when each token chooses its experts independently and uniformly:
  /// weights that all tokens share are read once, embeddings by the row.
  double weightBytesPerStep(int64_t tokens) const;

  /// Stacks of experts of equal routing.
  struct ExpertBytes {
    int64_t experts, topK, bytes;
  };
  std::vector<ExpertBytes> expertBytes;
  int64_t sharedBytes = 0;
  int64_t embeddingRowBytes = 0;
};

/// How many of the experts some of `tokens` tokens choose on average, when each
/// chooses independently and uniformly: E (1 - (1 - k/E)^m).
double expectedExperts(int64_t experts, int64_t topK, int64_t tokens);

/// An error for weights or layers that the module does not use as an import
/// does.
Result<ModelSummary> summarize(mlir::ModuleOp module);

} // namespace moec

#endif // MOEC_FRONTEND_SUMMARY_H
