//===- MappedFile.h - A whole file, read-only, in memory ------------------===//
#ifndef MOEC_SUPPORT_MAPPEDFILE_H
#define MOEC_SUPPORT_MAPPEDFILE_H

#include "support/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace moec {

/// A private read-only mapping of a regular, non-empty file, unmapped with the
/// object. It is shared because views of the bytes (tensors, sections) outlive
/// whoever opened the file.
class MappedFile {
public:
  static Result<std::shared_ptr<MappedFile>> open(const std::string &path);
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  const std::string &path() const { return filePath; }
  const uint8_t *data() const { return bytes; }
  uint64_t size() const { return length; }
  std::string_view text() const {
    return {reinterpret_cast<const char *>(bytes), length};
  }

private:
  MappedFile(std::string path, const uint8_t *bytes, uint64_t length)
      : filePath(std::move(path)), bytes(bytes), length(length) {}

  std::string filePath;
  const uint8_t *bytes;
  uint64_t length;
};

/// Hints about bytes of a MappedFile: that they will be read soon, and that they
/// were read for the last time. Those of a model are more than fit in memory.
void willRead(const uint8_t *data, uint64_t bytes);
void wasRead(const uint8_t *data, uint64_t bytes);

} // namespace moec

#endif // MOEC_SUPPORT_MAPPEDFILE_H
