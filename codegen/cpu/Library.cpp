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

func::FuncOp Library::get(StringRef name) {
  if (auto existing = target.lookupSymbol<func::FuncOp>(name))
    return existing;
  MLIRContext *context = target.getContext();
  if (!source)
    source = parseSourceString<ModuleOp>(kLibraryText, ParserConfig(context),
                                         "cpu library");
  auto function = source->lookupSymbol<func::FuncOp>(name);
  assert(function && "no such function in the library");
  OpBuilder builder = OpBuilder::atBlockEnd(target.getBody());
  auto copy = cast<func::FuncOp>(builder.clone(*function));
  copy->setAttr("llvm.linkage",
                LLVM::LinkageAttr::get(context, LLVM::Linkage::Internal));
  function.walk([&](func::CallOp call) { get(call.getCallee()); });
  return copy;
}

ValueRange moec::cpu::callLibrary(TaskBuilder &b, StringRef name,
                                  ValueRange arguments) {
  func::FuncOp callee = b.getLibrary().get(name);
  SmallVector<Value> operands;
  for (auto [argument, type] :
       llvm::zip_equal(arguments, callee.getArgumentTypes()))
    operands.push_back(argument.getType() == type
                           ? argument
                           : memref::CastOp::create(b, type, argument));
  return func::CallOp::create(b, callee, operands).getResults();
}
