//===- Import.h - A checkpoint folder becomes a moe module ----------------===//
//
// The way in: a folder as its makers publish it (config.json beside safetensors
// files) becomes a module of the moe dialect. Nothing is guessed: a key, a
// tensor or a shape that is not understood is an error, because each of them
// can change the mathematics in silence.
//
//   module attributes {moe.model = {max_positions, name, type, vocab}}
//     moe.weight @embed, @layers.0.q, …                         where the
//     weights are in the checkpoint func.func private @moe_layer(%x, %cs,
//     %batch, %cache, weights…)   one for each distinct kind of layer func.func
//     @step(%batch, caches…) -> (logits, caches…)     calls it for each layer
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_FRONTEND_IMPORT_H
#define MOEC_FRONTEND_IMPORT_H

#include "support/DType.h"
#include "support/Status.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>
#include <string>

namespace moec {

/// Keys of any configuration that do not change what a step computes.
llvm::ArrayRef<llvm::StringLiteral> ignoredKeys();

struct ImportOptions {
  /// Opens no weight files: element types come from the configuration's dtype.
  bool configOnly = false;
  /// The element type instead of that one, if no weight files are opened.
  std::optional<DType> dtype;
  /// The configuration's name in the folder.
  std::string config = "config.json";
};

/// The module of the checkpoint in `folder`, verified. Loads the dialects it
/// needs.
Result<mlir::OwningOpRef<mlir::ModuleOp>>
importCheckpoint(mlir::MLIRContext &context, const std::string &folder,
                 const ImportOptions &options = {});

} // namespace moec

#endif // MOEC_FRONTEND_IMPORT_H
