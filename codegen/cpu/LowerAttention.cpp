//===- LowerAttention.cpp - Tasks of kernel.attention -------------------------===//
//
// A task has some tokens and some query heads that read one kv head. Orders (docs/numerics.md): a score keeps 16 lanes along the
// head, element i in lane i mod 16, then a tree of 8, 4, 2, 1. Keys are cut into splits of 256 at absolute positions; each
// split starts afresh; inside it blocks of 16 keys in order; splits are merged in order. Values are added key by key. A masked
// key contributes nothing.
//
// The 16 scores of a block are formed together: 16 sums of 16 lanes in registers, reduced by one tree whose shuffles leave the
// score of key j in lane j.
//
// A block's keys and values are copied side by side for all lines that meet it: rows of the cache are often a power of two
// apart, and then fall into the same few sets of the first-level cache and push each other out.
//
//===------------------------------------------------------------------------===//

#include "codegen/cpu/TaskBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace moec;
using namespace moec::cpu;
using namespace moec::kernel;

namespace {

constexpr int64_t kSplitKeys = 256;
constexpr int64_t kBlockKeys = kLanes;
/// Bytes of weighted sums of values that stay in the first-level cache beside a block of keys.
constexpr int64_t kStateBytes = 16 * 1024;

class AttentionTask {
public:
  AttentionTask(TaskBuilder &b, AttentionOp op)
      : b(b), op(op), headsOfTask(op.getTileSizes()[1]), keyWidth(op.getKey()),
        valueWidth(op.getValue()), isWide(b.getUnit().registers >= 32) {
    query = b.buffer(op.getQuery());
    cache = b.buffer(op.getCache());
    int64_t padded = llvm::alignTo(valueWidth, kLanes);
    int64_t tokens = kStateBytes / (headsOfTask * padded * sizeof(float));
    tokensAtOnce = std::clamp<int64_t>(tokens, 1, op.getTileSizes()[0]);
    int64_t lines = tokensAtOnce * headsOfTask;
    whole = State(b, lines, padded);
    split = State(b, lines, padded);
    weights = b.scratch({lines, kBlockKeys}, b.getF32Type());
    keeps = b.scratch({lines}, b.getF32Type());
    keys = Block(b, keyWidth);
    // A latent is key and value at once.
    int64_t begin = op.getValueBegin() - op.getKeyBegin();
    isLatent =
        op.getKvHeads() == 1 && begin >= 0 && begin + valueWidth <= keyWidth;
    values = isLatent ? keys : Block(b, valueWidth);
    valuesBegin = isLatent ? begin : 0;
  }

  void emit() {
    int64_t heads = op.getHeads(), group = heads / int64_t(op.getKvHeads());
    firstHead = b.mul(b.columnTile(), headsOfTask);
    headCount =
        b.sub(b.min(b.add(firstHead, headsOfTask), b.index(heads)), firstHead);
    Value kvHead = b.div(firstHead, group);
    keys.begin = b.add(b.mul(kvHead, op.getKey()), op.getKeyBegin());
    values.begin =
        isLatent ? keys.begin
                 : b.add(b.mul(kvHead, op.getValue()), op.getValueBegin());
    IndexRange rows = b.rows();
    b.loop(rows.begin, rows.end, tokensAtOnce, [&](Value begin) {
      emitTokens({begin, b.min(b.add(begin, tokensAtOnce), rows.end)});
    });
  }

private:
  /// The softmax of some keys so far: of each token and head the greatest score, the sum of weights, and the weighted sum of
  /// values.
  struct State {
    State() = default;
    State(TaskBuilder &b, int64_t lines, int64_t width)
        : most(b.scratch({lines}, b.getF32Type())),
          sum(b.scratch({lines}, b.getF32Type())),
          values(b.scratch({lines, width}, b.getF32Type())) {}
    Value most, sum, values;
  };

  /// A part of 16 rows of the cache, copied.
  struct Block {
    Block() = default;
    Block(TaskBuilder &b, int64_t width)
        : width(width),
          rows(b.scratch({kBlockKeys, int64_t(llvm::alignTo(width, kLanes))},
                         b.getF32Type())),
          source(b.scratch({2}, b.getI64Type())) {}
    int64_t width = 0;
    /// Column of the cache.
    Value begin;
    /// [kBlockKeys, width]; what stands behind the last key of a line is not used.
    Value rows;
    /// The sequence, by its first row, whose rows these are, and how many are.
    Value source;
  };

  /// A token and a head of the task.
  struct Line {
    /// Row of the step, and the row of the cache at which its sequence begins.
    Value token, firstRow;
    Value head;
    /// Place in a state.
    Value state;
  };

  /// Tokens that are neighbours of one sequence share most keys: all meet a block of keys before the next one is read.
  void emitTokens(IndexRange tokens) {
    Value mostKeys =
        b.loop(tokens.begin, tokens.end, 1, {b.index(0)},
               [&](Value token, ValueRange most) -> SmallVector<Value> {
                 return {arith::MaxSIOp::create(b, most[0], keysOf(token))};
               })[0];
    forLines(tokens, b.index(0), [&](Line line, Value) { clear(whole, line); });
    b.loop(b.index(0), mostKeys, kSplitKeys, [&](Value begin) {
      forLines(tokens, begin, [&](Line line, Value) { clear(split, line); });
      Value end = b.min(b.add(begin, kSplitKeys), mostKeys);
      b.loop(begin, end, kBlockKeys,
             [&](Value key) { emitBlock(tokens, key); });
      forLines(tokens, begin, [&](Line line, Value) { mergeSplit(line); });
    });
    forLines(tokens, b.index(0), [&](Line line, Value) { storeResult(line); });
  }

  Value positionOf(Value token) {
    return b.loadIndex(b.buffer(op.getPositions()), token);
  }
  Value keysOf(Value token) { return b.add(positionOf(token), 1); }

  /// body(line, keys from `key` on) for the tokens that have such keys, before the first line of each token perToken(line, keys).
  void forLines(IndexRange tokens, Value key,
                function_ref<void(Line, Value)> body,
                function_ref<void(Line, Value)> perToken = {}) {
    b.loop(tokens.begin, tokens.end, 1, [&](Value token) {
      Value keys = keysOf(token);
      Value some =
          arith::CmpIOp::create(b, arith::CmpIPredicate::ult, key, keys);
      b.branch(some, [&] {
        Line line;
        line.token = token;
        line.firstRow = b.sub(b.loadIndex(b.buffer(op.getCacheRows()), token),
                              positionOf(token));
        if (perToken)
          perToken(line, b.sub(keys, key));
        Value first = b.mul(b.sub(token, tokens.begin), headsOfTask);
        b.loop(b.index(0), headCount, 1, [&](Value head) {
          line.head = head;
          line.state = b.add(first, head);
          body(line, b.sub(keys, key));
        });
      });
    });
  }

  //===--- a block of keys ---===//

  /// Adds 16 keys from `key` on to the splits of all lines: scores of all lines, then their weights, then the weighted values,
  /// so that lines, which do not depend on each other, overlap.
  void emitBlock(IndexRange tokens, Value key) {
    forget(keys);
    if (!isLatent)
      forget(values);
    // body(line, count) with no count for a whole block.
    auto forBlocks = [&](Block &block, function_ref<void(Line, Value)> body) {
      forLines(
          tokens, key,
          [&](Line line, Value left) {
            Value isFull = arith::CmpIOp::create(b, arith::CmpIPredicate::uge,
                                                 left, b.index(kBlockKeys));
            b.branch(
                isFull, [&] { body(line, Value()); },
                [&] { body(line, left); });
          },
          [&](Line line, Value left) { copyRows(block, line, key, left); });
    };
    forBlocks(keys, [&](Line line, Value count) {
      b.store(emitScores(line, count), weights, {line.state, b.index(0)});
    });
    forLines(tokens, key, [&](Line line, Value) { emitWeights(line); });
    forBlocks(values, [&](Line line, Value count) { addValues(line, count); });
  }

  void forget(Block &block) {
    b.store(arith::ConstantOp::create(b, b.getI64IntegerAttr(-1)), block.source,
            b.index(0));
  }

  /// Copies the rows from `key` on, of which the token has `left`, that were not copied for tokens before it.
  void copyRows(Block &block, Line line, Value key, Value left) {
    auto get = [&](int64_t place) -> Value {
      return arith::IndexCastOp::create(
          b, b.getIndexType(), b.load(block.source, b.index(place), 1));
    };
    auto set = [&](int64_t place, Value value) {
      b.store(arith::IndexCastOp::create(b, b.getI64Type(), value),
              block.source, b.index(place));
    };
    Value isSame = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, get(0),
                                         line.firstRow);
    Value have = arith::SelectOp::create(b, isSame, get(1), b.index(0));
    Value count = b.min(left, b.index(kBlockKeys));
    b.loop(have, count, 1, [&](Value j) {
      Value row = b.add(b.add(line.firstRow, key), j);
      b.forColumns(block.width, [&](Value column, int64_t lanes) {
        b.store(b.load(cache, {row, b.add(block.begin, column)}, lanes),
                block.rows, {j, column});
      });
    });
    set(0, line.firstRow);
    set(1, arith::MaxUIOp::create(b, have, count));
  }

  /// Scores become weights, and what was summed up before is told how much of it to keep.
  void emitWeights(Line line) {
    Value scores = b.load(weights, {line.state, b.index(0)}, kLanes);
    Value most = b.load(split.most, line.state, 1);
    Value next = arith::MaximumFOp::create(
        b, most,
        vector::ReductionOp::create(b, vector::CombiningKind::MAXIMUMF,
                                    scores));
    Value shares = math::ExpOp::create(
        b, arith::SubFOp::create(b, scores, b.broadcast(next)));
    Value keep = math::ExpOp::create(b, arith::SubFOp::create(b, most, next));
    Value sum = b.load(split.sum, line.state, 1);
    b.store(next, split.most, line.state);
    b.store(arith::AddFOp::create(b, arith::MulFOp::create(b, sum, keep),
                                  b.sumLanes(shares)),
            split.sum, line.state);
    b.store(shares, weights, {line.state, b.index(0)});
    b.store(keep, keeps, line.state);
  }

  /// The scaled scores of the keys; -inf behind `count`.
  Value emitScores(Line line, Value count) {
    Value queryAt = b.mul(b.add(firstHead, line.head), keyWidth);
    auto addLanes = [&](Value at, Value mask, int64_t first, ValueRange sums) {
      Value q = b.loadMasked(query, {line.token, b.add(queryAt, at)}, mask);
      SmallVector<Value> next;
      for (auto [j, sum] : llvm::enumerate(sums)) {
        Value k = b.loadMasked(keys.rows, {b.index(first + j), at}, mask);
        next.push_back(math::FmaOp::create(b, q, k, sum));
      }
      return next;
    };
    int64_t full = keyWidth / kLanes * kLanes;
    SmallVector<Value> sums;
    // As many sums side by side as there are registers for.
    int64_t keysAtOnce = isWide ? kBlockKeys : 4;
    for (int64_t first = 0; first < kBlockKeys; first += keysAtOnce) {
      SmallVector<Value> part(keysAtOnce, b.zeroVector());
      if (full)
        part = b.loop(b.index(0), b.index(full), kLanes, part,
                      [&](Value at, ValueRange sums) {
                        return addLanes(at, Value(), first, sums);
                      });
      if (full < keyWidth)
        part = addLanes(b.index(full), firstLanes(b.index(keyWidth - full)),
                        first, part);
      llvm::append_range(sums, part);
    }
    Value scores = arith::MulFOp::create(
        b, sumEach(sums),
        b.broadcast(arith::ConstantOp::create(b, op.getScaleAttr())));
    if (!count)
      return scores;
    Value none =
        b.broadcast(b.floatConstant(-std::numeric_limits<double>::infinity()));
    return arith::SelectOp::create(b, firstLanes(count), scores, none);
  }

  /// Lane j of the result is the sum of the lanes of vectors[j], added by halves as TaskBuilder::sumLanes does. Of the two
  /// vectors of a pair, the first halves of all groups of lanes are gathered in one vector, the second halves in another; their
  /// sum holds twice as many groups of half the length.
  Value sumEach(SmallVector<Value> vectors) {
    for (int64_t length = kLanes; length > 1; length /= 2) {
      int64_t half = length / 2;
      SmallVector<int64_t> first, second;
      for (int64_t group = 0; group < 2 * kLanes; group += length)
        for (int64_t lane = 0; lane < half; ++lane) {
          first.push_back(group + lane);
          second.push_back(group + half + lane);
        }
      SmallVector<Value> sums;
      for (size_t i = 0; i < vectors.size(); i += 2) {
        auto gather = [&](ArrayRef<int64_t> lanes) -> Value {
          return vector::ShuffleOp::create(b, vectors[i], vectors[i + 1],
                                           lanes);
        };
        sums.push_back(arith::AddFOp::create(b, gather(first), gather(second)));
      }
      vectors = sums;
    }
    return vectors.front();
  }

  /// values = values * keep + Σ_j weights[j] * value[key + j], key by key.
  void addValues(Line line, Value count) {
    Value keep = b.broadcast(b.load(keeps, line.state, 1));
    if (!count)
      count = b.index(kBlockKeys);
    auto add = [&](Value at, int64_t vectors, Value mask) {
      SmallVector<Value> sums;
      for (int64_t i = 0; i < vectors; ++i)
        sums.push_back(arith::MulFOp::create(
            b,
            b.load(split.values, {line.state, b.add(at, i * kLanes)}, kLanes),
            keep));
      sums =
          b.loop(b.index(0), count, 1, sums,
                 [&](Value j, ValueRange carried) -> SmallVector<Value> {
                   Value share =
                       b.broadcast(b.load(weights, {line.state, j}, 1));
                   SmallVector<Value> next;
                   for (auto [i, sum] : llvm::enumerate(carried)) {
                     Value place = b.add(at, valuesBegin + i * kLanes);
                     Value value = b.loadMasked(values.rows, {j, place}, mask);
                     next.push_back(math::FmaOp::create(b, share, value, sum));
                   }
                   return next;
                 });
      for (auto [i, sum] : llvm::enumerate(sums))
        b.store(sum, split.values, {line.state, b.add(at, i * kLanes)});
    };
    // Vectors of a value that are summed side by side, so that additions overlap.
    int64_t full = valueWidth / kLanes, step = isWide ? 8 : 4;
    int64_t begin = 0;
    for (; step; step /= 2) {
      int64_t count = (full - begin) / step * step;
      if (count)
        b.loop(b.index(begin * kLanes), b.index((begin + count) * kLanes),
               step * kLanes, [&](Value at) { add(at, step, Value()); });
      begin += count;
    }
    if (valueWidth % kLanes)
      add(b.index(full * kLanes), 1, firstLanes(b.index(valueWidth % kLanes)));
  }

  //===--- states ---===//

  void clear(const State &state, Line line) {
    b.store(b.floatConstant(-std::numeric_limits<double>::infinity()),
            state.most, line.state);
    b.store(b.floatConstant(0), state.sum, line.state);
    forValues([&](Value at) {
      b.store(b.zeroVector(), state.values, {line.state, at});
    });
  }

  /// Adds the split to the whole.
  void mergeSplit(Line line) {
    Value most = b.load(whole.most, line.state, 1);
    Value splitMost = b.load(split.most, line.state, 1);
    Value next = arith::MaximumFOp::create(b, most, splitMost);
    Value keep = math::ExpOp::create(b, arith::SubFOp::create(b, most, next));
    Value take =
        math::ExpOp::create(b, arith::SubFOp::create(b, splitMost, next));
    auto merge = [&](Value into, Value from, Value keep, Value take) -> Value {
      return arith::AddFOp::create(b, arith::MulFOp::create(b, into, keep),
                                   arith::MulFOp::create(b, from, take));
    };
    b.store(next, whole.most, line.state);
    b.store(merge(b.load(whole.sum, line.state, 1),
                  b.load(split.sum, line.state, 1), keep, take),
            whole.sum, line.state);
    Value keeps = b.broadcast(keep), takes = b.broadcast(take);
    forValues([&](Value at) {
      b.store(merge(b.load(whole.values, {line.state, at}, kLanes),
                    b.load(split.values, {line.state, at}, kLanes), keeps,
                    takes),
              whole.values, {line.state, at});
    });
  }

  void storeResult(Line line) {
    Value sum = b.broadcast(b.load(whole.sum, line.state, 1));
    Value to = b.mul(b.add(firstHead, line.head), valueWidth);
    forValues([&](Value at) {
      Value result = arith::DivFOp::create(
          b, b.load(whole.values, {line.state, at}, kLanes), sum);
      Value mask;
      if (valueWidth % kLanes)
        mask = firstLanes(b.sub(b.index(valueWidth), at));
      b.storeMasked(result, b.buffer(op.getInits()[0]),
                    {line.token, b.add(to, at)}, mask);
    });
  }

  /// Vectors of a head's values, the last one padded.
  void forValues(function_ref<void(Value)> body) {
    b.loop(b.index(0), b.index(valueWidth), kLanes, body);
  }

  Value firstLanes(Value count) {
    return vector::CreateMaskOp::create(b, b.vectorOf(b.getI1Type()), count);
  }

  TaskBuilder &b;
  AttentionOp op;
  int64_t headsOfTask, keyWidth, valueWidth, tokensAtOnce;
  bool isWide;
  Value query, cache;
  /// All splits that are done, and the one at hand.
  State whole, split;
  /// [lines, kBlockKeys] scores or weights of a block, and how much of its sums each line keeps.
  Value weights, keeps;
  Block keys, values;
  bool isLatent;
  /// Where values begin in a row of their block.
  int64_t valuesBegin;
  Value firstHead, headCount;
};

} // namespace

void moec::cpu::lowerAttention(TaskBuilder &b, AttentionOp op) {
  AttentionTask(b, op).emit();
}
