//===- Commands.cpp - From a command line to an exit status ---------------===//

#include "runtime/Commands.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>

using namespace moec;

moert_options moec::sessionOptions(const CommandLine &line) {
  moert_options options = {};
  options.threads = line.threads;
  options.weights_path = line.weights.empty() ? nullptr : line.weights.c_str();
  return options;
}

Status moec::flushOutput() {
  errno = 0;
  if (std::fflush(stdout) == 0 && !std::ferror(stdout))
    return Status::success();
  // The write that failed may lie back, and its reason with it.
  return Status::error(std::string("cannot write to standard output") +
                       (errno ? std::string(": ") + std::strerror(errno) : ""));
}

static Result<int> exitStatus(const Status &status) {
  MOEC_RETURN_IF_ERROR(status);
  return 0;
}

static Result<int> dispatch(const CommandLine &line, const moert_model &model) {
  switch (line.command) {
  case Command::Prompt:
  case Command::Ids:
    return runGenerate(line, model);
  case Command::Eval:
    return exitStatus(runEval(line, model));
  case Command::Perplexity:
    return exitStatus(runPerplexity(line, model));
  case Command::Info:
    return exitStatus(runInfo(line, model));
  }
  return Status::error("unknown command");
}

static Result<int> parseAndRun(int argc, const char *const *argv,
                               const moert_model &model) {
  MOEC_ASSIGN_OR_RETURN(std::optional<CommandLine> line,
                        parseCommandLine(argc, argv, model.name));
  if (!line)
    return 0;
  return dispatch(*line, model);
}

int moec::runMain(int argc, const char *const *argv, const moert_model &model) {
  // A reader that closes our output ends us without a word, also where the
  // parent had told us to ignore that.
  std::signal(SIGPIPE, SIG_DFL);
  Result<int> result = Status::error("");
  try {
    result = parseAndRun(argc, argv, model);
  } catch (const std::exception &error) {
    // Memory is the only thing that can be short.
    result = Status::error(error.what());
  }
  Status flushed = flushOutput();
  if (result.ok() && flushed.ok())
    return *result;
  std::fprintf(stderr, "error: %s\n",
               (result.ok() ? flushed : result.status()).message().c_str());
  return 1;
}
