//===- Inspect.h - moec inspect ---------------------------------------------===//
#ifndef MOEC_TOOLS_MOEC_INSPECT_H
#define MOEC_TOOLS_MOEC_INSPECT_H

#include "tools/moec/Command.h"

namespace CLI {
class App;
} // namespace CLI

namespace moec {

/// Adds `moec inspect` to `app`; `command` is set when it is the one that was
/// given.
void addInspectCommand(CLI::App &app, Command &command);

} // namespace moec

#endif // MOEC_TOOLS_MOEC_INSPECT_H
