//===- EmitGemm.cpp - kernel.gemm as CUDA C++ ---------------------------------===//

#include "codegen/cuda/Emit.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moec;
using namespace moec::cuda;
using namespace moec::kernel;

/// The weight as a type of panels.cuh.
static std::string panelsType(MemRefType type) {
  auto scaled = dyn_cast<moe::ScaledType>(type.getElementType());
  if (!scaled)
    return "Panels<" + KernelWriter::typeName(type.getElementType()) + ">";
  return llvm::formatv(
      "ScaledPanels<{0}, {1}, {2}>", KernelWriter::typeName(scaled.getStored()),
      KernelWriter::typeName(scaled.getScale()), scaled.getColumns());
}

namespace {

/// A tile class of gemm.cuh.
struct TileClass {
  StringLiteral name;
  int64_t rows, columns, threads;
};

} // namespace

/// For few rows: blocks that stream weights.
static TileClass smallTile(bool isFloat) {
  return isFloat ? TileClass{"Small", 16, 64, 64}
                 : TileClass{"Small", 16, 32, 64};
}

static TileClass largeTile(bool isFloat, int64_t parts) {
  return {"Large", 64, isFloat || parts == 2 ? 64 : 128, 128};
}

/// Rows of the result for each token: the experts that are chosen, where rows are ordered by expert.
static int64_t rowsOfToken(GemmOp op) {
  if (Value groups = op.getGroups())
    for (Operation *user : groups.getUsers())
      if (auto group = dyn_cast<GroupOp>(user))
        return cast<MemRefType>(group.getExperts().getType()).getDimSize(1);
  return 1;
}

LogicalResult cuda::emitGemm(KernelWriter &w, GemmOp op) {
  w.include("gemm.cuh");
  // Stages of a panel and blocks of scales divide each other.
  auto scaled =
      dyn_cast<moe::ScaledType>(op.getWeight().getType().getElementType());
  if (scaled &&
      (scaled.getColumns() < 8 || !llvm::isPowerOf2_64(scaled.getColumns())))
    return op.emitOpError()
           << "has no CUDA form for blocks of " << scaled.getColumns()
           << " elements with one scale: expected a power of "
              "two, at least 8";
  Value init = op.getInits()[0];
  auto inputType = cast<MemRefType>(op.getInput().getType());
  auto weightType = cast<MemRefType>(op.getWeight().getType());
  auto [begin, stride] = op.getInputColumns();
  const int64_t parts = op.getParts();
  const int64_t panels = weightType.getShape().take_back(3)[0];
  std::string input = w.pointer(op.getInput(), "input");
  std::string weight = w.pointer(op.getWeight(), "weight", "void");
  std::string result = w.pointer(init, "result");
  std::string k = w.number(op.getK(), "k");
  w.line("Gemm p = {};");
  w.line("p.rows = " + w.extent(init, "rows") + ";");
  w.line("p.k = " + k + ";");
  w.line("p.n = " + w.number(op.getN(), "n") + ";");
  w.line("p.heads = " + w.number(op.getHeads(), "heads") + ";");
  if (Value gather = op.getGather())
    w.line("p.gather = " + w.pointer(gather, "gather") + ";");
  if (Value groups = op.getGroups())
    w.line("p.groups = " + w.pointer(groups, "groups") + ";");
  w.line("const " + panelsType(weightType) + " panels{" + weight + ", " + k +
         ", " + w.number(panels, "num_panels") + "};");

  const int64_t width = inputType.getDimSize(1);
  const bool isAligned =
      llvm::all_of(ArrayRef<int64_t>{op.getK(), width, begin, stride},
                   [](int64_t n) { return n % 4 == 0; });
  w.open(llvm::formatv("auto prologue = row_elements<{0}>({1}, {2}, {3}, {4}, "
                       "[&](int row, int k, {5} x)",
                       isAligned, input, w.number(width, "width"),
                       w.number(begin, "begin"),
                       w.number(stride, "head_stride"),
                       KernelWriter::typeName(inputType.getElementType())));
  SmallVector<std::string> loaded{"x"};
  llvm::append_range(loaded,
                     loadFused(w, op.getPrologueIns(), op.getPrologueAccess(),
                               "row", "k", "fused"));
  auto element = w.region(op.getPrologue(), loaded, "prologue");
  if (failed(element))
    return failure();
  w.line("return " + element->front() + ";");
  w.close("});");

  SmallVector<std::string> sums{"sum"};
  if (parts == 2)
    sums.push_back("sum2");
  if (failed(emitEpilogue(w, op.getEpilogue(), op.getEpilogueIns(),
                          op.getEpilogueAccess(), init, result, sums)))
    return failure();

  Type compute = op.getInputElement();
  auto entry = [&](const TileClass &tile, StringRef suffix, int64_t mostRows) {
    EntryPlan plan;
    plan.suffix = suffix.str();
    plan.threads = tile.threads;
    plan.blocks = 1;
    plan.rowTile = tile.rows;
    plan.columnTiles = op.getColumnTiles(tile.columns);
    plan.mostRows = mostRows;
    w.entry(plan,
            {llvm::formatv("gemm<{0}<{1}, {2}>>(p, panels, prologue, "
                           "epilogue);",
                           tile.name, KernelWriter::typeName(compute), parts)});
  };
  TileClass small = smallTile(compute.isF32());
  entry(small, "_small", small.rows * rowsOfToken(op));
  entry(largeTile(compute.isF32(), parts), "", 0);
  return success();
}
