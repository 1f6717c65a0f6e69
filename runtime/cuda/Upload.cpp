//===- Upload.cpp - From a mapped file to the memory of a GPU -------------===//

#include "runtime/Progress.h"
#include "runtime/cuda/Gpu.h"
#include "support/MappedFile.h"

#include <algorithm>
#include <cstring>

using namespace moec;
using namespace moec::cuda;

namespace {

/// Large enough that the bus is busy, small enough that reading the first chunk
/// delays nothing.
constexpr int64_t chunkBytes = 16 << 20;

/// A buffer that is filled from the file while the GPU copies from the other.
struct Staging {
  PinnedMemory memory;
  /// The last copy from it.
  EventHandle copied;
  bool inFlight = false;
};

} // namespace

Status moec::cuda::upload(const Gpu &gpu, const DeviceMemory &destination,
                          const uint8_t *source, int64_t bytes) {
  if (bytes == 0)
    return Status::success();
  Staging stages[2];
  for (Staging &stage : stages) {
    MOEC_ASSIGN_OR_RETURN(
        stage.memory, PinnedMemory::allocate(gpu, std::min(bytes, chunkBytes)));
    MOEC_ASSIGN_OR_RETURN(stage.copied, EventHandle::create(gpu, false));
  }
  Progress progress(static_cast<size_t>(bytes >> 20),
                    "MiB of weights on the GPU");
  const auto copyChunk = [&](Staging &stage, int64_t begin,
                             int64_t length) -> Status {
    if (stage.inFlight)
      MOEC_RETURN_IF_ERROR(stage.copied.wait());
    const auto size = static_cast<size_t>(length);
    if (begin + length < bytes)
      willRead(source + begin + length,
               std::min<uint64_t>(chunkBytes, bytes - begin - length));
    std::memcpy(stage.memory.data(), source + begin, size);
    wasRead(source + begin, size);
    MOEC_RETURN_IF_ERROR(gpu.check(
        gpu.driver().cuMemcpyHtoDAsync(destination.address() + begin,
                                       stage.memory.data(), size, gpu.stream()),
        "copying weights to the GPU"));
    stage.inFlight = true;
    return stage.copied.record();
  };
  Status status = Status::success();
  for (int64_t begin = 0; begin < bytes && status.ok(); begin += chunkBytes) {
    progress.update(static_cast<size_t>(begin >> 20));
    status = copyChunk(stages[begin / chunkBytes % 2], begin,
                       std::min(chunkBytes, bytes - begin));
  }
  // Also after an error: the GPU may be reading from memory that goes with us.
  Status finished = gpu.check(gpu.driver().cuStreamSynchronize(gpu.stream()),
                              "copying weights to the GPU");
  return status.ok() ? finished : status;
}
