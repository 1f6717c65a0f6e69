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

/// Features that the runtime can check (runtime/Cpu.cpp), where LLVM and the compiler of the runtime agree on the name.
static constexpr llvm::StringLiteral kCheckedFeatures[] = {
    "popcnt",
    "bmi",
    "bmi2",
    "lzcnt",
    "movbe",
    "sse4.2",
    "sse4a",
    "fma4",
    "xop",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512cd",
    "avx512bw",
    "avx512dq",
    "avx512vl",
    "avx512ifma",
    "avx512vbmi",
    "avx512vbmi2",
    "avx512vnni",
    "avx512bitalg",
    "avx512bf16",
    "avx512vpopcntdq",
    "avx512vp2intersect"};

/// Vector features that a CPU has but the runtime cannot check are not used: an executable must be able to say what it lacks.
static std::string withoutUncheckedFeatures(const llvm::MCSubtargetInfo &info,
                                            StringRef features) {
  std::string list = features.str();
  for (const llvm::SubtargetFeatureKV &feature :
       info.getAllProcessorFeatures()) {
    StringRef name = feature.Key;
    if (!name.starts_with("avx") && !name.starts_with("amx"))
      continue;
    if (llvm::is_contained(kCheckedFeatures, name) ||
        !info.checkFeatures("+" + name.str()))
      continue;
    list += (list.empty() ? "-" : ",-") + name.str();
  }
  return list;
}

FailureOr<std::unique_ptr<llvm::TargetMachine>>
host::createTargetMachine(ModuleOp module) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  // Beside a GPU the CPU only submits graphs: any will do.
  auto target = module->getAttrOfType<moe::CpuTargetAttr>(moe::kTargetAttr);
  if (module->getAttrOfType<moe::CudaTargetAttr>(moe::kTargetAttr))
    target = moe::CpuTargetAttr::get(module.getContext(), "x86-64", StringAttr());
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
  auto create = [&](StringRef features) {
    return std::unique_ptr<llvm::TargetMachine>(backend->createTargetMachine(
        triple, target.getName(), features, options, llvm::Reloc::PIC_,
        llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
  };
  // LLVM itself only warns about a CPU that it does not know.
  std::unique_ptr<llvm::MCSubtargetInfo> baseline(
      backend->createMCSubtargetInfo(triple, "", ""));
  if (!baseline->isCPUStringValid(target.getName())) {
    module.emitError() << "unknown CPU '" << target.getName() << "' for "
                       << triple.str()
                       << " (llc --mcpu=help lists those that are known)";
    return failure();
  }
  std::unique_ptr<llvm::TargetMachine> machine = create(features);
  return create(
      withoutUncheckedFeatures(*machine->getMCSubtargetInfo(), features));
}

FailureOr<std::string> host::requiredFeatures(ModuleOp module) {
  FailureOr<std::unique_ptr<llvm::TargetMachine>> machine =
      createTargetMachine(module);
  if (failed(machine))
    return failure();
  const llvm::MCSubtargetInfo &info = *(*machine)->getMCSubtargetInfo();
  std::string list;
  for (StringRef feature : kCheckedFeatures) {
    if (!info.checkFeatures("+" + feature.str()))
      continue;
    list += (list.empty() ? "" : ",") + feature.str();
  }
  return list;
}
