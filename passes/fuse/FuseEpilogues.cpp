//===- FuseEpilogues.cpp - Elementwise work moves to accumulators -------------===//
//
//   %o = kernel.gemm ins(%h, %w) … outs(%e0)
//   %r = kernel.rowwise [64] ins(%x, %o) … (x + o) outs(%e1)
// becomes
//   %r = kernel.gemm ins(%h, %w) … epilogue [<element>] (%x) { (acc, x): x + acc } outs(%e1)
//
//===------------------------------------------------------------------------===//

#include "dialects/moe/Moe.h"
#include "passes/Passes.h"
#include "passes/fuse/RegionFusion.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace moec {
#define GEN_PASS_DEF_FUSEEPILOGUESPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;
using namespace moec::kernel;

namespace {

/// A reader of `result` that can become its epilogue.
struct Reader {
  RowwiseOp op;
  /// For each input of `op`: the column at which it reads the result, or nothing if it reads something else.
  SmallVector<std::optional<int64_t>> begins;
  /// Accesses of the other inputs.
  SmallVector<Attribute> access;
  SmallVector<Value> others;
};

std::optional<Reader> findReader(Value result) {
  if (!result.hasOneUse() && !llvm::all_equal(result.getUsers()))
    return std::nullopt;
  if (result.use_empty())
    return std::nullopt;
  auto op = dyn_cast<RowwiseOp>(*result.user_begin());
  if (!op || getElementwiseProducer(op.getResults().front()) != op ||
      !op.getIndices().empty() || llvm::is_contained(op.getInits(), result))
    return std::nullopt;
  Reader reader{op, {}, {}, {}};
  MLIRContext *context = op.getContext();
  AffineExpr row = getAffineDimExpr(0, context);
  for (auto [value, map] :
       llvm::zip(op.getInputs(),
                 op.getInputMaps().getAsValueRange<AffineMapAttr>())) {
    if (value == result) {
      std::optional<int64_t> begin = matchElement(map, row);
      if (!begin)
        return std::nullopt;
      reader.begins.push_back(begin);
      continue;
    }
    std::optional<Access> access = classifyAccess(map, row);
    if (!access)
      return std::nullopt;
    reader.begins.push_back(std::nullopt);
    reader.access.push_back(AccessAttr::get(context, *access));
    reader.others.push_back(value);
  }
  return reader;
}

/// Fills `epilogue` with the old one (which may be empty) followed by the reader's body. `accumulators` holds the column at
/// which each accumulator stands in the result that the reader reads.
void composeEpilogue(RewriterBase &rewriter, Region &old, ValueRange oldIns,
                     Reader &reader, ArrayRef<int64_t> accumulators,
                     Region &epilogue) {
  Location loc = reader.op.getLoc();
  Block *block = rewriter.createBlock(&epilogue);
  auto addArguments = [&](ValueRange values) {
    SmallVector<Value> arguments;
    for (Value value : values)
      arguments.push_back(block->addArgument(
          cast<ShapedType>(value.getType()).getElementType(), loc));
    return arguments;
  };
  SmallVector<Value> results;
  for (size_t i = 0; i < accumulators.size(); ++i)
    results.push_back(block->addArgument(rewriter.getF32Type(), loc));
  SmallVector<Value> arguments = results;
  llvm::append_range(arguments, addArguments(oldIns));
  SmallVector<Value> others = addArguments(reader.others);
  if (!old.empty())
    results = inlineBody(rewriter, old, arguments);
  SmallVector<Value> bodyArguments;
  const Value *other = others.begin();
  for (std::optional<int64_t> begin : reader.begins)
    bodyArguments.push_back(
        begin ? results[llvm::find(accumulators, *begin) - accumulators.begin()]
              : *other++);
  YieldOp::create(rewriter, loc,
                  inlineBody(rewriter, reader.op.getBody(), bodyArguments));
}

SmallVector<Value> join(ValueRange a, ValueRange b) {
  SmallVector<Value> all(a);
  llvm::append_range(all, b);
  return all;
}

ArrayAttr join(Builder &builder, ArrayAttr a, ArrayRef<Attribute> b) {
  SmallVector<Attribute> all(a.getValue());
  llvm::append_range(all, b);
  return builder.getArrayAttr(all);
}

bool readsOnlyAt(Reader &reader, ArrayRef<int64_t> columns) {
  return llvm::all_of(reader.begins, [&](std::optional<int64_t> begin) {
    return !begin || llvm::is_contained(columns, *begin);
  });
}

/// The epilogue of a sum over experts.
bool fuseIntoCombine(RewriterBase &rewriter, CombineOp op) {
  std::optional<Reader> reader = findReader(op.getResults().front());
  if (!reader || !readsOnlyAt(*reader, {0}))
    return false;
  rewriter.setInsertionPoint(reader->op);
  auto fused = CombineOp::create(
      rewriter, rewriter.getFusedLoc({op.getLoc(), reader->op.getLoc()}),
      reader->op.getResultTypes(), op.getInput(), op.getPlaces(),
      op.getMerges(), join(op.getEpilogueIns(), reader->others),
      reader->op.getInits(),
      join(rewriter, op.getEpilogueAccess(), reader->access));
  composeEpilogue(rewriter, op.getEpilogue(), op.getEpilogueIns(), *reader, {0},
                  fused.getEpilogue());
  rewriter.replaceOp(reader->op, fused.getResults());
  rewriter.eraseOp(op);
  return true;
}

/// The weight of `op` packed in two parts, so that both halves of a row are at hand; null if that is not how it is read.
Value packInTwoParts(RewriterBase &rewriter, GemmOp op, int64_t columns) {
  auto pack = op.getWeight().getDefiningOp<moe::PackOp>();
  if (!pack || op.getParts() != 1 || !op.getEpilogue().empty() ||
      2 * columns != op.getN() || pack.getLayout().getTranspose())
    return nullptr;
  auto layout = moe::PanelsAttr::get(rewriter.getContext(),
                                     pack.getLayout().getWidth(), 2, false);
  auto type = cast<RankedTensorType>(pack.getInput().getType());
  return moe::PackOp::create(rewriter, pack.getLoc(),
                             layout.getPackedType(type), pack.getInput(),
                             layout);
}

bool fuseIntoGemm(RewriterBase &rewriter, GemmOp op) {
  if (op.getHeads() > 1)
    return false;
  std::optional<Reader> reader = findReader(op.getResults().front());
  if (!reader)
    return false;
  int64_t columns = reader->op.getSizes().front();
  Value weight = op.getWeight();
  int64_t parts = op.getParts();
  SmallVector<int64_t> accumulators(1, 0);
  rewriter.setInsertionPoint(reader->op);
  if (columns != op.getN() || !readsOnlyAt(*reader, {0})) {
    if (!readsOnlyAt(*reader, {0, columns}))
      return false;
    weight = packInTwoParts(rewriter, op, columns);
    if (!weight)
      return false;
    parts = 2;
    accumulators = {0, columns};
  } else if (parts == 2) {
    accumulators.push_back(-1); // the old epilogue joins them
  }
  auto fused = GemmOp::create(
      rewriter, rewriter.getFusedLoc({op.getLoc(), reader->op.getLoc()}),
      reader->op.getResultTypes(), op.getInput(), weight, op.getGather(),
      op.getGroups(), op.getPrologueIns(),
      join(op.getEpilogueIns(), reader->others), reader->op.getInits(),
      op.getPrologueAccess(),
      join(rewriter, op.getEpilogueAccess(), reader->access), op.getHeads(),
      parts, op.getInAttr());
  composeEpilogue(rewriter, op.getEpilogue(), op.getEpilogueIns(), *reader,
                  accumulators, fused.getEpilogue());
  fused.getPrologue().takeBody(op.getPrologue());
  rewriter.replaceOp(reader->op, fused.getResults());
  rewriter.eraseOp(op);
  return true;
}

struct FuseEpiloguesPass
    : moec::impl::FuseEpiloguesPassBase<FuseEpiloguesPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    // Sums over experts first: what is added to them would otherwise become the epilogue of the shared expert's gemm,
    // which would then have to wait for the routed ones.
    fuseAll<CombineOp>(rewriter, fuseIntoCombine);
    fuseAll<GemmOp>(rewriter, fuseIntoGemm);
  }

  template <typename Op>
  void fuseAll(RewriterBase &rewriter, bool (*fuse)(RewriterBase &, Op)) {
    bool changed = true;
    while (changed) {
      changed = false;
      SmallVector<Op> ops;
      getOperation()->walk([&](Op op) { ops.push_back(op); });
      for (Op op : ops)
        if (fuse(rewriter, op)) {
          changed = true;
          ++numFused;
        }
    }
  }
};

} // namespace
