//===- Commands.h - What a compiled executable can do ---------------------===//
#ifndef MOEC_RUNTIME_COMMANDS_H
#define MOEC_RUNTIME_COMMANDS_H

#include "runtime/CommandLine.h"
#include "runtime/Session.h"
#include "support/Status.h"

#include <memory>

namespace moec {

/// What a program interrupted from the keyboard exits with.
constexpr int exitInterrupted = 130;

/// Exit status of the process.
Result<int> runGenerate(const CommandLine &line, const moert_model &model);
Status runEval(const CommandLine &line, const moert_model &model);
Status runPerplexity(const CommandLine &line, const moert_model &model);
Status runInfo(const CommandLine &line, const moert_model &model);

moert_options sessionOptions(const CommandLine &line);

/// An error if what was printed did not all arrive, e.g. on a full disk.
Status flushOutput();

/// The whole program: parses, runs, reports an error on stderr. Returns the
/// exit status.
int runMain(int argc, const char *const *argv, const moert_model &model);

} // namespace moec

#endif // MOEC_RUNTIME_COMMANDS_H
