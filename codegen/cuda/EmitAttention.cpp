//===- EmitAttention.cpp - kernel.attention as CUDA C++ -----------------------===//

#include "codegen/cuda/Emit.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moec;
using namespace moec::cuda;
using namespace moec::kernel;

/// Positions of a split; as on the CPU.
static constexpr int64_t kSplit = 256;
/// Tokens of a step up to which the splits of a token are done by different blocks.
static constexpr int64_t kSplitTokens = 16;
static constexpr int64_t kTicketBytes = 64 << 10;
/// Register files of all architectures have room for the sums of two blocks, without spills.
static constexpr int64_t kBlocks = 2;

namespace {

/// Template arguments of AttentionTile: (token, head) pairs of a block, and the widest value that its registers hold.
struct Tile {
  int64_t rows, values;
};

} // namespace

/// Those that attention.cuh is written for.
static constexpr Tile kTokenTiles[] = {
    {64, 64}, {64, 128}, {32, 256}, {16, 512}};
static constexpr Tile kSplitTiles[] = {{16, 128}, {16, 256}, {16, 512}};

static const Tile *chooseTile(ArrayRef<Tile> tiles, int64_t value) {
  return llvm::find_if(tiles,
                       [&](const Tile &tile) { return value <= tile.values; });
}

LogicalResult cuda::emitAttention(KernelWriter &w, AttentionOp op,
                                  moe::LimitsAttr limits) {
  w.include("attention.cuh");
  Value init = op.getInits()[0];
  const int64_t value = op.getValue();
  const int64_t cacheWidth =
      cast<MemRefType>(op.getCache().getType()).getDimSize(1);
  const Tile *tokenTile = chooseTile(kTokenTiles, value);
  const Tile *splitTile = chooseTile(kSplitTiles, value);
  if (tokenTile == std::end(kTokenTiles))
    return op.emitOpError()
           << "has no CUDA form for values of more than "
           << std::end(kTokenTiles)[-1].values << " columns, got " << value;
  w.line("Attention p;");
  w.line("p.query = " + w.pointer(op.getQuery(), "query") + ";");
  w.line("p.cache = " + w.pointer(op.getCache(), "cache") + ";");
  w.line("p.positions = " + w.pointer(op.getPositions(), "positions") + ";");
  w.line("p.cache_rows = " + w.pointer(op.getCacheRows(), "cache_rows") + ";");
  w.line("p.result = " + w.pointer(init, "result") + ";");
  w.line("p.tokens = " + w.extent(init, "tokens") + ";");
  w.line("p.heads = " + w.number(op.getHeads(), "heads") + ";");
  w.line("p.kv_heads = " + w.number(op.getKvHeads(), "kv_heads") + ";");
  w.line("p.key = " + w.number(op.getKey(), "key") + ";");
  w.line("p.value = " + w.number(value, "value") + ";");
  w.line("p.key_begin = " + w.number(op.getKeyBegin(), "key_begin") + ";");
  w.line("p.value_begin = " + w.number(op.getValueBegin(), "value_begin") +
         ";");
  w.line("p.row = " + w.number(cacheWidth, "cache_width") + ";");
  w.line("p.scale = " + w.real(op.getScale().convertToFloat(), "scale") + ";");

  const int64_t group = op.getHeads() / op.getKvHeads();
  auto columnTiles = [&](const Tile &tile) {
    return op.getKvHeads() *
           llvm::divideCeil(group, std::min(group, tile.rows));
  };
  // Whether rows can be read in vectors of four.
  const bool isAligned = llvm::all_of(
      ArrayRef<int64_t>{cacheWidth, int64_t(op.getKey()), value,
                        int64_t(op.getKeyBegin()), int64_t(op.getValueBegin())},
      [](int64_t size) { return size % 4 == 0; });
  auto name = [&](const Tile &tile) {
    return llvm::formatv("AttentionTile<{0}, {1}, {2}, {3}>", tile.rows,
                         tile.values, isAligned ? "true" : "false",
                         op.getRounded() ? "bf16" : "float")
        .str();
  };
  // Partial results of each split, as attention.cuh says; tickets first.
  const int64_t splits = llvm::divideCeil(limits.getPositions(), kSplit);
  const int64_t tokens = std::min(limits.getTokens(), kSplitTokens);
  std::string scratch =
      w.scratch(kTicketBytes + 4 * tokens * int64_t(op.getHeads()) * splits *
                                   (llvm::alignTo(value, 4) + 4));
  EntryPlan split;
  split.suffix = "_split";
  split.threads = 128;
  split.blocks = kBlocks;
  split.rowTile = 1;
  split.columnTiles = columnTiles(*splitTile);
  split.mostRows = kSplitTokens;
  split.positionTile = kSplit;
  w.entry(split,
          {"attention_split<" + name(*splitTile) + ">(p, " + scratch + ");"});
  EntryPlan whole;
  whole.threads = 128;
  whole.blocks = kBlocks;
  whole.rowTile = tokenTile->rows / std::min(group, tokenTile->rows);
  whole.columnTiles = columnTiles(*tokenTile);
  w.entry(whole, {"attention_tokens<" + name(*tokenTile) + ">(p);"});
  return success();
}
