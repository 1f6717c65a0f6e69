//===- Compile.h - moec compile -----------------------------------------------===//

#ifndef MOEC_TOOLS_MOEC_COMPILE_H
#define MOEC_TOOLS_MOEC_COMPILE_H

#include "tools/moec/Command.h"

#include <cstdint>

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

/// Adds `--quantize`, which sets the bits of weights.
void addQuantizeOption(CLI::App &command, int64_t &bits);

/// Compiles in a fresh context.
Status compile(const CompileOptions &options);

} // namespace moec

#endif // MOEC_TOOLS_MOEC_COMPILE_H
