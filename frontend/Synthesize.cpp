//===- Synthesize.cpp - Checkpoints of random weights ---------------------===//

#include "frontend/Synthesize.h"

#include "frontend/ModelParts.h"
#include "frontend/Tensors.h"
#include "support/Json.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <cmath>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

using namespace moec;
using namespace mlir;

//===----------------------------------------------------------------------===//
// What is written
//===----------------------------------------------------------------------===//

/// Norms are around 1. A matrix keeps the magnitude of what it multiplies: the
/// products of a row sum to a deviation of 1. Biases, also those of a router's
/// choice, are small beside that. An embedding starts at 1; as a head too it
/// has to be a matrix.
static void chooseDistribution(const WeightUse &use, RandomTensor &tensor) {
  if (use.part == ModelPart::Norms && !use.isBias) {
    tensor.mean = 1;
    tensor.deviation = 0.1;
  } else if (use.part == ModelPart::Embedding && !use.isHead) {
    tensor.deviation = 1;
  } else if (tensor.info.shape.size() > 1) {
    tensor.deviation = 1 / std::sqrt(double(tensor.info.shape.back()));
  } else {
    tensor.deviation = 0.02;
  }
}

/// What safetensors calls the type; an error if it does not have it.
static Result<DType> storedType(moe::WeightOp weight, Type element) {
  for (DType dtype : {DType::F32, DType::F16, DType::BF16})
    if (elementTypeOf(dtype, *element.getContext()) == element)
      return dtype;
  if (isa<Float8E4M3FNType>(element))
    return DType::F8_E4M3;
  std::string text;
  llvm::raw_string_ostream(text) << element;
  return Status::error("weight '" + weight.getSymName().str() +
                       "': expected elements of a checkpoint, found " + text);
}

/// Elements that fill the range of FP8, and the scales that bring blocks of
/// them back to the deviation wanted; they differ, to be told apart.
static void quantize(RandomTensor &elements, RandomTensor &scales) {
  constexpr double greatestF8 = 448, greatestQuantile = 4.5;
  double unit = greatestF8 / greatestQuantile;
  scales.mean = elements.deviation / unit;
  scales.deviation = 0.1 * scales.mean;
  elements.deviation = unit;
}

/// The shape of each of a weight's tensors: they are joined along rows, and
/// experts have a tensor each. Of a tensor of heads only some rows of each head
/// may be taken.
static std::vector<int64_t> tensorShape(moe::WeightOp weight,
                                        moe::PartAttr part) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(weight.getType()).getShape();
  if (int64_t heads = part.getHeads())
    return {heads * part.getEnd(), shape.back()};
  if (shape.size() == 3)
    shape = shape.drop_front();
  std::vector<int64_t> result(shape);
  result.front() /= int64_t(weight.getParts().size());
  return result;
}

namespace {

/// The tensors by name; several weights may take rows of one tensor.
class TensorList {
public:
  Status add(const RandomTensor &tensor) {
    auto [known, isNew] = indexOf.try_emplace(tensor.info.name, tensors.size());
    if (!isNew) {
      int64_t &rows = tensors[known->second].info.shape.front();
      rows = std::max(rows, tensor.info.shape.front());
      return Status::success();
    }
    // The largest models have a hundred thousand.
    constexpr size_t mostTensors = size_t(1) << 22;
    if (tensors.size() == mostTensors)
      return Status::error("the model has more than " +
                           std::to_string(mostTensors) + " tensors");
    tensors.push_back(tensor);
    return Status::success();
  }
  std::vector<RandomTensor> take() { return std::move(tensors); }

private:
  std::vector<RandomTensor> tensors;
  llvm::StringMap<size_t> indexOf;
};

} // namespace

static Status addTensors(const WeightUse &use, TensorList &list) {
  moe::WeightOp weight = use.weight;
  auto type = cast<RankedTensorType>(weight.getType());
  auto scaled = dyn_cast<moe::ScaledType>(type.getElementType());
  RandomTensor tensor, scales;
  MOEC_ASSIGN_OR_RETURN(
      tensor.info.dtype,
      storedType(weight, scaled ? scaled.getStored() : type.getElementType()));
  if (scaled) {
    MOEC_ASSIGN_OR_RETURN(scales.info.dtype,
                          storedType(weight, scaled.getScale()));
  }
  for (auto part : weight.getParts().getAsRange<moe::PartAttr>()) {
    tensor.info.shape = tensorShape(weight, part);
    chooseDistribution(use, tensor);
    if (scaled) {
      if (!part.getScale())
        return Status::error("weight '" + weight.getSymName().str() +
                             "': expected a tensor of scales");
      const std::vector<int64_t> &shape = tensor.info.shape;
      scales.info.shape = {
          int64_t(llvm::divideCeil(shape[0], scaled.getRows())),
          int64_t(llvm::divideCeil(shape[1], scaled.getColumns()))};
      quantize(tensor, scales);
    }
    bool perExpert = type.getRank() == 3 && !part.getHeads();
    for (int64_t i = 0, n = perExpert ? type.getDimSize(0) : 1; i < n; ++i) {
      tensor.info.name = tensorName(part.getTensor(), i);
      MOEC_RETURN_IF_ERROR(list.add(tensor));
      if (scaled) {
        scales.info.name = tensorName(part.getScale(), i);
        MOEC_RETURN_IF_ERROR(list.add(scales));
      }
    }
  }
  return Status::success();
}

Result<std::vector<RandomTensor>> moec::listRandomTensors(ModuleOp module) {
  MOEC_ASSIGN_OR_RETURN(std::vector<WeightUse> uses, findWeightUses(module));
  TensorList list;
  for (const WeightUse &use : uses)
    MOEC_RETURN_IF_ERROR(addTensors(use, list));
  return list.take();
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

namespace {

/// What 16 random bits stand for.
constexpr size_t kOutcomes = size_t(1) << 16;
/// Random bits make four elements at once.
constexpr size_t kElementsOfDraw = 4;

/// The values below which (i + ½) / kOutcomes of a standard normal distribution
/// lies, ascending.
std::vector<double> normalQuantiles() {
  std::vector<double> quantiles(kOutcomes);
  double x = 0;
  for (size_t i = kOutcomes / 2; i < kOutcomes; ++i) {
    double target = (i + 0.5) / kOutcomes;
    // Newton's method from the left of a concave function never overshoots.
    for (double step = 1; step > 1e-12;) {
      double below = 0.5 * std::erfc(-x / std::sqrt(2.0));
      double density = std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
      step = (target - below) / density;
      x += step;
    }
    quantiles[i] = x;
    quantiles[kOutcomes - 1 - i] = -x;
  }
  return quantiles;
}

const llvm::fltSemantics &semanticsOf(DType dtype) {
  switch (dtype) {
  case DType::F16:
    return llvm::APFloat::IEEEhalf();
  case DType::BF16:
    return llvm::APFloat::BFloat();
  case DType::F8_E4M3:
    return llvm::APFloat::Float8E4M3FN();
  default:
    return llvm::APFloat::IEEEsingle();
  }
}

/// The bytes of each outcome, one after the other.
using Outcomes = std::vector<uint8_t>;

Outcomes encodeOutcomes(const std::vector<double> &quantiles,
                        const RandomTensor &tensor) {
  unsigned bytes = dtypeBytes(tensor.info.dtype);
  Outcomes outcomes(kOutcomes * bytes);
  for (size_t i = 0; i < kOutcomes; ++i) {
    llvm::APFloat value(tensor.mean + tensor.deviation * quantiles[i]);
    bool inexact;
    value.convert(semanticsOf(tensor.info.dtype),
                  llvm::APFloat::rmNearestTiesToEven, &inexact);
    uint64_t bits = value.bitcastToAPInt().getZExtValue();
    std::memcpy(&outcomes[i * bytes], &bits, bytes); // little-endian
  }
  return outcomes;
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): consecutive
/// integers become independent bits.
uint64_t scramble(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/// FNV-1a, from the seed on.
uint64_t keyOf(uint64_t seed, StringRef name) {
  uint64_t key = 0xcbf29ce484222325 ^ scramble(seed + 1);
  for (uint8_t byte : name.bytes())
    key = (key ^ byte) * 0x100000001b3;
  return scramble(key);
}

/// `count` elements from the one at `begin` on, a multiple of kElementsOfDraw.
template <typename Element>
void draw(const uint8_t *outcomes, uint64_t key, uint64_t begin, size_t count,
          uint8_t *out) {
  constexpr uint64_t golden = 0x9e3779b97f4a7c15;
  for (size_t i = 0; i < count; i += kElementsOfDraw) {
    uint64_t bits = scramble(key + (begin + i) / kElementsOfDraw * golden);
    size_t end = std::min(count, i + kElementsOfDraw);
    for (size_t j = i; j < end; ++j, bits >>= 16)
      std::memcpy(out + j * sizeof(Element),
                  outcomes + (bits & (kOutcomes - 1)) * sizeof(Element),
                  sizeof(Element));
  }
}

void draw(unsigned bytes, const Outcomes &outcomes, uint64_t key,
          uint64_t begin, size_t count, uint8_t *out) {
  switch (bytes) {
  case 1:
    return draw<uint8_t>(outcomes.data(), key, begin, count, out);
  case 2:
    return draw<uint16_t>(outcomes.data(), key, begin, count, out);
  default:
    return draw<uint32_t>(outcomes.data(), key, begin, count, out);
  }
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// Elements that a thread makes at a time.
constexpr uint64_t kPieceElements = uint64_t(1) << 20;

class CheckpointWriter {
public:
  CheckpointWriter(const std::vector<RandomTensor> &tensors,
                   const std::string &folder, const SynthesisOptions &options)
      : tensors(tensors), folder(folder), options(options) {}

  Status run();

private:
  /// Tensors [begin, end), whose pieces any thread takes.
  struct Shard {
    size_t begin, end;
    uint64_t bytes;
    std::string name;
  };
  struct Piece {
    size_t tensor;
    uint64_t begin, count;
  };

  Status planShards();
  Status writeShard(const Shard &shard);
  Status writePiece(const Shard &shard, SafeTensorsWriter &writer,
                    const Piece &piece, std::vector<uint8_t> &buffer);
  Status writeIndex();
  /// Equal distributions share their table.
  void encodeTables(const Shard &shard);

  using TableKey = std::tuple<DType, double, double>;
  static TableKey tableKey(const RandomTensor &tensor) {
    return {tensor.info.dtype, tensor.mean, tensor.deviation};
  }

  const std::vector<RandomTensor> &tensors;
  const std::string &folder;
  const SynthesisOptions &options;
  std::vector<uint64_t> sizes;
  std::vector<Shard> shards;
  uint64_t total = 0, done = 0;
  const std::vector<double> quantiles = normalQuantiles();
  std::map<TableKey, Outcomes> tables;
};

} // namespace

Status CheckpointWriter::planShards() {
  for (size_t i = 0; i < tensors.size(); ++i) {
    MOEC_ASSIGN_OR_RETURN(uint64_t bytes, tensorBytes(tensors[i].info));
    sizes.push_back(bytes);
    if (shards.empty() || bytes > options.maxShardBytes - shards.back().bytes)
      shards.push_back({i, i, 0, ""});
    // Even a tensor that is too large alone has a shard.
    shards.back().end = i + 1;
    shards.back().bytes =
        std::min(options.maxShardBytes, shards.back().bytes + bytes);
    if (__builtin_add_overflow(total, bytes, &total))
      return Status::error(folder + ": the tensors are too large");
  }
  for (auto [i, shard] : llvm::enumerate(shards)) {
    llvm::raw_string_ostream name(shard.name);
    name << "model";
    if (shards.size() > 1)
      name << llvm::format("-%05zu-of-%05zu", i + 1, shards.size());
    name << ".safetensors";
  }
  return Status::success();
}

void CheckpointWriter::encodeTables(const Shard &shard) {
  for (size_t i = shard.begin; i < shard.end; ++i) {
    Outcomes &outcomes = tables[tableKey(tensors[i])];
    if (outcomes.empty())
      outcomes = encodeOutcomes(quantiles, tensors[i]);
  }
}

Status CheckpointWriter::writePiece(const Shard &shard,
                                    SafeTensorsWriter &writer,
                                    const Piece &piece,
                                    std::vector<uint8_t> &buffer) {
  const RandomTensor &tensor = tensors[piece.tensor];
  unsigned bytes = dtypeBytes(tensor.info.dtype);
  draw(bytes, tables.at(tableKey(tensor)),
       keyOf(options.seed, tensor.info.name), piece.begin, piece.count,
       buffer.data());
  return writer.write(piece.tensor - shard.begin, piece.begin * bytes,
                      buffer.data(), piece.count * bytes);
}

Status CheckpointWriter::writeShard(const Shard &shard) {
  encodeTables(shard);
  std::vector<TensorInfo> infos;
  std::vector<Piece> pieces;
  for (size_t i = shard.begin; i < shard.end; ++i) {
    infos.push_back(tensors[i].info);
    uint64_t elements = sizes[i] / dtypeBytes(tensors[i].info.dtype);
    for (uint64_t begin = 0; begin < elements; begin += kPieceElements)
      pieces.push_back({i, begin, std::min(kPieceElements, elements - begin)});
  }
  MOEC_ASSIGN_OR_RETURN(
      auto writer,
      SafeTensorsWriter::create(folder + "/" + shard.name, std::move(infos)));
  std::atomic<size_t> next = 0;
  std::mutex mutex; // of what follows, `done` and the progress
  Status error = Status::success();
  auto work = [&] {
    std::vector<uint8_t> buffer(kPieceElements * sizeof(uint32_t));
    for (size_t i; (i = next++) < pieces.size();) {
      Status written = writePiece(shard, writer, pieces[i], buffer);
      std::lock_guard lock(mutex);
      if (!error.ok())
        return;
      error = written;
      done +=
          pieces[i].count * dtypeBytes(tensors[pieces[i].tensor].info.dtype);
      if (error.ok() && options.progress && !options.progress(done, total))
        error = Status::error(folder + ": interrupted");
    }
  };
  std::vector<std::thread> threads;
  size_t count = std::max(1u, std::thread::hardware_concurrency());
  for (size_t i = 0; i < std::min(count, pieces.size()); ++i)
    threads.emplace_back(work);
  for (std::thread &thread : threads)
    thread.join();
  MOEC_RETURN_IF_ERROR(error);
  return writer.commit();
}

Status CheckpointWriter::writeIndex() {
  Json map = Json::object();
  for (const Shard &shard : shards)
    for (size_t i = shard.begin; i < shard.end; ++i)
      map[tensors[i].info.name] = shard.name;
  Json index = {{"metadata", {{"total_size", total}}},
                {"weight_map", std::move(map)}};
  std::string path = folder + "/model.safetensors.index.json";
  std::ofstream file(path);
  file << index.dump(2) << '\n';
  file.close();
  return file ? Status::success() : Status::error(path + ": cannot write");
}

Status CheckpointWriter::run() {
  MOEC_RETURN_IF_ERROR(planShards());
  for (const Shard &shard : shards)
    MOEC_RETURN_IF_ERROR(writeShard(shard));
  return shards.size() > 1 ? writeIndex() : Status::success();
}

Status moec::writeRandomTensors(const std::vector<RandomTensor> &tensors,
                                const std::string &folder,
                                const SynthesisOptions &options) {
  return CheckpointWriter(tensors, folder, options).run();
}
