//===- Attention.cpp - Rotary embedding, caches, attention --------------------===//

#include "passes/fuse/moe_to_kernel/Patterns.h"

using namespace mlir;
using namespace moec;
using namespace moec::kernel;

using Values = SmallVector<Value>;

namespace {

/// The angle is rounded to f32 as the reference implementation does; its cosine and sine are computed in f64, so that the
/// reduction of a large angle costs nothing.
struct RopeTablePattern : MoeToKernelPattern<moe::RopeTableOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::RopeTableOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    BatchValues batch(adaptor.getBatch());
    int64_t width = op.getRope().getWidth(), pairs = width / 2;
    SmallVector<float> frequencies = op.getRope().getFrequencies();
    Value table = arith::ConstantOp::create(
        b,
        DenseElementsAttr::get(RankedTensorType::get({pairs}, b.getF32Type()),
                               ArrayRef(frequencies)));
    Value init = b.empty(b.rowCount(batch.positions), width, b.getF32Type());
    float factor = op.getRope().getAttentionFactor();
    return {b.rowwise(
        {pairs},
        {{batch.positions, b.map(1, 0, {b.dim(0)})},
         {table, b.map(1, 0, {b.dim(1)})}},
        init,
        {b.map(1, 0, {b.dim(0), b.dim(1)}),
         b.map(1, 0, {b.dim(0), b.dim(1) + pairs})},
        {}, [&](ImplicitLocOpBuilder &b, ValueRange args) -> Values {
          Value position = arith::SIToFPOp::create(b, b.getF32Type(), args[0]);
          Value rounded = arith::MulFOp::create(b, position, args[1]);
          Value angle = arith::ExtFOp::create(b, b.getF64Type(), rounded);
          auto scale = [&](Value value) -> Value {
            Value rounded = arith::TruncFOp::create(b, b.getF32Type(), value);
            if (factor == 1.0f)
              return rounded;
            return arith::MulFOp::create(
                b, rounded,
                arith::ConstantOp::create(b, b.getF32FloatAttr(factor)));
          };
          return {scale(math::CosOp::create(b, angle)),
                  scale(math::SinOp::create(b, angle))};
        })};
  }
};

/// Both elements of a pair are read before either is written, so the rotation works in place.
struct RopePattern : MoeToKernelPattern<moe::RopeOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::RopeOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    Value input = adaptor.getInput().front();
    Value table = adaptor.getTable().front();
    int64_t heads = op.getHeads(), head = columnsOf(input) / heads;
    int64_t pairs = columnsOf(table) / 2;
    AffineExpr origin = b.dim(1) * head + int64_t(op.getBegin());
    AffineExpr first = origin + b.dim(2), second = origin + b.dim(2) + pairs;
    if (op.getPairs() == moe::RopePairs::Interleaved) {
      first = origin + b.dim(2) * 2;
      second = origin + b.dim(2) * 2 + 1;
    }
    return {b.rowwise(
        {heads, pairs},
        {{table, b.map(2, 0, {b.dim(0), b.dim(2)})},
         {table, b.map(2, 0, {b.dim(0), b.dim(2) + pairs})}},
        input,
        {b.map(2, 0, {b.dim(0), first}), b.map(2, 0, {b.dim(0), second})},
        {.inPlace = true},
        [](ImplicitLocOpBuilder &b, ValueRange args) -> Values {
          Value cos = args[0], sin = args[1], x = args[2], y = args[3];
          return {arith::SubFOp::create(b, arith::MulFOp::create(b, x, cos),
                                        arith::MulFOp::create(b, y, sin)),
                  arith::AddFOp::create(b, arith::MulFOp::create(b, y, cos),
                                        arith::MulFOp::create(b, x, sin))};
        })};
  }
};

/// Each part is scattered to its columns of the tokens' cache rows.
struct CacheAppendPattern : MoeToKernelPattern<moe::CacheAppendOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::CacheAppendOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    BatchValues batch(adaptor.getBatch());
    Value cache = adaptor.getCache().front();
    int64_t begin = 0;
    for (ValueRange values : adaptor.getParts()) {
      Value part = values.front();
      int64_t width = columnsOf(part);
      cache = b.rowwise({width}, {{part, b.map(1, 1, {b.dim(0), b.dim(1)})}},
                        cache, {b.map(1, 1, {b.symbol(0), b.dim(1) + begin})},
                        {.indices = batch.cacheRows, .rows = part},
                        [](ImplicitLocOpBuilder &, ValueRange args) -> Values {
                          return {args[0]};
                        });
      begin += width;
    }
    return {cache};
  }
};

struct AttentionPattern : MoeToKernelPattern<moe::AttentionOp> {
  using MoeToKernelPattern::MoeToKernelPattern;
  Values convert(moe::AttentionOp op, Adaptor adaptor,
                 KernelBuilder &b) const override {
    BatchValues batch(adaptor.getBatch());
    Value query = adaptor.getQuery().front();
    int64_t valueBegin = 0;
    for (int64_t part :
         op.getCache().getType().getParts().take_front(op.getValuePart()))
      valueBegin += part;
    Value init =
        b.empty(b.rowCount(query), op.getType().getDimSize(1), b.getF32Type());
    auto kernel = AttentionOp::create(
        b, TypeRange{init.getType()}, query, adaptor.getCache().front(),
        batch.positions, batch.cacheRows, ValueRange{init}, op.getHeads(),
        op.getKvHeads(), op.getKeyWidth(), op.getValueWidth(), /*key_begin=*/0,
        valueBegin, llvm::APFloat(float(op.getScale().convertToDouble())),
        op.getRounded());
    return {kernel.getResults().front()};
  }
};

} // namespace

void moec::populateAttentionPatterns(TypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns
      .add<AttentionPattern, CacheAppendPattern, RopePattern, RopeTablePattern>(
          converter, patterns.getContext());
}
