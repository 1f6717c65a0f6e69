//===- TemporaryFile.h - Output that is whole or not there ----------------------===//
#ifndef MOEC_TOOLS_MOEC_TEMPORARYFILE_H
#define MOEC_TOOLS_MOEC_TEMPORARYFILE_H

#include "support/Status.h"

#include <string>

namespace moec {

/// The name under which a file is written until it is whole, FINAL.tmpPID. The
/// file is deleted unless it is kept, also when a signal ends the process; what
/// processes left that were killed outright is deleted by the next one.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &finalName);
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;
  ~TemporaryFile();

  const std::string &getPath() const { return path; }
  /// Gives the file its final name.
  Status keep();

private:
  std::string finalName, path;
};

} // namespace moec

#endif // MOEC_TOOLS_MOEC_TEMPORARYFILE_H
