//===- Families.h - moec families -------------------------------------------===//
#ifndef MOEC_TOOLS_MOEC_FAMILIES_H
#define MOEC_TOOLS_MOEC_FAMILIES_H

#include "tools/moec/Command.h"

namespace CLI {
class App;
} // namespace CLI

namespace moec {

/// Adds `moec families` to `app`; `command` is set when it is the one that was
/// given.
void addFamiliesCommand(CLI::App &app, Command &command);

} // namespace moec

#endif // MOEC_TOOLS_MOEC_FAMILIES_H
