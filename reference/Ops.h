//===- Ops.h - What each operation of the moe dialect computes ------------===//
//
// One pure function per operation, written to be read against its description
// in dialects/moe/MoeOps.td: this is the ground truth that every target is
// compared with. Sums are accumulated in double and rounded to f32 once, so
// that their order does not matter here; where the order is the operation's
// meaning (combine), it is f32.
//
// The functions trust their arguments: the interpreter has checked shapes,
// token ids and cached positions.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_REFERENCE_OPS_H
#define MOEC_REFERENCE_OPS_H

#include "dialects/moe/Moe.h"
#include "reference/Value.h"

#include <optional>

namespace moec::reference {

// Rows.cpp
Tensor embedding(const Tensor &table, const Batch &batch);
Tensor outputRows(const Tensor &input, const Batch &batch);
Tensor rmsNorm(const Tensor &input, const Tensor &weight, double eps,
               int64_t heads);
/// To the nearest bf16, of two to the even one.
Tensor round(const Tensor &input);
/// `bias` may be null.
Tensor linear(const Tensor &input, const Tensor &weight, const Tensor *bias);
Tensor headLinear(const Tensor &input, const Tensor &weight, bool transposed);
Tensor glu(moe::Activation activation, const Tensor &input);
Tensor add(const Tensor &lhs, const Tensor &rhs);
Tensor sigmoidGate(const Tensor &input, const Tensor &gate);
/// `width` columns of the result, of all heads together.
Tensor slice(const Tensor &input, int64_t begin, int64_t width, int64_t heads);
Tensor concat(const Tensor &lhs, const Tensor &rhs, int64_t heads);

// Attention.cpp
Tensor ropeTable(moe::RopeAttr rope, const Batch &batch);
Tensor rope(moe::RopePairs pairs, const Tensor &input, const Tensor &table,
            int64_t heads, int64_t begin);
Cache cacheAppend(Cache cache, mlir::ArrayRef<const Tensor *> parts,
                  const Batch &batch);

struct AttentionShape {
  int64_t heads, kvHeads, keyParts, valuePart;
  double scale;
};
/// Keys and values of `rounded` attention are rounded by `round` as well; the
/// weights of the softmax are not, which changes a result by less than 2^-8 of
/// the greatest value.
Cache round(const Cache &cache);
Tensor attention(const Tensor &query, const Cache &cache, const Batch &batch,
                 const AttentionShape &shape);
Tensor mla(const Tensor &query, const Cache &cache, const Tensor &wUk,
           const Tensor &wUv, const Batch &batch, double scale);

// Experts.cpp
struct RouteRule {
  moe::Score score;
  std::optional<moe::GroupsAttr> groups;
  bool renormalize;
  double scale;
};
/// `bias` may be null.
Routing route(const Tensor &logits, const Tensor *bias, int64_t topK,
              const RouteRule &rule);
Tensor dispatch(const Tensor &input, const Routing &routing);
Tensor expertLinear(const Tensor &input, const Tensor &weight,
                    const Routing &routing);
Tensor combine(const Tensor &input, const Routing &routing);

} // namespace moec::reference

#endif // MOEC_REFERENCE_OPS_H
