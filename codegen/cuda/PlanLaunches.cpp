//===- PlanLaunches.cpp - Kernels get device functions ------------------------===//
//
//   kernel.graph "layer" { kernel.row_reduce … {tiles = [64, 1], waits = []} }
// becomes
//   kernel.graph "layer" { kernel.row_reduce … {tiles = [64, 1], waits = [],
//     launch = #kernel.launch<[<"layer_row_reduce" of "rows", threads = 128, row_tile = 4, column_tiles = 1>],
//                             [<argument 0 bytes 8>, <argument 1 bytes 4>, <constant 160 bytes 4>]>} }
//
//===------------------------------------------------------------------------===//

#include "codegen/cuda/Emit.h"
#include "codegen/cuda/Passes.h"
#include "codegen/cuda/Units.h"
#include "codegen/host/GraphArguments.h"
#include "dialects/moe/Moe.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

namespace moec::cuda {
#define GEN_PASS_DEF_CUDAPLANLAUNCHESPASS
#include "codegen/cuda/Passes.h.inc"
} // namespace moec::cuda

using namespace mlir;
using namespace moec;
using namespace moec::cuda;
using namespace moec::kernel;

/// The weight that a value is, seen from the function it is an argument of: "experts.gate_up" of @layers.3.experts.gate_up.
static std::string weightRole(Value value) {
  while (auto argument = dyn_cast<BlockArgument>(value)) {
    auto func = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    auto uses = func ? func.getSymbolUses(func->getParentOp()) : std::nullopt;
    auto call = uses && !uses->empty()
                    ? dyn_cast<func::CallOp>(uses->begin()->getUser())
                    : func::CallOp();
    if (!call)
      return "";
    value = call.getOperand(argument.getArgNumber());
  }
  auto weight = value.getDefiningOp<WeightOp>();
  if (!weight)
    return "";
  StringRef name = weight.getWeightAttr().getValue();
  if (name.consume_front("layers."))
    name = name.drop_while(llvm::isDigit).drop_front();
  return name.str();
}

/// What people call a kernel: by the part of the model that it computes.
static std::string baseName(GraphOp graph, TaskInterface op) {
  std::string role;
  if (auto gemm = dyn_cast<GemmOp>(*op))
    role = weightRole(gemm.getWeight());
  if (role.empty())
    role = op->getName().stripDialect().str();
  std::string name = graph.getName().str() + "_" + role;
  for (char &c : name)
    if (!llvm::isAlnum(c))
      c = '_';
  return name;
}

/// Small kernels share a unit; functions that take long to compile have one of their own, so that they are compiled in parallel.
static std::string unitName(TaskInterface op, const std::string &function) {
  return llvm::TypeSwitch<Operation *, std::string>(op)
      .Case<RowReduceOp, RowwiseOp>([](auto) { return "rows"; })
      .Case<RouteOp, GroupOp, CombineOp>([](auto) { return "routing"; })
      .Default([&](Operation *) { return function; });
}

namespace {

struct CudaPlanLaunchesPass
    : moec::cuda::impl::CudaPlanLaunchesPassBase<CudaPlanLaunchesPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!module->getAttrOfType<moe::CudaTargetAttr>(moe::kTargetAttr))
      return;
    auto limits = module->getAttrOfType<moe::LimitsAttr>(moe::kLimitsAttr);
    if (!limits) {
      module.emitError() << "expected '" << moe::kLimitsAttr << "'";
      return signalPassFailure();
    }
    llvm::StringMap<std::string> nameOf; // by text
    llvm::StringSet<> names;
    int64_t scratchBytes = 64;
    WalkResult planned = module.walk([&](GraphOp graph) -> WalkResult {
      GraphArguments arguments(graph);
      for (Operation &child : graph.getBody().front()) {
        auto op = cast<TaskInterface>(child);
        FailureOr<KernelText> kernel = emitKernel(op, {arguments, limits});
        if (failed(kernel))
          return failure();
        auto [known, isNew] = nameOf.try_emplace(
            kernel->tables + llvm::join(kernel->functions, ""));
        std::string &name = known->second;
        if (isNew) {
          std::string base = name = baseName(graph, op);
          for (int i = 2; !names.insert(name).second; ++i)
            name = base + "_" + std::to_string(i);
        }
        SmallVector<EntryAttr> entries;
        for (const EntryPlan &plan : kernel->entries) {
          std::string function = name + plan.suffix;
          entries.push_back(EntryAttr::get(&getContext(), function,
                                           unitName(op, function), plan.threads,
                                           plan.rowTile, plan.columnTiles,
                                           plan.mostRows, plan.positionTile));
        }
        op->setAttr(
            TaskInterface::kLaunch,
            LaunchAttr::get(&getContext(), entries, kernel->parameters));
        scratchBytes = std::max(scratchBytes, kernel->scratchBytes);
      }
      return WalkResult::advance();
    });
    if (planned.wasInterrupted())
      return signalPassFailure();
    module->setAttr(kScratchBytesAttr,
                    Builder(module).getI64IntegerAttr(scratchBytes));
  }
};

} // namespace
