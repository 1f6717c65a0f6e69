//===- Memory.cpp - Zeroed memory that is paid for when it is touched -----===//

#include "runtime/Memory.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

using namespace moec;

Result<Memory> Memory::reserve(int64_t bytes, const std::string &what) {
  if (bytes < 0)
    return Status::error(what + ": negative size " + std::to_string(bytes));
  Memory memory;
  if (bytes == 0)
    return memory;
  void *base = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED)
    return Status::error(what + ": cannot reserve " + std::to_string(bytes) +
                         " bytes: " + std::strerror(errno));
  // Advice only: a system without huge pages answers with an error that changes
  // nothing.
  madvise(base, static_cast<size_t>(bytes), MADV_HUGEPAGE);
  memory.base = base;
  memory.bytes = bytes;
  return memory;
}

Memory::Memory(Memory &&other) noexcept
    : base(std::exchange(other.base, nullptr)),
      bytes(std::exchange(other.bytes, 0)) {}

Memory &Memory::operator=(Memory &&other) noexcept {
  std::swap(base, other.base);
  std::swap(bytes, other.bytes);
  return *this;
}

Memory::~Memory() {
  if (base)
    munmap(base, static_cast<size_t>(bytes));
}
