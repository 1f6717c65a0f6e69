//===- TemporaryFile.h - Files that appear whole or not at all --------------===//
#ifndef MOEC_TOOLS_MOEC_TEMPORARYFILE_H
#define MOEC_TOOLS_MOEC_TEMPORARYFILE_H

#include "support/Status.h"

#include <string>

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace moec {

/// The name of a file beside its final one. The file is deleted again, also
/// when the process is interrupted, unless it was renamed.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &finalName);
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;
  ~TemporaryFile();

  const std::string &getPath() const { return path; }
  Status keep();

private:
  std::string finalName, path;
};

/// Writes the module's text to `path`, or to the standard output for "-".
Status writeModule(mlir::ModuleOp module, const std::string &path);

} // namespace moec

#endif // MOEC_TOOLS_MOEC_TEMPORARYFILE_H
