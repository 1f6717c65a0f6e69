//===- TemporaryFile.h - A file that is there whole or not at all ---------===//
#ifndef MOEC_SUPPORT_TEMPORARYFILE_H
#define MOEC_SUPPORT_TEMPORARYFILE_H

#include "support/Status.h"

#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>

namespace moec {

/// Written under a temporary name beside its final one, which it gets when it is
/// committed; removed if it is not.
class TemporaryFile {
public:
  static Result<TemporaryFile> create(const std::string &path);
  TemporaryFile(TemporaryFile &&) = default;
  TemporaryFile &operator=(TemporaryFile &&) = delete;
  ~TemporaryFile();

  /// Failures are kept for `commit`.
  void write(const std::string &text) {
    std::fwrite(text.data(), 1, text.size(), file.get());
  }
  Status commit();

private:
  struct Close {
    void operator()(std::FILE *file) const { std::fclose(file); }
  };
  TemporaryFile(std::string path, std::string temporary, std::FILE *file)
      : path(std::move(path)), temporary(std::move(temporary)), file(file) {}

  std::string path, temporary;
  std::unique_ptr<std::FILE, Close> file;
};

} // namespace moec

#endif // MOEC_SUPPORT_TEMPORARYFILE_H
