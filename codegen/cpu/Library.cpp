//===- Library.cpp - Tasks written as MLIR text -------------------------------===//

#include "codegen/cpu/TaskBuilder.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;
using namespace moec;
using namespace moec::cpu;

/// library/*.mlir
static constexpr llvm::StringLiteral kLibraryText =
#include "codegen/cpu/Library.inc"
    ;

/// The library is parsed into the context once per module that uses it; only what is called is copied.
static OwningOpRef<ModuleOp> parseLibrary(MLIRContext *context) {
  ParserConfig config(context);
  return parseSourceString<ModuleOp>(kLibraryText, config, "cpu library");
}

/// Copies `name` and what it calls.
static func::FuncOp copyFunction(ModuleOp module, ModuleOp library,
                                 StringRef name) {
  SymbolTable target(module);
  if (auto existing = target.lookup<func::FuncOp>(name))
    return existing;
  auto source = library.lookupSymbol<func::FuncOp>(name);
  assert(source && "no such function in the library");
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto copy = cast<func::FuncOp>(builder.clone(*source));
  copy->setAttr(
      "llvm.linkage",
      LLVM::LinkageAttr::get(module.getContext(), LLVM::Linkage::Internal));
  source.walk([&](func::CallOp call) {
    copyFunction(module, library, call.getCallee());
  });
  return copy;
}

func::FuncOp moec::cpu::getLibraryFunction(ModuleOp module, StringRef name) {
  if (auto existing = module.lookupSymbol<func::FuncOp>(name))
    return existing;
  OwningOpRef<ModuleOp> library = parseLibrary(module.getContext());
  return copyFunction(module, *library, name);
}

ValueRange moec::cpu::callLibrary(TaskBuilder &b, StringRef name,
                                  ValueRange arguments) {
  auto module =
      b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  func::FuncOp callee = getLibraryFunction(module, name);
  SmallVector<Value> operands;
  for (auto [argument, type] :
       llvm::zip_equal(arguments, callee.getArgumentTypes()))
    operands.push_back(argument.getType() == type
                           ? argument
                           : memref::CastOp::create(b, type, argument));
  return func::CallOp::create(b, callee, operands).getResults();
}
