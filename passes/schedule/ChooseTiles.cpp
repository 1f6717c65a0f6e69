//===- ChooseTiles.cpp - Kernels are cut into tiles for the target ------------===//
//
//   kernel.gemm …   ->   kernel.gemm … {tiles = array<i64: 48, 64>}
//
// A row tile is a few register tiles, so that the panels of a column tile, once read from memory, are used from the cache
// for all its rows. A column tile is what one task streams at decode: large against the cost of taking a task, small
// enough that all cores get some.
//
//===------------------------------------------------------------------------===//

#include "dialects/kernel/Kernel.h"
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

/// Panels that one task streams side by side.
constexpr int64_t kPanelsPerTask = 4;
/// A multiple of every register tile (6 and 4 rows).
constexpr int64_t kGemmRows = 48;
/// Rows of one expert in a task; few tokens of a step share an expert.
constexpr int64_t kExpertRows = 24;
/// Rows of a task of the kernels that only pass over rows.
constexpr int64_t kRowKernelRows = 16;
constexpr int64_t kAttentionRows = 8;

struct ChooseTilesPass : moec::impl::ChooseTilesPassBase<ChooseTilesPass> {
  void runOnOperation() override {
    getOperation().walk([&](TaskInterface op) {
      std::pair<int64_t, int64_t> tile = {kRowKernelRows, 1};
      if (auto gemm = dyn_cast<GemmOp>(*op))
        tile = {gemm.getGroups() ? kExpertRows : kGemmRows,
                kPanelsPerTask * gemm.getPanelWidth() /
                    int64_t(gemm.getParts())};
      else if (auto attention = dyn_cast<AttentionOp>(*op))
        tile = {kAttentionRows,
                std::max<int64_t>(1, attention.getKvHeads() == 1
                                         ? 1
                                         : attention.getHeads() /
                                               attention.getKvHeads())};
      else if (auto group = dyn_cast<GroupOp>(*op))
        group.setRowTile(kExpertRows);
      op->setAttr(
          TaskInterface::kTiles,
          DenseI64ArrayAttr::get(&getContext(), {tile.first, tile.second}));
    });
  }
};

} // namespace
