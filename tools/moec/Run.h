//===- Run.h - moec run -------------------------------------------------------===//

#ifndef MOEC_TOOLS_MOEC_RUN_H
#define MOEC_TOOLS_MOEC_RUN_H

#include "tools/moec/Command.h"

namespace CLI {
class App;
} // namespace CLI

namespace moec {

/// Adds `moec run` to `app`; `command` is set when it is the one that was
/// given.
void addRunCommand(CLI::App &app, Command &command);

} // namespace moec

#endif // MOEC_TOOLS_MOEC_RUN_H
