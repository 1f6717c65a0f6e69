//===- SafeTensorsWriter.cpp - Writing safetensors ------------------------===//
#include "support/SafeTensorsWriter.h"

#include "support/Json.h"
#include "support/SafeTensors.h"
#include "support/Utf8.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <unistd.h>
#include <utility>

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

/// The header with its length before it, and where each tensor's data begins in
/// the file. Widest elements first: with a padded header, every tensor is
/// aligned to its elements.
Result<std::string> layOut(const std::vector<TensorInfo> &tensors,
                           std::vector<uint64_t> &offsets,
                           uint64_t &fileBytes) {
  std::vector<size_t> order(tensors.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return dtypeBytes(tensors[a].dtype) > dtypeBytes(tensors[b].dtype);
  });

  Json header = Json::object();
  offsets.resize(tensors.size());
  uint64_t end = 0;
  for (size_t index : order) {
    const TensorInfo &info = tensors[index];
    std::string where = "tensor '" + info.name + "'";
    if (findInvalidUtf8(info.name) || info.name == "__metadata__" ||
        header.contains(info.name))
      return Status::error(where + ": not a name for a tensor");
    MOEC_ASSIGN_OR_RETURN(uint64_t bytes, tensorBytes(info));
    offsets[index] = end;
    if (__builtin_add_overflow(end, bytes, &end))
      return Status::error(where + ": too large");
    header[info.name] = {{"dtype", dtypeName(info.dtype)},
                         {"shape", info.shape},
                         {"data_offsets", {offsets[index], end}}};
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  uint64_t headerBytes = text.size();
  text.insert(0, reinterpret_cast<const char *>(&headerBytes),
              sizeof(headerBytes));
  for (uint64_t &offset : offsets)
    offset += text.size();
  fileBytes = text.size() + end;
  return text;
}

} // namespace

Result<uint64_t> moec::tensorBytes(const TensorInfo &info) {
  uint64_t bytes = dtypeBytes(info.dtype);
  bool valid = true;
  for (int64_t extent : info.shape)
    valid &=
        extent >= 0 && !__builtin_mul_overflow(bytes, uint64_t(extent), &bytes);
  if (!valid || bytes > uint64_t(std::numeric_limits<int64_t>::max()))
    return Status::error("tensor '" + info.name + "': invalid shape");
  return bytes;
}

//===----------------------------------------------------------------------===//
// In pieces
//===----------------------------------------------------------------------===//

struct SafeTensorsWriter::Impl {
  std::string finalPath, path;
  int file = -1;
  std::vector<TensorInfo> tensors;
  std::vector<uint64_t> offsets;
  std::atomic<uint64_t> missing = 0;

  ~Impl() {
    if (file < 0)
      return;
    ::close(file);
    ::unlink(path.c_str());
  }

  Status failed(const char *what) const {
    return Status::error(finalPath + ": " + what + ": " + std::strerror(errno));
  }
  Status put(uint64_t offset, const char *data, uint64_t bytes) {
    while (bytes > 0) {
      ssize_t written = ::pwrite(file, data, bytes, off_t(offset));
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return failed("cannot write");
      offset += written;
      data += written;
      bytes -= written;
    }
    return Status::success();
  }
};

SafeTensorsWriter::SafeTensorsWriter(std::unique_ptr<Impl> impl)
    : impl(std::move(impl)) {}
SafeTensorsWriter::SafeTensorsWriter(SafeTensorsWriter &&) = default;
SafeTensorsWriter &SafeTensorsWriter::operator=(SafeTensorsWriter &&) = default;
SafeTensorsWriter::~SafeTensorsWriter() = default;

Result<SafeTensorsWriter>
SafeTensorsWriter::create(const std::string &path,
                          std::vector<TensorInfo> tensors) {
  auto impl = std::make_unique<Impl>();
  impl->finalPath = path;
  impl->path = path + ".tmp." + std::to_string(::getpid());
  impl->tensors = std::move(tensors);
  uint64_t fileBytes = 0;
  Result<std::string> header = layOut(impl->tensors, impl->offsets, fileBytes);
  if (!header.ok())
    return header.status().withContext(path);
  impl->file =
      ::open(impl->path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (impl->file < 0)
    return impl->failed("cannot create");
  // Not every file system can reserve; those that cannot say so when written.
  if (::fallocate(impl->file, 0, 0, off_t(fileBytes)) != 0 &&
      errno != EOPNOTSUPP && errno != EINTR)
    return impl->failed(
        ("cannot reserve " + std::to_string(fileBytes) + " bytes").c_str());
  MOEC_RETURN_IF_ERROR(impl->put(0, header->data(), header->size()));
  impl->missing = fileBytes - header->size();
  return SafeTensorsWriter(std::move(impl));
}

Status SafeTensorsWriter::write(size_t index, uint64_t offset, const void *data,
                                uint64_t bytes) {
  const TensorInfo &info = impl->tensors[index];
  uint64_t size = *tensorBytes(info);
  if (offset > size || bytes > size - offset)
    return Status::error(impl->finalPath + ": tensor '" + info.name +
                         "': bytes " + std::to_string(offset) + " to " +
                         std::to_string(offset + bytes) +
                         " are beyond its end at " + std::to_string(size));
  MOEC_RETURN_IF_ERROR(impl->put(impl->offsets[index] + offset,
                                 static_cast<const char *>(data), bytes));
  impl->missing -= bytes;
  return Status::success();
}

Status SafeTensorsWriter::commit() {
  if (impl->missing)
    return Status::error(impl->finalPath + ": " +
                         std::to_string(impl->missing) +
                         " bytes of its tensors were not written");
  if (::close(std::exchange(impl->file, -1)) == 0 &&
      std::rename(impl->path.c_str(), impl->finalPath.c_str()) == 0)
    return Status::success();
  Status error = impl->failed("cannot write");
  ::unlink(impl->path.c_str());
  return error;
}

//===----------------------------------------------------------------------===//
// From memory
//===----------------------------------------------------------------------===//

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
  std::vector<TensorInfo> infos;
  for (const auto &[name, tensor] : tensors) {
    infos.push_back({name, tensor.dtype, tensor.shape});
    Result<uint64_t> bytes = tensorBytes(infos.back());
    MOEC_RETURN_IF_ERROR(bytes.status().withContext(path));
    if (*bytes != tensor.data.size())
      return Status::error(path + ": tensor '" + name + "': the shape needs " +
                           std::to_string(*bytes) + " bytes, found " +
                           std::to_string(tensor.data.size()));
  }
  MOEC_ASSIGN_OR_RETURN(auto writer,
                        SafeTensorsWriter::create(path, std::move(infos)));
  size_t index = 0;
  for (const auto &[name, tensor] : tensors)
    MOEC_RETURN_IF_ERROR(
        writer.write(index++, 0, tensor.data.data(), tensor.data.size()));
  return writer.commit();
}
