//===- WriteModule.h - A module as text in a file ---------------------------===//
#ifndef MOEC_TOOLS_MOEC_WRITEMODULE_H
#define MOEC_TOOLS_MOEC_WRITEMODULE_H

#include "support/Status.h"

#include <string>

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace moec {

/// Writes the module's text to `path`, whole or not at all, or to the standard
/// output for "-".
Status writeModule(mlir::ModuleOp module, const std::string &path);

} // namespace moec

#endif // MOEC_TOOLS_MOEC_WRITEMODULE_H
