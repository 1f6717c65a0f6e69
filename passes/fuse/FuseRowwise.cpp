//===- FuseRowwise.cpp - Elementwise work moves into its elementwise readers --===//
//
//   %h = kernel.rowwise [64] ins(%x, %inv, %g) …            (x * inv * g)
//   %c = kernel.rowwise [64] indices(%rows) ins(%h) … outs(%cache) maps [(d0, d1)[s0] -> (s0, d1)]
// becomes
//   %c = kernel.rowwise [64] indices(%rows) ins(%x, %inv, %g) … outs(%cache) maps [(d0, d1)[s0] -> (s0, d1)]
//
// and what is done to each element of a result joins the kernel that wrote it, wherever it put them:
//
//   %s = kernel.rowwise [4, 32] ins(%q) maps [(d0, d1, d2) -> (d0, d1 * 48 + d2)] …         (columns of heads)
//   %r = kernel.rowwise [128] ins(%s) …                                                     (rounded)
// becomes
//   %r = kernel.rowwise [4, 32] ins(%q) maps [(d0, d1, d2) -> (d0, d1 * 48 + d2)] …         (rounded)
//
//===------------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/fuse/RegionFusion.h"

namespace moec {
#define GEN_PASS_DEF_FUSEROWWISEPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;
using namespace moec::kernel;

namespace {

/// An input of `consumer` that `producer` gives.
struct Candidate {
  RowwiseOp consumer, producer;
  unsigned input;
};

std::optional<Candidate> findCandidate(RowwiseOp consumer) {
  for (auto [i, value] : llvm::enumerate(consumer.getInputs())) {
    RowwiseOp producer = getElementwiseProducer(value);
    // A gather of a gather would need the index of an index.
    if (producer && producer.getIndices().empty())
      return Candidate{consumer, producer, unsigned(i)};
  }
  return std::nullopt;
}

/// The producer's maps, as functions of the consumer's dimensions and symbols.
SmallVector<AffineMap> composeMaps(Candidate &candidate) {
  auto place =
      cast<AffineMapAttr>(candidate.consumer.getInputMaps()[candidate.input])
          .getValue();
  SmallVector<AffineMap> maps;
  for (AffineMap map :
       candidate.producer.getInputMaps().getAsValueRange<AffineMapAttr>())
    maps.push_back(map.compose(place));
  return maps;
}

RowwiseOp fuse(RewriterBase &rewriter, Candidate &candidate) {
  RowwiseOp consumer = candidate.consumer, producer = candidate.producer;
  SmallVector<Value> inputs(consumer.getInputs());
  SmallVector<AffineMap> maps(
      consumer.getInputMaps().getAsValueRange<AffineMapAttr>());
  unsigned at = candidate.input;
  Block &body = consumer.getBody().front();
  SmallVector<Value> arguments;
  unsigned next = at + 1;
  for (auto [value, map] :
       llvm::zip(producer.getInputs(), composeMaps(candidate))) {
    inputs.insert(inputs.begin() + next, value);
    maps.insert(maps.begin() + next, map);
    arguments.push_back(body.insertArgument(
        next, cast<ShapedType>(value.getType()).getElementType(),
        producer.getLoc()));
    ++next;
  }
  rewriter.setInsertionPointToStart(&body);
  Value result = inlineBody(rewriter, producer.getBody(), arguments).front();
  body.getArgument(at).replaceAllUsesWith(result);
  body.eraseArgument(at);
  inputs.erase(inputs.begin() + at);
  maps.erase(maps.begin() + at);

  rewriter.setInsertionPoint(consumer);
  Value produced = producer.getResults().front();
  Value rows =
      consumer.getRows() == produced ? producer.getRows() : consumer.getRows();
  auto fused = RowwiseOp::create(
      rewriter, rewriter.getFusedLoc({producer.getLoc(), consumer.getLoc()}),
      consumer.getResultTypes(), consumer.getSizes(), rows,
      consumer.getIndices(), inputs, consumer.getInits(),
      rewriter.getAffineMapArrayAttr(maps), consumer.getOutputMaps(),
      consumer.getInPlace());
  fused.getBody().takeBody(consumer.getBody());
  rewriter.replaceOp(consumer, fused.getResults());
  if (producer->use_empty())
    rewriter.eraseOp(producer);
  return fused;
}

/// The kernel that wrote all of the one input of `consumer`, whose elements stay in place; null if there is none.
RowwiseOp findWriter(RowwiseOp consumer) {
  if (consumer.getInputs().size() != 1 || !consumer.getIndices().empty() ||
      !getElementwiseProducer(consumer.getResults().front()))
    return nullptr;
  Value value = consumer.getInputs()[0];
  auto map = cast<AffineMapAttr>(consumer.getInputMaps()[0]).getValue();
  auto writer = value.getDefiningOp<RowwiseOp>();
  if (!writer || !value.hasOneUse() || !map.isIdentity() ||
      writer.getInPlace() || !writer.getIndices().empty() ||
      writer.getOutputMaps().size() != 1)
    return nullptr;
  int64_t points = 1;
  for (int64_t size : writer.getSizes())
    points *= size;
  bool writesAll = points == cast<ShapedType>(value.getType()).getDimSize(1);
  return writesAll ? writer : nullptr;
}

void appendTo(RewriterBase &rewriter, RowwiseOp writer, RowwiseOp consumer) {
  rewriter.setInsertionPoint(consumer);
  // Rows may have been counted by what is no longer written.
  Value rows = writer.getRows() == writer.getInits()[0] ? consumer.getInits()[0]
                                                        : writer.getRows();
  auto fused = RowwiseOp::create(
      rewriter, rewriter.getFusedLoc({writer.getLoc(), consumer.getLoc()}),
      consumer.getResultTypes(), writer.getSizes(), rows, writer.getIndices(),
      writer.getInputs(), consumer.getInits(), writer.getInputMaps(),
      writer.getOutputMaps(), /*in_place=*/false);
  fused.getBody().takeBody(writer.getBody());
  Operation *yield = fused.getBody().front().getTerminator();
  rewriter.setInsertionPoint(yield);
  yield->setOperands(
      inlineBody(rewriter, consumer.getBody(), yield->getOperands()));
  rewriter.replaceOp(consumer, fused.getResults());
  rewriter.eraseOp(writer);
}

struct FuseRowwisePass : moec::impl::FuseRowwisePassBase<FuseRowwisePass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<RowwiseOp> worklist;
    getOperation()->walk([&](RowwiseOp op) { worklist.push_back(op); });
    // Readers come after what they read, so a producer that was erased has been visited.
    for (RowwiseOp op : worklist)
      while (std::optional<Candidate> candidate = findCandidate(op)) {
        op = fuse(rewriter, *candidate);
        ++numFused;
      }
    SmallVector<RowwiseOp> consumers;
    getOperation()->walk([&](RowwiseOp op) { consumers.push_back(op); });
    for (RowwiseOp op : consumers)
      if (RowwiseOp writer = findWriter(op)) {
        appendTo(rewriter, writer, op);
        ++numFused;
      }
  }
};

} // namespace
