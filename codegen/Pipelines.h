//===- Pipelines.h - The phases of a compilation ------------------------------===//
//
// A compilation is a sequence of named phases. The module after any of them can be written (`--dump-phases`), read back and
// taken further: which phase a module is in is recorded in its attribute `moec.phase`.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_CODEGEN_PIPELINES_H
#define MOEC_CODEGEN_PIPELINES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlir {
class ModuleOp;
class OpPassManager;
} // namespace mlir

namespace moec {

enum class Phase { Import, Specialize, Optimize, Fuse, Schedule, Lower, Link };

struct PhaseInfo {
  Phase phase;
  llvm::StringLiteral name;
  llvm::StringLiteral description;
};

/// All phases in order.
llvm::ArrayRef<PhaseInfo> getPhases();
const PhaseInfo &getPhaseInfo(Phase phase);
std::optional<Phase> parsePhase(llvm::StringRef name);

/// What a user may choose.
struct PipelineOptions {
  std::string cpu = "native";
  /// GPU architectures to compile for ("sm_90a"); none: for the CPU.
  std::vector<std::string> cuda;
  /// What matrices multiply, "f32" or "bf16", sums are f32 in both; "": what the
  /// target is made for.
  std::string activations;
  int64_t maxTokens = 512;
  int64_t maxSequences = 8;
  /// 0: the model's context, up to a bound (moe-set-target).
  int64_t maxContext = 0;
  /// Bits of the elements that matrices are quantised to, 8 or 4; 0: they stay as
  /// they are.
  int64_t quantizeBits = 0;
  /// Folder for the CUDA kernels and what they were compiled to; none when empty.
  std::string kernelDumpFolder;
};

/// Adds the passes of a phase; Import and Link have none.
void buildPhase(mlir::OpPassManager &manager, Phase phase,
                const PipelineOptions &options);

/// The phase that a module has been through, Import if it does not say.
Phase getPhase(mlir::ModuleOp module);
void setPhase(mlir::ModuleOp module, Phase phase);

/// Registers `--moec-PHASE` pipelines, one for each phase, for moe-opt.
void registerPhasePipelines();

} // namespace moec

#endif // MOEC_CODEGEN_PIPELINES_H
