//===- MemoryFile.h - An input under a path -------------------------------===//
#ifndef MOEC_TEST_FUZZ_MEMORYFILE_H
#define MOEC_TEST_FUZZ_MEMORYFILE_H

#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace moec::fuzz {

/// A file in memory, for code that takes a path; it is there as long as this.
class MemoryFile {
public:
  MemoryFile(const uint8_t *data, size_t size)
      : descriptor(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (descriptor < 0 ||
        write(descriptor, data, size) != static_cast<ssize_t>(size))
      std::abort();
  }
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile &operator=(const MemoryFile &) = delete;
  ~MemoryFile() { close(descriptor); }

  static std::string folder() { return "/proc/self/fd"; }
  std::string name() const { return std::to_string(descriptor); }
  std::string path() const { return folder() + "/" + name(); }

private:
  int descriptor;
};

} // namespace moec::fuzz

#endif // MOEC_TEST_FUZZ_MEMORYFILE_H
