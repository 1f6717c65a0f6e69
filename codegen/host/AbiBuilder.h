//===- AbiBuilder.h - Constants of the runtime's ABI --------------------------===//
//
// Builds the structures of runtime/moert_abi.h as LLVM constants.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_CODEGEN_HOST_ABIBUILDER_H
#define MOEC_CODEGEN_HOST_ABIBUILDER_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

#include <variant>
#include <vector>

namespace moec::host {

/// A field of a structure: an integer of 32 or 64 bits, the address of a symbol, a string (as a pointer to it), or null.
struct Field {
  enum Kind { Int32, Int64, Address, String } kind;
  int64_t number = 0;
  /// Empty for a null pointer.
  std::string text;

  static Field i32(int64_t value) { return {Int32, value, ""}; }
  static Field i64(int64_t value) { return {Int64, value, ""}; }
  static Field address(llvm::StringRef symbol) {
    return {Address, 0, symbol.str()};
  }
  static Field string(llvm::StringRef text) { return {String, 0, text.str()}; }
  static Field null() { return {Address, 0, ""}; }
};
using Fields = std::vector<Field>;

/// Adds constants to a module.
class AbiBuilder {
public:
  AbiBuilder(mlir::ModuleOp module, mlir::Location loc);

  /// A constant structure named `name`; visible outside if `exported`.
  void structure(llvm::StringRef name, const Fields &fields, bool exported);
  /// A constant array of structures of one type. Returns its address, or null if there are none.
  Field array(llvm::StringRef name, const std::vector<Fields> &elements);

private:
  mlir::LLVM::LLVMStructType typeOf(const Fields &fields);
  mlir::Value build(mlir::Value into, const Fields &fields,
                    llvm::ArrayRef<int64_t> at);
  mlir::Value materialize(const Field &field);
  std::string addString(llvm::StringRef text);
  mlir::Value startGlobal(llvm::StringRef name, mlir::Type type, bool exported);

  mlir::ModuleOp module;
  mlir::OpBuilder builder;
  mlir::Location loc;
  llvm::StringMap<std::string> strings;
};

} // namespace moec::host

#endif // MOEC_CODEGEN_HOST_ABIBUILDER_H
