//===- BenchCommand.cpp - --bench: rates beside the machine's limit -------===//

#include "runtime/Bench.h"
#include "runtime/Commands.h"
#include "runtime/Format.h"
#include "support/Json.h"

#include <cstdio>
#include <numeric>

using namespace moec;

using OrderedJson = nlohmann::ordered_json;

static double perToken(double amount, const BenchPhase &phase) {
  return amount / static_cast<double>(phase.tokens);
}

static double waitingShare(const BenchPhase &phase, unsigned threads) {
  return waitingShare(
      phase.counters,
      std::accumulate(phase.seconds.begin(), phase.seconds.end(), 0.0),
      threads);
}

static double perStep(uint64_t count, const BenchPhase &phase) {
  return static_cast<double>(count) / static_cast<double>(phase.counters.steps);
}

static void printTable(const BenchResult &result, const Session &session) {
  const moert_model &model = session.model();
  const Roof roof = result.roof();
  std::printf("%s, %s, %u thread%s\n", model.name, model.target,
              session.threads(), session.threads() == 1 ? "" : "s");
  std::printf("machine: reads %.1f GB/s, computes %s FLOP/s (FP32 %s)\n\n",
              roof.bytesPerSecond * 1e-9,
              formatCount(roof.operationsPerSecond).c_str(),
              vectorUnitName(result.unit));
  std::printf("%-8s %12s %12s %12s %10s %12s %12s %9s\n", "phase", "best tok/s",
              "median", "limit", "best/limit", "bytes/token", "ops/token",
              "waiting");
  for (const BenchPhase &phase : result.phases) {
    const double limit = phase.limitRate(roof);
    std::printf("%-8s %12.2f %12.2f %12.2f %9.1f%% %12s %12s %8.1f%%\n",
                phase.name.c_str(), phase.bestRate(), phase.medianRate(), limit,
                100 * phase.bestRate() / limit,
                formatBytes(perToken(phase.cost.bytes, phase)).c_str(),
                formatCount(perToken(phase.cost.operations, phase)).c_str(),
                100 * waitingShare(phase, session.threads()));
  }
  std::printf("\n");
  for (const BenchPhase &phase : result.phases)
    std::printf(
        "%s: limited by %s; %.0f graphs, %.0f tasks and %.0f joins a "
        "step\n",
        phase.name.c_str(),
        phase.limitedByBytes(roof) ? "reading" : "arithmetic",
        perStep(phase.counters.graphs, phase),
        perStep(phase.counters.tasks, phase),
        perStep(phase.counters.graphs + phase.counters.all_waits, phase));
  std::printf("joins of each graph: %s\n", describeJoins(session).c_str());
}

static OrderedJson toJson(const Roof &roof) {
  return {{"bytes_per_second", roof.bytesPerSecond},
          {"operations_per_second", roof.operationsPerSecond}};
}

static OrderedJson toJson(const BenchPhase &phase, const Roof &roof,
                          unsigned threads) {
  const double limit = phase.limitRate(roof);
  return {{"name", phase.name},
          {"tokens", phase.tokens},
          {"steps", phase.steps},
          {"seconds", phase.seconds},
          {"tokens_per_second", phase.bestRate()},
          {"tokens_per_second_median", phase.medianRate()},
          {"bytes_per_token", perToken(phase.cost.bytes, phase)},
          {"operations_per_token", perToken(phase.cost.operations, phase)},
          {"limit_tokens_per_second", limit},
          {"limited_by", phase.limitedByBytes(roof) ? "bytes" : "operations"},
          {"fraction_of_limit", phase.bestRate() / limit},
          {"waiting_share", waitingShare(phase, threads)},
          {"graphs_per_step", perStep(phase.counters.graphs, phase)},
          {"tasks_per_step", perStep(phase.counters.tasks, phase)},
          {"joins_per_step",
           perStep(phase.counters.graphs + phase.counters.all_waits, phase)}};
}

static void printJson(const BenchResult &result, const Session &session) {
  const moert_model &model = session.model();
  OrderedJson machine = toJson(result.roof());
  machine["vector_unit"] = vectorUnitName(result.unit);
  machine["before"] = toJson(result.before);
  machine["after"] = toJson(result.after);
  OrderedJson phases = OrderedJson::array();
  for (const BenchPhase &phase : result.phases)
    phases.push_back(toJson(phase, result.roof(), session.threads()));
  OrderedJson graphs = OrderedJson::array();
  for (const GraphUse &use : session.graphs())
    graphs.push_back({{"name", use.graph->name},
                      {"nodes", use.graph->num_nodes},
                      {"joins", use.allWaits + 1},
                      {"submissions", use.submissions}});
  const OrderedJson all = {{"model", model.name},
                           {"model_type", model.model_type},
                           {"target", model.target},
                           {"threads", session.threads()},
                           {"weights_bytes", model.weights_bytes},
                           {"machine", machine},
                           {"phases", phases},
                           {"graphs", graphs}};
  // Names come from files and may be no UTF-8.
  std::printf(
      "%s\n",
      all.dump(2, ' ', false, OrderedJson::error_handler_t::replace).c_str());
}

Status moec::runBenchCommand(const CommandLine &line,
                             const moert_model &model) {
  MOEC_ASSIGN_OR_RETURN(auto session, openSession(line, model));
  MOEC_ASSIGN_OR_RETURN(BenchResult result, runBench(*session, line.bench));
  line.json ? printJson(result, *session) : printTable(result, *session);
  return finishTrace(line, *session);
}
