//===- LowerAttention.cpp - Tasks of kernel.attention -------------------------===//

#include "codegen/cpu/TaskBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace moec;
using namespace moec::cpu;
using namespace moec::kernel;

/// A task has some tokens and some heads; what one head does stands in library/attention.mlir.
void moec::cpu::lowerAttention(TaskBuilder &b, AttentionOp op) {
  int64_t heads = op.getHeads(), group = heads / int64_t(op.getKvHeads());
  int64_t padded = llvm::alignTo(op.getValue(), kLanes);
  Value accumulator = b.scratch({padded}, b.getF32Type());
  Value split = b.scratch({padded}, b.getF32Type());
  Value weights = b.scratch({kLanes}, b.getF32Type());
  Value scale = arith::ConstantOp::create(b, op.getScaleAttr());
  int64_t columns = op.getTileSizes()[1];
  Value firstHead = b.mul(b.columnTile(), columns);
  Value lastHead = b.min(b.add(firstHead, columns), b.index(heads));
  IndexRange rows = b.rows();
  b.loop(rows.begin, rows.end, 1, [&](Value row) {
    Value position = b.loadIndex(b.buffer(op.getPositions()), row);
    Value cacheRow = b.loadIndex(b.buffer(op.getCacheRows()), row);
    Value firstRow = b.sub(cacheRow, position);
    Value keys = b.add(position, 1);
    b.loop(firstHead, lastHead, 1, [&](Value head) {
      Value kvHead = b.div(head, group);
      Value keyAt = b.add(b.mul(kvHead, op.getKey()), op.getKeyBegin());
      Value valueAt = b.add(b.mul(kvHead, op.getValue()), op.getValueBegin());
      callLibrary(b, "attend",
                  {b.buffer(op.getQuery()), row, b.mul(head, op.getKey()),
                   b.index(op.getKey()), b.buffer(op.getCache()), firstRow,
                   keys, keyAt, valueAt, b.index(op.getValue()), scale,
                   b.buffer(op.getInits()[0]), b.mul(head, op.getValue()),
                   accumulator, split, weights});
    });
  });
}
