//===- TaskBuilder.cpp - Building a task function -----------------------------===//

#include "codegen/cpu/TaskBuilder.h"

#include "dialects/moe/Moe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace moec;
using namespace moec::cpu;
using namespace moec::kernel;

VectorUnit VectorUnit::of(ModuleOp module) {
  auto target = module->getAttrOfType<moe::CpuTargetAttr>(moe::kTargetAttr);
  VectorUnit unit;
  unit.permutes = target && target.getFeatures() &&
                  target.getFeatures().getValue().contains("+avx512f");
  if (unit.permutes)
    unit.registers = 32;
  return unit;
}

//===--------------------------------------------------------------------------===//
// Arguments of a task
//===--------------------------------------------------------------------------===//

TaskBuilder::TaskBuilder(LLVM::LLVMFuncOp function, TaskInterface op,
                         const GraphArguments &arguments, Library &library,
                         const VectorUnit &unit)
    : ImplicitLocOpBuilder(op->getLoc(), function.getContext()), op(op),
      arguments(arguments), library(library), unit(unit) {
  setInsertionPointToStart(function.addEntryBlock(*this));
  args = function.getArgument(0);
  auto toIndex = [&](Value value) -> Value {
    return arith::IndexCastOp::create(*this, getIndexType(), value);
  };
  rowTileIndex = toIndex(function.getArgument(1));
  columnTileIndex = toIndex(function.getArgument(2));
  scratchPointer = function.getArgument(3);
  for (Value operand : op->getOperands())
    if (auto type = dyn_cast<MemRefType>(operand.getType()))
      if (!buffers.contains(operand) &&
          !isa<moe::ScaledType>(type.getElementType()))
        buffers[operand] = buildMemRef(type, arguments.slotOf(operand));
}

Value TaskBuilder::bytes(Value operand) {
  auto type = cast<MemRefType>(operand.getType());
  auto pointer = LLVM::LLVMPointerType::get(getContext());
  return makeMemRef(
      *this, MemRefType::get({moe::getStorageBytes(type)}, getI8Type()),
      loadElement(*this, args, arguments.slotOf(operand), pointer), Value());
}

Value TaskBuilder::buildMemRef(MemRefType type, int64_t slot) {
  auto pointer = LLVM::LLVMPointerType::get(getContext());
  Value extent = hasDynamicExtent(type)
                     ? loadElement(*this, args, slot + 1, getI64Type())
                     : Value();
  return makeMemRef(*this, type, loadElement(*this, args, slot, pointer),
                    extent);
}

Value TaskBuilder::scratch(ArrayRef<int64_t> shape, Type elementType) {
  auto type = MemRefType::get(shape, elementType);
  Value address = LLVM::GEPOp::create(
      *this, LLVM::LLVMPointerType::get(getContext()), getI8Type(),
      scratchPointer, ArrayRef<LLVM::GEPArg>{int32_t(scratchBytes)});
  int64_t bytes =
      type.getNumElements() * elementType.getIntOrFloatBitWidth() / 8;
  scratchBytes += llvm::alignTo(bytes, 64);
  return makeMemRef(*this, type, address, Value());
}

IndexRange TaskBuilder::rows() {
  Value extent =
      memref::DimOp::create(*this, buffer(op.getRowExtent()), index(0));
  int64_t tile = op.getTileSizes()[0];
  Value begin = mul(rowTileIndex, tile);
  return {begin, min(add(begin, tile), extent)};
}

//===--------------------------------------------------------------------------===//
// Indices and loops
//===--------------------------------------------------------------------------===//

Value TaskBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}
Value TaskBuilder::add(Value a, Value b) {
  return arith::AddIOp::create(*this, a, b);
}
Value TaskBuilder::sub(Value a, Value b) {
  return arith::SubIOp::create(*this, a, b);
}
Value TaskBuilder::mul(Value a, Value b) {
  return arith::MulIOp::create(*this, a, b);
}
Value TaskBuilder::min(Value a, Value b) {
  return arith::MinSIOp::create(*this, a, b);
}
Value TaskBuilder::div(Value a, int64_t b) {
  return arith::DivUIOp::create(*this, a, index(b));
}
Value TaskBuilder::rem(Value a, int64_t b) {
  return arith::RemUIOp::create(*this, a, index(b));
}
Value TaskBuilder::floatConstant(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(value));
}

void TaskBuilder::loop(Value begin, Value end, int64_t step,
                       function_ref<void(Value)> body) {
  loop(begin, end, step, ValueRange(), [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

SmallVector<Value>
TaskBuilder::loop(Value begin, Value end, int64_t step, ValueRange init,
                  function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto forOp = scf::ForOp::create(*this, begin, end, index(step), init);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(forOp.getBody());
  SmallVector<Value> results =
      body(forOp.getInductionVar(), forOp.getRegionIterArgs());
  // A loop that carries nothing has its terminator already.
  if (!init.empty())
    scf::YieldOp::create(*this, results);
  return SmallVector<Value>(forOp.getResults());
}

void TaskBuilder::forColumns(int64_t count,
                             function_ref<void(Value, int64_t)> body) {
  int64_t full = count / kLanes * kLanes;
  if (full)
    loop(index(0), index(full), kLanes, [&](Value i) { body(i, kLanes); });
  if (full < count)
    loop(index(full), index(count), 1, [&](Value i) { body(i, 1); });
}

void TaskBuilder::forColumns(Value begin, Value end,
                             function_ref<void(Value, int64_t)> body) {
  Value full = add(begin, mul(div(sub(end, begin), kLanes), kLanes));
  loop(begin, full, kLanes, [&](Value i) { body(i, kLanes); });
  loop(full, end, 1, [&](Value i) { body(i, 1); });
}

void TaskBuilder::branch(Value condition, function_ref<void()> then,
                         function_ref<void()> otherwise) {
  auto ifOp = scf::IfOp::create(*this, condition, bool(otherwise));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(ifOp.thenBlock());
  then();
  if (!otherwise)
    return;
  setInsertionPointToStart(ifOp.elseBlock());
  otherwise();
}

void TaskBuilder::choose(Value value, ArrayRef<int64_t> cases,
                         function_ref<void(int64_t)> body) {
  // The last case is also the default.
  auto switchOp = scf::IndexSwitchOp::create(
      *this, TypeRange(), value, cases.drop_back(), cases.size() - 1);
  OpBuilder::InsertionGuard guard(*this);
  for (auto [region, value] : llvm::zip(
           switchOp->getRegions(),
           llvm::concat<const int64_t>(cases.take_back(), cases.drop_back()))) {
    setInsertionPointToStart(&region.emplaceBlock());
    body(value);
    scf::YieldOp::create(*this);
  }
}

//===--------------------------------------------------------------------------===//
// Elements and vectors
//===--------------------------------------------------------------------------===//

VectorType TaskBuilder::vectorOf(Type elementType) {
  return VectorType::get({kLanes}, elementType);
}

Value TaskBuilder::load(Value memref, ValueRange indices, int64_t lanes) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  if (lanes == 1)
    return memref::LoadOp::create(*this, memref, indices);
  return vector::LoadOp::create(*this, vectorOf(element), memref, indices);
}

void TaskBuilder::store(Value value, Value memref, ValueRange indices) {
  if (isa<VectorType>(value.getType()))
    vector::StoreOp::create(*this, value, memref, indices);
  else
    memref::StoreOp::create(*this, value, memref, indices);
}

Value TaskBuilder::loadMasked(Value memref, ValueRange indices, Value mask) {
  if (!mask)
    return load(memref, indices, kLanes);
  VectorType type =
      vectorOf(cast<MemRefType>(memref.getType()).getElementType());
  Value zero = arith::ConstantOp::create(*this, getZeroAttr(type));
  return vector::MaskedLoadOp::create(*this, type, memref, indices, mask, zero);
}

void TaskBuilder::storeMasked(Value value, Value memref, ValueRange indices,
                              Value mask) {
  if (!mask)
    return store(value, memref, indices);
  vector::MaskedStoreOp::create(*this, memref, indices, mask, value);
}

Value TaskBuilder::broadcast(Value scalar) {
  return vector::BroadcastOp::create(*this, vectorOf(scalar.getType()), scalar);
}

Value TaskBuilder::zeroVector() {
  return arith::ConstantOp::create(*this, getZeroAttr(vectorOf(getF32Type())));
}

Value TaskBuilder::sumLanes(Value value) {
  for (int64_t half = kLanes / 2; half >= 1; half /= 2) {
    auto slice = [&](int64_t from) -> Value {
      return vector::ExtractStridedSliceOp::create(
          *this, value, ArrayRef<int64_t>{from}, ArrayRef<int64_t>{half},
          ArrayRef<int64_t>{1});
    };
    value = arith::AddFOp::create(*this, slice(0), slice(half));
  }
  return vector::ExtractOp::create(*this, value, ArrayRef<int64_t>{0});
}

Value TaskBuilder::extend(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  if (element.isF32())
    return value;
  auto vector = dyn_cast<VectorType>(value.getType());
  Type type = vector ? Type(vectorOf(getF32Type())) : Type(getF32Type());
  return arith::ExtFOp::create(*this, type, value);
}

Value TaskBuilder::loadIndex(Value memref, ValueRange indices) {
  return arith::IndexCastOp::create(
      *this, getIndexType(), memref::LoadOp::create(*this, memref, indices));
}

SmallVector<Value> TaskBuilder::apply(Region &region, ValueRange arguments) {
  bool isVector = llvm::any_of(
      arguments, [](Value value) { return isa<VectorType>(value.getType()); });
  IRMapping mapping;
  auto widen = [&](Value value) {
    return isVector && !isa<VectorType>(value.getType()) ? broadcast(value)
                                                         : value;
  };
  for (auto [argument, value] : llvm::zip(region.getArguments(), arguments))
    mapping.map(argument, widen(value));
  for (Operation &inner : region.front().without_terminator()) {
    Operation *clone = ImplicitLocOpBuilder::clone(inner, mapping);
    if (!isVector)
      continue;
    for (auto [from, to] : llvm::zip(inner.getResults(), clone->getResults())) {
      if (isa<arith::ConstantOp>(inner)) {
        mapping.map(from, broadcast(to));
        continue;
      }
      to.setType(vectorOf(from.getType()));
    }
  }
  SmallVector<Value> results;
  for (Value value : region.front().getTerminator()->getOperands())
    results.push_back(widen(mapping.lookupOrDefault(value)));
  return results;
}
