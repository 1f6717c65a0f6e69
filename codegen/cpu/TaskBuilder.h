//===- TaskBuilder.h - Building a task function -------------------------------===//
//
// A task is a kernel applied to one tile: `void task(const int64_t *args, int64_t row_tile, int64_t col_tile, void *scratch)`
// (runtime/moert_abi.h); what stands in args is decided by codegen/host/GraphArguments.h.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_CODEGEN_CPU_TASKBUILDER_H
#define MOEC_CODEGEN_CPU_TASKBUILDER_H

#include "codegen/host/GraphArguments.h"
#include "dialects/kernel/Kernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OwningOpRef.h"

namespace moec::cpu {

/// Lanes of a vector: f32 elements of a panel row. One zmm, two ymm.
inline constexpr int64_t kLanes = 16;

/// What vector code may count on.
struct VectorUnit {
  /// Registers of kLanes f32: 32 with AVX-512; 16 ymm make 8.
  int64_t registers = 8;
  /// Whether a table of kLanes f32 can be indexed by a vector in one instruction (AVX-512).
  bool permutes = false;

  static VectorUnit of(mlir::ModuleOp module);
};

/// The tasks written as text (library/*.mlir), parsed when the first is called and copied one by one into the module.
class Library {
public:
  explicit Library(mlir::ModuleOp target) : target(target) {}
  /// `name`, copied together with what it calls.
  mlir::func::FuncOp get(llvm::StringRef name);

private:
  mlir::ModuleOp target;
  mlir::OwningOpRef<mlir::ModuleOp> source;
};

/// A half-open range of indices.
struct IndexRange {
  mlir::Value begin, end;
};

/// An ImplicitLocOpBuilder inside the body of a task function, with what all kernels need.
class TaskBuilder : public mlir::ImplicitLocOpBuilder {
public:
  /// Starts the body of `function` for `op`.
  TaskBuilder(mlir::LLVM::LLVMFuncOp function, kernel::TaskInterface op,
              const GraphArguments &arguments, Library &library,
              const VectorUnit &unit);

  const VectorUnit &getUnit() { return unit; }
  Library &getLibrary() { return library; }
  kernel::TaskInterface getOp() { return op; }
  /// The memref that stands for an operand of the kernel.
  mlir::Value buffer(mlir::Value operand) { return buffers.lookup(operand); }
  /// The same as bytes.
  mlir::Value bytes(mlir::Value operand);
  mlir::Value rowTile() { return rowTileIndex; }
  mlir::Value columnTile() { return columnTileIndex; }
  /// Rows of this task: those of the row tile below the extent of the kernel.
  IndexRange rows();
  /// `bytes` of the worker's scratch memory as a memref; each call gives the next part.
  mlir::Value scratch(llvm::ArrayRef<int64_t> shape, mlir::Type elementType);
  int64_t getScratchBytes() const { return scratchBytes; }

  //===--- arithmetic on indices ---===//
  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return add(a, index(b)); }
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b) { return mul(a, index(b)); }
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, int64_t b);
  mlir::Value rem(mlir::Value a, int64_t b);
  mlir::Value floatConstant(double value);

  //===--- loops ---===//
  /// for i in [begin, end) step: body(i).
  void loop(mlir::Value begin, mlir::Value end, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  /// The same with values carried from one iteration to the next.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value begin, mlir::Value end, int64_t step, mlir::ValueRange init,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value,
                                                         mlir::ValueRange)>
           body);
  /// Columns [0, count) in full vectors and then one by one: body(column, lanes) with lanes kLanes or 1.
  void forColumns(int64_t count,
                  llvm::function_ref<void(mlir::Value, int64_t)> body);
  void forColumns(mlir::Value begin, mlir::Value end,
                  llvm::function_ref<void(mlir::Value, int64_t)> body);
  /// if (condition) then() else otherwise().
  void branch(mlir::Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise = {});
  /// body(case) for the one of `cases` that `value` is.
  void choose(mlir::Value value, llvm::ArrayRef<int64_t> cases,
              llvm::function_ref<void(int64_t)> body);

  //===--- elements and vectors ---===//
  mlir::VectorType vectorOf(mlir::Type elementType);
  /// An element, or with kLanes a vector from `indices` on along the last dimension.
  mlir::Value load(mlir::Value memref, mlir::ValueRange indices, int64_t lanes);
  void store(mlir::Value value, mlir::Value memref, mlir::ValueRange indices);
  /// A vector of which only the lanes of `mask` are read, the others zero; a plain load without mask.
  mlir::Value loadMasked(mlir::Value memref, mlir::ValueRange indices,
                         mlir::Value mask);
  void storeMasked(mlir::Value value, mlir::Value memref,
                   mlir::ValueRange indices, mlir::Value mask);
  mlir::Value broadcast(mlir::Value scalar);
  mlir::Value zeroVector();
  /// Sum of the lanes by halves: 8, 4, 2, 1.
  mlir::Value sumLanes(mlir::Value vector);
  /// A stored element or vector as f32.
  mlir::Value extend(mlir::Value value);
  /// An i32 element as an index.
  mlir::Value loadIndex(mlir::Value memref, mlir::ValueRange indices);

  /// The body of a kernel's region applied to scalars or vectors; scalars among vectors are broadcast.
  llvm::SmallVector<mlir::Value> apply(mlir::Region &region,
                                       mlir::ValueRange arguments);

private:
  mlir::Value buildMemRef(mlir::MemRefType type, int64_t slot);

  kernel::TaskInterface op;
  const GraphArguments &arguments;
  Library &library;
  const VectorUnit &unit;
  mlir::Value args, rowTileIndex, columnTileIndex, scratchPointer;
  llvm::DenseMap<mlir::Value, mlir::Value> buffers;
  int64_t scratchBytes = 0;
};

//===--- one function per kernel ---===//
void lowerGemm(TaskBuilder &b, kernel::GemmOp op);
void lowerRowReduce(TaskBuilder &b, kernel::RowReduceOp op);
void lowerRowwise(TaskBuilder &b, kernel::RowwiseOp op);
void lowerAttention(TaskBuilder &b, kernel::AttentionOp op);
void lowerRoute(TaskBuilder &b, kernel::RouteOp op);
void lowerGroup(TaskBuilder &b, kernel::GroupOp op);
void lowerCombine(TaskBuilder &b, kernel::CombineOp op);

/// Calls a function of the library; memrefs are cast to the function's argument types.
mlir::ValueRange callLibrary(TaskBuilder &b, llvm::StringRef name,
                             mlir::ValueRange arguments);

} // namespace moec::cpu

#endif // MOEC_CODEGEN_CPU_TASKBUILDER_H
