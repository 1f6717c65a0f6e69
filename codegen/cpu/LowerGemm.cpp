//===- LowerGemm.cpp - Tasks of kernel.gemm -----------------------------------===//
//
// A task has some rows and a few panels. Rows are taken in register tiles of m rows x p panels: m * p accumulators live in
// registers along the whole of K, each panel row is loaded once and multiplied by m broadcast elements. Every accumulator is
// one sequence of fused multiply-adds from zero in the order of k, so that neither m nor p can change a result.
//
//===------------------------------------------------------------------------===//

#include "codegen/cpu/TaskBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace moec;
using namespace moec::cpu;
using namespace moec::kernel;

namespace {

/// Row counts of register tiles, the largest first: any number of rows is a sum of them.
constexpr int64_t kRowCounts[] = {6, 4, 2, 1};

class GemmTask {
public:
  GemmTask(TaskBuilder &b, GemmOp op, int64_t vectorRegisters)
      : b(b), op(op), parts(op.getParts()), n(op.getN()), k(op.getK()),
        outputPanels(llvm::divideCeil(n, kLanes)) {
    // m * p accumulators, p panel rows and a broadcast element must fit. With few registers one panel at a time.
    panelsAtOnce = vectorRegisters >= 32 ? 4 : parts;
    input = b.buffer(op.getInput());
    weight = b.buffer(op.getWeight());
    init = b.buffer(op.getInits()[0]);
  }

  void emit() {
    int64_t columns = op.getTileSizes()[1];
    int64_t panelsPerTile = columns / kLanes;
    int64_t tilesPerHead = llvm::divideCeil(n, columns);
    IndexRange rows;
    if (op.getGroups()) {
      Value groups = b.buffer(op.getGroups());
      auto field = [&](int64_t i) {
        return b.loadIndex(groups, {b.rowTile(), b.index(i)});
      };
      matrix = field(0);
      rows.begin = field(1);
      rows.end = b.add(rows.begin, field(2));
    } else {
      rows = b.rows();
    }
    Value tile = b.columnTile();
    if (op.getHeads() > 1) {
      matrix = b.div(tile, tilesPerHead);
      tile = b.rem(tile, tilesPerHead);
    }
    if (hasPrologue())
      packed =
          b.scratch({kRowCounts[0], llvm::alignTo(k, kLanes)}, b.getF32Type());
    IndexRange panels;
    panels.begin = b.mul(tile, panelsPerTile);
    panels.end =
        b.min(b.add(panels.begin, panelsPerTile), b.index(outputPanels));
    emitRows(rows, panels);
  }

private:
  bool hasPrologue() { return !op.getPrologue().empty(); }

  //===--- tiling ---===//

  void emitRows(IndexRange rows, IndexRange panels) {
    Value begin = rows.begin;
    for (int64_t count : kRowCounts) {
      // As many blocks of `count` rows as fit into what is left.
      Value left = b.sub(rows.end, begin);
      Value end = b.add(begin, b.mul(b.div(left, count), count));
      b.loop(begin, end, count,
             [&](Value row) { emitRowBlock(row, count, panels); });
      begin = end;
    }
  }

  void emitRowBlock(Value row, int64_t count, IndexRange panels) {
    // Rows of the input, through the gather.
    sourceRows.clear();
    targetRows.clear();
    for (int64_t i = 0; i < count; ++i) {
      Value target = b.add(row, i);
      targetRows.push_back(target);
      sourceRows.push_back(op.getGather()
                               ? b.loadIndex(b.buffer(op.getGather()), target)
                               : target);
    }
    if (hasPrologue())
      packRows(count);
    int64_t atOnce = std::max<int64_t>(1, panelsAtOnce / parts);
    Value begin = panels.begin;
    for (int64_t step : {atOnce, int64_t(1)}) {
      Value left = b.sub(panels.end, begin);
      Value end = b.add(begin, b.mul(b.div(left, step), step));
      b.loop(begin, end, step,
             [&](Value panel) { emitRegisterTile(count, panel, step); });
      begin = end;
      if (atOnce == 1)
        break;
    }
  }

  //===--- prologue ---===//

  /// The rows of the block with the prologue applied, one after the other in scratch.
  void packRows(int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      SmallVector<Value> rowValues;
      for (auto [value, access] :
           fused(op.getPrologueIns(), op.getPrologueAccess()))
        if (access == Access::Row)
          rowValues.push_back(b.load(value, sourceRows[i], 1));
      b.forColumns(k, [&](Value column, int64_t lanes) {
        SmallVector<Value> arguments{
            b.load(input, {sourceRows[i], inputColumn(column)}, lanes)};
        const Value *rowValue = rowValues.begin();
        for (auto [value, access] :
             fused(op.getPrologueIns(), op.getPrologueAccess()))
          arguments.push_back(access == Access::Row
                                  ? *rowValue++
                                  : b.load(value, column, lanes));
        b.store(b.apply(op.getPrologue(), arguments)[0], packed,
                {b.index(i), column});
      });
    }
  }

  /// Where column `column` of the matrix's input stands in a row.
  Value inputColumn(Value column) {
    auto [begin, stride] = op.getInputColumns();
    Value place = b.add(column, begin);
    return op.getHeads() > 1 ? b.add(place, b.mul(matrix, stride)) : place;
  }

  //===--- register tile ---===//

  /// `count` rows times `panels` output panels from `panel` on.
  void emitRegisterTile(int64_t count, Value panel, int64_t panels) {
    int64_t columns = panels * parts;
    SmallVector<Value> zeros(count * columns, b.zeroVector());
    Value firstPanel = b.mul(panel, parts);
    SmallVector<Value> accumulators = b.loop(
        b.index(0), b.index(k), 1, zeros,
        [&](Value step, ValueRange carried) -> SmallVector<Value> {
          SmallVector<Value> panelRows;
          for (int64_t p = 0; p < columns; ++p) {
            SmallVector<Value> indices{b.add(firstPanel, p), step, b.index(0)};
            if (matrix)
              indices.insert(indices.begin(), matrix);
            panelRows.push_back(b.extend(b.load(weight, indices, kLanes)));
          }
          SmallVector<Value> sums;
          for (int64_t i = 0; i < count; ++i) {
            Value x = b.broadcast(loadInput(i, step));
            for (int64_t p = 0; p < columns; ++p)
              sums.push_back(math::FmaOp::create(b, x, panelRows[p],
                                                 carried[i * columns + p]));
          }
          return sums;
        });
    for (int64_t i = 0; i < count; ++i)
      for (int64_t p = 0; p < panels; ++p)
        emitEpilogue(
            i, b.add(panel, p),
            ArrayRef(accumulators).slice(i * columns + p * parts, parts));
  }

  Value loadInput(int64_t i, Value step) {
    if (hasPrologue())
      return b.load(packed, {b.index(i), step}, 1);
    return b.load(input, {sourceRows[i], inputColumn(step)}, 1);
  }

  //===--- epilogue ---===//

  void emitEpilogue(int64_t i, Value panel, ArrayRef<Value> accumulators) {
    Value column = b.mul(panel, kLanes);
    Value mask;
    if (n % kLanes)
      mask = vector::CreateMaskOp::create(b, b.vectorOf(b.getI1Type()),
                                          b.sub(b.index(n), column));
    Value place = column;
    if (op.getHeads() > 1)
      place = b.add(column, b.mul(matrix, n));
    Value row = targetRows[i];
    Value result = accumulators.front();
    if (!op.getEpilogue().empty()) {
      SmallVector<Value> arguments(accumulators);
      for (auto [value, access] :
           fused(op.getEpilogueIns(), op.getEpilogueAccess())) {
        if (access == Access::Row)
          arguments.push_back(b.load(value, row, 1));
        else if (access == Access::Column)
          arguments.push_back(b.loadMasked(value, place, mask));
        else
          arguments.push_back(b.loadMasked(value, {row, place}, mask));
      }
      result = b.apply(op.getEpilogue(), arguments)[0];
    }
    b.storeMasked(result, init, {row, place}, mask);
  }

  /// Fused operands as memrefs of the task, each with its access.
  SmallVector<std::pair<Value, Access>> fused(ValueRange operands,
                                              ArrayAttr access) {
    SmallVector<std::pair<Value, Access>> list;
    for (auto [operand, kind] :
         llvm::zip(operands, access.getAsRange<AccessAttr>()))
      list.push_back({b.buffer(operand), kind.getValue()});
    return list;
  }

  TaskBuilder &b;
  GemmOp op;
  int64_t parts, n, k, outputPanels, panelsAtOnce;
  Value input, weight, init, packed;
  /// Expert or head; null for a plain product.
  Value matrix;
  SmallVector<Value> sourceRows, targetRows;
};

} // namespace

void moec::cpu::lowerGemm(TaskBuilder &b, GemmOp op, int64_t vectorRegisters) {
  GemmTask(b, op, vectorRegisters).emit();
}
