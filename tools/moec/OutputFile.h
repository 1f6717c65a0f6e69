//===- OutputFile.h - Output that is whole or not there ----------------------===//
#ifndef MOEC_TOOLS_MOEC_OUTPUTFILE_H
#define MOEC_TOOLS_MOEC_OUTPUTFILE_H

#include "support/Status.h"

#include <string>

namespace moec {

/// The name that a file or a folder has until it is whole, FINAL.tmpPID. What
/// processes left under such names that are no more is deleted.
std::string temporaryName(const std::string &finalName);

/// A file under its temporary name. It is deleted unless it is kept, also when a
/// signal ends the process; after one that cannot be handled, by the next process.
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
