//===- Synth.h - moec synth -------------------------------------------------===//
#ifndef MOEC_TOOLS_MOEC_SYNTH_H
#define MOEC_TOOLS_MOEC_SYNTH_H

#include "tools/moec/Command.h"

namespace CLI {
class App;
} // namespace CLI

namespace moec {

/// Adds `moec synth` to `app`; `command` is set when it is the one that was
/// given.
void addSynthCommand(CLI::App &app, Command &command);

} // namespace moec

#endif // MOEC_TOOLS_MOEC_SYNTH_H
