//===- Weights.cpp - From the tensors of a checkpoint to weights ----------===//
//
// The weight file is cut into chunks, runs of panels or rows of one weight.
// Threads take them in order, pack each into memory of their own and write it to
// its place: what is in memory is bounded by the threads, not by the model.
//
//===----------------------------------------------------------------------===//

#include "frontend/Weights.h"

#include "frontend/Panels.h"
#include "frontend/StoredWeight.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

using namespace moec;
using namespace mlir;

/// Bytes that a thread packs at a time: enough to make a write cheap, and little
/// enough that all threads have some to do.
static constexpr uint64_t kChunkBytes = uint64_t(1) << 22;

static Status error(moe::WeightOp weight, const Twine &message) {
  return Status::error(
      ("weight '" + weight.getSymName() + "': " + message).str());
}

Result<TensorData> moec::loadWeight(moe::WeightOp weight,
                                    const SafeTensorsFolder &checkpoint) {
  MOEC_ASSIGN_OR_RETURN(StoredWeight stored,
                        StoredWeight::resolve(weight, checkpoint));
  auto type = cast<RankedTensorType>(weight.getType());
  TensorData data{stored.dtype, type.getShape().vec(), {}};
  uint64_t rowBytes = uint64_t(stored.columns) * dtypeBytes(stored.dtype);
  data.data.resize(stored.count * stored.rows * rowBytes);
  uint8_t *out = data.data.data();
  std::vector<float> values(stored.scaled ? stored.columns : 0);
  for (int64_t matrix = 0; matrix < stored.count; ++matrix)
    for (int64_t r = 0; r < stored.rows; ++r, out += rowBytes) {
      StoredRow row = stored.row(matrix, r);
      if (stored.scaled)
        MOEC_RETURN_IF_ERROR(stored.readRow(row, values.data()));
      std::memcpy(out,
                  stored.scaled
                      ? reinterpret_cast<const uint8_t *>(values.data())
                      : row.data(),
                  rowBytes);
    }
  return data;
}

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

uint64_t moec::packedBytes(moe::WeightOp weight) {
  return moe::getStorageBytes(weight.getPackedType());
}

static int64_t offsetOf(moe::WeightOp weight) {
  return weight.getOffsetAttr().getInt();
}

namespace {

/// A weight and its place in the section.
struct Placed {
  uint64_t offset;
  PackedWeight weight;

  uint64_t end() const { return offset + weight.units() * weight.unitBytes(); }
};

/// Units [begin, end) of a weight.
struct Chunk {
  const Placed *placed;
  int64_t begin, end;

  uint64_t offset() const {
    return placed->offset + begin * placed->weight.unitBytes();
  }
  uint64_t bytes() const { return (end - begin) * placed->weight.unitBytes(); }
};

} // namespace

/// The weights in the order of their places, each of which must be free.
static Result<std::vector<Placed>>
placeWeights(ModuleOp module, const SafeTensorsFolder &checkpoint) {
  auto all = module.getOps<moe::WeightOp>();
  std::vector<moe::WeightOp> weights(all.begin(), all.end());
  for (moe::WeightOp weight : weights) {
    if (!weight.getOffset())
      return error(weight, "expected a planned offset, found none");
    if (offsetOf(weight) < 0 || offsetOf(weight) % kWeightAlignment)
      return error(weight, "expected an offset that is a multiple of " +
                               Twine(kWeightAlignment) + ", found " +
                               Twine(offsetOf(weight)));
  }
  llvm::stable_sort(weights, [](moe::WeightOp lhs, moe::WeightOp rhs) {
    return offsetOf(lhs) < offsetOf(rhs);
  });
  std::vector<Placed> placed;
  uint64_t end = 0;
  for (moe::WeightOp weight : weights) {
    if (uint64_t(offsetOf(weight)) < end)
      return error(weight, "expected an offset of at least " + Twine(end) +
                               ", where the weight before it ends, found " +
                               Twine(offsetOf(weight)));
    MOEC_ASSIGN_OR_RETURN(StoredWeight stored,
                          StoredWeight::resolve(weight, checkpoint));
    MOEC_ASSIGN_OR_RETURN(PackedWeight packed,
                          PackedWeight::create(weight, std::move(stored)));
    placed.push_back({uint64_t(offsetOf(weight)), std::move(packed)});
    end = placed.back().end();
  }
  return placed;
}

static std::vector<Chunk> cutIntoChunks(ArrayRef<Placed> weights) {
  std::vector<Chunk> chunks;
  for (const Placed &placed : weights) {
    int64_t units = placed.weight.units();
    int64_t step = std::max<int64_t>(
        1, kChunkBytes / std::max<uint64_t>(1, placed.weight.unitBytes()));
    for (int64_t begin = 0; begin < units; begin += step)
      chunks.push_back({&placed, begin, std::min(begin + step, units)});
  }
  return chunks;
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

namespace {

class Packer {
public:
  Packer(ArrayRef<Chunk> chunks, uint64_t total, const BundleWriter &writer,
         PackProgress progress)
      : chunks(chunks), total(total), writer(writer), progress(progress) {}

  Status run(unsigned threads) {
    std::vector<std::thread> helpers;
    for (unsigned i = 1; i < threads; ++i)
      helpers.emplace_back([this] { work(); });
    work();
    for (std::thread &helper : helpers)
      helper.join();
    return firstError;
  }

private:
  void work() {
    std::vector<uint8_t> buffer;
    while (!failed) {
      size_t index = next++;
      if (index >= chunks.size())
        return;
      finish(index, pack(chunks[index], buffer));
    }
  }

  Status pack(const Chunk &chunk, std::vector<uint8_t> &buffer) const {
    const PackedWeight &weight = chunk.placed->weight;
    buffer.resize(chunk.bytes());
    weight.visitSources(chunk.begin, chunk.end, willRead);
    Status packed = weight.pack(chunk.begin, chunk.end, buffer.data());
    weight.visitSources(chunk.begin, chunk.end, wasRead);
    MOEC_RETURN_IF_ERROR(packed);
    return writer.writeAt(chunk.offset(), buffer.data(), buffer.size());
  }

  /// Of several errors the first in the file is reported, whoever comes first:
  /// all chunks before one that was taken were taken too.
  void finish(size_t index, const Status &status) {
    std::lock_guard<std::mutex> lock(mutex);
    if (!status.ok()) {
      failed = true;
      if (index < errorIndex) {
        errorIndex = index;
        firstError = status;
      }
      return;
    }
    done += chunks[index].bytes();
    // Padding between weights counts once all is written.
    if (++finished == chunks.size())
      done = total;
    if (progress)
      progress(done, total);
  }

  ArrayRef<Chunk> chunks;
  uint64_t total;
  const BundleWriter &writer;
  PackProgress progress;

  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  // Under the lock:
  uint64_t done = 0;
  size_t finished = 0;
  size_t errorIndex = SIZE_MAX;
  Status firstError = Status::success();
};

} // namespace

Status moec::packWeights(ModuleOp module, const SafeTensorsFolder &checkpoint,
                         BundleWriter &writer, PackProgress progress,
                         unsigned threads) {
  MOEC_ASSIGN_OR_RETURN(std::vector<Placed> weights,
                        placeWeights(module, checkpoint));
  uint64_t total = weights.empty() ? 0 : weights.back().end();
  MOEC_RETURN_IF_ERROR(writer.reserveSection(kWeightsSection.str(), total));
  std::vector<Chunk> chunks = cutIntoChunks(weights);
  if (!threads)
    threads = std::max(1u, std::thread::hardware_concurrency());
  return Packer(chunks, total, writer, progress)
      .run(std::min<size_t>(threads, std::max<size_t>(1, chunks.size())));
}
