//===- LowerTasks.cpp - Kernels of a graph become task functions --------------===//
//
//   kernel.graph "layer" { kernel.row_reduce … {tiles = [16, 1], waits = []} }
// becomes
//   llvm.func internal @layer.0.row_reduce(%args: !llvm.ptr, %row_tile: i64, %col_tile: i64, %scratch: !llvm.ptr) { … }
//   kernel.graph "layer" { kernel.row_reduce … {tiles = [16, 1], waits = [], kernel.task = @layer.0.row_reduce} }
//
//===------------------------------------------------------------------------===//

#include "codegen/cpu/Passes.h"
#include "codegen/cpu/TaskBuilder.h"
#include "dialects/moe/Moe.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/TypeSwitch.h"

#include <deque>

namespace moec::cpu {
#define GEN_PASS_DEF_CPULOWERTASKSPASS
#include "codegen/cpu/Passes.h.inc"
} // namespace moec::cpu

using namespace mlir;
using namespace moec;
using namespace moec::cpu;
using namespace moec::kernel;

/// Scratch memory of a task: its places are offsets of 32 bits.
static constexpr int64_t kMostScratchBytes = int64_t(1) << 30;

/// Whether two kernels do the same to the same slots of their graphs' arguments, so that one task serves both. Layers of two
/// kinds that begin alike share the tasks of what they have in common.
static bool isSameTask(TaskInterface a, const GraphArguments &aArguments,
                       TaskInterface b, const GraphArguments &bArguments) {
  if (a->getName() != b->getName() ||
      a->getNumOperands() != b->getNumOperands() ||
      a->getPropertiesAsAttribute() != b->getPropertiesAsAttribute() ||
      a.getTileSizes() != b.getTileSizes())
    return false;
  for (auto [left, right] : llvm::zip(a->getOperands(), b->getOperands()))
    if (left.getType() != right.getType() ||
        aArguments.slotOf(left) != bArguments.slotOf(right))
      return false;
  for (auto [left, right] : llvm::zip(a->getRegions(), b->getRegions()))
    if (!OperationEquivalence::isRegionEquivalentTo(
            &left, &right, OperationEquivalence::IgnoreLocations))
      return false;
  return true;
}

namespace {

/// A kernel that has a task of its own.
struct Lowered {
  TaskInterface op;
  const GraphArguments *arguments;
};

struct CpuLowerTasksPass
    : moec::cpu::impl::CpuLowerTasksPassBase<CpuLowerTasksPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (module->getAttrOfType<moe::CudaTargetAttr>(moe::kTargetAttr))
      return;
    unit = VectorUnit::of(module);
    scratchBytes = 64;
    SmallVector<GraphOp> graphs;
    module.walk([&](GraphOp graph) { graphs.push_back(graph); });
    Library tasksAsText(module);
    library = &tasksAsText;
    std::deque<GraphArguments> allArguments;
    lowered.clear();
    for (GraphOp graph : graphs) {
      GraphArguments &arguments = allArguments.emplace_back(graph);
      for (auto [index, op] : llvm::enumerate(graph.getBody().front()))
        if (failed(lower(graph, cast<TaskInterface>(op), index, arguments)))
          return signalPassFailure();
    }
    module->setAttr(kScratchBytesAttr,
                    Builder(module).getI64IntegerAttr(scratchBytes));
  }

  LogicalResult lower(GraphOp graph, TaskInterface op, size_t index,
                      const GraphArguments &arguments) {
    if (op.getTileSizes().size() != 2)
      return op->emitOpError("expected tiles (kernel-choose-tiles sets them)");
    if (auto gemm = dyn_cast<GemmOp>(*op);
        gemm &&
        (gemm.getPanelWidth() != kLanes || op.getTileSizes()[1] % kLanes))
      return op->emitOpError()
             << "expected panels of " << kLanes
             << " columns and tiles of whole panels, got panels of "
             << gemm.getPanelWidth() << " and tiles of "
             << op.getTileSizes()[1];
    if (auto group = dyn_cast<GroupOp>(*op); group && !group.getRowTile())
      return op->emitOpError("expected row_tile (kernel-choose-tiles sets it)");
    if (auto attention = dyn_cast<AttentionOp>(*op)) {
      if (attention.getRounded())
        return op->emitOpError("has no CPU form for rounded products: "
                               "activations are f32");
      int64_t kvHeads = attention.getKvHeads();
      int64_t group = attention.getHeads() / kvHeads;
      if (kvHeads > 1 && group % op.getTileSizes()[1])
        return op->emitOpError()
               << "expected tiles of query heads that read one kv head, a "
                  "divisor of "
               << group << ", got " << op.getTileSizes()[1];
    }
    if (auto gemm = dyn_cast<GemmOp>(*op))
      if (!gemm.getInputElement().isF32())
        return op->emitOpError()
               << "has no CPU form for elements of " << gemm.getInputElement()
               << ": activations are f32";
    for (const Lowered &other : lowered)
      if (isSameTask(other.op, *other.arguments, op, arguments)) {
        op->setAttr(kTaskAttr, other.op->getAttr(kTaskAttr));
        return success();
      }
    lowered.push_back({op, &arguments});
    OpBuilder module = OpBuilder::atBlockEnd(getOperation().getBody());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    auto i64 = module.getI64Type();
    auto type = LLVM::LLVMFunctionType::get(
        LLVM::LLVMVoidType::get(&getContext()), {pointer, i64, i64, pointer});
    std::string name = (graph.getName() + "." + Twine(index) + "." +
                        op->getName().stripDialect())
                           .str();
    // Of the LLVM dialect from the start: the graph's descriptor holds its address.
    auto function = LLVM::LLVMFuncOp::create(module, op->getLoc(), name, type,
                                             LLVM::Linkage::Internal);
    TaskBuilder b(function, op, arguments, *library, unit);
    TypeSwitch<Operation *>(op)
        .Case([&](AttentionOp op) { lowerAttention(b, op); })
        .Case([&](CombineOp op) { lowerCombine(b, op); })
        .Case([&](GemmOp op) { lowerGemm(b, op); })
        .Case([&](GroupOp op) { lowerGroup(b, op); })
        .Case([&](RouteOp op) { lowerRoute(b, op); })
        .Case([&](RowReduceOp op) { lowerRowReduce(b, op); })
        .Case([&](RowwiseOp op) { lowerRowwise(b, op); });
    LLVM::ReturnOp::create(b, ValueRange());
    if (b.getScratchBytes() > kMostScratchBytes)
      return op->emitOpError() << "needs " << b.getScratchBytes()
                               << " bytes of scratch memory, expected at most "
                               << kMostScratchBytes;
    scratchBytes = std::max(scratchBytes, b.getScratchBytes());
    op->setAttr(kTaskAttr, FlatSymbolRefAttr::get(function));
    return success();
  }

  Library *library = nullptr;
  std::vector<Lowered> lowered;
  VectorUnit unit;
  int64_t scratchBytes = 0;
};

} // namespace
