//===- ChooseTiles.cpp - Kernels are cut into tiles for the target ------------===//
//
//   kernel.gemm …   ->   kernel.gemm … {tiles = array<i64: 256, 128>}
//
// A row tile is many register tiles, so that the panels of a column tile, once read from memory and decoded, serve all its
// rows. A column tile is what one task streams at decode: large against the cost of taking a task, small
// enough that all cores get some.
//
//===------------------------------------------------------------------------===//

#include "dialects/kernel/Kernel.h"
#include "dialects/moe/Moe.h"
#include "passes/Passes.h"

#include "mlir/IR/BuiltinOps.h"

namespace moec {
#define GEN_PASS_DEF_CHOOSETILESPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;
using namespace moec::kernel;

namespace {

/// Panels of a task, or of a block on a GPU.
constexpr int64_t kPanelsPerTask = 8;
/// Tasks of a kernel on a CPU from which on they have twice as many panels: each reads its rows anew.
constexpr int64_t kManyTasks = 32;
/// Rows of a task on a CPU: panels are decoded once for all of them.
constexpr int64_t kCpuGemmRows = 256;
/// Rows of a block on a GPU.
constexpr int64_t kCudaGemmRows = 64;
/// Rows of a task of the kernels that only pass over rows.
constexpr int64_t kRowKernelRows = 16;
constexpr int64_t kAttentionRows = 8;
/// Query heads of a task where all read the same keys.
constexpr int64_t kAttentionHeads = 8;

/// Columns of a task. Experts make many tasks whatever their width.
int64_t chooseColumns(GemmOp op, bool isCuda) {
  int64_t columns =
      kPanelsPerTask * op.getPanelWidth() / int64_t(op.getParts());
  int64_t tasks = op.getHeads() * llvm::divideCeil(op.getN(), columns);
  bool isWide = !isCuda && (op.getGroups() || tasks >= kManyTasks);
  return isWide ? 2 * columns : columns;
}

/// Query heads of a task: they read one kv head, whose keys and values stay in the cache meanwhile.
int64_t chooseHeads(AttentionOp op) {
  int64_t group = op.getHeads() / op.getKvHeads();
  return op.getKvHeads() > 1 ? group : std::min(group, kAttentionHeads);
}

struct ChooseTilesPass : moec::impl::ChooseTilesPassBase<ChooseTilesPass> {
  void runOnOperation() override {
    bool isCuda = isa_and_present<moe::CudaTargetAttr>(
        getOperation()->getAttr(moe::kTargetAttr));
    int64_t gemmRows = isCuda ? kCudaGemmRows : kCpuGemmRows;
    getOperation().walk([&](TaskInterface op) {
      std::pair<int64_t, int64_t> tile = {kRowKernelRows, 1};
      if (auto gemm = dyn_cast<GemmOp>(*op))
        tile = {gemmRows, chooseColumns(gemm, isCuda)};
      else if (auto attention = dyn_cast<AttentionOp>(*op))
        tile = {kAttentionRows, chooseHeads(attention)};
      else if (auto group = dyn_cast<GroupOp>(*op))
        group.setRowTile(gemmRows);
      op->setAttr(
          TaskInterface::kTiles,
          DenseI64ArrayAttr::get(&getContext(), {tile.first, tile.second}));
    });
  }
};

} // namespace
