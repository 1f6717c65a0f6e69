//===- Commands.h - What a compiled executable can do ---------------------===//
#ifndef MOEC_RUNTIME_COMMANDS_H
#define MOEC_RUNTIME_COMMANDS_H

#include "runtime/CommandLine.h"
#include "runtime/Generate.h"
#include "runtime/Session.h"
#include "support/Status.h"
#include "support/Tokenizer.h"

#include <memory>
#include <optional>
#include <string>

namespace moec {

/// What a program interrupted from the keyboard exits with.
constexpr int exitInterrupted = 130;

/// Exit status of the process.
Result<int> runChat(const CommandLine &line, const moert_model &model);
Result<int> runGenerate(const CommandLine &line, const moert_model &model);
Status runEval(const CommandLine &line, const moert_model &model);
Status runPerplexity(const CommandLine &line, const moert_model &model);
Status runBenchCommand(const CommandLine &line, const moert_model &model);
Status runInfo(const CommandLine &line, const moert_model &model);

moert_options sessionOptions(const CommandLine &line);

/// Opens the model as the options say, and starts the trace that they ask for.
Result<std::unique_ptr<Session>> openSession(const CommandLine &line,
                                             const moert_model &model);

/// Writes the trace, if there is one, and says so on stderr.
Status finishTrace(const CommandLine &line, const Session &session);

/// "dense_layer 12, moe_layer 17": how often all tiles of a kernel are waited for
/// in each graph, and at its end. On a device that is every launch.
std::string describeJoins(const Session &session);

/// Of the time of all threads, the part in which they waited for each other.
double waitingShare(const moert_counters &counters, double seconds,
                    unsigned threads);

/// What the options ask for, and where they are silent the model's defaults for
/// text and greedy for ids. Loads the tokenizer if it is not there and the ids
/// that end a text are to be found in it.
Result<GenerateOptions> generateOptions(const CommandLine &line,
                                        const ModelFiles &files,
                                        std::optional<Tokenizer> &tokenizer);

/// Makes the next ^C end the text politely, the one after it the process.
void handleInterrupts();
/// Whether one came since.
bool wasInterrupted();

/// An error if what was printed did not all arrive, e.g. on a full disk.
Status flushOutput();

/// The whole program: parses, runs, reports an error on stderr. Returns the
/// exit status.
int runMain(int argc, const char *const *argv, const moert_model &model);

} // namespace moec

#endif // MOEC_RUNTIME_COMMANDS_H
