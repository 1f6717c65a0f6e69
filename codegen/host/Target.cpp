//===- Target.cpp - The machine that is compiled for --------------------------===//

#include "codegen/host/Target.h"

#include "dialects/moe/Moe.h"

#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace moec;

/// Features that change vector code, as both LLVM and the runtime (runtime/Cpu.cpp) spell them.
static constexpr llvm::StringLiteral kVectorFeatures[] = {
    "sse4.2",   "avx",      "avx2",       "fma",        "f16c",
    "avx512f",  "avx512cd", "avx512bw",   "avx512dq",   "avx512vl",
    "avx512ifma", "avx512vbmi", "avx512vbmi2", "avx512vnni", "avx512bitalg",
    "avx512bf16", "avx512vpopcntdq", "bmi", "bmi2", "lzcnt", "movbe", "popcnt"};

FailureOr<std::unique_ptr<llvm::TargetMachine>>
host::createTargetMachine(ModuleOp module) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto target = module->getAttrOfType<moe::CpuTargetAttr>(moe::kTargetAttr);
  if (!target) {
    module.emitError() << "expected '" << moe::kTargetAttr
                       << "' on the module (moe-set-target sets it)";
    return failure();
  }
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  std::string error;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend) {
    module.emitError() << error;
    return failure();
  }
  llvm::TargetOptions options;
  // A multiply-add is fused where the program says so and nowhere else.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  StringRef features =
      target.getFeatures() ? target.getFeatures().getValue() : StringRef();
  std::unique_ptr<llvm::TargetMachine> machine(backend->createTargetMachine(
      triple, target.getName(), features, options, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
  if (!machine ||
      !machine->getMCSubtargetInfo()->isCPUStringValid(target.getName())) {
    module.emitError() << "unknown CPU '" << target.getName() << "' for "
                       << triple.str();
    return failure();
  }
  return machine;
}

FailureOr<std::string> host::requiredFeatures(ModuleOp module) {
  FailureOr<std::unique_ptr<llvm::TargetMachine>> machine =
      createTargetMachine(module);
  if (failed(machine))
    return failure();
  const llvm::MCSubtargetInfo &info = *(*machine)->getMCSubtargetInfo();
  std::string list;
  for (StringRef feature : kVectorFeatures) {
    if (!info.checkFeatures("+" + feature.str()))
      continue;
    list += (list.empty() ? "" : ",") + feature.str();
  }
  return list;
}
