//===- Verify.h - moec verify ---------------------------------------------===//
#ifndef MOEC_TOOLS_MOEC_VERIFY_H
#define MOEC_TOOLS_MOEC_VERIFY_H

#include "tools/moec/Command.h"

namespace CLI {
class App;
} // namespace CLI

namespace moec {

/// `moec verify DIR`: imports a checkpoint, interprets it on the inputs of its
/// golden file and compares layer by layer.
void addVerifyCommand(CLI::App &app, Command &command);

} // namespace moec

#endif // MOEC_TOOLS_MOEC_VERIFY_H
