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
  options.device = line.device.empty() ? nullptr : line.device.c_str();
  return options;
}

Result<std::unique_ptr<Session>> moec::openSession(const CommandLine &line,
                                                   const moert_model &model) {
  // An option without effect is a misunderstanding.
  const bool onCpu = model.device == MOERT_DEVICE_CPU;
  if (onCpu && !line.device.empty())
    return Status::error("--device has no effect: the model runs on the CPU");
  if (!onCpu && line.threads)
    return Status::error("--threads has no effect: the model runs on a GPU");
  MOEC_ASSIGN_OR_RETURN(auto session,
                        Session::open(model, sessionOptions(line)));
  if (!line.trace.empty())
    MOEC_RETURN_IF_ERROR(
        session->startTrace(line.trace).withContext("--trace"));
  return session;
}

Status moec::finishTrace(const CommandLine &line, const Session &session) {
  Trace *trace = session.trace();
  if (!trace)
    return Status::success();
  MOEC_RETURN_IF_ERROR(trace->write().withContext("--trace"));
  std::fprintf(stderr, "trace: %llu events in %s\n",
               static_cast<unsigned long long>(trace->size()),
               line.trace.c_str());
  if (uint64_t dropped = trace->dropped())
    std::fprintf(stderr,
                 "trace: %llu later events did not fit; run fewer tokens or "
                 "repetitions\n",
                 static_cast<unsigned long long>(dropped));
  return Status::success();
}

std::string moec::describeJoins(const Session &session) {
  std::string text;
  for (const GraphUse &use : session.device().graphs())
    text += (text.empty() ? "" : ", ") + std::string(use.graph->name) + " " +
            std::to_string(use.allWaits + 1);
  return text;
}

double moec::waitingShare(const moert_counters &counters, double seconds,
                          unsigned threads) {
  return static_cast<double>(counters.wait_ns) * 1e-9 / (seconds * threads);
}

static volatile std::sig_atomic_t interrupted = 0;

void moec::handleInterrupts() {
  interrupted = 0;
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
}

bool moec::wasInterrupted() { return interrupted; }

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
  case Command::Chat:
    return runChat(line, model);
  case Command::Prompt:
  case Command::Ids:
    return runGenerate(line, model);
  case Command::Eval:
    return exitStatus(runEval(line, model));
  case Command::Perplexity:
    return exitStatus(runPerplexity(line, model));
  case Command::Bench:
    return exitStatus(runBenchCommand(line, model));
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
