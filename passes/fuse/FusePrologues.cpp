//===- FusePrologues.cpp - Elementwise work moves into the loads of a gemm ----===//
//
//   %h = kernel.rowwise [160] ins(%x, %inv, %g) …           (x * inv * g)
//   %q = kernel.gemm ins(%h, %w) …
// becomes
//   %q = kernel.gemm ins(%x, %w) prologue [<row>, <column>] (%inv, %g) { x * inv * g } …
//
// A gather of rows becomes the gemm's, and columns taken from a wider row become its `in`.
//
//===------------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/fuse/RegionFusion.h"

namespace moec {
#define GEN_PASS_DEF_FUSEPROLOGUESPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;
using namespace moec::kernel;

namespace {

/// What the gemm loads instead of the producer's result.
struct Load {
  Value input;
  Value gather;
  ColumnsAttr columns;
  /// Index of `input` among the producer's, and the others with their access.
  unsigned main = 0;
  SmallVector<Value> others;
  SmallVector<Attribute> access;
};

/// Repeating a transcendental function in each column tile costs more than the round trip it saves.
bool isCheap(RowwiseOp op) {
  return llvm::none_of(op.getBody().front(), [](Operation &inner) {
    return isa<math::MathDialect>(inner.getDialect()) ||
           isa<arith::DivFOp>(inner);
  });
}

/// Columns of each head taken out of wider heads: `in` of a gemm by heads.
std::optional<Load> matchHeadColumns(RowwiseOp op) {
  MLIRContext *context = op.getContext();
  ArrayRef<int64_t> sizes = op.getSizes();
  if (sizes.size() != 2 || op.getInputs().size() != 1 ||
      !op.getIndices().empty() || op.getInPlace() || !isCheap(op))
    return std::nullopt;
  AffineExpr row = getAffineDimExpr(0, context);
  AffineExpr head = getAffineDimExpr(1, context);
  AffineExpr column = getAffineDimExpr(2, context);
  auto output = cast<AffineMapAttr>(op.getOutputMaps()[0]).getValue();
  auto type = cast<ShapedType>(op.getInits().front().getType());
  if (type.getDimSize(1) != sizes[0] * sizes[1] || output.getResult(0) != row ||
      output.getResult(1) != head * sizes[1] + column)
    return std::nullopt;
  auto input = cast<AffineMapAttr>(op.getInputMaps()[0]).getValue();
  int64_t wide =
      cast<ShapedType>(op.getInputs()[0].getType()).getDimSize(1) / sizes[0];
  AffineExpr begin =
      simplifyAffineExpr(input.getResult(1) - head * wide - column, 3, 0);
  auto constant = dyn_cast<AffineConstantExpr>(begin);
  if (input.getResult(0) != row || !constant)
    return std::nullopt;
  Load load;
  load.input = op.getInputs()[0];
  load.columns = ColumnsAttr::get(context, constant.getValue(), wide);
  return load;
}

/// One input read element by element, the others by row or by column.
std::optional<Load> matchElementwise(RowwiseOp op) {
  MLIRContext *context = op.getContext();
  if (op.getIndices().size() > 1 || !isCheap(op))
    return std::nullopt;
  Load load;
  AffineExpr row = getAffineDimExpr(0, context);
  if (!op.getIndices().empty()) {
    load.gather = op.getIndices()[0];
    row = getAffineSymbolExpr(0, context);
  }
  for (auto [i, value, map] :
       llvm::enumerate(op.getInputs(),
                       op.getInputMaps().getAsValueRange<AffineMapAttr>())) {
    std::optional<Access> access = classifyAccess(map, row);
    if (access && *access != Access::Element) {
      load.others.push_back(value);
      load.access.push_back(AccessAttr::get(context, *access));
      continue;
    }
    std::optional<int64_t> begin = matchElement(map, row);
    if (!begin || load.input)
      return std::nullopt;
    load.input = value;
    load.main = i;
    if (*begin || cast<ShapedType>(value.getType()).getDimSize(1) !=
                      op.getSizes().front())
      load.columns = ColumnsAttr::get(context, *begin, 0);
  }
  if (!load.input ||
      !cast<ShapedType>(load.input.getType()).getElementType().isF32())
    return std::nullopt;
  return load;
}

bool fuse(RewriterBase &rewriter, GemmOp op) {
  if (op.getGather() || op.getIn() || !op.getPrologue().empty())
    return false;
  auto producer = op.getInput().getDefiningOp<RowwiseOp>();
  if (!producer)
    return false;
  std::optional<Load> load;
  if (op.getHeads() > 1)
    load = matchHeadColumns(producer);
  if (!load && getElementwiseProducer(op.getInput())) {
    load = matchElementwise(producer);
    // What a prologue knows of a column is its place in the head.
    bool isPlain =
        load && load->others.empty() && !load->gather && !load->columns;
    if (op.getHeads() > 1 && !isPlain)
      return false;
  }
  if (!load)
    return false;
  rewriter.setInsertionPoint(op);
  auto fused = GemmOp::create(
      rewriter, rewriter.getFusedLoc({producer.getLoc(), op.getLoc()}),
      op.getResultTypes(), load->input, op.getWeight(), load->gather,
      op.getGroups(), load->others, op.getEpilogueIns(), op.getInits(),
      rewriter.getArrayAttr(load->access), op.getEpilogueAccess(),
      op.getHeads(), op.getParts(), load->columns);
  fused.getEpilogue().takeBody(op.getEpilogue());
  // A body that passes the element loaded on is no prologue.
  Block &produced = producer.getBody().front();
  if (produced.getTerminator()->getOperand(0) !=
      produced.getArgument(load->main)) {
    IRMapping mapping;
    producer.getBody().cloneInto(&fused.getPrologue(), mapping);
    // The element loaded comes first.
    Block &body = fused.getPrologue().front();
    BlockArgument main = body.getArgument(load->main);
    BlockArgument first =
        body.insertArgument(0u, main.getType(), main.getLoc());
    main.replaceAllUsesWith(first);
    body.eraseArgument(load->main + 1);
  }
  rewriter.replaceOp(op, fused.getResults());
  if (producer->use_empty())
    rewriter.eraseOp(producer);
  return true;
}

struct FuseProloguesPass
    : moec::impl::FuseProloguesPassBase<FuseProloguesPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<GemmOp> ops;
    getOperation()->walk([&](GemmOp op) { ops.push_back(op); });
    for (GemmOp op : ops)
      if (fuse(rewriter, op))
        ++numFused;
  }
};

} // namespace
