//===- LowerGemm.cpp - Tasks of kernel.gemm -----------------------------------===//
//
// A task has some rows and some panels and goes one of two ways, by its number of rows:
//
// - few rows (decode): the panels are streamed from memory, each element decoded once and multiplied by each row;
// - more rows (prefill): a part of K at a time, some panels are decoded into scratch memory, as many as a register tile has,
//   and stay in the first-level cache while all rows are multiplied by them, one register tile after another. The first tile
//   decodes a few steps and multiplies them, and so on, while the next ones arrive from memory. Rows are copied when they
//   meet the first panels, for in memory they stand so far apart that they would push each other out of the cache.
//
// Either way the sums of a register tile live in registers while k runs, and each is one sequence of fused multiply-adds from
// zero in the order of k: neither the way, nor the tile, nor the part of K can change a result. Sums are then kept in scratch
// memory, from which the epilogue takes them.
//
//===------------------------------------------------------------------------===//

#include "codegen/cpu/PanelReader.h"
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

/// Rows up to which panels are streamed.
constexpr int64_t kStreamedRows = 4;
/// Bytes ahead of its use that a line is asked for: of panels that are streamed, and of those that are decoded in bursts.
constexpr int64_t kPrefetchBytes = 1024;
constexpr int64_t kDecodePrefetchBytes = 2048;
/// Steps of a panel that are decoded before they are multiplied for the first time.
constexpr int64_t kDecodedSteps = 32;
/// Rows of a register tile.
constexpr int64_t kRegisterRows = 6;
/// Steps of a part of K, for the panels of a register tile as f32 to stay in the first-level cache: 32 KiB of four panels where
/// vectors are wide, else 16 KiB of one.
constexpr int64_t kWidePartSteps = 128;
constexpr int64_t kPartSteps = 256;

class GemmTask {
public:
  GemmTask(TaskBuilder &b, GemmOp op)
      : b(b), op(op), reader(b, op), parts(op.getParts()), n(op.getN()),
        k(op.getK()), outputPanels(llvm::divideCeil(n, kLanes)),
        tilePanels(op.getTileSizes()[1] / kLanes * parts),
        isWide(b.getUnit().registers >= 32), registerPanels(isWide ? 4 : 1) {
    input = b.buffer(op.getInput());
    init = b.buffer(op.getInits()[0]);
    // A part of K is a whole number of blocks.
    partSteps = llvm::alignTo(std::min(isWide ? kWidePartSteps : kPartSteps, k),
                              uint64_t(reader.getBlockSteps()));
  }

  void emit() {
    int64_t columns = op.getTileSizes()[1];
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
    // Output panels of this task; each is `parts` panels of the weight.
    IndexRange panels;
    panels.begin = b.mul(tile, columns / kLanes);
    panels.end =
        b.min(b.add(panels.begin, columns / kLanes), b.index(outputPanels));
    firstRow = rows.begin;
    firstPanel = b.mul(panels.begin, parts);
    panelCount = b.mul(b.sub(panels.end, panels.begin), parts);
    sums =
        b.scratch({op.getTileSizes()[0], tilePanels, kLanes}, b.getF32Type());
    Value few = arith::CmpIOp::create(b, arith::CmpIPredicate::ule,
                                      b.sub(rows.end, rows.begin),
                                      b.index(kStreamedRows));
    b.branch(few, [&] { emitStreamed(rows); }, [&] { emitDecoded(rows); });
    emitEpilogues(rows, panels);
  }

private:
  bool hasPrologue() { return !op.getPrologue().empty(); }
  /// Whether few rows, too, are copied before they are multiplied.
  bool copiesRows() { return hasPrologue() || op.getGather(); }

  //===--- few rows ---===//

  void emitStreamed(IndexRange rows) {
    if (copiesRows())
      copied = b.scratch({kStreamedRows, int64_t(llvm::alignTo(k, kLanes))},
                         b.getF32Type());
    forBlocks(
        rows.begin, rows.end, {4, 3, 2, 1}, [&](Value row, int64_t count) {
          if (copiesRows())
            copyRows(row, b.index(count), b.index(0), b.index(k), b.index(0));
          // Sums, a step of each panel and a broadcast element must fit.
          int64_t panels = 4;
          if (!isWide)
            panels = std::max<int64_t>(1, (reader.hasWords() ? 2 : 4) / count);
          forPanels({panels, 1}, [&](Value panel, int64_t panels) {
            streamPanels(row, count, panel, panels);
          });
        });
  }

  /// Sums of `count` rows and `panels` panels from `panel` of the task on.
  void streamPanels(Value row, int64_t count, Value panel, int64_t panels) {
    SmallVector<Value> offsets;
    for (int64_t p = 0; p < panels; ++p)
      offsets.push_back(
          reader.panelOffset(matrix, b.add(firstPanel, b.add(panel, p))));
    int64_t blockSteps = reader.getBlockSteps();
    SmallVector<Value> zeros(count * panels, b.zeroVector());
    SmallVector<Value> results = b.loop(
        b.index(0), b.index(k / blockSteps), 1, zeros,
        [&](Value block, ValueRange carried) {
          return streamBlock(offsets, block, row, count, blockSteps, carried);
        });
    if (k % blockSteps)
      results = streamBlock(offsets, b.index(k / blockSteps), row, count,
                            k % blockSteps, results);
    storeSums(results, row, panel, count, panels);
  }

  /// Adds the first `steps` steps of a block to the sums.
  SmallVector<Value> streamBlock(ArrayRef<Value> panelOffsets, Value block,
                                 Value row, int64_t count, int64_t steps,
                                 ValueRange results) {
    SmallVector<Value> offsets, scales;
    for (Value panel : panelOffsets) {
      offsets.push_back(reader.blockOffset(panel, block));
      scales.push_back(reader.loadScales(offsets.back()));
    }
    Value firstStep = b.mul(block, reader.getBlockSteps());
    int64_t chunkSteps = reader.getChunkSteps();
    auto add = [&](Value chunk, int64_t steps, ValueRange results) {
      SmallVector<PanelReader::Chunk> loaded;
      for (auto [offset, scale] : llvm::zip(offsets, scales)) {
        reader.prefetch(offset, chunk, kPrefetchBytes);
        loaded.push_back(reader.loadChunk(offset, chunk, scale));
      }
      SmallVector<Value> next(results);
      Value first = b.add(firstStep, b.mul(chunk, chunkSteps));
      for (int64_t i = 0; i < steps; ++i) {
        SmallVector<Value> columns;
        for (const PanelReader::Chunk &chunk : loaded)
          columns.push_back(reader.decodeStep(chunk, i));
        for (int64_t r = 0; r < count; ++r) {
          Value x = b.broadcast(loadInput(b.add(row, r), r, b.add(first, i)));
          for (auto [p, column] : llvm::enumerate(columns)) {
            Value &sum = next[r * offsets.size() + p];
            sum = math::FmaOp::create(b, x, column, sum);
          }
        }
      }
      return next;
    };
    SmallVector<Value> sums(results);
    int64_t chunks = steps / chunkSteps;
    if (chunks == 1)
      sums = add(b.index(0), chunkSteps, sums);
    else if (chunks)
      sums = b.loop(b.index(0), b.index(chunks), 1, sums,
                    [&](Value chunk, ValueRange carried) {
                      return add(chunk, chunkSteps, carried);
                    });
    if (steps % chunkSteps)
      sums = add(b.index(chunks), steps % chunkSteps, sums);
    return sums;
  }

  //===--- more rows ---===//

  void emitDecoded(IndexRange rows) {
    copied =
        b.scratch({op.getTileSizes()[0], partSteps + kLanes}, b.getF32Type());
    // A step more, lest the panels of a tile stand in the same sets of the cache.
    decoded =
        b.scratch({registerPanels, partSteps + 1, kLanes}, b.getF32Type());
    Value count = b.sub(rows.end, rows.begin);
    clearSums(count);
    // As few register tiles as will do, none with more than a row less than another.
    Value tiles = b.div(b.add(count, kRegisterRows - 1), kRegisterRows);
    Value least = arith::DivUIOp::create(b, count, tiles);
    Value larger = arith::RemUIOp::create(b, count, tiles);
    b.loop(b.index(0), b.index(k), partSteps, [&](Value begin) {
      Value end = b.min(b.add(begin, partSteps), b.index(k));
      SmallVector<int64_t> widths{registerPanels};
      while (widths.back() > 1)
        widths.push_back(widths.back() / 2);
      forPanels(widths, [&](Value panel, int64_t panels) {
        b.loop(b.index(0), tiles, 1, [&](Value tile) {
          Value row =
              b.add(rows.begin, b.add(b.mul(tile, least), b.min(tile, larger)));
          Value isLarger =
              arith::CmpIOp::create(b, arith::CmpIPredicate::ult, tile, larger);
          Value count =
              arith::SelectOp::create(b, isLarger, b.add(least, 1), least);
          Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                                tile, b.index(0));
          Value isFirstOfRow = arith::CmpIOp::create(
              b, arith::CmpIPredicate::eq, panel, b.index(0));
          b.branch(isFirstOfRow, [&] {
            copyRows(row, count, begin, end, b.sub(row, firstRow));
          });
          prefetchNext(panel, panels, begin, tile, tiles);
          // The least tile of all: one row more than the greatest takes two.
          SmallVector<int64_t> counts = llvm::to_vector(llvm::seq_inclusive(
              std::min(kStreamedRows + 1, (kRegisterRows + 1) / 2),
              kRegisterRows));
          b.choose(count, counts, [&](int64_t count) {
            auto multiply = [&](bool decodes) {
              multiplyTile(row, count, panel, panels, begin, end, decodes);
            };
            b.branch(
                isFirst, [&] { multiply(true); }, [&] { multiply(false); });
          });
        });
      });
    });
  }

  /// Asks for the panels that are decoded after these, a share of them before each tile but the first: what the first tiles
  /// need in bursts arrives evenly.
  void prefetchNext(Value panel, int64_t panels, Value begin, Value tile,
                    Value tiles) {
    Value next = b.add(panel, panels);
    Value wraps =
        arith::CmpIOp::create(b, arith::CmpIPredicate::uge, next, panelCount);
    next = arith::SelectOp::create(b, wraps, b.index(0), next);
    Value step =
        arith::SelectOp::create(b, wraps, b.add(begin, partSteps), begin);
    Value isLater =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne, tile, b.index(0));
    Value isThere =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ult, step, b.index(k));
    b.branch(arith::AndIOp::create(b, isLater, isThere), [&] {
      int64_t lines = reader.getBytes(partSteps) / 64;
      Value others = b.sub(tiles, b.index(1));
      Value share = arith::DivUIOp::create(b, b.add(others, lines - 1), others);
      Value from = b.mul(b.sub(tile, b.index(1)), share);
      Value to = b.min(b.add(from, share), b.index(lines));
      SmallVector<Value> offsets;
      for (int64_t p = 0; p < panels; ++p)
        offsets.push_back(reader.blockOffset(
            reader.panelOffset(matrix, b.add(firstPanel, b.add(next, p))),
            b.div(step, reader.getBlockSteps())));
      b.loop(from, to, 1, [&](Value line) {
        for (Value offset : offsets)
          reader.prefetchLine(b.add(offset, b.mul(line, 64)));
      });
    });
  }

  /// Steps [begin, end) of a panel as f32, the p-th of a register tile, in a part of K that begins at `partBegin`.
  void decodePanel(Value panel, int64_t p, Value begin, Value end,
                   Value partBegin) {
    Value source = reader.panelOffset(matrix, b.add(firstPanel, panel));
    int64_t blockSteps = reader.getBlockSteps();
    int64_t chunkSteps = reader.getChunkSteps();
    auto decode = [&](Value block, int64_t steps) {
      Value offset = reader.blockOffset(source, block);
      Value scales = reader.loadScales(offset);
      Value at = b.sub(b.mul(block, blockSteps), partBegin);
      auto store = [&](Value chunk, int64_t steps) {
        Value first = b.add(at, b.mul(chunk, chunkSteps));
        reader.prefetch(offset, chunk, kDecodePrefetchBytes);
        PanelReader::Chunk loaded = reader.loadChunk(offset, chunk, scales);
        for (int64_t i = 0; i < steps; ++i)
          b.store(reader.decodeStep(loaded, i), decoded,
                  {b.index(p), b.add(first, i), b.index(0)});
      };
      b.loop(b.index(0), b.index(steps / chunkSteps), 1,
             [&](Value chunk) { store(chunk, chunkSteps); });
      if (steps % chunkSteps)
        store(b.index(steps / chunkSteps), steps % chunkSteps);
    };
    b.loop(b.div(begin, blockSteps), b.div(end, blockSteps), 1,
           [&](Value block) { decode(block, blockSteps); });
    if (k % blockSteps)
      b.branch(
          arith::CmpIOp::create(b, arith::CmpIPredicate::eq, end, b.index(k)),
          [&] { decode(b.index(k / blockSteps), k % blockSteps); });
  }

  /// Adds k in [begin, end) to the sums of a register tile. The first tile of the rows decodes the panels, a few steps at a
  /// time, so that they arrive from memory while it multiplies.
  void multiplyTile(Value row, int64_t count, Value panel, int64_t panels,
                    Value begin, Value end, bool isFirst) {
    Value firstCopied = b.sub(row, firstRow);
    SmallVector<Value> start;
    for (int64_t r = 0; r < count; ++r)
      for (int64_t p = 0; p < panels; ++p)
        start.push_back(b.load(sums, sumPlace(row, r, panel, p), kLanes));
    auto multiply = [&](Value from, Value to, ValueRange sums) {
      return b.loop(
          b.sub(from, begin), b.sub(to, begin), 1, sums,
          [&](Value step, ValueRange carried) -> SmallVector<Value> {
            SmallVector<Value> columns, next;
            for (int64_t p = 0; p < panels; ++p)
              columns.push_back(
                  b.load(decoded, {b.index(p), step, b.index(0)}, kLanes));
            for (int64_t r = 0; r < count; ++r) {
              Value x =
                  b.broadcast(b.load(copied, {b.add(firstCopied, r), step}, 1));
              for (int64_t p = 0; p < panels; ++p)
                next.push_back(math::FmaOp::create(b, x, columns[p],
                                                   carried[r * panels + p]));
            }
            return next;
          });
    };
    if (!isFirst)
      return storeSums(multiply(begin, end, start), row, panel, count, panels);
    int64_t steps =
        llvm::alignTo(kDecodedSteps, uint64_t(reader.getBlockSteps()));
    SmallVector<Value> results =
        b.loop(begin, end, steps, start, [&](Value from, ValueRange carried) {
          Value to = b.min(b.add(from, steps), end);
          for (int64_t p = 0; p < panels; ++p)
            decodePanel(b.add(panel, p), p, from, to, begin);
          return multiply(from, to, carried);
        });
    storeSums(results, row, panel, count, panels);
  }

  //===--- rows ---===//

  /// Copies k in [begin, end) of `count` rows from `row` on, gathered and through the prologue, to row `place` of the copy and
  /// those after it.
  void copyRows(Value row, Value count, Value begin, Value end, Value place) {
    b.loop(b.index(0), count, 1, [&](Value i) {
      Value source = b.add(row, i);
      if (op.getGather())
        source = b.loadIndex(b.buffer(op.getGather()), source);
      SmallVector<Value> rowValues;
      for (auto [value, access] :
           fused(op.getPrologueIns(), op.getPrologueAccess()))
        if (access == Access::Row)
          rowValues.push_back(b.load(value, source, 1));
      b.forColumns(begin, end, [&](Value column, int64_t lanes) {
        Value x = b.load(input, {source, inputColumn(column)}, lanes);
        if (hasPrologue())
          x = b.apply(op.getPrologue(),
                      prologueArguments(x, column, lanes, rowValues))[0];
        b.store(x, copied, {b.add(place, i), b.sub(column, begin)});
      });
    });
  }

  SmallVector<Value> prologueArguments(Value x, Value column, int64_t lanes,
                                       ArrayRef<Value> rowValues) {
    SmallVector<Value> arguments{x};
    for (auto [value, access] :
         fused(op.getPrologueIns(), op.getPrologueAccess())) {
      if (access == Access::Row) {
        arguments.push_back(rowValues.front());
        rowValues = rowValues.drop_front();
      } else {
        arguments.push_back(b.load(value, column, lanes));
      }
    }
    return arguments;
  }

  /// Where column `column` of the matrix's input stands in a row.
  Value inputColumn(Value column) {
    auto [begin, stride] = op.getInputColumns();
    Value place = b.add(column, begin);
    return op.getHeads() > 1 ? b.add(place, b.mul(matrix, stride)) : place;
  }

  /// Element `place` of row `row`, the r-th of those that were copied, if they were.
  Value loadInput(Value row, int64_t r, Value place) {
    if (copiesRows())
      return b.load(copied, {b.index(r), place}, 1);
    return b.load(input, {row, inputColumn(place)}, 1);
  }

  //===--- sums ---===//

  SmallVector<Value> sumPlace(Value row, int64_t r, Value panel, int64_t p) {
    return {b.add(b.sub(row, firstRow), r), b.add(panel, p), b.index(0)};
  }

  void storeSums(ArrayRef<Value> values, Value row, Value panel, int64_t count,
                 int64_t panels) {
    for (int64_t r = 0; r < count; ++r)
      for (int64_t p = 0; p < panels; ++p)
        b.store(values[r * panels + p], sums, sumPlace(row, r, panel, p));
  }

  void clearSums(Value rows) {
    b.loop(b.index(0), rows, 1, [&](Value row) {
      b.loop(b.index(0), panelCount, 1, [&](Value panel) {
        b.store(b.zeroVector(), sums, {row, panel, b.index(0)});
      });
    });
  }

  //===--- epilogue ---===//

  void emitEpilogues(IndexRange rows, IndexRange panels) {
    b.loop(rows.begin, rows.end, 1, [&](Value row) {
      b.loop(panels.begin, panels.end, 1, [&](Value panel) {
        Value first = b.mul(b.sub(panel, panels.begin), parts);
        SmallVector<Value> arguments;
        for (int64_t p = 0; p < parts; ++p)
          arguments.push_back(b.load(sums, sumPlace(row, 0, first, p), kLanes));
        emitEpilogue(row, panel, arguments);
      });
    });
  }

  /// `arguments` are the sums of an output panel, one of each part.
  void emitEpilogue(Value row, Value panel, SmallVector<Value> &arguments) {
    Value column = b.mul(panel, kLanes);
    Value mask;
    if (n % kLanes)
      mask = vector::CreateMaskOp::create(b, b.vectorOf(b.getI1Type()),
                                          b.sub(b.index(n), column));
    Value place = column;
    if (op.getHeads() > 1)
      place = b.add(column, b.mul(matrix, n));
    Value result = arguments.front();
    if (!op.getEpilogue().empty()) {
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

  //===--- helpers ---===//

  /// [begin, end) in blocks of the first of `counts`, what is left in blocks of the next, and so on.
  void forBlocks(Value begin, Value end, ArrayRef<int64_t> counts,
                 function_ref<void(Value, int64_t)> body) {
    for (int64_t count : counts) {
      Value blocks = b.div(b.sub(end, begin), count);
      Value next = b.add(begin, b.mul(blocks, count));
      b.loop(begin, next, count, [&](Value at) { body(at, count); });
      begin = next;
      if (count == 1)
        break;
    }
  }

  /// The panels of the task in blocks of `counts`.
  void forPanels(ArrayRef<int64_t> counts,
                 function_ref<void(Value, int64_t)> body) {
    // Blocks that are never needed are not emitted.
    int64_t unit = std::gcd(tilePanels, outputPanels * parts);
    const int64_t *last =
        llvm::find_if(counts, [&](int64_t n) { return unit % n == 0; });
    forBlocks(b.index(0), panelCount,
              counts.take_front(last - counts.begin() + 1), body);
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
  PanelReader reader;
  int64_t parts, n, k, outputPanels;
  /// Panels of the weight in a whole task, and steps of a part of K.
  int64_t tilePanels, partSteps;
  bool isWide;
  /// Panels of a register tile.
  int64_t registerPanels;
  Value input, init;
  /// Expert or head; null for a plain product.
  Value matrix;
  Value firstRow, firstPanel, panelCount;
  /// [rows of a tile, tilePanels, kLanes]
  Value sums;
  /// [rows of a tile or of a streamed block, K or a part of it]: rows gathered and through the prologue.
  Value copied;
  /// [registerPanels, partSteps, kLanes]
  Value decoded;
};

} // namespace

void moec::cpu::lowerGemm(TaskBuilder &b, GemmOp op) { GemmTask(b, op).emit(); }
