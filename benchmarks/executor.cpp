//===- executor.cpp - What scheduling costs -------------------------------===//
//
// The time of the executor itself, with tasks that do nothing:
//
//   tasks   one kernel of many tiles: taking and counting one
//   joins   kernels of one tile in a chain: handing over from thread to thread
//   tails   kernels of as many tiles as threads in a chain, as at decode
//   graphs  graphs of one task: submitting one and waiting for the one before
//   steps   steps of one task: calling the threads and waiting for them
//
//===------------------------------------------------------------------------===//

#include "runtime/Executor.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <vector>

using namespace moec;

namespace {

/// A chain of kernels of one row tile, each waiting for all of the one before.
class Chain {
public:
  Chain(uint32_t length, uint32_t tiles) : nodes(length), waits(length) {
    for (uint32_t i = 0; i < length; ++i) {
      moert_node &node = nodes[i];
      node = {};
      node.name = "node";
      node.fn = [](const int64_t *, int64_t, int64_t, void *) {};
      node.rows = MOERT_ROWS_ONE;
      node.row_tile = 1;
      node.col_tiles = tiles;
      waits[i] = {i - 1, MOERT_WAIT_ALL};
      node.num_waits = i > 0;
      node.waits = &waits[i];
    }
    graph = {"chain", length, 0, nodes.data()};
  }

  moert_graph graph = {};

private:
  std::vector<moert_node> nodes;
  std::vector<moert_wait> waits;
};

/// Steps that submit `graph` as often as asked; the rate is that of `units` in
/// each graph.
void runSteps(benchmark::State &state, const moert_graph &graph,
              int64_t submissions, int64_t units) {
  auto executor = Executor::create(static_cast<unsigned>(state.range(0)), 0);
  if (!executor.ok())
    return state.SkipWithError(executor.message().c_str());
  for (auto _ : state) {
    (*executor)->beginStep();
    for (int64_t i = 0; i < submissions; ++i)
      if (!(*executor)->submit(graph, nullptr).ok())
        std::abort();
    (*executor)->finishStep();
  }
  state.counters["each"] = benchmark::Counter(
      static_cast<double>(state.iterations() * submissions * units),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void tasks(benchmark::State &state) {
  runSteps(state, Chain(1, 100000).graph, 1, 100000);
}
void joins(benchmark::State &state) {
  runSteps(state, Chain(10000, 1).graph, 1, 10000);
}
void tails(benchmark::State &state) {
  runSteps(state, Chain(10000, static_cast<uint32_t>(state.range(0))).graph, 1,
           10000);
}
void graphs(benchmark::State &state) {
  runSteps(state, Chain(1, 1).graph, 1000, 1);
}
void steps(benchmark::State &state) {
  runSteps(state, Chain(1, 1).graph, 1, 1);
}

} // namespace

#define THREADS ->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()
BENCHMARK(tasks) THREADS;
BENCHMARK(joins) THREADS;
BENCHMARK(tails) THREADS;
BENCHMARK(graphs) THREADS;
BENCHMARK(steps) THREADS;
BENCHMARK_MAIN();
