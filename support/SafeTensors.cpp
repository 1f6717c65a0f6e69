//===- SafeTensors.cpp - Reading safetensors ------------------------------===//
#include "support/SafeTensors.h"

#include "support/Json.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <set>

using namespace moec;

namespace {

/// The limit of the reference implementation.
constexpr uint64_t maxHeaderBytes = 100'000'000;

/// A half-open range of the data section.
struct Extent {
  uint64_t begin;
  uint64_t end;
  const std::string *tensor;
};

Result<std::vector<int64_t>> parseShape(const Json &info,
                                        const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(const Json *array, getArray(info, "shape", where));
  std::vector<int64_t> shape;
  for (const Json &extent : *array) {
    if (!extent.is_number_unsigned() ||
        extent.get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max()))
      return Status::error(where +
                           ": expected \"shape\" to hold extents, found " +
                           extent.dump());
    shape.push_back(extent.get<int64_t>());
  }
  return shape;
}

Result<std::pair<uint64_t, uint64_t>> parseOffsets(const Json &info,
                                                   const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(const Json *array,
                        getArray(info, "data_offsets", where));
  if (array->size() != 2 || !(*array)[0].is_number_unsigned() ||
      !(*array)[1].is_number_unsigned())
    return Status::error(
        where + ": expected \"data_offsets\" to be [begin, end], found " +
        array->dump());
  return std::make_pair((*array)[0].get<uint64_t>(),
                        (*array)[1].get<uint64_t>());
}

Result<uint64_t> byteSize(const std::vector<int64_t> &shape, DType dtype,
                          const std::string &where) {
  uint64_t bytes = dtypeBytes(dtype);
  // An overflow is an error even beside an extent of 0.
  bool overflow = false, empty = false;
  for (int64_t extent : shape) {
    if (extent == 0)
      empty = true;
    else
      overflow |= __builtin_mul_overflow(bytes, uint64_t(extent), &bytes);
  }
  if (overflow || bytes > uint64_t(std::numeric_limits<int64_t>::max()))
    return Status::error(where + ": the size of the shape overflows");
  return empty ? 0 : bytes;
}

/// Parses one entry of the header; `data` is the data section.
Result<TensorView> parseTensor(const std::string &name, const Json &info,
                               const MappedFile &file, const uint8_t *data,
                               uint64_t dataBytes, Extent &extent) {
  std::string where = file.path() + ": tensor '" + name + "'";
  TensorView view;
  view.name = name;
  view.file = file.path();
  MOEC_ASSIGN_OR_RETURN(auto dtypeText,
                        getMember<std::string>(info, "dtype", where));
  std::optional<DType> dtype = parseDType(dtypeText);
  if (!dtype)
    return Status::error(where + ": unknown dtype '" + dtypeText + "'");
  view.dtype = *dtype;
  MOEC_ASSIGN_OR_RETURN(view.shape, parseShape(info, where));
  MOEC_ASSIGN_OR_RETURN(view.bytes, byteSize(view.shape, *dtype, where));
  MOEC_ASSIGN_OR_RETURN(auto offsets, parseOffsets(info, where));
  auto [begin, end] = offsets;
  if (begin > end || end > dataBytes)
    return Status::error(where + ": data_offsets [" + std::to_string(begin) +
                         ", " + std::to_string(end) + "] do not lie in the " +
                         std::to_string(dataBytes) + " bytes of data");
  if (end - begin != view.bytes)
    return Status::error(
        where + ": the shape needs " + std::to_string(view.bytes) +
        " bytes, data_offsets hold " + std::to_string(end - begin));
  view.data = data + begin;
  extent = {begin, end, nullptr};
  return view;
}

/// The tensors must cover the data without holes or overlaps, as the reference
/// implementation demands: no two tensors share bytes, and nothing is hidden
/// between them.
Status checkCoverage(std::vector<Extent> extents, uint64_t dataBytes,
                     const std::string &path) {
  std::sort(extents.begin(), extents.end(),
            [](const Extent &a, const Extent &b) {
              return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
            });
  uint64_t covered = 0;
  for (const Extent &extent : extents) {
    if (extent.begin != covered)
      return Status::error(path + ": tensor '" + *extent.tensor + "' " +
                           (extent.begin < covered
                                ? "overlaps the one before it"
                                : "has a hole before it") +
                           ": it begins at " + std::to_string(extent.begin) +
                           ", expected " + std::to_string(covered));
    covered = extent.end;
  }
  if (covered != dataBytes)
    return Status::error(path + ": " + std::to_string(dataBytes) +
                         " bytes of data, the tensors cover " +
                         std::to_string(covered));
  return Status::success();
}

/// Free-form, but only strings.
Status checkMetadata(const Json &metadata, const std::string &path) {
  bool valid = metadata.is_object() &&
               std::all_of(metadata.begin(), metadata.end(),
                           [](const Json &value) { return value.is_string(); });
  return valid
             ? Status::success()
             : Status::error(
                   path + ": expected __metadata__ to map strings to strings");
}

/// A shard is a file of the folder itself: a name that leads elsewhere is
/// refused.
bool isPlainFileName(const std::string &name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == name.npos;
}

} // namespace

int64_t TensorView::numElements() const {
  return int64_t(bytes / dtypeBytes(dtype));
}

Result<SafeTensorsFile> SafeTensorsFile::open(const std::string &path) {
  SafeTensorsFile result;
  MOEC_ASSIGN_OR_RETURN(result.mapping, MappedFile::open(path));
  const MappedFile &file = *result.mapping;
  uint64_t headerBytes = 0;
  if (file.size() < sizeof(headerBytes))
    return Status::error(path + ": expected at least 8 bytes, found " +
                         std::to_string(file.size()));
  std::memcpy(&headerBytes, file.data(), sizeof(headerBytes));
  if (headerBytes > file.size() - sizeof(headerBytes))
    return Status::error(path + ": a header of " + std::to_string(headerBytes) +
                         " bytes in a file of " + std::to_string(file.size()));
  std::string_view headerText =
      file.text().substr(sizeof(headerBytes), headerBytes);
  if (headerText.empty() || headerText.front() != '{')
    return Status::error(path + ": the header does not begin with '{'");
  MOEC_ASSIGN_OR_RETURN(Json header,
                        parseJson(headerText, path + ": header",
                                  {maxHeaderBytes, /*maxDepth=*/8}));

  const uint8_t *data = file.data() + sizeof(headerBytes) + headerBytes;
  uint64_t dataBytes = file.size() - sizeof(headerBytes) - headerBytes;
  std::vector<Extent> extents;
  for (const auto &[name, info] : header.items()) {
    if (name == "__metadata__") {
      MOEC_RETURN_IF_ERROR(checkMetadata(info, path));
      continue;
    }
    Extent extent;
    MOEC_ASSIGN_OR_RETURN(
        auto view, parseTensor(name, info, file, data, dataBytes, extent));
    auto entry = result.byName.emplace(name, std::move(view)).first;
    extent.tensor = &entry->first;
    extents.push_back(extent);
  }
  MOEC_RETURN_IF_ERROR(checkCoverage(std::move(extents), dataBytes, path));
  return result;
}

const TensorView *SafeTensorsFile::find(const std::string &name) const {
  auto entry = byName.find(name);
  return entry == byName.end() ? nullptr : &entry->second;
}

Result<SafeTensorsFolder> SafeTensorsFolder::open(const std::string &folder) {
  SafeTensorsFolder result;
  // As transformers does, a single file wins over an index.
  std::string single = folder + "/model.safetensors";
  std::string index = folder + "/model.safetensors.index.json";
  std::error_code ignored;
  if (std::filesystem::exists(single, ignored)) {
    MOEC_ASSIGN_OR_RETURN(auto file, SafeTensorsFile::open(single));
    result.byName = file.tensors();
    result.files.push_back(std::move(file));
    return result;
  }
  if (!std::filesystem::exists(index, ignored))
    return Status::error(folder +
                         ": expected model.safetensors or "
                         "model.safetensors.index.json, found neither");

  MOEC_ASSIGN_OR_RETURN(Json root, readJsonFile(index));
  MOEC_ASSIGN_OR_RETURN(const Json *weightMap,
                        getObject(root, "weight_map", index));
  std::set<std::string> shards;
  for (const auto &[name, shard] : weightMap->items()) {
    if (!shard.is_string() ||
        !isPlainFileName(shard.get_ref<const std::string &>()))
      return Status::error(
          index + ": tensor '" + name +
          "': expected the name of a file of this folder, found " +
          shard.dump());
    shards.insert(shard.get<std::string>());
  }
  for (const std::string &shard : shards) {
    MOEC_ASSIGN_OR_RETURN(auto file,
                          SafeTensorsFile::open(folder + "/" + shard));
    for (const auto &[name, view] : file.tensors()) {
      auto [entry, isNew] = result.byName.emplace(name, view);
      if (!isNew)
        return Status::error(index + ": tensor '" + name + "' is in both " +
                             entry->second.file + " and " + view.file);
    }
    result.files.push_back(std::move(file));
  }
  for (const auto &[name, shard] : weightMap->items()) {
    std::string expected = folder + "/" + shard.get<std::string>();
    const TensorView *view = result.find(name);
    if (!view || view->file != expected)
      return Status::error(index + ": tensor '" + name + "' is not in " +
                           expected);
  }
  return result;
}

const TensorView *SafeTensorsFolder::find(const std::string &name) const {
  auto entry = byName.find(name);
  return entry == byName.end() ? nullptr : &entry->second;
}

namespace {

/// Each element of a tensor of Stored through `convert`.
template <typename Stored, typename Value, typename Convert>
std::vector<Value> mapElements(const TensorView &tensor, Convert convert) {
  std::vector<Value> values(tensor.numElements());
  for (size_t i = 0; i < values.size(); ++i) {
    Stored element; // views are not aligned
    std::memcpy(&element, tensor.data + i * sizeof(Stored), sizeof(Stored));
    values[i] = convert(element);
  }
  return values;
}

Status wrongDType(const TensorView &tensor, const char *expected) {
  return Status::error(tensor.file + ": tensor '" + tensor.name +
                       "': expected " + expected + ", found " +
                       std::string(dtypeName(tensor.dtype)));
}

} // namespace

Result<std::vector<float>> moec::readFloats(const TensorView &tensor) {
  switch (tensor.dtype) {
  case DType::F32:
    return mapElements<float, float>(tensor, [](float x) { return x; });
  case DType::F16:
    return mapElements<uint16_t, float>(tensor, f16ToFloat);
  case DType::BF16:
    return mapElements<uint16_t, float>(tensor, bf16ToFloat);
  case DType::F8_E4M3:
    return mapElements<uint8_t, float>(tensor, f8E4M3ToFloat);
  case DType::F8_E5M2:
    return mapElements<uint8_t, float>(tensor, f8E5M2ToFloat);
  case DType::F8_E8M0:
    return mapElements<uint8_t, float>(tensor, f8E8M0ToFloat);
  default:
    return wrongDType(tensor, "a type that f32 holds exactly");
  }
}

Result<std::vector<int64_t>> moec::readInts(const TensorView &tensor) {
  auto widen = [](auto x) { return int64_t(x); };
  switch (tensor.dtype) {
  case DType::I64:
    return mapElements<int64_t, int64_t>(tensor, widen);
  case DType::I32:
    return mapElements<int32_t, int64_t>(tensor, widen);
  case DType::U32:
    return mapElements<uint32_t, int64_t>(tensor, widen);
  case DType::I16:
    return mapElements<int16_t, int64_t>(tensor, widen);
  case DType::U16:
    return mapElements<uint16_t, int64_t>(tensor, widen);
  case DType::I8:
    return mapElements<int8_t, int64_t>(tensor, widen);
  case DType::U8:
  case DType::BOOL:
    return mapElements<uint8_t, int64_t>(tensor, widen);
  default:
    return wrongDType(tensor, "an integer type that i64 holds exactly");
  }
}
