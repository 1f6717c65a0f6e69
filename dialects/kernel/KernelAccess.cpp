//===- KernelAccess.cpp - What memory kernels touch ---------------------------===//
//
// The graph builder derives all waits from these facts, so they err on the side of more: an access that is not known to
// stay in its own rows is said to touch all of them.
//
//===------------------------------------------------------------------------===//

#include "dialects/kernel/Kernel.h"

using namespace mlir;
using namespace moec::kernel;

using Accesses = SmallVector<MemoryAccess>;

static void read(Accesses &accesses, Value buffer, bool ownRows) {
  if (buffer)
    accesses.push_back({buffer, /*isWrite=*/false, ownRows});
}

static void write(Accesses &accesses, ValueRange buffers, bool ownRows) {
  for (Value buffer : buffers)
    accesses.push_back({buffer, /*isWrite=*/true, ownRows});
}

/// Fused operands: elements and rows are those of the tile, a column is needed by every row.
static void readFused(Accesses &accesses, ValueRange buffers, ArrayAttr kinds,
                      bool ownRows) {
  for (auto [buffer, kind] :
       llvm::zip_equal(buffers, kinds.getAsRange<AccessAttr>()))
    read(accesses, buffer, ownRows && kind.getValue() != Access::Column);
}

//===--------------------------------------------------------------------------===//
// gemm
//===--------------------------------------------------------------------------===//

Accesses GemmOp::getMemoryAccesses() {
  Accesses accesses;
  bool ownRows = !getGather();
  read(accesses, getInput(), ownRows);
  read(accesses, getWeight(), false);
  read(accesses, getGather(), true);
  read(accesses, getGroups(), false);
  readFused(accesses, getPrologueIns(), getPrologueAccess(), ownRows);
  readFused(accesses, getEpilogueIns(), getEpilogueAccess(), true);
  write(accesses, getInits(), true);
  return accesses;
}

Value GemmOp::getRowExtent() { return getInits().front(); }

int64_t GemmOp::getColumnTiles(int64_t columns) {
  return getHeads() * llvm::divideCeil(getN(), columns);
}

int64_t GemmOp::getRoutedExperts() {
  return getGroups() ? getWeight().getType().getDimSize(0) : 0;
}

//===--------------------------------------------------------------------------===//
// Row kernels
//===--------------------------------------------------------------------------===//

Accesses RowReduceOp::getMemoryAccesses() {
  Accesses accesses;
  read(accesses, getInput(), true);
  write(accesses, getInits(), true);
  return accesses;
}

Value RowReduceOp::getRowExtent() { return getInits().front(); }

/// Whether row d0 is all that a map can reach.
static bool staysInRow(AffineMap map) {
  return map.getNumResults() > 0 &&
         map.getResult(0) == getAffineDimExpr(0, map.getContext());
}

Accesses RowwiseOp::getMemoryAccesses() {
  Accesses accesses;
  for (Value index : getIndices())
    read(accesses, index, true);
  for (auto [input, map] :
       llvm::zip(getInputs(), getInputMaps().getAsValueRange<AffineMapAttr>()))
    read(accesses, input, staysInRow(map));
  bool ownRows = llvm::all_of(getOutputMaps().getAsValueRange<AffineMapAttr>(),
                              staysInRow);
  if (getInPlace())
    read(accesses, getInits().front(), ownRows);
  write(accesses, getInits(), ownRows);
  return accesses;
}

Value RowwiseOp::getRowExtent() { return getRows(); }

//===--------------------------------------------------------------------------===//
// Attention
//===--------------------------------------------------------------------------===//

Accesses AttentionOp::getMemoryAccesses() {
  Accesses accesses;
  read(accesses, getQuery(), true);
  read(accesses, getCache(), false);
  read(accesses, getPositions(), true);
  read(accesses, getCacheRows(), true);
  write(accesses, getInits(), true);
  return accesses;
}

Value AttentionOp::getRowExtent() { return getInits().front(); }

int64_t AttentionOp::getColumnTiles(int64_t columns) {
  return llvm::divideCeil(int64_t(getHeads()), columns);
}

//===--------------------------------------------------------------------------===//
// Experts
//===--------------------------------------------------------------------------===//

Accesses RouteOp::getMemoryAccesses() {
  Accesses accesses;
  read(accesses, getLogits(), true);
  read(accesses, getBias(), false);
  write(accesses, getInits(), true);
  return accesses;
}

Value RouteOp::getRowExtent() { return getInits().front(); }

Accesses GroupOp::getMemoryAccesses() {
  Accesses accesses;
  read(accesses, getExperts(), false);
  read(accesses, getWeights(), false);
  write(accesses, getInits(), false);
  return accesses;
}

/// One task: counting needs all tokens.
Value GroupOp::getRowExtent() { return nullptr; }

Accesses CombineOp::getMemoryAccesses() {
  Accesses accesses;
  read(accesses, getInput(), false);
  read(accesses, getPlaces(), true);
  read(accesses, getMerges(), true);
  readFused(accesses, getEpilogueIns(), getEpilogueAccess(), true);
  write(accesses, getInits(), true);
  return accesses;
}

Value CombineOp::getRowExtent() { return getInits().front(); }

//===--------------------------------------------------------------------------===//
// Memory effects
//===--------------------------------------------------------------------------===//

using Effects =
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

/// Over tensors a kernel is pure; over memrefs it reads its operands and writes its inits.
static void kernelEffects(TaskInterface task, Effects &effects) {
  for (const MemoryAccess &access : task.getMemoryAccesses()) {
    if (!isa<MemRefType>(access.buffer.getType()))
      continue;
    for (OpOperand &operand : task->getOpOperands())
      if (operand.get() == access.buffer) {
        if (access.isWrite)
          effects.emplace_back(MemoryEffects::Write::get(), &operand,
                               SideEffects::DefaultResource::get());
        else
          effects.emplace_back(MemoryEffects::Read::get(), &operand,
                               SideEffects::DefaultResource::get());
        break;
      }
  }
}

#define MOEC_KERNEL_EFFECTS(Op)                                                \
  void Op::getEffects(Effects &effects) {                                      \
    kernelEffects(cast<TaskInterface>(getOperation()), effects);               \
  }
MOEC_KERNEL_EFFECTS(GemmOp)
MOEC_KERNEL_EFFECTS(RowReduceOp)
MOEC_KERNEL_EFFECTS(RowwiseOp)
MOEC_KERNEL_EFFECTS(AttentionOp)
MOEC_KERNEL_EFFECTS(RouteOp)
MOEC_KERNEL_EFFECTS(GroupOp)
MOEC_KERNEL_EFFECTS(CombineOp)
#undef MOEC_KERNEL_EFFECTS
