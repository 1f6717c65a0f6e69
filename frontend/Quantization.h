//===- Quantization.h - Checkpoints that are published quantised ----------===//
#ifndef MOEC_FRONTEND_QUANTIZATION_H
#define MOEC_FRONTEND_QUANTIZATION_H

#include "frontend/Config.h"

#include <optional>
#include <string>
#include <vector>

namespace moec {

/// Matrices `X.weight` of F8_E4M3 with a multiplier for each block of rows x
/// columns in `X.weight_scale_inv` (DeepSeek-V3's, arXiv 2412.19437, 3.3).
struct PublishedBlocks {
  int64_t rows, columns;
  /// Modules that the configuration names as not quantised.
  std::vector<std::string> kept;

  /// Whether the configuration says that this matrix is quantised. Where there
  /// is a checkpoint, its tensors say it instead.
  bool cover(llvm::StringRef tensor) const;
};

/// The name of the scales of a matrix, empty if it can have none.
std::string scaleTensor(llvm::StringRef tensor);

/// The key 'quantization_config', if there is one. Other kinds than the above
/// are errors.
std::optional<PublishedBlocks> readQuantization(ConfigObject &config);

} // namespace moec

#endif // MOEC_FRONTEND_QUANTIZATION_H
