//===- Bench.cpp - How fast a model runs here, and how fast it could ------===//

#include "runtime/Bench.h"
#include "runtime/Philox.h"
#include "runtime/Progress.h"
#include "runtime/StepBatch.h"

#include <algorithm>
#include <charconv>
#include <chrono>

using namespace moec;

using Clock = std::chrono::steady_clock;

Result<BenchOptions> moec::parseBenchPhases(std::string_view text) {
  BenchOptions options;
  options.prefill = options.decode = 0;
  const std::string_view whole = text;
  const auto problem = [&] {
    return Status::error("expected pp=TOKENS,tg=TOKENS or one of them, got '" +
                         std::string(whole) + "'");
  };
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    int64_t &value =
        item.substr(0, 3) == "pp=" ? options.prefill : options.decode;
    const char *end = item.data() + item.size();
    if (item.size() < 4 || value != 0 ||
        (item.substr(0, 3) != "pp=" && item.substr(0, 3) != "tg="))
      return problem();
    auto [rest, error] = std::from_chars(item.data() + 3, end, value);
    if (error != std::errc() || rest != end || value < 1)
      return problem();
    if (comma == std::string_view::npos)
      return options;
    text.remove_prefix(comma + 1);
  }
  return problem();
}

//===------------------------------------------------------------------------===//
// Figures
//===------------------------------------------------------------------------===//

static double rate(int64_t tokens, double seconds) {
  return static_cast<double>(tokens) / seconds;
}

double BenchPhase::bestRate() const {
  return rate(tokens, *std::min_element(seconds.begin(), seconds.end()));
}

double BenchPhase::medianRate() const {
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  const size_t middle = sorted.size() / 2;
  return rate(tokens, sorted.size() % 2
                          ? sorted[middle]
                          : (sorted[middle - 1] + sorted[middle]) / 2);
}

static double readingSeconds(const Cost &cost, const Roof &roof) {
  return roof.bytesPerSecond > 0 ? cost.bytes / roof.bytesPerSecond : 0;
}

static double computingSeconds(const Cost &cost, const Roof &roof) {
  return roof.operationsPerSecond > 0
             ? cost.operations / roof.operationsPerSecond
             : 0;
}

double BenchPhase::limitRate(const Roof &roof) const {
  return rate(tokens, std::max(readingSeconds(cost, roof),
                               computingSeconds(cost, roof)));
}

bool BenchPhase::limitedByBytes(const Roof &roof) const {
  return readingSeconds(cost, roof) >= computingSeconds(cost, roof);
}

//===------------------------------------------------------------------------===//
// Running
//===------------------------------------------------------------------------===//

namespace {

/// Runs a phase again and again.
class Runner {
public:
  Runner(Session &session, int64_t repetitions)
      : session(session), model(session.model()), repetitions(repetitions),
        batch(model), logits(static_cast<size_t>(model.vocab)) {}

  /// `tokens` tokens in steps of `stepTokens`. A step gives the logits of its
  /// last token if it is the last one or `everyStep`.
  Result<BenchPhase> run(const std::string &name, int64_t tokens,
                         int64_t stepTokens, bool everyStep) {
    BenchPhase phase;
    phase.name = name + std::to_string(tokens);
    phase.tokens = tokens;
    const auto outputs = [&](int64_t end) {
      return everyStep || end == tokens ? 1 : 0;
    };
    for (int64_t first = 0; first < tokens; first += stepTokens) {
      const int64_t end = std::min(first + stepTokens, tokens);
      phase.cost += stepCost(model, end - first, first, outputs(end));
      ++phase.steps;
    }
    Progress progress(static_cast<size_t>(repetitions + 1),
                      ("runs of " + phase.name).c_str());
    moert_counters before = {};
    for (int64_t repetition = -1; repetition < repetitions; ++repetition) {
      progress.update(static_cast<size_t>(repetition + 1));
      if (repetition == 0)
        before = session.counters();
      const Clock::time_point start = Clock::now();
      for (int64_t first = 0; first < tokens; first += stepTokens) {
        const int64_t end = std::min(first + stepTokens, tokens);
        MOEC_RETURN_IF_ERROR(step(first, end, outputs(end) != 0));
      }
      if (repetition >= 0)
        phase.seconds.push_back(
            std::chrono::duration<double>(Clock::now() - start).count());
    }
    phase.counters = session.counters() - before;
    return phase;
  }

private:
  Status step(int64_t first, int64_t end, bool output) {
    batch.clear();
    for (int64_t i = first; i < end; ++i)
      batch.add(0, i, token(i), output && i + 1 == end);
    return session.step(batch.view(), logits.data());
  }

  int32_t token(int64_t position) const {
    const auto counter = static_cast<uint32_t>(position);
    return static_cast<int32_t>(philox4x32({counter, 0, 0, 0}, {0, 0})[0] %
                                static_cast<uint64_t>(model.vocab));
  }

  Session &session;
  const moert_model &model;
  int64_t repetitions;
  StepBatch batch;
  std::vector<float> logits;
};

} // namespace

Result<BenchResult> moec::runBench(Session &session,
                                   const BenchOptions &options) {
  const moert_model &model = session.model();
  const int64_t longest = std::max(options.prefill, options.decode);
  if (longest > model.max_context)
    return Status::error("--bench: " + std::to_string(longest) +
                         " tokens do not fit the context of " +
                         std::to_string(model.max_context) + " positions");
  BenchResult result;
  result.unit = session.device().arithmeticUnit();
  MOEC_ASSIGN_OR_RETURN(result.before, session.device().measureRoof());
  Runner runner(session, options.repetitions);
  if (options.prefill) {
    MOEC_ASSIGN_OR_RETURN(
        BenchPhase phase,
        runner.run("pp", options.prefill, model.max_tokens, false));
    result.phases.push_back(std::move(phase));
  }
  if (options.decode) {
    MOEC_ASSIGN_OR_RETURN(BenchPhase phase,
                          runner.run("tg", options.decode, 1, true));
    result.phases.push_back(std::move(phase));
  }
  MOEC_ASSIGN_OR_RETURN(result.after, session.device().measureRoof());
  return result;
}
