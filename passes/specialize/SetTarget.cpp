//===- SetTarget.cpp - Limits and target of the module ------------------------===//
//
//   module attributes {moe.model = {max_positions = 2560, …}}
// becomes
//   module attributes {moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 2560>,
//                      moe.target = #moe.cpu<"znver3", "+avx2,+fma,…">, moe.model = …}
// or moe.target = #moe.cuda<"sm_90a">
//
//===------------------------------------------------------------------------===//

#include "dialects/moe/Moe.h"
#include "passes/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/TargetParser/Host.h"

namespace moec {
#define GEN_PASS_DEF_SETTARGETPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;

/// The largest context that is taken without being asked for: caches are allocated for all of it.
static constexpr int64_t kDefaultContext = 4096;

/// "+avx2,+fma,…" of this machine, sorted so that the attribute is deterministic.
static std::string hostFeatures() {
  std::vector<std::string> features;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    features.push_back((feature.second ? "+" : "-") + feature.first().str());
  llvm::sort(features);
  return llvm::join(features, ",");
}

namespace {

struct SetTargetPass : moec::impl::SetTargetPassBase<SetTargetPass> {
  using Base::Base;

  Attribute cpuTarget() {
    bool native = cpu == "native";
    StringRef name = native ? llvm::sys::getHostCPUName() : StringRef(cpu);
    auto features =
        native ? StringAttr::get(&getContext(), hostFeatures()) : StringAttr();
    return moe::CpuTargetAttr::get(&getContext(), name, features);
  }

  Attribute cudaTarget() {
    SmallVector<StringAttr> architectures;
    for (const std::string &arch : cuda)
      architectures.push_back(StringAttr::get(&getContext(), arch));
    return moe::CudaTargetAttr::getChecked(
        [&] { return getOperation().emitError(); }, &getContext(),
        ArrayRef<StringAttr>(architectures));
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    MLIRContext *context = &getContext();
    if (!module->hasAttr(moe::kTargetAttr)) {
      Attribute target = cuda.empty() ? cpuTarget() : cudaTarget();
      if (!target)
        return signalPassFailure();
      module->setAttr(moe::kTargetAttr, target);
    }
    if (module->hasAttr(moe::kLimitsAttr))
      return;
    auto model = module->getAttrOfType<DictionaryAttr>(moe::kModelAttr);
    auto trained =
        model ? model.getAs<IntegerAttr>("max_positions") : IntegerAttr();
    int64_t positions = maxContext;
    if (!positions)
      positions = trained ? std::min(trained.getInt(), kDefaultContext)
                          : kDefaultContext;
    if (trained && positions > trained.getInt()) {
      module.emitError() << "expected a context of at most " << trained.getInt()
                         << " positions (based on the model), got "
                         << positions;
      return signalPassFailure();
    }
    auto limits = moe::LimitsAttr::getChecked(
        [&] { return module.emitError(); }, context, int64_t(maxTokens),
        int64_t(maxSequences), positions);
    if (!limits)
      return signalPassFailure();
    module->setAttr(moe::kLimitsAttr, limits);
  }
};

} // namespace
