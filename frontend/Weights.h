//===- Weights.h - From the tensors of a checkpoint to weights ------------===//
//
// A moe.weight says which tensors it is made of and how it is laid out. This is
// the execution of that recipe: in the model's own layout for the interpreter,
// in the packed layout for the executable's weight file.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_FRONTEND_WEIGHTS_H
#define MOEC_FRONTEND_WEIGHTS_H

#include "dialects/moe/Moe.h"
#include "support/Bundle.h"
#include "support/SafeTensors.h"
#include "support/Status.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace moec {

/// The section of a bundle that holds the packed weights.
inline constexpr llvm::StringLiteral kWeightsSection = "weights";
/// Weights start at multiples of this many bytes of the section.
inline constexpr uint64_t kWeightAlignment = 64;

/// Bytes of the weight as it stands in the weight file.
uint64_t packedBytes(moe::WeightOp weight);

/// The weight in the layout of its type: parts joined, experts and heads
/// stacked. Scaled elements become the f32 that they stand for.
Result<TensorData> loadWeight(moe::WeightOp weight,
                              const SafeTensorsFolder &checkpoint);

/// Called with the bytes written so far and those to be written in all, from one
/// thread at a time.
using PackProgress = llvm::function_ref<void(uint64_t done, uint64_t total)>;

/// Writes the section `weights`: each moe.weight of the module in its packed
/// layout at its planned offset, zeros between. Threads (0: as many as the
/// machine has) pack some megabytes each at a time, and of the checkpoint no
/// more than that stays mapped. Weights that are not finite are errors.
Status packWeights(mlir::ModuleOp module, const SafeTensorsFolder &checkpoint,
                   BundleWriter &writer, PackProgress progress = {},
                   unsigned threads = 0);

} // namespace moec

#endif // MOEC_FRONTEND_WEIGHTS_H
