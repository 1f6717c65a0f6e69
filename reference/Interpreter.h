//===- Interpreter.h - Evaluates modules of moe operations ----------------===//
//
// Functions are evaluated operation by operation with the functions of Ops.h.
// Where weights come from is the caller's affair, so that this library knows
// the dialects and nothing else. An operation that it does not know is an
// error.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_REFERENCE_INTERPRETER_H
#define MOEC_REFERENCE_INTERPRETER_H

#include "dialects/moe/Moe.h"
#include "reference/Value.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <functional>

namespace moec::reference {

using Values = llvm::SmallVector<Value>;

/// The value of a weight, of the weight's type. Whoever fails has emitted an
/// error.
using WeightLoader =
    std::function<mlir::FailureOr<Tensor>(moe::WeightOp weight)>;

/// An operation and what it did. `path` are the calls that led to its function,
/// outermost first.
struct Evaluation {
  mlir::Operation *op;
  mlir::ArrayRef<Value> operands;
  mlir::ArrayRef<Value> results;
  mlir::ArrayRef<mlir::func::CallOp> path;
};
using Observer = std::function<void(const Evaluation &)>;

class Interpreter {
public:
  explicit Interpreter(mlir::ModuleOp module, WeightLoader loadWeight = {},
                       Observer observe = {});

  /// The results of the function of this name. Errors are emitted at the
  /// operation that failed.
  mlir::FailureOr<Values> call(llvm::StringRef function,
                               mlir::ArrayRef<Value> arguments);
  mlir::FailureOr<Values> call(mlir::func::FuncOp function,
                               mlir::ArrayRef<Value> arguments);

  /// The value that the symbol of `op` refers to, loaded once.
  mlir::FailureOr<Value> weight(moe::GetWeightOp op);

private:
  mlir::FailureOr<Values> evaluate(mlir::Operation *op,
                                   mlir::ArrayRef<Value> operands);
  mlir::FailureOr<Values> evaluateCall(mlir::func::CallOp op,
                                       mlir::ArrayRef<Value> operands);

  mlir::ModuleOp module;
  WeightLoader loadWeight;
  Observer observe;
  mlir::SymbolTableCollection symbols;
  llvm::DenseMap<mlir::Operation *, Value> weights;
  llvm::SmallVector<mlir::func::CallOp> path;
};

/// The operations of one dialect, given operands that conform to their types.
mlir::FailureOr<Values> evaluateMoe(Interpreter &interpreter,
                                    mlir::Operation *op,
                                    mlir::ArrayRef<Value> operands);
mlir::FailureOr<Values> evaluateCheck(mlir::Operation *op,
                                      mlir::ArrayRef<Value> operands);

/// Evaluates every function of the module that takes no arguments. A failure
/// does not keep the others from being run.
mlir::LogicalResult interpretModule(mlir::ModuleOp module);

/// Registers `moe-translate --interpret`.
void registerInterpretTranslation();

} // namespace moec::reference

#endif // MOEC_REFERENCE_INTERPRETER_H
