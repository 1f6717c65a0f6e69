//===- Compile.h - moec compile -----------------------------------------------===//

#ifndef MOEC_TOOLS_MOEC_COMPILE_H
#define MOEC_TOOLS_MOEC_COMPILE_H

#include "tools/moec/Command.h"

namespace CLI {
class App;
} // namespace CLI

namespace moec {

struct CompileOptions;

/// Adds `moec compile` to `app`; `command` is set when it is the one that was
/// given.
void addCompileCommand(CLI::App &app, Command &command);

/// Adds the options that compile and run share.
void addPipelineOptions(CLI::App &command, CompileOptions &options);

/// Compiles in a fresh context.
Status compile(const CompileOptions &options);

} // namespace moec

#endif // MOEC_TOOLS_MOEC_COMPILE_H
