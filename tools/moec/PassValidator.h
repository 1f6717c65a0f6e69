//===- PassValidator.h - Passes against the interpreter -----------------------===//
#ifndef MOEC_TOOLS_MOEC_PASSVALIDATOR_H
#define MOEC_TOOLS_MOEC_PASSVALIDATOR_H

#include "support/SafeTensors.h"
#include "support/Status.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <vector>

namespace mlir {
class PassManager;
} // namespace mlir

namespace moec {

/// Interprets a module before and after each pass on the same random tokens, in steps that read and extend two sequences, and
/// compares the logits: bit for bit after a pass that is EXACT (Passes.td), within 1e-5 of the greatest after one that is
/// REASSOCIATING. A pass that makes another model is told apart, and what it made is the measure of those that follow.
class PassValidator {
public:
  /// The checkpoint lives longer.
  explicit PassValidator(const SafeTensorsFolder &checkpoint)
      : checkpoint(checkpoint) {}

  /// Lets `manager` be followed while it runs on `module`, whose operations are still those of the model.
  Status attach(mlir::PassManager &manager, mlir::ModuleOp module);
  /// The first pass that changed what it must not.
  const Status &verdict() const { return status; }

  /// Called after each pass.
  void check(mlir::Pass &pass, mlir::Operation *op);

private:
  Result<std::vector<float>> interpret(mlir::ModuleOp module) const;
  Status compare(mlir::Pass &pass, mlir::Operation *op);

  const SafeTensorsFolder &checkpoint;
  std::vector<float> logits;
  Status status = Status::success();
};

} // namespace moec

#endif // MOEC_TOOLS_MOEC_PASSVALIDATOR_H
