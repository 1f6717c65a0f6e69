//===- Synthesize.h - Checkpoints of random weights -----------------------===//
//
// For speed, memory and hostile sizes only shapes matter: a checkpoint of any
// size comes from a configuration alone. Activations keep their magnitude from
// layer to layer and every token is routed on its own, so that such a model
// exercises what a trained one does.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_FRONTEND_SYNTHESIZE_H
#define MOEC_FRONTEND_SYNTHESIZE_H

#include "dialects/moe/Moe.h"
#include "support/SafeTensorsWriter.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <vector>

namespace moec {

/// A tensor and the normal distribution that its elements are drawn from.
struct RandomTensor {
  TensorInfo info;
  double mean = 0;
  double deviation = 0;
};

/// The tensors that the weights of an imported module are made of, in the
/// module's order.
Result<std::vector<RandomTensor>> listRandomTensors(mlir::ModuleOp module);

struct SynthesisOptions {
  uint64_t seed = 0;
  /// Of one file; the tensors of a larger checkpoint are spread over shards.
  uint64_t maxShardBytes = uint64_t(4) << 30;
  /// Called with the bytes written so far and those to be written in all, from
  /// one thread at a time. Nothing more is written once it says false.
  llvm::function_ref<bool(uint64_t done, uint64_t total)> progress;
};

/// Writes `model.safetensors`, or shards and their index, into the folder. The
/// elements depend on the seed, the name of the tensor and its distribution
/// alone.
Status writeRandomTensors(const std::vector<RandomTensor> &tensors,
                          const std::string &folder,
                          const SynthesisOptions &options);

} // namespace moec

#endif // MOEC_FRONTEND_SYNTHESIZE_H
