//===- BuildGraphs.cpp - Kernels into graphs, and what each waits for ---------===//
//
//   kernel.gemm … outs(%a)
//   kernel.row_reduce … ins(%a) outs(%s)
// becomes
//   kernel.graph "layer" {
//     kernel.gemm … outs(%a) {waits = []}
//     kernel.row_reduce … ins(%a) outs(%s) {waits = [#kernel.wait<0, rows>]}
//   }
//
// No cycle can arise: a kernel waits only for kernels before it, and tasks are taken in that order.
//
//===------------------------------------------------------------------------===//

#include "dialects/kernel/Kernel.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"

namespace moec {
#define GEN_PASS_DEF_BUILDGRAPHSPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;
using namespace moec::kernel;

namespace {

/// How strongly one kernel must wait for another.
enum class Need { None, Rows, All };

/// Memory that a buffer occupies: bytes [begin, end) of the arena, or all of something else.
struct Place {
  Value root;
  int64_t begin = 0, end = INT64_MAX;

  bool overlaps(const Place &other) const {
    return root == other.root && begin < other.end && other.begin < end;
  }
};

Place placeOf(Value buffer) {
  auto view = buffer.getDefiningOp<memref::ViewOp>();
  APInt offset;
  if (!view || !matchPattern(view.getByteShift(), m_ConstantInt(&offset)))
    return {buffer};
  Place place{view.getSource(), offset.getSExtValue()};
  if (auto bytes = view->getAttrOfType<IntegerAttr>(kBufferBytesAttr))
    place.end = place.begin + bytes.getInt();
  return place;
}

/// Derives what each of some kernels waits for.
class GraphBuilder {
public:
  explicit GraphBuilder(ArrayRef<TaskInterface> list)
      : tasks(list.begin(), list.end()) {
    for (TaskInterface task : tasks)
      accesses.push_back(task.getMemoryAccesses());
  }

  /// The waits of each task, without those that follow from others.
  SmallVector<SmallVector<WaitAttr>> build() {
    size_t n = tasks.size();
    SmallVector<SmallVector<WaitAttr>> waits(n);
    // reached[j][i]: what task j knows of task i once its waits are over.
    std::vector<std::vector<Need>> reached(n, std::vector<Need>(n, Need::None));
    for (size_t j = 0; j < n; ++j)
      for (size_t i = j; i-- > 0;) {
        Need need = needs(j, i);
        if (need <= reached[j][i])
          continue;
        auto form = need == Need::All ? WaitForm::All : WaitForm::Rows;
        waits[j].push_back(WaitAttr::get(tasks[j]->getContext(), i, form));
        reached[j][i] = need;
        for (size_t k = 0; k < i; ++k)
          if (reached[i][k] != Need::None)
            reached[j][k] =
                std::max(reached[j][k], std::max(need, reached[i][k]));
      }
    return waits;
  }

private:
  Need needs(size_t j, size_t i) {
    Need need = Need::None;
    for (const MemoryAccess &later : accesses[j])
      for (const MemoryAccess &earlier : accesses[i]) {
        if (!later.isWrite && !earlier.isWrite)
          continue;
        if (!placeOf(later.buffer).overlaps(placeOf(earlier.buffer)))
          continue;
        bool sameRows = later.buffer == earlier.buffer && later.ownRows &&
                        earlier.ownRows && haveSameRows(j, i);
        need = std::max(need, sameRows ? Need::Rows : Need::All);
      }
    return need;
  }

  /// Whether row tiles of both count the same rows: tokens, or rows ordered by expert.
  bool haveSameRows(size_t j, size_t i) {
    return tasks[j].getRowExtent() && tasks[i].getRowExtent() &&
           !tasks[j].getRoutedExperts() == !tasks[i].getRoutedExperts();
  }

  SmallVector<TaskInterface> tasks;
  SmallVector<SmallVector<MemoryAccess>> accesses;
};

struct BuildGraphsPass : moec::impl::BuildGraphsPassBase<BuildGraphsPass> {
  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      if (func.isDeclaration())
        continue;
      unsigned graphs = 0;
      SmallVector<TaskInterface> run;
      auto close = [&] {
        if (!run.empty())
          buildGraph(run, func.getName() +
                              (graphs ? "." + Twine(graphs) : Twine("")));
        graphs += !run.empty();
        run.clear();
      };
      for (Operation &op : llvm::make_early_inc_range(func.getBody().front())) {
        if (auto task = dyn_cast<TaskInterface>(op))
          run.push_back(task);
        else if (!isMemoryEffectFree(&op) ||
                 op.hasTrait<OpTrait::IsTerminator>())
          close();
        else if (!run.empty())
          op.moveBefore(run.front());
      }
    }
  }

  void buildGraph(ArrayRef<TaskInterface> tasks, const Twine &name) {
    SmallVector<SmallVector<WaitAttr>> waits = GraphBuilder(tasks).build();
    TaskInterface first = tasks.front();
    OpBuilder b(first);
    auto graph = GraphOp::create(b, first->getLoc(), name.str());
    Block *body = b.createBlock(&graph.getBody());
    for (auto [entry, list] : llvm::zip(tasks, waits)) {
      TaskInterface task = entry;
      task->moveBefore(body, body->end());
      task->setAttr(
          TaskInterface::kWaits,
          b.getArrayAttr(SmallVector<Attribute>(list.begin(), list.end())));
      numWaits += list.size();
    }
  }
};

} // namespace
