//===- TemporaryFile.cpp - A file that is there whole or not at all -------===//

#include "support/TemporaryFile.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

using namespace moec;

static Status failure(const std::string &path, const char *what) {
  return Status::error(path + ": " + what + ": " + std::strerror(errno));
}

Result<TemporaryFile> TemporaryFile::create(const std::string &path) {
  std::string temporary = path + ".tmp." + std::to_string(::getpid());
  // Of a process that was killed: in a container all may have our number.
  std::remove(temporary.c_str());
  std::FILE *file = std::fopen(temporary.c_str(), "wbx");
  if (!file)
    return failure(path, "cannot create");
  return TemporaryFile(path, std::move(temporary), file);
}

TemporaryFile::~TemporaryFile() {
  if (file)
    std::remove(temporary.c_str());
}

Status TemporaryFile::commit() {
  if (std::fflush(file.get()) != 0 || std::ferror(file.get()) ||
      std::rename(temporary.c_str(), path.c_str()) != 0)
    return failure(path, "cannot write");
  file.reset();
  return Status::success();
}
