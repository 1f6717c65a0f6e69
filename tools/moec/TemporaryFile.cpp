//===- TemporaryFile.cpp - Files that appear whole or not at all ------------===//

#include "tools/moec/TemporaryFile.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

using namespace moec;

TemporaryFile::TemporaryFile(const std::string &finalName)
    : finalName(finalName),
      path(finalName + ".tmp" +
           std::to_string(llvm::sys::Process::getProcessId())) {
  llvm::sys::fs::remove(path);
  llvm::sys::RemoveFileOnSignal(path);
}

TemporaryFile::~TemporaryFile() {
  llvm::sys::fs::remove(path);
  llvm::sys::DontRemoveFileOnSignal(path);
}

Status TemporaryFile::keep() {
  if (std::error_code error = llvm::sys::fs::rename(path, finalName))
    return Status::error("cannot rename '" + path + "' to '" + finalName +
                         "': " + error.message());
  return Status::success();
}

/// An error of the stream, which must not outlive it: its destructor would end
/// the process.
static Status print(mlir::ModuleOp module, const std::string &path) {
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  if (!error) {
    module->print(out);
    out << '\n';
    out.close();
    error = out.error();
    out.clear_error();
  }
  return error
             ? Status::error("cannot write '" + path + "': " + error.message())
             : Status::success();
}

Status moec::writeModule(mlir::ModuleOp module, const std::string &path) {
  if (path == "-")
    return print(module, path);
  TemporaryFile file(path);
  MOEC_RETURN_IF_ERROR(print(module, file.getPath()));
  return file.keep();
}
