//===- SafeTensorsWriter.cpp - Writing safetensors ------------------------===//
#include "support/Json.h"
#include "support/SafeTensors.h"
#include "support/Utf8.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>

using namespace moec;

namespace {

template <typename T>
TensorData fromValues(DType dtype, std::vector<int64_t> shape,
                      const std::vector<T> &values) {
  TensorData tensor{dtype, std::move(shape), {}};
  tensor.data.resize(values.size() * sizeof(T));
  if (!values.empty())
    std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

Status check(const std::string &name, const TensorData &tensor) {
  std::string where = "tensor '" + name + "'";
  if (findInvalidUtf8(name) || name == "__metadata__")
    return Status::error(where + ": not a name for a tensor");
  uint64_t bytes = dtypeBytes(tensor.dtype);
  for (int64_t extent : tensor.shape)
    if (extent < 0 || __builtin_mul_overflow(bytes, uint64_t(extent), &bytes))
      return Status::error(where + ": invalid shape");
  if (bytes != tensor.data.size())
    return Status::error(where + ": the shape needs " + std::to_string(bytes) +
                         " bytes, found " + std::to_string(tensor.data.size()));
  return Status::success();
}

/// A file under a temporary name, removed unless it is committed.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &path)
      : finalPath(path), path(path + ".tmp." + std::to_string(::getpid())),
        file(std::fopen(this->path.c_str(), "wbx")) {}
  ~TemporaryFile() {
    if (!file)
      return;
    std::fclose(file);
    std::remove(path.c_str());
  }

  bool isOpen() const { return file; }
  bool write(const void *data, size_t bytes) {
    return bytes == 0 || std::fwrite(data, 1, bytes, file) == bytes;
  }
  bool commit() {
    if (std::fflush(file) != 0 ||
        std::rename(path.c_str(), finalPath.c_str()) != 0)
      return false;
    FILE *written = std::exchange(file, nullptr);
    return std::fclose(written) == 0;
  }

private:
  std::string finalPath;
  std::string path;
  FILE *file;
};

} // namespace

TensorData TensorData::fromFloats(std::vector<int64_t> shape,
                                  const std::vector<float> &values) {
  return fromValues(DType::F32, std::move(shape), values);
}

TensorData TensorData::fromInts(std::vector<int64_t> shape,
                                const std::vector<int64_t> &values) {
  return fromValues(DType::I64, std::move(shape), values);
}

Status
moec::writeSafeTensors(const std::string &path,
                       const std::map<std::string, TensorData> &tensors) {
  // Widest elements first: with a padded header, every tensor is aligned to its
  // elements.
  std::vector<const std::pair<const std::string, TensorData> *> order;
  for (const auto &entry : tensors) {
    MOEC_RETURN_IF_ERROR(check(entry.first, entry.second).withContext(path));
    order.push_back(&entry);
  }
  std::stable_sort(order.begin(), order.end(), [](auto *a, auto *b) {
    return dtypeBytes(a->second.dtype) > dtypeBytes(b->second.dtype);
  });

  Json header = Json::object();
  uint64_t offset = 0;
  for (auto *entry : order) {
    const TensorData &tensor = entry->second;
    uint64_t end = offset + tensor.data.size();
    header[entry->first] = {{"dtype", dtypeName(tensor.dtype)},
                            {"shape", tensor.shape},
                            {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string headerText = header.dump();
  headerText.resize((headerText.size() + 7) / 8 * 8, ' ');
  uint64_t headerBytes = headerText.size();

  auto failed = [&](const char *what) {
    return Status::error(path + ": " + what + ": " + std::strerror(errno));
  };
  TemporaryFile file(path);
  if (!file.isOpen())
    return failed("cannot create");
  bool written = file.write(&headerBytes, sizeof(headerBytes)) &&
                 file.write(headerText.data(), headerText.size());
  for (auto *entry : order)
    written = written &&
              file.write(entry->second.data.data(), entry->second.data.size());
  if (!written || !file.commit())
    return failed("cannot write");
  return Status::success();
}
