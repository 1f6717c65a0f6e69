//===- SafeTensors.h - Reading and writing safetensors --------------------===//
//
// A file is a u64 little-endian header length, a JSON header {name: {dtype,
// shape, data_offsets}} and the data. Checkpoints come from strangers: every
// offset, shape and length is checked when a file is opened.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_SAFETENSORS_H
#define MOEC_SUPPORT_SAFETENSORS_H

#include "support/DType.h"
#include "support/MappedFile.h"
#include "support/Status.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace moec {

/// A tensor of an open file; `data` points into the mapping and is not aligned
/// to more than a byte.
struct TensorView {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
  const uint8_t *data = nullptr;
  uint64_t bytes = 0;
  /// Path of the file that holds it, for messages.
  std::string file;

  int64_t numElements() const;
};

/// The tensors of one file.
class SafeTensorsFile {
public:
  static Result<SafeTensorsFile> open(const std::string &path);

  /// Null if there is none of that name.
  const TensorView *find(const std::string &name) const;
  /// Sorted by name.
  const std::map<std::string, TensorView> &tensors() const { return byName; }

private:
  std::shared_ptr<MappedFile> mapping;
  std::map<std::string, TensorView> byName;
};

/// The tensors of a checkpoint folder: `model.safetensors`, or the shards that
/// `model.safetensors.index.json` names.
class SafeTensorsFolder {
public:
  static Result<SafeTensorsFolder> open(const std::string &folder);

  const TensorView *find(const std::string &name) const;
  const std::map<std::string, TensorView> &tensors() const { return byName; }

private:
  std::vector<SafeTensorsFile> files;
  std::map<std::string, TensorView> byName;
};

/// A tensor to be written.
struct TensorData {
  DType dtype;
  std::vector<int64_t> shape;
  std::vector<uint8_t> data;

  static TensorData fromFloats(std::vector<int64_t> shape,
                               const std::vector<float> &values);
  static TensorData fromInts(std::vector<int64_t> shape,
                             const std::vector<int64_t> &values);
};

/// Writes beside `path` and renames, so that a partial file never has the final
/// name.
Status writeSafeTensors(const std::string &path,
                        const std::map<std::string, TensorData> &tensors);

/// Elements as f32 (exact for BF16, F16, F32, F8_E4M3, F8_E5M2, F8_E8M0), or as
/// i64 for the integer types but U64; an error otherwise.
Result<std::vector<float>> readFloats(const TensorView &tensor);
Result<std::vector<int64_t>> readInts(const TensorView &tensor);

} // namespace moec

#endif // MOEC_SUPPORT_SAFETENSORS_H
