//===- BenchCommand.cpp - --bench: rates beside the machine's limit -------===//

#include "runtime/Bench.h"
#include "runtime/Commands.h"
#include "runtime/Format.h"
#include "support/Json.h"

#include <cstdio>
#include <numeric>
#include <optional>

using namespace moec;

using OrderedJson = nlohmann::ordered_json;

static double perToken(double amount, const BenchPhase &phase) {
  return amount / static_cast<double>(phase.tokens);
}

/// Of the time of all threads; nothing where there are none.
static std::optional<double> waitingShare(const BenchPhase &phase,
                                          unsigned threads) {
  if (threads == 0)
    return std::nullopt;
  return waitingShare(
      phase.counters,
      std::accumulate(phase.seconds.begin(), phase.seconds.end(), 0.0),
      threads);
}

static double perStep(uint64_t count, const BenchPhase &phase) {
  return static_cast<double>(count) / static_cast<double>(phase.counters.steps);
}

/// Nothing for a machine of which nothing is known.
static std::optional<double> limitRate(const BenchPhase &phase,
                                       const Roof &roof) {
  return roof.known() ? std::optional(phase.limitRate(roof)) : std::nullopt;
}

/// A figure, or "-" where there is none.
static std::string figure(std::optional<double> value, const char *format) {
  if (!value)
    return "-";
  char text[32];
  std::snprintf(text, sizeof text, format, *value);
  return text;
}

static std::string describeRoof(const Roof &roof, const std::string &unit,
                                bool onCpu) {
  if (!onCpu && !roof.known())
    return "not measured";
  char text[128];
  std::snprintf(text, sizeof text, "reads %.1f GB/s, computes %s FLOP/s (%s%s)",
                roof.bytesPerSecond * 1e-9,
                formatCount(roof.operationsPerSecond).c_str(),
                onCpu ? "FP32 " : "", unit.c_str());
  return text;
}

/// What a step consists of.
static std::string describeSteps(const BenchPhase &phase, bool onCpu) {
  const moert_counters &counters = phase.counters;
  char text[160];
  if (onCpu)
    std::snprintf(
        text, sizeof text, "%.0f graphs, %.0f tasks and %.0f joins a step",
        perStep(counters.graphs, phase), perStep(counters.tasks, phase),
        perStep(counters.graphs + counters.all_waits, phase));
  else
    std::snprintf(text, sizeof text,
                  "%.0f graphs, %.0f launches, %.0f blocks, %s copied and %.0f "
                  "synchronisations a step",
                  perStep(counters.graphs, phase),
                  perStep(counters.launches, phase),
                  perStep(counters.tasks, phase),
                  formatBytes(perStep(counters.copied_bytes, phase)).c_str(),
                  perStep(counters.synchronisations, phase));
  return text;
}

static void printTable(const BenchResult &result, const Session &session) {
  const moert_model &model = session.model();
  const unsigned threads = session.device().threads();
  const Roof roof = result.roof();
  std::printf("%s, %s, %s\n", model.name, model.target,
              session.device().description().c_str());
  std::printf("machine: %s\n\n",
              describeRoof(roof, result.unit, threads != 0).c_str());
  std::printf("%-8s %12s %12s %12s %10s %12s %12s %9s\n", "phase", "best tok/s",
              "median", "limit", "best/limit", "bytes/token", "ops/token",
              "waiting");
  for (const BenchPhase &phase : result.phases) {
    const std::optional<double> limit = limitRate(phase, roof);
    const std::optional<double> waiting = waitingShare(phase, threads);
    std::printf(
        "%-8s %12.2f %12.2f %12s %10s %12s %12s %9s\n", phase.name.c_str(),
        phase.bestRate(), phase.medianRate(), figure(limit, "%.2f").c_str(),
        (limit ? figure(100 * phase.bestRate() / *limit, "%.1f%%") : "-")
            .c_str(),
        formatBytes(perToken(phase.cost.bytes, phase)).c_str(),
        formatCount(perToken(phase.cost.operations, phase)).c_str(),
        (waiting ? figure(100 * *waiting, "%.1f%%") : "-").c_str());
  }
  std::printf("\n");
  for (const BenchPhase &phase : result.phases)
    std::printf("%s: %s%s\n", phase.name.c_str(),
                !roof.known()                ? ""
                : phase.limitedByBytes(roof) ? "limited by reading; "
                                             : "limited by arithmetic; ",
                describeSteps(phase, threads != 0).c_str());
  std::printf("joins of each graph: %s\n", describeJoins(session).c_str());
}

static OrderedJson toJson(const Roof &roof) {
  return {{"bytes_per_second", roof.bytesPerSecond},
          {"operations_per_second", roof.operationsPerSecond}};
}

static OrderedJson toJson(const BenchPhase &phase, const Roof &roof,
                          unsigned threads) {
  OrderedJson json = {
      {"name", phase.name},
      {"tokens", phase.tokens},
      {"steps", phase.steps},
      {"seconds", phase.seconds},
      {"tokens_per_second", phase.bestRate()},
      {"tokens_per_second_median", phase.medianRate()},
      {"bytes_per_token", perToken(phase.cost.bytes, phase)},
      {"operations_per_token", perToken(phase.cost.operations, phase)}};
  if (const std::optional<double> limit = limitRate(phase, roof)) {
    json["limit_tokens_per_second"] = *limit;
    json["limited_by"] = phase.limitedByBytes(roof) ? "bytes" : "operations";
    json["fraction_of_limit"] = phase.bestRate() / *limit;
  }
  if (const std::optional<double> waiting = waitingShare(phase, threads))
    json["waiting_share"] = *waiting;
  json["graphs_per_step"] = perStep(phase.counters.graphs, phase);
  json["tasks_per_step"] = perStep(phase.counters.tasks, phase);
  json["joins_per_step"] =
      perStep(phase.counters.graphs + phase.counters.all_waits, phase);
  if (threads == 0) {
    json["launches_per_step"] = perStep(phase.counters.launches, phase);
    json["copied_bytes_per_step"] = perStep(phase.counters.copied_bytes, phase);
    json["synchronisations_per_step"] =
        perStep(phase.counters.synchronisations, phase);
  }
  return json;
}

static void printJson(const BenchResult &result, const Session &session) {
  const moert_model &model = session.model();
  const Device &device = session.device();
  const bool onCpu = device.threads() != 0;
  OrderedJson machine = toJson(result.roof());
  machine[onCpu ? "vector_unit" : "unit"] = result.unit;
  machine["before"] = toJson(result.before);
  machine["after"] = toJson(result.after);
  OrderedJson phases = OrderedJson::array();
  for (const BenchPhase &phase : result.phases)
    phases.push_back(toJson(phase, result.roof(), device.threads()));
  OrderedJson graphs = OrderedJson::array();
  for (const GraphUse &use : device.graphs())
    graphs.push_back({{"name", use.graph->name},
                      {"nodes", use.graph->num_nodes},
                      {"joins", use.allWaits + 1},
                      {"submissions", use.submissions}});
  OrderedJson all = {{"model", model.name},
                     {"model_type", model.model_type},
                     {"target", model.target}};
  if (onCpu)
    all["threads"] = device.threads();
  else
    all["device"] = device.description();
  all["weights_bytes"] = model.weights_bytes;
  all["machine"] = machine;
  all["phases"] = phases;
  all["graphs"] = graphs;
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
