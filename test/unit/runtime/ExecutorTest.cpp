//===- ExecutorTest.cpp - Order, counters and refusals of the executor ----===//
//
// Random graphs whose tasks check, without knowing how the executor finds
// producers, that everything they declared to wait for is done. What they check
// are plain variables: under ThreadSanitizer an order that only happens to hold
// is a data race.
//
//===------------------------------------------------------------------------===//

#include "runtime/Executor.h"
#include "runtime/moert.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <random>
#include <string>
#include <thread>
#include <utility>

using namespace moec;

namespace {

constexpr size_t maxNodes = 12;
constexpr int64_t scratchBytes = 128;

/// Where the extents stand among a graph's arguments.
constexpr uint32_t tokensArg = 1;
constexpr uint32_t outputsArg = 2;

/// A random graph, what its tasks have done, and what they found wrong.
struct TestGraph {
  int64_t tokens = 0, outputs = 0;
  std::vector<moert_node> nodes;
  std::vector<std::vector<moert_wait>> waits;
  /// One flag for each task, written by it alone.
  std::vector<std::vector<char>> done;
  const TestGraph *previous = nullptr;
  std::atomic<int> errors{0};
  moert_graph graph = {};

  int64_t extent(const moert_node &node) const {
    return node.rows_arg == outputsArg ? outputs : tokens;
  }

  int64_t rowTiles(const moert_node &node) const {
    if (node.rows == MOERT_ROWS_ONE)
      return 1;
    if (node.rows == MOERT_ROWS_ROUTED) {
      int64_t rows = extent(node);
      return std::min<int64_t>(rows, rows / node.row_tile + node.experts);
    }
    int64_t tiles = 0;
    for (int64_t row = 0; row < extent(node); row += node.row_tile)
      ++tiles;
    return tiles;
  }

  bool tileDone(size_t node, int64_t rowTile) const {
    const char *flags = done[node].data() + rowTile * nodes[node].col_tiles;
    return std::all_of(flags, flags + nodes[node].col_tiles,
                       [](char flag) { return flag != 0; });
  }

  bool allDone() const {
    for (const std::vector<char> &flags : done)
      if (std::find(flags.begin(), flags.end(), 0) != flags.end())
        return false;
    return true;
  }

  bool satisfied(size_t index, const moert_wait &wait, int64_t rowTile) const {
    const moert_node &node = nodes[index];
    const moert_node &producer = nodes[wait.producer];
    if (wait.form == MOERT_WAIT_ALL) {
      for (int64_t tile = 0; tile < rowTiles(producer); ++tile)
        if (!tileDone(wait.producer, tile))
          return false;
      return true;
    }
    if (node.rows == MOERT_ROWS_ONE || node.rows == MOERT_ROWS_ROUTED)
      return tileDone(wait.producer, rowTile);
    // Row by row, where the executor reckons in tiles.
    for (int64_t row = rowTile * node.row_tile;
         row < std::min((rowTile + 1) * int64_t(node.row_tile), extent(node));
         ++row)
      if (!tileDone(wait.producer, row / producer.row_tile))
        return false;
    return true;
  }

  void run(size_t index, int64_t rowTile, int64_t colTile, void *scratch) {
    const moert_node &node = nodes[index];
    if (reinterpret_cast<uintptr_t>(scratch) % 64 != 0)
      ++errors;
    auto *mark = static_cast<volatile int64_t *>(scratch);
    const int64_t mine = int64_t(index) << 40 | rowTile << 20 | colTile;
    mark[0] = mine;
    mark[scratchBytes / 8 - 1] = mine;
    if (rowTile >= rowTiles(node) || colTile >= node.col_tiles)
      ++errors;
    if (previous && !previous->allDone())
      ++errors;
    for (const moert_wait &wait : waits[index])
      if (!satisfied(index, wait, rowTile))
        ++errors;
    // Some tasks take longer than others. They do not yield: on a busy machine
    // that gives away a whole time slice, thousands of times.
    if ((rowTile * 7 + colTile * 3 + int64_t(index)) % 5 == 0)
      for (int round = 0; round < 50; ++round)
        pauseCore();
    char &flag = done[index][rowTile * node.col_tiles + colTile];
    if (flag++ != 0 || mark[0] != mine || mark[scratchBytes / 8 - 1] != mine)
      ++errors;
  }

  int64_t numTasks() const {
    int64_t count = 0;
    for (const std::vector<char> &flags : done)
      count += static_cast<int64_t>(flags.size());
    return count;
  }

  int64_t numWaits() const {
    int64_t count = 0;
    for (size_t i = 0; i < nodes.size(); ++i)
      count += static_cast<int64_t>(done[i].size() * waits[i].size());
    return count;
  }
};

/// A task function is not told its node, so each node has its own.
template <size_t Node>
void runTask(const int64_t *args, int64_t rowTile, int64_t colTile,
             void *scratch) {
  reinterpret_cast<TestGraph *>(args[0])->run(Node, rowTile, colTile, scratch);
}

template <size_t... Nodes>
constexpr std::array<moert_task_fn, maxNodes>
taskTable(std::index_sequence<Nodes...>) {
  return {runTask<Nodes>...};
}

constexpr auto tasks = taskTable(std::make_index_sequence<maxNodes>());

class GraphMaker {
public:
  explicit GraphMaker(unsigned seed) : random(seed) {}

  int64_t below(int64_t limit) {
    return std::uniform_int_distribution<int64_t>(0, limit - 1)(random);
  }

  void make(TestGraph &test, int64_t tokens, int64_t outputs) {
    test.tokens = tokens;
    test.outputs = outputs;
    size_t numNodes = 1 + below(maxNodes);
    test.waits.resize(numNodes);
    for (size_t i = 0; i < numNodes; ++i) {
      moert_node node = {};
      node.name = "node";
      node.fn = tasks[i];
      node.rows = uint32_t(below(3));
      node.rows_arg = below(2) ? tokensArg : outputsArg;
      node.row_tile = uint32_t(1 + below(5));
      node.col_tiles = uint32_t(1 + below(4));
      if (node.rows == MOERT_ROWS_ROUTED) {
        node.row_tile = uint32_t(1 + below(2));
        node.experts = 3;
      }
      for (uint32_t producer = 0; producer < i; ++producer) {
        if (below(3) == 0)
          continue;
        const moert_node &other = test.nodes[producer];
        bool byRows =
            other.rows == node.rows && other.rows_arg == node.rows_arg &&
            (node.rows != MOERT_ROWS_ROUTED || other.row_tile == node.row_tile);
        test.waits[i].push_back(
            {producer, uint32_t(byRows && below(4) != 0 ? MOERT_WAIT_ROWS
                                                        : MOERT_WAIT_ALL)});
      }
      node.num_waits = uint32_t(test.waits[i].size());
      node.waits = test.waits[i].data();
      test.nodes.push_back(node);
      test.done.emplace_back(size_t(test.rowTiles(node) * node.col_tiles), 0);
    }
    test.graph = {"random", uint32_t(numNodes), 3, test.nodes.data()};
  }

private:
  std::mt19937 random;
};

std::unique_ptr<Executor> makeExecutor(unsigned threads) {
  auto executor = Executor::create(threads, scratchBytes);
  EXPECT_TRUE(executor.ok()) << executor.message();
  return std::move(*executor);
}

Status submit(Executor &executor, TestGraph &test) {
  int64_t args[] = {reinterpret_cast<int64_t>(&test), test.tokens,
                    test.outputs};
  return executor.submit(test.graph, args);
}

class ExecutorThreads : public testing::TestWithParam<unsigned> {};

TEST_P(ExecutorThreads, RandomGraphsKeepTheirOrder) {
  auto executor = makeExecutor(GetParam());
  GraphMaker maker(GetParam());
  uint64_t numGraphs = 0, numTasks = 0, numWaits = 0;
  constexpr int numSteps = 1000;
  for (int step = 0; step < numSteps; ++step) {
    int64_t tokens = 1 + maker.below(20);
    int64_t outputs = maker.below(tokens + 1);
    std::vector<std::unique_ptr<TestGraph>> graphs;
    executor->beginStep();
    for (int64_t i = maker.below(6); i >= 0; --i) {
      auto test = std::make_unique<TestGraph>();
      maker.make(*test, tokens, outputs);
      test->previous = graphs.empty() ? nullptr : graphs.back().get();
      Status status = submit(*executor, *test);
      ASSERT_TRUE(status.ok()) << status.message();
      graphs.push_back(std::move(test));
    }
    executor->finishStep();
    for (auto &test : graphs) {
      ASSERT_EQ(test->errors, 0) << "step " << step;
      ASSERT_TRUE(test->allDone()) << "step " << step;
      ++numGraphs;
      numTasks += uint64_t(test->numTasks());
      numWaits += uint64_t(test->numWaits());
    }
  }
  moert_counters counters = executor->counters();
  EXPECT_EQ(counters.steps, uint64_t(numSteps));
  EXPECT_EQ(counters.joins, uint64_t(numSteps));
  EXPECT_EQ(counters.graphs, numGraphs);
  EXPECT_EQ(counters.tasks, numTasks);
  EXPECT_EQ(counters.waits, numWaits);
  if (GetParam() == 1) {
    EXPECT_EQ(counters.stalls, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, ExecutorThreads, testing::Values(1, 2, 8));

TEST(Executor, RunsNothingWithoutOutputs) {
  auto executor = makeExecutor(2);
  TestGraph test;
  test.tokens = 3;
  test.waits.resize(1);
  moert_node node = {};
  node.name = "logits";
  node.fn = tasks[0];
  node.rows = MOERT_ROWS_EXTENT;
  node.rows_arg = outputsArg;
  node.row_tile = 4;
  node.col_tiles = 2;
  test.nodes = {node};
  test.done.emplace_back();
  test.graph = {"empty", 1, 3, test.nodes.data()};
  executor->beginStep();
  ASSERT_TRUE(submit(*executor, test).ok());
  ASSERT_TRUE(submit(*executor, test).ok());
  executor->finishStep();
  EXPECT_EQ(executor->counters().tasks, 0u);
  EXPECT_EQ(executor->counters().graphs, 2u);
}

TEST(Executor, FinishesAStepWithoutGraphs) {
  auto executor = makeExecutor(2);
  executor->beginStep();
  executor->finishStep();
  EXPECT_EQ(executor->counters().joins, 1u);
}

TEST(Executor, ArgumentsAreCopied) {
  auto executor = makeExecutor(1);
  static std::vector<int64_t> seen;
  seen.clear();
  moert_node node = {};
  node.name = "record";
  node.fn = [](const int64_t *args, int64_t, int64_t, void *) {
    seen.push_back(args[0]);
  };
  node.rows = MOERT_ROWS_ONE;
  node.row_tile = node.col_tiles = 1;
  moert_graph graph = {"g", 1, 1, &node};
  executor->beginStep();
  for (int64_t value = 0; value < 3; ++value)
    ASSERT_TRUE(executor->submit(graph, &value).ok());
  executor->finishStep();
  EXPECT_EQ(seen, (std::vector<int64_t>{0, 1, 2}));
}

/// Submits two nodes, the second with one wait, and returns the message of the
/// refusal.
std::string refusal(moert_node first, moert_node second, moert_wait wait) {
  auto executor = makeExecutor(1);
  second.num_waits = 1;
  second.waits = &wait;
  moert_node nodes[] = {first, second};
  moert_graph graph = {"g", 2, 2, nodes};
  int64_t extents[] = {1, 2};
  executor->beginStep();
  Status status = executor->submit(graph, extents);
  executor->finishStep();
  EXPECT_EQ(executor->counters().tasks, status.ok() ? 2u : 0u);
  return status.message();
}

moert_node plainNode(uint32_t rows) {
  moert_node node = {};
  node.name = "n";
  node.fn = [](const int64_t *, int64_t, int64_t, void *) {};
  node.rows = rows;
  node.row_tile = node.col_tiles = 1;
  node.experts = rows == MOERT_ROWS_ROUTED;
  return node;
}

TEST(Executor, RefusesGraphsThatCannotRun) {
  moert_node tokens = plainNode(MOERT_ROWS_EXTENT);
  moert_node routed = plainNode(MOERT_ROWS_ROUTED);
  moert_node wideRouted = routed;
  wideRouted.row_tile = 2;
  moert_node noColumns = tokens;
  noColumns.col_tiles = 0;
  EXPECT_EQ(refusal(tokens, tokens, {0, MOERT_WAIT_ROWS}), "");
  EXPECT_EQ(refusal(tokens, tokens, {1, MOERT_WAIT_ALL}),
            "graph 'g', node 1 'n': waits for node 1, which is not an earlier "
            "one");
  EXPECT_EQ(refusal(tokens, routed, {0, MOERT_WAIT_ROWS}),
            "graph 'g', node 1 'n': waits by rows for node 0, whose rows are "
            "others");
  EXPECT_EQ(refusal(routed, wideRouted, {0, MOERT_WAIT_ROWS}),
            "graph 'g', node 1 'n': waits by rows for node 0, whose rows are "
            "others");
  moert_node others = tokens;
  others.rows_arg = 1;
  EXPECT_EQ(refusal(tokens, others, {0, MOERT_WAIT_ROWS}),
            "graph 'g', node 1 'n': waits by rows for node 0, whose rows are "
            "others");
  others.rows_arg = 2;
  EXPECT_EQ(refusal(tokens, others, {0, MOERT_WAIT_ALL}),
            "graph 'g', node 1 'n': its extent is argument 2 of 2");
  EXPECT_EQ(refusal(tokens, tokens, {0, 7}),
            "graph 'g', node 1 'n': unknown form of wait 7");
  EXPECT_EQ(refusal(tokens, plainNode(9), {0, MOERT_WAIT_ALL}),
            "graph 'g', node 1 'n': unknown kind of rows 9");
  EXPECT_EQ(refusal(tokens, noColumns, {0, MOERT_WAIT_ALL}),
            "graph 'g', node 1 'n': row_tile and col_tiles must not be 0");
}

TEST(Executor, RefusesImpossibleThreadCounts) {
  EXPECT_EQ(Executor::create(0, 0).message(),
            "cannot run on 0 threads; 1 to 1024 are possible");
  EXPECT_FALSE(Executor::create(1025, 0).ok());
}

TEST(Executor, IdleThreadsSleep) {
  auto executor = makeExecutor(4);
  executor->beginStep();
  executor->finishStep();
  // Time enough to stop looking for the next step.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  // Processor time of all threads; one that spins would use the whole third of
  // a second.
  EXPECT_LT(double(std::clock() - before) / CLOCKS_PER_SEC, 0.05);
}

} // namespace
