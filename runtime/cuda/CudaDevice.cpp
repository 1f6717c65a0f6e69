//===- CudaDevice.cpp - A model on a GPU ----------------------------------===//

#include "runtime/cuda/CudaDevice.h"
#include "runtime/Format.h"
#include "runtime/cuda/Image.h"
#include "runtime/cuda/Launcher.h"

#include <algorithm>
#include <cstring>
#include <optional>

using namespace moec;
using namespace moec::cuda;

static std::string formatSize(int64_t bytes) {
  return formatBytes(static_cast<double>(bytes));
}

//===------------------------------------------------------------------------===//
// Memory
//===------------------------------------------------------------------------===//

namespace {

/// What a model needs on the GPU, in bytes.
struct MemoryNeeds {
  int64_t weights = 0, caches = 0, arena = 0, scratch = 0, logits = 0;

  static Result<MemoryNeeds> of(const moert_model &model) {
    MemoryNeeds needs;
    needs.weights = model.weights_bytes;
    needs.arena = model.arena_bytes;
    needs.scratch = model.scratch_bytes;
    bool overflow = __builtin_mul_overflow(
        model.max_tokens, model.vocab * int64_t{sizeof(float)}, &needs.logits);
    for (uint32_t i = 0; i < model.num_caches; ++i) {
      MOEC_ASSIGN_OR_RETURN(int64_t bytes, cacheBytes(model, model.caches[i]));
      overflow |= __builtin_add_overflow(needs.caches, bytes, &needs.caches);
    }
    int64_t sum = 0;
    for (int64_t bytes : {needs.weights, needs.caches, needs.arena,
                          needs.scratch, needs.logits})
      overflow |= __builtin_add_overflow(sum, bytes, &sum);
    if (overflow)
      return Status::error("what the model needs on the GPU overflows 64 bits");
    return needs;
  }

  int64_t total() const { return weights + caches + arena + scratch + logits; }
  std::string text() const {
    return formatSize(total()) + ": weights " + formatSize(weights) +
           ", caches " + formatSize(caches) + ", arena " + formatSize(arena) +
           ", scratch " + formatSize(scratch) + ", logits " +
           formatSize(logits);
  }
};

/// The arrays of a batch in one block, so that one copy takes all of them. Each
/// begins at a multiple of 16 elements.
struct BatchLayout {
  int64_t positions, cacheRows, outputRows, end;

  BatchLayout(int64_t tokens, int64_t outputs)
      : positions(aligned(tokens)), cacheRows(positions + aligned(tokens)),
        outputRows(cacheRows + aligned(tokens)),
        end(outputRows + aligned(outputs)) {}

  static int64_t aligned(int64_t count) { return (count + 15) / 16 * 16; }
  int64_t bytes() const { return end * int64_t{sizeof(int32_t)}; }
};

/// Rows of logits that come back through pinned memory: more are so large that
/// the detour is lost in the copy.
constexpr int64_t maxPinnedRows = 16;

class CudaDevice final : public Device {
public:
  explicit CudaDevice(const moert_model &model) : model(model) {}
  ~CudaDevice() override;

  Status open(const uint8_t *weightsSection, const moert_options &options);

  Status step(const moert_batch &batch, float *logits) override;
  std::string description() const override {
    return gpu->properties().description();
  }
  unsigned threads() const override { return 0; }
  moert_counters counters() const override { return launcher->counters(); }
  const std::vector<GraphUse> &graphs() const override {
    return launcher->graphs();
  }
  Lanes lanes() const override { return {1, "stream"}; }
  void setTrace(Trace *trace) override;
  Result<Roof> measureRoof() override { return gpu->measureRoof(); }
  std::string arithmeticUnit() const override {
    return gpu->properties().isSimulated()
               ? "simulated"
               : "BF16 on tensor cores at the greatest clock";
  }

private:
  Result<DeviceMemory> allocate(const MemoryNeeds &needs, int64_t bytes,
                                const std::string &what);
  Status allocateAll();
  Result<moert_batch> uploadBatch(const moert_batch &batch);
  Status enqueue(const moert_batch &batch, float *logits);
  /// Where the logits of a step land: pinned, or with the caller.
  float *landing(const moert_batch &batch, float *logits) const;
  int64_t logitsBytes(const moert_batch &batch) const {
    return batch.num_outputs * model.vocab * int64_t{sizeof(float)};
  }

  const moert_model &model;
  /// First, so that it goes last.
  std::unique_ptr<Gpu> gpu;
  std::optional<Modules> modules;
  DeviceMemory weightMemory, arena, scratch, logitsMemory, batchMemory;
  std::vector<DeviceMemory> cacheMemory;
  PinnedMemory pinnedBatch, pinnedLogits;
  std::vector<const void *> weights;
  std::vector<void *> caches;
  std::optional<Launcher> launcher;
  std::optional<Timeline> timeline;
  /// A GPU does nothing more in a context in which a kernel has failed.
  Status failure = Status::success();
};

} // namespace

//===------------------------------------------------------------------------===//
// Opening
//===------------------------------------------------------------------------===//

Result<DeviceMemory> CudaDevice::allocate(const MemoryNeeds &needs,
                                          int64_t bytes,
                                          const std::string &what) {
  Result<DeviceMemory> memory = DeviceMemory::allocate(*gpu, bytes, what);
  if (memory.ok())
    return memory;
  std::string available;
  size_t free = 0, total = 0;
  if (gpu->driver().cuMemGetInfo(&free, &total) == Success)
    available = "; " + formatSize(static_cast<int64_t>(free)) + " of " +
                formatSize(static_cast<int64_t>(total)) + " are free";
  return Status::error("cannot allocate " + formatSize(bytes) + " on " +
                       gpu->properties().name + " for " + memory.message() +
                       available + "; the model needs " + needs.text() +
                       "; compile it with a smaller --max-context or "
                       "--max-sequences (caches) or "
                       "--max-tokens (arena, logits), with --quantize q8 or q4 "
                       "(weights), or take "
                       "a smaller model or a larger GPU");
}

Status CudaDevice::allocateAll() {
  MOEC_ASSIGN_OR_RETURN(MemoryNeeds needs, MemoryNeeds::of(model));
  MOEC_ASSIGN_OR_RETURN(weightMemory,
                        allocate(needs, needs.weights, "the weights"));
  MOEC_ASSIGN_OR_RETURN(arena, allocate(needs, needs.arena, "the arena"));
  MOEC_ASSIGN_OR_RETURN(scratch, allocate(needs, needs.scratch, "scratch"));
  MOEC_ASSIGN_OR_RETURN(logitsMemory,
                        allocate(needs, needs.logits, "the logits"));
  for (uint32_t i = 0; i < model.num_caches; ++i) {
    MOEC_ASSIGN_OR_RETURN(int64_t bytes, cacheBytes(model, model.caches[i]));
    MOEC_ASSIGN_OR_RETURN(
        DeviceMemory memory,
        allocate(needs, bytes,
                 std::string("cache '") + model.caches[i].name + "'"));
    caches.push_back(memory.pointer());
    cacheMemory.push_back(std::move(memory));
    MOEC_RETURN_IF_ERROR(cacheMemory.back().clear());
  }
  MOEC_RETURN_IF_ERROR(scratch.clear());
  const int64_t batchBytes =
      BatchLayout(model.max_tokens, model.max_tokens).bytes();
  MOEC_ASSIGN_OR_RETURN(batchMemory, allocate(needs, batchBytes, "a batch"));
  MOEC_ASSIGN_OR_RETURN(pinnedBatch, PinnedMemory::allocate(*gpu, batchBytes));
  MOEC_ASSIGN_OR_RETURN(
      pinnedLogits,
      PinnedMemory::allocate(*gpu, std::min(model.max_tokens, maxPinnedRows) *
                                       model.vocab * int64_t{sizeof(float)}));
  return Status::success();
}

Status CudaDevice::open(const uint8_t *weightsSection,
                        const moert_options &options) {
  MOEC_ASSIGN_OR_RETURN(std::unique_ptr<Driver> driver, Driver::load());
  MOEC_ASSIGN_OR_RETURN(GpuProperties properties, chooseGpu(*driver, options));
  MOEC_ASSIGN_OR_RETURN(gpu,
                        Gpu::open(std::move(driver), std::move(properties)));
  Gpu::Scope scope(*gpu);
  modules.emplace(*gpu, model);
  MOEC_RETURN_IF_ERROR(modules->load());
  // All of it before the weights are read: what does not fit shows at once.
  MOEC_RETURN_IF_ERROR(allocateAll());
  for (uint32_t i = 0; i < model.num_weights; ++i)
    weights.push_back(static_cast<const uint8_t *>(weightMemory.pointer()) +
                      model.weights[i].offset);
  launcher.emplace(*gpu, model, *modules, scratch.pointer());
  return upload(*gpu, weightMemory, weightsSection, model.weights_bytes);
}

CudaDevice::~CudaDevice() {
  if (!gpu)
    return;
  // What is on the GPU goes while it is current; the rest goes with `gpu`.
  Gpu::Scope scope(*gpu);
  timeline.reset();
  launcher.reset();
  cacheMemory.clear();
  for (DeviceMemory *memory :
       {&weightMemory, &arena, &scratch, &logitsMemory, &batchMemory})
    *memory = DeviceMemory();
  for (PinnedMemory *memory : {&pinnedBatch, &pinnedLogits})
    *memory = PinnedMemory();
  modules.reset();
}

void CudaDevice::setTrace(Trace *trace) {
  Gpu::Scope scope(*gpu);
  timeline.reset();
  if (trace)
    timeline.emplace(*gpu, trace->lane(0));
  launcher->setTimeline(timeline ? &*timeline : nullptr);
}

//===------------------------------------------------------------------------===//
// Steps
//===------------------------------------------------------------------------===//

float *CudaDevice::landing(const moert_batch &batch, float *logits) const {
  return logitsBytes(batch) <= pinnedLogits.size()
             ? reinterpret_cast<float *>(pinnedLogits.data())
             : logits;
}

/// The batch with its arrays on the device.
Result<moert_batch> CudaDevice::uploadBatch(const moert_batch &batch) {
  const BatchLayout layout(batch.num_tokens, batch.num_outputs);
  const auto bytes = static_cast<size_t>(layout.bytes());
  auto *pinned = reinterpret_cast<int32_t *>(pinnedBatch.data());
  std::memset(pinned, 0, bytes);
  std::copy_n(batch.tokens, batch.num_tokens, pinned);
  std::copy_n(batch.positions, batch.num_tokens, pinned + layout.positions);
  std::copy_n(batch.cache_rows, batch.num_tokens, pinned + layout.cacheRows);
  std::copy_n(batch.output_rows, batch.num_outputs, pinned + layout.outputRows);
  MOEC_RETURN_IF_ERROR(
      gpu->check(gpu->driver().cuMemcpyHtoDAsync(batchMemory.address(), pinned,
                                                 bytes, gpu->stream()),
                 "copying the batch to the GPU"));
  launcher->counters().copied_bytes += bytes;
  const auto *base = static_cast<const int32_t *>(batchMemory.pointer());
  return moert_batch{batch.num_tokens,
                     batch.num_outputs,
                     base,
                     base + layout.positions,
                     base + layout.cacheRows,
                     base + layout.outputRows};
}

Status CudaDevice::enqueue(const moert_batch &batch, float *logits) {
  if (timeline)
    MOEC_RETURN_IF_ERROR(timeline->beginStep());
  launcher->beginStep(
      *std::max_element(batch.positions, batch.positions + batch.num_tokens));
  MOEC_ASSIGN_OR_RETURN(const moert_batch onDevice, uploadBatch(batch));
  if (timeline)
    MOEC_RETURN_IF_ERROR(timeline->copied(TraceKind::Upload));
  if (model.step(&*launcher, &onDevice, arena.pointer(), caches.data(),
                 weights.data(), static_cast<float *>(logitsMemory.pointer())))
    return Status::error(moert_last_error());
  if (batch.num_outputs == 0)
    return Status::success();
  const auto bytes = static_cast<size_t>(logitsBytes(batch));
  MOEC_RETURN_IF_ERROR(gpu->check(
      gpu->driver().cuMemcpyDtoHAsync(
          landing(batch, logits), logitsMemory.address(), bytes, gpu->stream()),
      "copying the logits from the GPU"));
  launcher->counters().copied_bytes += bytes;
  return timeline ? timeline->copied(TraceKind::Download) : Status::success();
}

Status CudaDevice::step(const moert_batch &batch, float *logits) {
  MOEC_RETURN_IF_ERROR(failure);
  Gpu::Scope scope(*gpu);
  const Status enqueued = enqueue(batch, logits);
  // Also after an error: what was enqueued before it is running.
  const int code = gpu->driver().cuStreamSynchronize(gpu->stream());
  moert_counters &counters = launcher->counters();
  ++counters.synchronisations;
  ++counters.joins;
  ++counters.steps;
  if (code != Success) {
    // A kernel's failure may have come out at a copy, which is not to blame.
    const Status status =
        launcher->refused() ? enqueued
                            : Status::error(gpu->driver().describe(code) +
                                            " in " + launcher->describeStep());
    failure = Status::error("the GPU failed in an earlier step (" +
                            status.message() + "); open the model again");
    return status;
  }
  MOEC_RETURN_IF_ERROR(enqueued);
  if (const float *landed = landing(batch, logits); landed != logits)
    std::memcpy(logits, landed, static_cast<size_t>(logitsBytes(batch)));
  return timeline ? timeline->endStep() : Status::success();
}

//===------------------------------------------------------------------------===//
// The way in
//===------------------------------------------------------------------------===//

Result<std::unique_ptr<Device>>
moec::cuda::openCudaDevice(const moert_model &model, const uint8_t *weights,
                           const moert_options &options) {
  auto device = std::make_unique<CudaDevice>(model);
  MOEC_RETURN_IF_ERROR(device->open(weights, options));
  return std::unique_ptr<Device>(std::move(device));
}

std::vector<DeviceLine>
moec::cuda::describeCudaDevice(const moert_model &model,
                               const moert_options &options) {
  std::vector<DeviceLine> lines;
  for (uint32_t i = 0; i < model.num_modules; ++i)
    lines.push_back(
        {i ? "" : "modules",
         std::string(model.modules[i].name) + ": " +
             formatSize(model.modules[i].bytes) + ", " +
             describeImage(model.modules[i].image, model.modules[i].bytes)});
  Result<MemoryNeeds> needs = MemoryNeeds::of(model);
  lines.push_back({"GPU memory", needs.ok() ? needs->text() : needs.message()});
  Result<std::unique_ptr<Driver>> driver = Driver::load();
  if (!driver.ok()) {
    lines.push_back({"GPU", "does not run here: " + driver.message()});
    return lines;
  }
  Result<GpuProperties> gpu = chooseGpu(**driver, options);
  lines.push_back({"GPU", gpu.ok()
                              ? std::to_string(gpu->ordinal) + ": " +
                                    gpu->description() + ", driver for CUDA " +
                                    (*driver)->version()
                              : "does not run here: " + gpu.message()});
  return lines;
}
