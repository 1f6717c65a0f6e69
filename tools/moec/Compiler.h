//===- Compiler.h - From a checkpoint to an executable ------------------------===//

#ifndef MOEC_TOOLS_MOEC_COMPILER_H
#define MOEC_TOOLS_MOEC_COMPILER_H

#include "codegen/Pipelines.h"
#include "support/Bundle.h"
#include "support/SafeTensors.h"
#include "support/Status.h"
#include "tools/moec/PassValidator.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>
#include <string>

namespace moec {

enum class WeightsPlace { Auto, Inside, Beside, None };

struct CompileOptions {
  /// A checkpoint folder, or a dump of a phase (.mlir) to be taken further.
  std::string source;
  /// Where the weights of a dump are.
  std::string checkpoint;
  std::string output;
  PipelineOptions pipeline;
  WeightsPlace weights = WeightsPlace::Auto;
  /// Folder for the module after each phase; none when empty.
  std::string dumpFolder;
  Phase last = Phase::Link;
  /// Interpret the model before and after each pass.
  bool validatePasses = false;
};

/// Runs the phases one after the other. What fails leaves nothing under the
/// final names.
class Compiler {
public:
  Compiler(mlir::MLIRContext &context, const CompileOptions &options)
      : context(context), options(options) {}

  Status run();

private:
  Status load();
  Status openCheckpoint();
  Status runPhase(Phase phase);
  Status dump(Phase phase);
  void setWeightsId();
  Status link();
  Status pack(BundleWriter &writer);
  Status writeSections(const std::string &executable,
                       const std::string &weightsFile);
  bool hasWeights() const { return options.weights != WeightsPlace::None; }

  mlir::MLIRContext &context;
  const CompileOptions &options;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::optional<SafeTensorsFolder> tensors;
};

} // namespace moec

#endif // MOEC_TOOLS_MOEC_COMPILER_H
