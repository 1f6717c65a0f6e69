//===- Pipelines.cpp - The phases of a compilation ----------------------------===//

#include "codegen/Pipelines.h"

#include "codegen/cpu/Passes.h"
#include "codegen/cuda/Passes.h"
#include "codegen/host/Passes.h"
#include "passes/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace moec;

static constexpr llvm::StringLiteral kPhaseAttr = "moec.phase";

static constexpr PhaseInfo kPhases[] = {
    {Phase::Import, "import",
     "the model as its makers publish it, in the moe dialect"},
    {Phase::Specialize, "specialize", "target and limits become attributes"},
    {Phase::Optimize, "optimize",
     "algebra on the model: MLA absorption, rounding of activations, quantised "
     "weights"},
    {Phase::Fuse, "fuse",
     "operations become kernels with prologues and epilogues"},
    {Phase::Schedule, "schedule",
     "buffers in one arena, tiles, graphs of tasks and their waits"},
    {Phase::Lower, "lower", "tasks and step function in the LLVM dialect"},
    {Phase::Link, "link",
     "object file, runtime and weights joined in an executable"},
};

ArrayRef<PhaseInfo> moec::getPhases() { return kPhases; }

const PhaseInfo &moec::getPhaseInfo(Phase phase) {
  return kPhases[static_cast<size_t>(phase)];
}

std::optional<Phase> moec::parsePhase(StringRef name) {
  for (const PhaseInfo &info : kPhases)
    if (info.name == name)
      return info.phase;
  return std::nullopt;
}

Phase moec::getPhase(ModuleOp module) {
  auto name = module->getAttrOfType<StringAttr>(kPhaseAttr);
  return name ? parsePhase(name.getValue()).value_or(Phase::Import)
              : Phase::Import;
}

void moec::setPhase(ModuleOp module, Phase phase) {
  module->setAttr(kPhaseAttr, StringAttr::get(module.getContext(),
                                              getPhaseInfo(phase).name));
}

namespace {

/// Ends a phase: records it in the module, whoever runs the pipeline.
struct SetPhasePass : PassWrapper<SetPhasePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SetPhasePass)

  explicit SetPhasePass(Phase phase) : phase(phase) {}
  StringRef getName() const override { return "moec-set-phase"; }
  void runOnOperation() override { setPhase(getOperation(), phase); }

  Phase phase;
};

} // namespace

//===--------------------------------------------------------------------------===//
// Passes of each phase
//===--------------------------------------------------------------------------===//

static void buildFuse(OpPassManager &manager) {
  manager.addPass(createConvertMoeToKernelPass());
  // Row counts are taken of results; once they are taken of arguments, fusion sees who really reads a result.
  manager.addPass(createCanonicalizerPass());
  OpPassManager &functions = manager.nest<func::FuncOp>();
  // Epilogues first: a residual sum that were taken for somebody's input would be computed twice.
  functions.addPass(createFuseEpiloguesPass());
  functions.addPass(createFuseRowwisePass());
  functions.addPass(createFuseProloguesPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createAssignLayoutsPass());
  manager.addPass(createDestinationStylePass());
}

static void buildSchedule(OpPassManager &manager) {
  manager.addPass(createPlanWeightsPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  manager.addPass(bufferization::createOneShotBufferizePass(bufferize));
  manager.addPass(bufferization::createDropEquivalentBufferResultsPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createChooseTilesPass());
  manager.addPass(createPlanArenaPass());
  manager.addPass(createBuildGraphsPass());
}

static void buildLower(OpPassManager &manager, const PipelineOptions &options) {
  // Each of these looks at the module's target and does nothing for another.
  manager.addPass(cpu::createCpuLowerTasksPass());
  manager.addPass(cuda::createCudaPlanLaunchesPass());
  manager.addPass(
      cuda::createCudaCompileKernelsPass({options.kernelDumpFolder}));
  manager.addPass(host::createHostLowerGraphsPass());
  manager.addPass(cpu::createCpuExpandMathPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertVectorToLLVMPass());
  manager.addPass(createConvertToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
  manager.addPass(createCanonicalizerPass());
}

void moec::buildPhase(OpPassManager &manager, Phase phase,
                      const PipelineOptions &options) {
  switch (phase) {
  case Phase::Import:
  case Phase::Link:
    return;
  case Phase::Specialize: {
    SetTargetPassOptions target;
    target.cpu = options.cpu;
    target.cuda.assign(options.cuda.begin(), options.cuda.end());
    target.maxTokens = options.maxTokens;
    target.maxSequences = options.maxSequences;
    target.maxContext = options.maxContext;
    manager.addPass(createSetTargetPass(target));
    manager.addPass(createCanonicalizerPass());
    break;
  }
  case Phase::Optimize:
    manager.addNestedPass<func::FuncOp>(createAbsorbMlaPass());
    manager.addPass(createCanonicalizerPass());
    manager.addPass(createCSEPass());
    if (options.activations.empty() ? !options.cuda.empty()
                                    : options.activations == "bf16") {
      manager.addNestedPass<func::FuncOp>(createRoundActivationsPass());
      manager.addPass(createCSEPass());
    }
    if (options.quantizeBits)
      manager.addPass(createQuantizeWeightsPass({options.quantizeBits}));
    break;
  case Phase::Fuse:
    buildFuse(manager);
    break;
  case Phase::Schedule:
    buildSchedule(manager);
    break;
  case Phase::Lower:
    buildLower(manager, options);
    break;
  }
  manager.addPass(std::make_unique<SetPhasePass>(phase));
}

void moec::registerPhasePipelines() {
  struct Options : PassPipelineOptions<Options> {
    Option<std::string> cpu{*this, "cpu", llvm::cl::init("native"),
                            llvm::cl::desc("CPU to compile for")};
    ListOption<std::string> cuda{
        *this, "cuda",
        llvm::cl::desc("GPU architectures to compile for instead")};
    Option<std::string> activations{
        *this, "activations",
        llvm::cl::desc("what matrices multiply: f32 or bf16")};
    Option<int64_t> maxContext{*this, "max-context", llvm::cl::init(0),
                               llvm::cl::desc("positions of a sequence")};
    Option<int64_t> quantizeBits{*this, "quantize-bits", llvm::cl::init(0),
                                 llvm::cl::desc("bits of quantised weights")};
  };
  for (const PhaseInfo &info : kPhases)
    if (info.phase != Phase::Import && info.phase != Phase::Link)
      PassPipelineRegistration<Options>(
          ("moec-" + info.name).str(), info.description,
          [phase = info.phase](OpPassManager &manager, const Options &options) {
            PipelineOptions pipeline;
            pipeline.cpu = options.cpu;
            pipeline.cuda.assign(options.cuda.begin(), options.cuda.end());
            pipeline.activations = options.activations;
            pipeline.maxContext = options.maxContext;
            pipeline.quantizeBits = options.quantizeBits;
            buildPhase(manager, phase, pipeline);
          });
}
