//===- Memory.h - Zeroed memory that is paid for when it is touched -------===//
//
// The arena and the caches are sized for the greatest step and the longest
// context. Anonymous pages cost nothing until they are written, so a short
// prompt to a model with a long context uses little memory and starts at once.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_MEMORY_H
#define MOEC_RUNTIME_MEMORY_H

#include "support/Status.h"

#include <cstdint>
#include <string>

namespace moec {

/// Page-aligned zeroed memory, in huge pages where the system has them.
class Memory {
public:
  /// `what` names the memory in messages. No bytes, no memory: `data` is null.
  static Result<Memory> reserve(int64_t bytes, const std::string &what);

  Memory() = default;
  Memory(Memory &&other) noexcept;
  Memory &operator=(Memory &&other) noexcept;
  ~Memory();

  void *data() const { return base; }
  int64_t size() const { return bytes; }

private:
  void *base = nullptr;
  int64_t bytes = 0;
};

} // namespace moec

#endif // MOEC_RUNTIME_MEMORY_H
