//===- LowerRows.cpp - Tasks of kernel.row_reduce and kernel.rowwise ----------===//

#include "codegen/cpu/TaskBuilder.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace moec;
using namespace moec::cpu;
using namespace moec::kernel;

//===--------------------------------------------------------------------------===//
// row_reduce
//===--------------------------------------------------------------------------===//

/// Sum of squares of columns [begin, begin + width) of a row: element i in lane i mod 16, lanes in order, then the tree.
static Value sumSquares(TaskBuilder &b, Value input, Value row, Value begin,
                        int64_t width) {
  auto accumulate = [&](Value column, Value sum, Value mask) -> Value {
    Value x = b.extend(b.loadMasked(input, {row, b.add(begin, column)}, mask));
    return math::FmaOp::create(b, x, x, sum);
  };
  int64_t full = width / kLanes * kLanes;
  Value sum = b.zeroVector();
  if (full)
    sum = b.loop(b.index(0), b.index(full), kLanes, sum,
                 [&](Value column, ValueRange carried) -> SmallVector<Value> {
                   return {accumulate(column, carried[0], Value())};
                 })[0];
  if (full < width) {
    Value mask = vector::CreateMaskOp::create(b, b.vectorOf(b.getI1Type()),
                                              b.index(width - full));
    sum = accumulate(b.index(full), sum, mask);
  }
  return b.sumLanes(sum);
}

void moec::cpu::lowerRowReduce(TaskBuilder &b, RowReduceOp op) {
  Value input = b.buffer(op.getInput()), init = b.buffer(op.getInits()[0]);
  int64_t heads = op.getHeads();
  int64_t width = op.getInput().getType().getDimSize(1) / heads;
  IndexRange rows = b.rows();
  b.loop(rows.begin, rows.end, 1, [&](Value row) {
    auto reduceHead = [&](Value head, ValueRange place) {
      Value sum = sumSquares(b, input, row, b.mul(head, width), width);
      b.store(b.apply(op.getEpilogue(), sum)[0], init, place);
    };
    if (cast<MemRefType>(init.getType()).getRank() == 1)
      return reduceHead(b.index(0), row);
    b.loop(b.index(0), b.index(heads), 1,
           [&](Value head) { reduceHead(head, {row, head}); });
  });
}

//===--------------------------------------------------------------------------===//
// rowwise
//===--------------------------------------------------------------------------===//

/// Whether a step along dimension `dim` moves by one element in memory, or not at all.
static bool isUnitStride(AffineMap map, unsigned dim) {
  MLIRContext *context = map.getContext();
  for (auto [i, result] : llvm::enumerate(map.getResults())) {
    if (i + 1 < map.getNumResults()) {
      if (result.isFunctionOfDim(dim))
        return false;
      continue;
    }
    AffineExpr rest =
        simplifyAffineExpr(result - getAffineDimExpr(dim, context),
                           map.getNumDims(), map.getNumSymbols());
    if (result.isFunctionOfDim(dim) && rest.isFunctionOfDim(dim))
      return false;
  }
  return true;
}

static bool dependsOn(AffineMap map, unsigned dim) {
  return llvm::any_of(map.getResults(), [&](AffineExpr result) {
    return result.isFunctionOfDim(dim);
  });
}

namespace {

/// The loops of a rowwise kernel.
class RowwiseLoops {
public:
  RowwiseLoops(TaskBuilder &b, RowwiseOp op)
      : b(b), op(op), innermost(op.getSizes().size()),
        inputMaps(op.getInputMaps().getAsValueRange<AffineMapAttr>()),
        outputMaps(op.getOutputMaps().getAsValueRange<AffineMapAttr>()) {
    auto unit = [&](AffineMap map) { return isUnitStride(map, innermost); };
    vectorize = llvm::all_of(inputMaps, unit) && llvm::all_of(outputMaps, unit);
    for (auto [input, map] : llvm::zip(op.getInputs(), inputMaps))
      if (isa<IntegerType>(getElementTypeOrSelf(input.getType())) &&
          dependsOn(map, innermost))
        vectorize = false;
  }

  void emit() {
    IndexRange rows = b.rows();
    b.loop(rows.begin, rows.end, 1, [&](Value row) {
      dims.assign(1, row);
      symbols.clear();
      for (Value index : op.getIndices())
        symbols.push_back(b.loadIndex(b.buffer(index), row));
      emitDimension(1);
    });
  }

private:
  void emitDimension(unsigned dim) {
    int64_t size = op.getSizes()[dim - 1];
    auto body = [&](Value i, int64_t lanes) {
      dims.resize(dim);
      dims.push_back(i);
      if (dim == innermost)
        emitElement(lanes);
      else
        emitDimension(dim + 1);
    };
    if (dim == innermost && vectorize)
      return b.forColumns(size, body);
    b.loop(b.index(0), b.index(size), 1, [&](Value i) { body(i, 1); });
  }

  SmallVector<Value> place(AffineMap map) {
    SmallVector<Value> operands(dims);
    llvm::append_range(operands, symbols);
    SmallVector<Value> indices;
    for (unsigned i = 0; i < map.getNumResults(); ++i)
      indices.push_back(
          affine::AffineApplyOp::create(b, map.getSubMap({i}), operands));
    return indices;
  }

  void emitElement(int64_t lanes) {
    SmallVector<Value> arguments;
    for (auto [input, map] : llvm::zip(op.getInputs(), inputMaps))
      arguments.push_back(b.load(b.buffer(input), place(map),
                                 dependsOn(map, innermost) ? lanes : 1));
    Value init = b.buffer(op.getInits()[0]);
    if (op.getInPlace())
      for (AffineMap map : outputMaps)
        arguments.push_back(b.load(init, place(map), lanes));
    SmallVector<Value> results = b.apply(op.getBody(), arguments);
    for (auto [result, map] : llvm::zip(results, outputMaps)) {
      if (lanes > 1 && !isa<VectorType>(result.getType()))
        result = b.broadcast(result);
      b.store(result, init, place(map));
    }
  }

  TaskBuilder &b;
  RowwiseOp op;
  unsigned innermost;
  SmallVector<AffineMap> inputMaps, outputMaps;
  bool vectorize;
  SmallVector<Value> dims, symbols;
};

} // namespace

void moec::cpu::lowerRowwise(TaskBuilder &b, RowwiseOp op) {
  RowwiseLoops(b, op).emit();
}
