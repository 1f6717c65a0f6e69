//===- SafeTensorsWriter.h - Writing safetensors in pieces ----------------===//
//
// For tensors that do not fit in memory together: the header says first what
// the file will hold, then the pieces come in any order, from any thread.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_SAFETENSORSWRITER_H
#define MOEC_SUPPORT_SAFETENSORSWRITER_H

#include "support/DType.h"
#include "support/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace moec {

/// What a header says of a tensor.
struct TensorInfo {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
};

/// Bytes of the tensor; an error if the shape is negative or too large for 63
/// bits.
Result<uint64_t> tensorBytes(const TensorInfo &info);

/// A file under a temporary name beside `path`; it gets its final name when it
/// is committed and is removed when it is not.
class SafeTensorsWriter {
public:
  /// Writes the header and reserves the space, so that a full disk is an error
  /// here.
  static Result<SafeTensorsWriter> create(const std::string &path,
                                          std::vector<TensorInfo> tensors);
  SafeTensorsWriter(SafeTensorsWriter &&);
  SafeTensorsWriter &operator=(SafeTensorsWriter &&);
  ~SafeTensorsWriter();

  /// Bytes from `offset` on of the tensor at `index` of those given to create.
  /// Safe from several threads.
  Status write(size_t index, uint64_t offset, const void *data, uint64_t bytes);

  /// Every byte must have been written.
  Status commit();

private:
  struct Impl;
  explicit SafeTensorsWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace moec

#endif // MOEC_SUPPORT_SAFETENSORSWRITER_H
