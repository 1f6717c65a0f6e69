//===- AbsorbMla.cpp - MLA attends over the latent cache as it is -------------===//
//
//   %o = moe.mla %q, %cache, %w_uk, %w_uv of %batch scale 0.1
// becomes
//   %qn = moe.slice %q begin 0 heads 4
//   %qr = moe.slice %q begin 32 heads 4
//   %ql = moe.head_linear %qn, %w_uk transposed
//   %qk = moe.concat %ql, %qr heads 4
//   %ol = moe.attention %qk, %cache of %batch heads 4 kv_heads 1 keys 2 value 0 scale 0.1
//   %o  = moe.head_linear %ol, %w_uv
//
//===------------------------------------------------------------------------===//

#include "dialects/moe/Moe.h"
#include "passes/Passes.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"

namespace moec {
#define GEN_PASS_DEF_ABSORBMLAPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;

static void absorb(RewriterBase &rewriter, moe::MlaOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), rewriter);
  ArrayRef<int64_t> uk = op.getWUk().getType().getShape();
  int64_t heads = uk[0], nope = uk[1], latent = uk[2];
  int64_t rope = op.getCache().getType().getParts()[1];
  auto rows = [&](int64_t columns) {
    return RankedTensorType::get({ShapedType::kDynamic, columns},
                                 b.getF32Type());
  };
  auto nopeQuery = moe::SliceOp::create(b, rows(heads * nope), op.getQuery(),
                                        /*begin=*/0, heads);
  auto ropeQuery = moe::SliceOp::create(b, rows(heads * rope), op.getQuery(),
                                        /*begin=*/nope, heads);
  auto latentQuery = moe::HeadLinearOp::create(
      b, rows(heads * latent), nopeQuery, op.getWUk(), /*transposed=*/true);
  auto query = moe::ConcatOp::create(b, rows(heads * (latent + rope)),
                                     latentQuery, ropeQuery, heads);
  auto attended = moe::AttentionOp::create(
      b, rows(heads * latent), query, op.getCache(), op.getBatch(), heads,
      /*kv_heads=*/1, /*key_parts=*/2, /*value_part=*/0, op.getScale());
  rewriter.replaceOpWithNewOp<moe::HeadLinearOp>(
      op, op.getType(), attended, op.getWUv(), /*transposed=*/false);
}

namespace {

struct AbsorbMlaPass : moec::impl::AbsorbMlaPassBase<AbsorbMlaPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](moe::MlaOp op) {
      rewriter.setInsertionPoint(op);
      absorb(rewriter, op);
    });
  }
};

} // namespace
