//===- KernelWriter.h - Writing one CUDA kernel -------------------------------===//
//
// The text of a kernel knows neither its name nor its sizes: names of buffers tell their roles, and numbers of the model are
// parameters. Kernels that differ only in those have the same text, and are one (PlanLaunches.cpp).
//
// Places in the text that are filled in when a unit is put together (emitUnits):
//   $NAME   the name of the function
//   $OP     where the operation stands in the IR, "/layer/3.gemm"
//   $HERE   after `#line `: the number of the next line of the unit, and its name
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_CODEGEN_CUDA_KERNELWRITER_H
#define MOEC_CODEGEN_CUDA_KERNELWRITER_H

#include "codegen/host/GraphArguments.h"
#include "dialects/kernel/Kernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"

#include <string>

namespace moec::cuda {

/// Which of a kernel's functions is taken when, and its grid; names are not known yet.
struct EntryPlan {
  /// Behind the name of the kernel: "_small".
  std::string suffix;
  int64_t threads = 0;
  /// Blocks of a multiprocessor for which there must be registers; 0: ptxas chooses, and may spill a little for one more.
  int64_t blocks = 0;
  int64_t rowTile = 1;
  int64_t columnTiles = 1;
  int64_t mostRows = 0;
  int64_t positionTile = 0;
};

/// A kernel operation as CUDA C++.
struct KernelText {
  /// Arrays of constants, then a function for each entry.
  std::string tables;
  llvm::SmallVector<std::string> functions;
  /// Headers that it includes: "gemm.cuh".
  llvm::SmallVector<std::string> headers;
  llvm::SmallVector<EntryPlan> entries;
  llvm::SmallVector<kernel::ParameterAttr> parameters;
  /// Device scratch memory that it needs.
  int64_t scratchBytes = 0;
};

class KernelWriter {
public:
  KernelWriter(kernel::TaskInterface op, const GraphArguments &arguments);

  kernel::TaskInterface getOp() { return op; }

  //===--- parameters; each returns how the text spells it ---===//
  /// The pointer of a buffer; a table of constants is written out. `elements`: its type in CUDA; none for that of the buffer.
  std::string pointer(mlir::Value buffer, llvm::StringRef role,
                      llvm::StringRef elements = {});
  /// The first extent of a buffer, an i32.
  std::string extent(mlir::Value buffer, llvm::StringRef role);
  /// A number of the model, an i32.
  std::string number(int64_t value, llvm::StringRef role);
  /// A number of the model, a float; 0, 1 and -1 are literals.
  std::string real(double value, llvm::StringRef role);
  /// The scratch memory, a void *; what the kernel needs of it.
  std::string scratch(int64_t bytes);

  //===--- lines, common to all entries until the first is added ---===//
  void line(const llvm::Twine &text);
  /// `text {`, and lines up to close() are indented.
  void open(const llvm::Twine &text);
  void close(const llvm::Twine &text = "}");
  void include(llvm::StringRef header);
  /// A function of the kernel: the common lines, then `lines`.
  void entry(const EntryPlan &plan, llvm::ArrayRef<std::string> lines = {});

  //===--- elements ---===//
  /// "float", "bf16", …
  static std::string typeName(mlir::Type type);
  /// The element of a buffer at indices that are spelled so.
  std::string element(mlir::Value buffer, llvm::StringRef pointer,
                      llvm::ArrayRef<std::string> indices);
  /// An affine expression over dimensions and symbols that are spelled so.
  std::string affine(mlir::AffineExpr expr,
                     llvm::ArrayRef<std::string> dimensions,
                     llvm::ArrayRef<std::string> symbols);
  /// Statements for the operations of a region; returns how its results are spelled. `what` is its name in the line table.
  mlir::FailureOr<llvm::SmallVector<std::string>>
  region(mlir::Region &region, llvm::ArrayRef<std::string> arguments,
         llvm::StringRef what);

  KernelText finish() &&;

private:
  std::string parameter(llvm::StringRef type, llvm::StringRef role,
                        kernel::ParameterKind kind, int64_t value,
                        int64_t bytes);
  std::string table(mlir::memref::GlobalOp global, llvm::StringRef role);
  mlir::FailureOr<std::string> operation(mlir::Operation &op,
                                         llvm::ArrayRef<std::string> operands);

  kernel::TaskInterface op;
  const GraphArguments &arguments;
  KernelText kernel;
  struct Declaration {
    std::string type, role, name;
  };
  llvm::SmallVector<Declaration> declarations;
  llvm::StringMap<int> names;
  std::string common;
  /// Lines of each entry that are its own.
  llvm::SmallVector<std::string> own;
  unsigned depth = 1;
  unsigned values = 0;
};

} // namespace moec::cuda

#endif // MOEC_CODEGEN_CUDA_KERNELWRITER_H
