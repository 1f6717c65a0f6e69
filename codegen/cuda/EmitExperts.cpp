//===- EmitExperts.cpp - Routing kernels as CUDA C++ --------------------------===//

#include "codegen/cuda/Emit.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moec;
using namespace moec::cuda;
using namespace moec::kernel;

/// What the device headers take.
static constexpr int64_t kMostExperts = 512;
static constexpr int64_t kMostGroups = 32;

LogicalResult cuda::emitRoute(KernelWriter &w, RouteOp op) {
  w.include("route.cuh");
  if (op.getExperts() > kMostExperts)
    return op.emitOpError() << "has no CUDA form for more than " << kMostExperts
                            << " experts, got " << op.getExperts();
  if (int64_t(op.getGroupCount()) > kMostGroups)
    return op.emitOpError() << "has no CUDA form for more than " << kMostGroups
                            << " groups of experts, got " << op.getGroupCount();
  constexpr int64_t warps = 4;
  std::string logits = w.pointer(op.getLogits(), "logits");
  std::string bias = "static_cast<const float *>(nullptr)";
  if (op.getBias())
    bias = w.pointer(op.getBias(), "bias");
  std::string experts = w.pointer(op.getInits()[0], "experts");
  std::string weights = w.pointer(op.getInits()[1], "weights");
  w.line("Route p = {};");
  w.line("p.rows = " + w.extent(op.getLogits(), "rows") + ";");
  w.line("p.experts = " + w.number(op.getExperts(), "num_experts") + ";");
  w.line("p.top_k = " + w.number(op.getTopK(), "top_k") + ";");
  if (op.getGroupCount()) {
    w.line("p.group_count = " + w.number(op.getGroupCount(), "group_count") +
           ";");
    w.line("p.group_keep = " + w.number(op.getGroupKeep(), "group_keep") + ";");
  }
  if (op.getGroupTop2())
    w.line("p.group_top2 = true;");
  if (op.getRenormalize())
    w.line("p.renormalize = true;");
  w.line("p.scale = " + w.real(op.getScale().convertToFloat(), "scale") + ";");
  int64_t perLane = llvm::PowerOf2Ceil(llvm::divideCeil(op.getExperts(), 32));
  w.line(llvm::formatv("route<Score::{0}, {1}>(p, {2}, {3}, {4}, {5});",
                       op.getScore() == Score::Softmax ? "Softmax" : "Sigmoid",
                       perLane, logits, bias, experts, weights));
  EntryPlan plan;
  plan.threads = 32 * warps;
  plan.blocks = 1;
  plan.rowTile = warps;
  w.entry(plan);
  return success();
}

LogicalResult cuda::emitGroup(KernelWriter &w, GroupOp op) {
  w.include("group.cuh");
  if (int64_t(op.getNumExperts()) > kMostExperts)
    return op.emitOpError() << "has no CUDA form for more than " << kMostExperts
                            << " experts, got " << op.getNumExperts();
  std::string chosen = w.pointer(op.getExperts(), "chosen");
  std::string weights = w.pointer(op.getWeights(), "weights");
  static constexpr StringLiteral roles[] = {"rows", "row_weights", "places",
                                            "merges", "tiles"};
  std::string results;
  for (auto [init, role] : llvm::zip_equal(op.getInits(), roles))
    results += ", " + w.pointer(init, role);
  int64_t topK = cast<MemRefType>(op.getExperts().getType()).getDimSize(1);
  w.line("Group p;");
  w.line("p.tokens = " + w.extent(op.getExperts(), "tokens") + ";");
  w.line("p.top_k = " + w.number(topK, "top_k") + ";");
  w.line("p.experts = " + w.number(op.getNumExperts(), "num_experts") + ";");
  w.line("p.row_tile = " + w.number(*op.getRowTile(), "row_tile") + ";");
  w.line("group(p, " + chosen + ", " + weights + results + ");");
  EntryPlan plan;
  plan.threads = 512;
  plan.blocks = 1;
  w.entry(plan);
  return success();
}

LogicalResult cuda::emitCombine(KernelWriter &w, CombineOp op) {
  w.include("combine.cuh");
  constexpr int64_t threads = 128;
  Value init = op.getInits()[0];
  int64_t columns = cast<MemRefType>(init.getType()).getDimSize(1);
  int64_t topK = cast<MemRefType>(op.getPlaces().getType()).getDimSize(1);
  std::string input = w.pointer(op.getInput(), "input");
  std::string result = w.pointer(init, "result");
  w.line("Combine p;");
  w.line("p.rows = " + w.extent(init, "rows") + ";");
  w.line("p.columns = " + w.number(columns, "columns") + ";");
  w.line("p.top_k = " + w.number(topK, "top_k") + ";");
  w.line("p.places = " + w.pointer(op.getPlaces(), "places") + ";");
  w.line("p.merges = " + w.pointer(op.getMerges(), "merges") + ";");
  if (failed(emitEpilogue(w, op.getEpilogue(), op.getEpilogueIns(),
                          op.getEpilogueAccess(), init, result, {"sum"})))
    return failure();
  w.line("combine(p, " + input + ", epilogue);");
  EntryPlan plan;
  plan.threads = threads;
  plan.columnTiles = llvm::divideCeil(columns, threads);
  w.entry(plan);
  return success();
}
