//===- MappedFile.cpp - A whole file, read-only, in memory ----------------===//
#include "support/MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace moec;

namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0)
      ::close(fd);
  }
};

Status systemError(const std::string &path, const std::string &what) {
  return Status::error(path + ": " + what + ": " + std::strerror(errno));
}

} // namespace

Result<std::shared_ptr<MappedFile>> MappedFile::open(const std::string &path) {
  // O_NONBLOCK: opening a pipe must not wait for a writer.
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0)
    return systemError(path, "cannot open");
  struct stat info;
  if (::fstat(file.fd, &info) != 0)
    return systemError(path, "cannot stat");
  if (S_ISDIR(info.st_mode))
    return Status::error(path + ": expected a file, found a directory");
  if (!S_ISREG(info.st_mode))
    return Status::error(path + ": expected a regular file");
  if (info.st_size == 0)
    return Status::error(path + ": the file is empty");
  void *bytes =
      ::mmap(nullptr, info.st_size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (bytes == MAP_FAILED)
    return systemError(path, "cannot map");
  return std::shared_ptr<MappedFile>(
      new MappedFile(path, static_cast<const uint8_t *>(bytes), info.st_size));
}

MappedFile::~MappedFile() { ::munmap(const_cast<uint8_t *>(bytes), length); }

/// Advice for all pages that hold one of the bytes. It is only a hint: a failure
/// changes nothing.
static void advise(const uint8_t *data, uint64_t bytes, int advice) {
  static const uintptr_t pageBytes = uintptr_t(::sysconf(_SC_PAGESIZE));
  uintptr_t begin = reinterpret_cast<uintptr_t>(data);
  uintptr_t page = begin - begin % pageBytes;
  ::madvise(reinterpret_cast<void *>(page), begin + bytes - page, advice);
}

void moec::willRead(const uint8_t *data, uint64_t bytes) {
  advise(data, bytes, MADV_WILLNEED);
}

// The pages of a read-only mapping are never written, so they come back from the
// file if they are read after all.
void moec::wasRead(const uint8_t *data, uint64_t bytes) {
  advise(data, bytes, MADV_DONTNEED);
}
