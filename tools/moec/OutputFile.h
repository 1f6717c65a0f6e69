//===- OutputFile.h - Output that is whole or not there ----------------------===//
#ifndef MOEC_TOOLS_MOEC_OUTPUTFILE_H
#define MOEC_TOOLS_MOEC_OUTPUTFILE_H

#include "support/Status.h"

#include <string>

namespace moec {

/// The name under which a file is written until it is whole, FINAL.tmpPID. The
/// file is deleted unless it is kept, also when a signal ends the process; what
/// processes left that were killed outright is deleted by the next one.
class OutputFile {
public:
  explicit OutputFile(const std::string &finalName);
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;
  ~OutputFile();

  const std::string &getPath() const { return path; }
  /// Gives the file its final name.
  Status keep();

private:
  std::string finalName, path;
};

} // namespace moec

#endif // MOEC_TOOLS_MOEC_OUTPUTFILE_H
