//===- WriteModule.cpp - A module as text in a file -------------------------===//

#include "tools/moec/WriteModule.h"

#include "tools/moec/OutputFile.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

using namespace moec;

static Status print(mlir::ModuleOp module, const std::string &path) {
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  if (!error) {
    module->print(out);
    out << '\n';
    out.close();
    error = out.error();
    // The destructor of a stream in error ends the process.
    out.clear_error();
  }
  return error
             ? Status::error("cannot write '" + path + "': " + error.message())
             : Status::success();
}

Status moec::writeModule(mlir::ModuleOp module, const std::string &path) {
  if (path == "-")
    return print(module, path);
  OutputFile file(path);
  MOEC_RETURN_IF_ERROR(print(module, file.getPath()));
  return file.keep();
}
