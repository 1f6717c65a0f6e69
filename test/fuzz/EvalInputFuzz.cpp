//===- EvalInputFuzz.cpp - The input of --eval ----------------------------===//

#include "runtime/EvalInput.h"
#include "test/fuzz/MemoryFile.h"

using namespace moec;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  constexpr int64_t vocab = 100;
  fuzz::MemoryFile input(data, size);
  Result<std::vector<std::vector<int32_t>>> sequences =
      readEvalInput(input.path(), vocab);
  if (!sequences.ok())
    return 0;
  // What it promises to those who index tables with these ids.
  for (const std::vector<int32_t> &sequence : *sequences) {
    if (sequence.empty() || sequence.size() != sequences->front().size())
      std::abort();
    for (int32_t id : sequence)
      if (id < 0 || id >= vocab)
        std::abort();
  }
  return 0;
}
