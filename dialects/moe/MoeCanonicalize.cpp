//===- MoeCanonicalize.cpp - Folds and canonical forms of moe -----------------===//

#include "dialects/moe/Moe.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace moec::moe;

/// All columns of a row are the row.
OpFoldResult SliceOp::fold(FoldAdaptor) {
  return getInput().getType() == getResult().getType() ? getInput() : Value();
}

namespace {

/// slice(slice(x)) with the same heads is one slice.
struct SliceOfSlice : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<SliceOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "input is not a slice");
    if (inner.getHeads() != op.getHeads())
      return rewriter.notifyMatchFailure(op, "slices of different heads");
    rewriter.replaceOpWithNewOp<SliceOp>(op, op.getType(), inner.getInput(),
                                         inner.getBegin() + op.getBegin(),
                                         op.getHeads());
    return success();
  }
};

/// A slice that lies in one operand of a concat is a slice of that operand.
struct SliceOfConcat : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto concat = op.getInput().getDefiningOp<ConcatOp>();
    if (!concat || concat.getHeads() != op.getHeads())
      return rewriter.notifyMatchFailure(op, "input is no concat of its heads");
    int64_t heads = op.getHeads();
    int64_t left = concat.getLhs().getType().getDimSize(1) / heads;
    int64_t begin = op.getBegin();
    int64_t end = begin + op.getType().getDimSize(1) / heads;
    if (begin < left && end > left)
      return rewriter.notifyMatchFailure(op, "needs columns of both operands");
    bool isLeft = end <= left;
    rewriter.replaceOpWithNewOp<SliceOp>(
        op, op.getType(), isLeft ? concat.getLhs() : concat.getRhs(),
        isLeft ? begin : begin - left, heads);
    return success();
  }
};

} // namespace

void SliceOp::getCanonicalizationPatterns(RewritePatternSet &results,
                                          MLIRContext *context) {
  results.add<SliceOfSlice, SliceOfConcat>(context);
}
