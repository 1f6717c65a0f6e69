//===- OutputFile.cpp - Output that is whole or not there --------------------===//

#include "tools/moec/OutputFile.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"

#include <cerrno>
#include <csignal>

using namespace moec;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

std::string moec::temporaryName(const std::string &finalName) {
  const std::string prefix = finalName + ".tmp";
  llvm::SmallString<128> folder(prefix);
  path::remove_filename(folder);
  std::error_code error;
  if (folder.empty())
    folder = ".";
  for (fs::directory_iterator it(folder, error), end; it != end && !error;
       it.increment(error)) {
    llvm::StringRef name = path::filename(it->path());
    pid_t process;
    if (!name.consume_front(path::filename(prefix)) ||
        name.getAsInteger(10, process) || process <= 0)
      continue;
    // Also under our own number: in a container all processes may have it.
    const bool isOurs = process == llvm::sys::Process::getProcessId();
    if (!isOurs && (::kill(process, 0) == 0 || errno != ESRCH))
      continue;
    if (it->type() == fs::file_type::directory_file)
      fs::remove_directories(it->path());
    else
      fs::remove(it->path());
  }
  return prefix + std::to_string(llvm::sys::Process::getProcessId());
}

OutputFile::OutputFile(const std::string &finalName)
    : finalName(finalName), path(temporaryName(finalName)) {
  llvm::sys::RemoveFileOnSignal(path);
}

OutputFile::~OutputFile() {
  fs::remove(path);
  llvm::sys::DontRemoveFileOnSignal(path);
}

Status OutputFile::keep() {
  if (std::error_code error = fs::rename(path, finalName))
    return Status::error("cannot rename '" + path + "' to '" + finalName +
                         "': " + error.message());
  return Status::success();
}
