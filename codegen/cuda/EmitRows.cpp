//===- EmitRows.cpp - kernel.row_reduce and kernel.rowwise as CUDA C++ --------===//

#include "codegen/cuda/Emit.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moec;
using namespace moec::cuda;
using namespace moec::kernel;

/// Rows of a block of a kernel that has a warp for each row.
static constexpr int64_t kWarps = 4;

LogicalResult cuda::emitRowReduce(KernelWriter &w, RowReduceOp op) {
  w.include("rows.cuh");
  Value init = op.getInits()[0];
  std::string input = w.pointer(op.getInput(), "input");
  std::string result = w.pointer(init, "result");
  std::string rows = w.extent(init, "rows");
  std::string heads = w.number(op.getHeads(), "heads");
  std::string width = w.number(
      op.getInput().getType().getDimSize(1) / int64_t(op.getHeads()), "width");
  w.open("auto epilogue = [&](int row, int head, float sum)");
  auto reduced = w.region(op.getEpilogue(), {"sum"}, "epilogue");
  if (failed(reduced))
    return failure();
  SmallVector<std::string> place{"row"};
  if (cast<MemRefType>(init.getType()).getRank() == 2)
    place.push_back("head");
  w.line(w.element(init, result, place) + " = " + reduced->front() + ";");
  w.close("};");
  w.line("row_sum_squares(" +
         llvm::join(ArrayRef<std::string>{input, rows, heads, width}, ", ") +
         ", epilogue);");
  EntryPlan plan;
  plan.threads = 32 * kWarps;
  plan.rowTile = kWarps;
  plan.columnTiles = op.getHeads();
  w.entry(plan);
  return success();
}

/// A thread has one point of a few rows.
LogicalResult cuda::emitRowwise(KernelWriter &w, RowwiseOp op) {
  w.include("types.cuh");
  constexpr int64_t threads = 256, rowTile = 4;
  Value init = op.getInits()[0];
  ArrayRef<int64_t> sizes = op.getSizes();
  std::string result = w.pointer(init, "result");
  SmallVector<std::string> inputs, indices;
  for (Value input : op.getInputs()) {
    if (isa<moe::ScaledType>(
            cast<MemRefType>(input.getType()).getElementType()))
      return op.emitOpError("has no CUDA form for inputs of scaled elements");
    inputs.push_back(w.pointer(input, "input"));
  }
  for (Value index : op.getIndices())
    indices.push_back(w.pointer(index, "index"));
  std::string rows = w.extent(op.getRows(), "rows");

  // d1, d2, … of the point.
  SmallVector<std::string> dimensions{"row"};
  SmallVector<std::string> sizeNames;
  int64_t points = 1;
  for (int64_t size : sizes) {
    sizeNames.push_back(w.number(size, "size"));
    points *= size;
  }
  w.line("const int point = blockIdx.x * blockDim.x + threadIdx.x;");
  w.line("if (point >= " + llvm::join(sizeNames, " * ") + ") return;");
  std::string rest = "point";
  for (size_t i = sizes.size(); i-- > 0;) {
    std::string name = "d" + std::to_string(i + 1);
    bool isFirst = i == 0;
    w.line("const int " + name + " = " + rest +
           (isFirst ? ";" : " % " + sizeNames[i] + ";"));
    rest = isFirst           ? rest
           : rest == "point" ? "point / " + sizeNames[i]
                             : rest + " / " + sizeNames[i];
  }
  for (size_t i = 0; i < sizes.size(); ++i)
    dimensions.push_back("d" + std::to_string(i + 1));

  std::string tile = std::to_string(rowTile);
  w.open("for (int row = blockIdx.y * " + tile + "; row < min(blockIdx.y * " +
         tile + " + " + tile + ", " + rows + "); ++row)");
  SmallVector<std::string> symbols;
  for (auto [i, index] : llvm::enumerate(indices)) {
    symbols.push_back("s" + std::to_string(i));
    w.line("const i32 " + symbols.back() + " = " + index + "[row];");
  }
  auto place = [&](Value buffer, const std::string &pointer, AffineMap map) {
    SmallVector<std::string> at;
    for (AffineExpr expr : map.getResults())
      at.push_back(w.affine(expr, dimensions, symbols));
    return w.element(buffer, pointer, at);
  };
  SmallVector<std::string> values, places;
  for (auto [i, input, map] :
       llvm::enumerate(op.getInputs(),
                       op.getInputMaps().getAsValueRange<AffineMapAttr>())) {
    values.push_back("a" + std::to_string(i));
    w.line("const " +
           KernelWriter::typeName(
               cast<MemRefType>(input.getType()).getElementType()) +
           " " + values.back() + " = " + place(input, inputs[i], map) + ";");
  }
  std::string element =
      KernelWriter::typeName(cast<MemRefType>(init.getType()).getElementType());
  for (auto [i, map] :
       llvm::enumerate(op.getOutputMaps().getAsValueRange<AffineMapAttr>())) {
    places.push_back("r" + std::to_string(i));
    w.line(element + " &" + places.back() + " = " + place(init, result, map) +
           ";");
  }
  if (op.getInPlace())
    for (size_t i = 0, e = places.size(); i != e; ++i) {
      values.push_back("b" + std::to_string(i));
      w.line("const " + element + " " + values.back() + " = " + places[i] +
             ";");
    }
  auto results = w.region(op.getBody(), values, "body");
  if (failed(results))
    return failure();
  for (auto [target, value] : llvm::zip_equal(places, *results))
    w.line(target + " = " + value + ";");
  w.close();
  EntryPlan plan;
  plan.threads = threads;
  plan.rowTile = rowTile;
  plan.columnTiles = llvm::divideCeil(points, threads);
  w.entry(plan);
  return success();
}
