//===- LowerExperts.cpp - Tasks of kernel.route, group and combine ------------===//
//
// What they do stands in library/experts.mlir.
//
//===------------------------------------------------------------------------===//

#include "codegen/cpu/TaskBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace moec;
using namespace moec::cpu;
using namespace moec::kernel;

static Value flag(TaskBuilder &b, bool value) {
  return arith::ConstantOp::create(b, b.getBoolAttr(value));
}

void moec::cpu::lowerRoute(TaskBuilder &b, RouteOp op) {
  int64_t experts = op.getExperts();
  int64_t groups = op.getGroupCount();
  Value logits = b.buffer(op.getLogits());
  Value scores = b.scratch({experts}, b.getF32Type());
  Value choice = b.scratch({experts}, b.getF32Type());
  Value taken = b.scratch({experts}, b.getI8Type());
  Value marks, ranks;
  if (groups) {
    marks = b.scratch({groups}, b.getI8Type());
    ranks = b.scratch({groups}, b.getF32Type());
  }
  Value count = b.index(experts),
        scale = arith::ConstantOp::create(b, op.getScaleAttr());
  Value free = arith::ConstantOp::create(b, b.getI8IntegerAttr(0));
  IndexRange rows = b.rows();
  b.loop(rows.begin, rows.end, 1, [&](Value row) {
    callLibrary(b,
                op.getScore() == Score::Softmax ? "softmax_scores"
                                                : "sigmoid_scores",
                {logits, row, scores, count});
    // The bias decides which experts are chosen, not their weights.
    b.loop(b.index(0), count, 1, [&](Value expert) {
      Value value = b.load(scores, expert, 1);
      if (op.getBias())
        value = arith::AddFOp::create(
            b, value, b.extend(b.load(b.buffer(op.getBias()), expert, 1)));
      b.store(value, choice, expert);
      b.store(free, taken, expert);
    });
    if (groups)
      callLibrary(b, "limit_groups",
                  {choice, count, b.index(groups), b.index(op.getGroupKeep()),
                   flag(b, op.getGroupTop2()), taken, marks, ranks});
    callLibrary(b, "choose",
                {choice, scores, count, b.index(op.getTopK()),
                 flag(b, op.getRenormalize()), scale, taken, row,
                 b.buffer(op.getInits()[0]), b.buffer(op.getInits()[1])});
  });
}

void moec::cpu::lowerGroup(TaskBuilder &b, GroupOp op) {
  int64_t experts = op.getNumExperts();
  int64_t topK = op.getExperts().getType().getDimSize(1);
  Value next = b.scratch({experts}, b.getI64Type());
  Value depths = b.scratch({topK}, b.getI64Type());
  SmallVector<Value> arguments{b.buffer(op.getExperts()),
                               b.buffer(op.getWeights()), b.index(topK),
                               b.index(experts), b.index(*op.getRowTile())};
  for (Value init : op.getInits())
    arguments.push_back(b.buffer(init));
  arguments.append({next, depths});
  callLibrary(b, "group_rows", arguments);
}

void moec::cpu::lowerCombine(TaskBuilder &b, CombineOp op) {
  Value input = b.buffer(op.getInput()), init = b.buffer(op.getInits()[0]);
  Value places = b.buffer(op.getPlaces()), merges = b.buffer(op.getMerges());
  int64_t columns = op.getInput().getType().getDimSize(1);
  int64_t topK = op.getPlaces().getType().getDimSize(1);
  Value stack = b.scratch({topK, kLanes}, b.getF32Type());
  IndexRange rows = b.rows();
  b.loop(rows.begin, rows.end, 1, [&](Value row) {
    b.loop(b.index(0), b.index(columns), kLanes, [&](Value column) {
      Value mask = vector::CreateMaskOp::create(
          b, b.vectorOf(b.getI1Type()), b.sub(b.index(columns), column));
      Value sum = callLibrary(b, "combine_rows",
                              {input, places, merges, row, b.index(topK),
                               column, mask, stack})
                      .front();
      SmallVector<Value> arguments{sum};
      for (auto [operand, access] :
           llvm::zip(op.getEpilogueIns(),
                     op.getEpilogueAccess().getAsRange<AccessAttr>())) {
        Value value = b.buffer(operand);
        if (access.getValue() == Access::Row)
          arguments.push_back(b.load(value, row, 1));
        else if (access.getValue() == Access::Column)
          arguments.push_back(b.loadMasked(value, column, mask));
        else
          arguments.push_back(b.loadMasked(value, {row, column}, mask));
      }
      Value result = op.getEpilogue().empty()
                         ? sum
                         : b.apply(op.getEpilogue(), arguments)[0];
      b.storeMasked(result, init, {row, column}, mask);
    });
  });
}
