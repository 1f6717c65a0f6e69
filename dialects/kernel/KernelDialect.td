//===- KernelDialect.td - The kernel dialect, its attributes and interface ----===//

#ifndef MOEC_DIALECTS_KERNEL_KERNELDIALECT_TD
#define MOEC_DIALECTS_KERNEL_KERNELDIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::moec::kernel";
  let summary = "Structured kernels, tile tasks and what they wait for";
  let description = [{
    Everything above this dialect is independent of a target, everything below it knows nothing of models. A kernel is a
    destination-style operation over tensors and then, after one-shot bufferization, over memrefs. What is fused into it
    stands in regions of scalar `arith` and `math` operations: a *prologue* maps elements as they are loaded, an
    *epilogue* maps accumulators before they are stored. Indexing is a property of operands, not code in a region.

    A kernel is cut into tiles of `tiles = [rows, columns]`; a *task* is a kernel applied to one tile. `kernel.graph` holds
    kernels in topological order, each with the tiles it `waits` for. `dialects/kernel/README.md` says why.
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

class Kernel_Enum<string name, string text, list<I32EnumAttrCase> enumerants>
    : I32EnumAttr<name, text, enumerants> {
  let cppNamespace = "::moec::kernel";
  let genSpecializedAttr = 0;
}

def Kernel_Access : Kernel_Enum<"Access", "how a fused operand is indexed by an element (row, column)", [
  I32EnumAttrCase<"Element", 0, "element">,
  I32EnumAttrCase<"Row", 1, "row">,
  I32EnumAttrCase<"Column", 2, "column">]>;
def Kernel_AccessAttr : EnumAttr<Kernel_Dialect, Kernel_Access, "access"> {
  let assemblyFormat = "`<` $value `>`";
}
def Kernel_AccessArray : TypedArrayAttrBase<Kernel_AccessAttr, "access of each operand">;

def Kernel_Reduction : Kernel_Enum<"Reduction", "what a row is reduced to", [
  I32EnumAttrCase<"SumSquares", 0, "sum_squares">]>;
def Kernel_ReductionAttr : EnumAttr<Kernel_Dialect, Kernel_Reduction, "reduction"> {
  let assemblyFormat = "$value";
}

def Kernel_Score : Kernel_Enum<"Score", "how router logits become scores", [
  I32EnumAttrCase<"Softmax", 0, "softmax">,
  I32EnumAttrCase<"Sigmoid", 1, "sigmoid">]>;
def Kernel_ScoreAttr : EnumAttr<Kernel_Dialect, Kernel_Score, "score"> {
  let assemblyFormat = "$value";
}

def Kernel_WaitForm : Kernel_Enum<"WaitForm", "how a task finds the tiles it waits for", [
  I32EnumAttrCase<"All", 0, "all">,
  I32EnumAttrCase<"Rows", 1, "rows">]>;

def Kernel_ParameterKind : Kernel_Enum<"ParameterKind", "what a parameter of a device kernel is made of", [
  I32EnumAttrCase<"Argument", 0, "argument">,
  I32EnumAttrCase<"Constant", 1, "constant">,
  I32EnumAttrCase<"Scratch", 2, "scratch">]>;

class Kernel_Attr<string name, string attrMnemonic> : AttrDef<Kernel_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Kernel_ColumnsAttr : Kernel_Attr<"Columns", "columns"> {
  let summary = "which columns of a row belong to head h";
  let description = [{
    Head h has the columns from `h * stride + begin`. Without it heads stand side by side.
  }];
  let parameters = (ins "int64_t":$begin, "int64_t":$stride);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Kernel_WaitAttr : Kernel_Attr<"Wait", "wait"> {
  let summary = "tiles of an earlier kernel that a task waits for";
  let description = [{
    `producer` counts the kernels of the graph. `all`: all its tiles; `rows`: those that hold the rows of the task.
  }];
  let parameters = (ins "int64_t":$producer, EnumParameter<Kernel_WaitForm>:$form);
  let assemblyFormat = "`<` $producer `,` $form `>`";
}

def Kernel_ParameterAttr : Kernel_Attr<"Parameter", "parameter"> {
  let summary = "a parameter of a device kernel";
  let description = [{
    `argument`: argument `value` of the graph, a pointer or an extent. `constant`: the bits of `value`. `scratch`: the device's
    scratch memory. `bytes` is 4 or 8; of 4 the low half is passed.
  }];
  let parameters = (ins EnumParameter<Kernel_ParameterKind>:$kind, "int64_t":$value, "int64_t":$bytes);
  let assemblyFormat = "`<` $kind $value `bytes` $bytes `>`";
  let genVerifyDecl = 1;
}

def Kernel_EntryAttr : Kernel_Attr<"Entry", "entry"> {
  let summary = "a device function that runs a kernel, and the grid it wants";
  let description = [{
    Function `name` of the translation unit `unit`. It serves extents of at most `most_rows` (0: all) with blocks of `threads`
    threads in a grid of (column_tiles, row tiles of `row_tile` rows, splits of `position_tile` positions; 0: 1).
  }];
  let parameters = (ins StringRefParameter<"function">:$name, StringRefParameter<"translation unit">:$unit,
                        "int64_t":$threads, "int64_t":$row_tile, "int64_t":$column_tiles,
                        DefaultValuedParameter<"int64_t", "0">:$most_rows,
                        DefaultValuedParameter<"int64_t", "0">:$position_tile);
  let assemblyFormat = [{
    `<` $name `of` $unit `,` struct($threads, $row_tile, $column_tiles, $most_rows, $position_tile) `>`
  }];
  let genVerifyDecl = 1;
}

def Kernel_LaunchAttr : Kernel_Attr<"Launch", "launch"> {
  let summary = "how a kernel is launched on a device";
  let description = [{
    By the first of `entries` that serves its extent; all take the same `parameters`.
  }];
  let parameters = (ins ArrayRefParameter<"::moec::kernel::EntryAttr">:$entries,
                        ArrayRefParameter<"::moec::kernel::ParameterAttr">:$parameters);
  let assemblyFormat = "`<` `[` $entries `]` `,` `[` $parameters `]` `>`";
}

def Kernel_TaskInterface : OpInterface<"TaskInterface"> {
  let cppNamespace = "::moec::kernel";
  let description = [{
    A kernel that is cut into tile tasks. All of them carry `tiles` (rows and columns of a tile) once tiles are chosen and
    `waits` once the graph is built.
  }];
  let methods = [
    InterfaceMethod<"Memory that the kernel touches, and whether a task touches only its own rows of it.",
      "::llvm::SmallVector<::moec::kernel::MemoryAccess>", "getMemoryAccesses">,
    InterfaceMethod<"The operand whose first dimension counts the rows of the kernel; null when it is one task.",
      "::mlir::Value", "getRowExtent">,
    InterfaceMethod<"Tasks in a row tile when a tile has `columns` columns; 1 when a task does whole rows.",
      "int64_t", "getColumnTiles", (ins "int64_t":$columns), [{}], [{ return 1; }]>,
    InterfaceMethod<"Experts when rows are ordered by expert and a tile must not hold two, else 0.",
      "int64_t", "getRoutedExperts", (ins), [{}], [{ return 0; }]>,
  ];
  let extraClassDeclaration = [{
    static constexpr ::llvm::StringLiteral kTiles = "tiles";
    static constexpr ::llvm::StringLiteral kWaits = "waits";
    /// On a device: a LaunchAttr.
    static constexpr ::llvm::StringLiteral kLaunch = "launch";
  }];
  let extraSharedClassDeclaration = [{
    /// Rows and columns of a tile.
    ::llvm::ArrayRef<int64_t> getTileSizes() {
      auto tiles = $_op->template getAttrOfType<::mlir::DenseI64ArrayAttr>("tiles");
      return tiles ? tiles.asArrayRef() : ::llvm::ArrayRef<int64_t>();
    }
  }];
}

#endif // MOEC_DIALECTS_KERNEL_KERNELDIALECT_TD
