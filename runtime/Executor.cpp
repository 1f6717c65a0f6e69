//===- Executor.cpp - Runs graphs of tile tasks on threads ----------------===//

#include "runtime/Executor.h"

#include <algorithm>
#include <string>
#include <utility>

using namespace moec;

using Clock = TraceBuffer::Clock;

//===------------------------------------------------------------------------===//
// Records
//===------------------------------------------------------------------------===//

/// A node of a graph in this step. Its own cache line, since other nodes are
/// counted by other threads.
struct alignas(64) Executor::Node {
  int64_t firstTicket = 0;
  int64_t rowTiles = 0;
  int64_t colTiles = 0;
  /// Rows are counted in units in which tiles are regular: rows, or whole
  /// tiles where the data decides.
  int64_t extent = 0;
  int64_t rowTile = 1;
  /// Tasks done of each row tile.
  std::atomic<uint32_t> *tasksDone = nullptr;
  /// Row tiles done.
  std::atomic<int64_t> rowTilesDone{0};

  bool done() const {
    return rowTilesDone.load(std::memory_order_acquire) == rowTiles;
  }
  bool rowTileDone(int64_t tile) const {
    return tasksDone[tile].load(std::memory_order_acquire) ==
           static_cast<uint64_t>(colTiles);
  }
};

struct Executor::Graph {
  const moert_graph *graph = nullptr;
  std::vector<int64_t> args;
  /// Records hold atomics, which cannot move; they are replaced by a larger
  /// array when they are too few.
  std::unique_ptr<Node[]> nodes;
  size_t nodeCapacity = 0;
  std::unique_ptr<std::atomic<uint32_t>[]> counters;
  size_t counterCapacity = 0;
  /// The graph that must complete before this one starts; null for the first.
  const Graph *previous = nullptr;
  /// The record of the graph that will be submitted next.
  std::unique_ptr<Graph> next;
  /// Kept apart from the counters below: it changes with every task.
  alignas(64) std::atomic<int64_t> nextTicket{0};
  int64_t numTickets = 0;
  uint32_t allWaits = 0;
  alignas(64) std::atomic<uint32_t> nodesDone{0};

  bool done() const {
    return nodesDone.load(std::memory_order_acquire) == graph->num_nodes;
  }
  Status prepare(const moert_graph &description, const int64_t *args);
  bool isMet(const moert_wait &wait, const Node &node, int64_t rowTile) const;
  /// The first wait of a row tile of a node that is not met; null if there is
  /// none.
  const moert_wait *findUnmet(uint32_t node, int64_t rowTile) const;
  void countDone(Node &node, int64_t rowTile);
};

struct Executor::Worker {
  Memory scratch;
  /// Null if nobody wants to know.
  TraceBuffer *trace = nullptr;
  /// Written by this worker alone and read between steps.
  alignas(64) moert_counters counters = {};

  /// Waits for a condition that mostly holds. Returns whether it had to wait;
  /// only then a clock is read and `describe` asked what for.
  template <typename Condition, typename Describe>
  bool await(Condition condition, Describe describe) {
    if (condition())
      return false;
    const Clock::time_point begin = Clock::now();
    spinUntil(condition);
    const Clock::time_point end = Clock::now();
    counters.wait_ns +=
        static_cast<uint64_t>(std::chrono::nanoseconds(end - begin).count());
    record(begin, end, describe);
    return true;
  }

  template <typename Describe>
  void record(Clock::time_point begin, Clock::time_point end,
              Describe describe) {
    if (!trace)
      return;
    TraceRecord record = describe();
    record.begin = trace->at(begin);
    record.end = trace->at(end);
    trace->add(record);
  }
};

/// Row tiles of a node, and the units in which they are regular.
static void setRows(const moert_node &description, const int64_t *args,
                    int64_t &extent, int64_t &rowTile) {
  extent = 1;
  rowTile = 1;
  if (description.rows == MOERT_ROWS_ONE)
    return;
  extent = args[description.rows_arg];
  if (description.rows == MOERT_ROWS_ROUTED)
    extent = routedTiles(description, extent);
  else
    rowTile = description.row_tile;
}

Status Executor::Graph::prepare(const moert_graph &description,
                                const int64_t *arguments) {
  for (uint32_t i = 0; i < description.num_nodes; ++i)
    MOEC_RETURN_IF_ERROR(checkNode(description, i));

  graph = &description;
  args.assign(arguments, arguments + description.num_args);
  if (nodeCapacity < description.num_nodes) {
    nodeCapacity = description.num_nodes;
    nodes = std::make_unique<Node[]>(nodeCapacity);
  }

  size_t numCounters = 0;
  numTickets = 0;
  allWaits = 0;
  uint32_t emptyNodes = 0;
  for (uint32_t i = 0; i < description.num_nodes; ++i) {
    Node &node = nodes[i];
    setRows(description.nodes[i], arguments, node.extent, node.rowTile);
    node.rowTiles = (node.extent + node.rowTile - 1) / node.rowTile;
    for (uint32_t j = 0; j < description.nodes[i].num_waits; ++j) {
      const moert_wait &wait = description.nodes[i].waits[j];
      allWaits += wait.form == MOERT_WAIT_ALL;
      if (wait.form == MOERT_WAIT_ROWS &&
          nodes[wait.producer].extent != node.extent)
        return graphError(description, i,
                          "waits by rows for node " +
                              std::to_string(wait.producer) +
                              ", whose rows are others");
    }
    node.colTiles = description.nodes[i].col_tiles;
    node.firstTicket = numTickets;
    node.rowTilesDone.store(0, std::memory_order_relaxed);
    numTickets += node.rowTiles * node.colTiles;
    numCounters += node.rowTiles;
    emptyNodes += node.rowTiles == 0;
  }

  if (counterCapacity < numCounters) {
    counterCapacity = numCounters;
    counters = std::make_unique<std::atomic<uint32_t>[]>(counterCapacity);
  }
  for (size_t i = 0; i < numCounters; ++i)
    counters[i].store(0, std::memory_order_relaxed);
  std::atomic<uint32_t> *next = counters.get();
  for (uint32_t i = 0; i < description.num_nodes; ++i) {
    nodes[i].tasksDone = next;
    next += nodes[i].rowTiles;
  }
  nextTicket.store(0, std::memory_order_relaxed);
  nodesDone.store(emptyNodes, std::memory_order_relaxed);
  return Status::success();
}

//===------------------------------------------------------------------------===//
// Tasks
//===------------------------------------------------------------------------===//

bool Executor::Graph::isMet(const moert_wait &wait, const Node &node,
                            int64_t rowTile) const {
  const Node &producer = nodes[wait.producer];
  if (wait.form == MOERT_WAIT_ALL)
    return producer.done();
  // The rows of this task, and the producer's tiles that cover them; equal
  // extents, perhaps other tile sizes.
  int64_t firstRow = rowTile * node.rowTile;
  int64_t lastRow = std::min(firstRow + node.rowTile, node.extent) - 1;
  for (int64_t tile = firstRow / producer.rowTile;
       tile <= lastRow / producer.rowTile; ++tile)
    if (!producer.rowTileDone(tile))
      return false;
  return true;
}

const moert_wait *Executor::Graph::findUnmet(uint32_t node,
                                             int64_t rowTile) const {
  const moert_node &kernel = graph->nodes[node];
  for (uint32_t i = 0; i < kernel.num_waits; ++i)
    if (!isMet(kernel.waits[i], nodes[node], rowTile))
      return &kernel.waits[i];
  return nullptr;
}

/// Each bump releases what the task wrote, and acquires what others released
/// into the same counter, so that whoever sees the last bump of a row tile,
/// node or graph sees the results of all its tasks.
void Executor::Graph::countDone(Node &node, int64_t rowTile) {
  if (node.tasksDone[rowTile].fetch_add(1, std::memory_order_acq_rel) + 1 !=
      static_cast<uint64_t>(node.colTiles))
    return;
  if (node.rowTilesDone.fetch_add(1, std::memory_order_acq_rel) + 1 !=
      node.rowTiles)
    return;
  nodesDone.fetch_add(1, std::memory_order_acq_rel);
}

void Executor::runTasks(Graph &graph, Worker &worker) {
  const moert_graph &description = *graph.graph;
  // Tickets only grow, so the node does too.
  uint32_t index = 0;
  int64_t ticket = graph.nextTicket.load(std::memory_order_relaxed);
  while (ticket < graph.numTickets) {
    while (ticket - graph.nodes[index].firstTicket >=
           graph.nodes[index].rowTiles * graph.nodes[index].colTiles)
      ++index;
    Node &node = graph.nodes[index];
    const int64_t tile = ticket - node.firstTicket;
    const int64_t rowTile = tile / node.colTiles;
    const int64_t colTile = tile % node.colTiles;
    const auto describe = [&](TraceKind kind) {
      TraceRecord record;
      record.kind = kind;
      record.graph = &description;
      record.node = index;
      record.row = static_cast<int32_t>(rowTile);
      record.column = static_cast<int32_t>(colTile);
      return record;
    };

    if (const moert_wait *wait = graph.findUnmet(index, rowTile)) {
      const auto isMet = [&] { return graph.isMet(*wait, node, rowTile); };
      worker.counters.stalls += worker.await(isMet, [&] {
        TraceRecord record = describe(TraceKind::WaitTiles);
        record.other = wait->producer;
        return record;
      });
      ticket = graph.nextTicket.load(std::memory_order_relaxed);
      continue;
    }
    // When another thread was faster, `ticket` becomes the next one.
    if (!graph.nextTicket.compare_exchange_weak(ticket, ticket + 1,
                                                std::memory_order_relaxed))
      continue;

    const Clock::time_point begin =
        worker.trace ? Clock::now() : Clock::time_point();
    description.nodes[index].fn(graph.args.data(), rowTile, colTile,
                                worker.scratch.data());
    if (worker.trace)
      worker.record(begin, Clock::now(),
                    [&] { return describe(TraceKind::Task); });
    ++worker.counters.tasks;
    worker.counters.waits += description.nodes[index].num_waits;
    graph.countDone(node, rowTile);
    ticket = graph.nextTicket.load(std::memory_order_relaxed);
  }
}

/// What a worker waits for outside a graph; `next` is the graph it waits for to
/// start.
static auto waitingFor(TraceKind kind, const moert_graph *next = nullptr) {
  return [=] {
    TraceRecord record;
    record.kind = kind;
    record.graph = next;
    return record;
  };
}

void Executor::work(Worker &worker) {
  Graph *graph = first.get();
  for (uint32_t index = 0;; ++index) {
    worker.await(
        [&] {
          return submitted.load(std::memory_order_acquire) > index ||
                 allSubmitted.load(std::memory_order_acquire);
        },
        waitingFor(TraceKind::WaitStep));
    if (submitted.load(std::memory_order_acquire) == index)
      return;
    if (graph->previous)
      worker.await([&] { return graph->previous->done(); },
                   waitingFor(TraceKind::WaitGraph, graph->graph));
    runTasks(*graph, worker);
    graph = graph->next.get();
  }
}

//===------------------------------------------------------------------------===//
// Steps
//===------------------------------------------------------------------------===//

Executor::Executor() : first(std::make_unique<Graph>()) {}
Executor::~Executor() = default;

Result<std::unique_ptr<Executor>> Executor::create(unsigned threads,
                                                   int64_t scratchBytes) {
  if (threads == 0 || threads > maxThreads)
    return Status::error("cannot run on " + std::to_string(threads) +
                         " threads; 1 to " + std::to_string(maxThreads) +
                         " are possible");
  std::unique_ptr<Executor> executor(new Executor);
  for (unsigned i = 0; i < threads; ++i) {
    executor->workers.push_back(std::make_unique<Worker>());
    MOEC_ASSIGN_OR_RETURN(executor->workers[i]->scratch,
                          Memory::reserve(scratchBytes, "scratch of a thread"));
  }
  auto help = [executor = executor.get()](unsigned helper) {
    executor->work(*executor->workers[helper]);
  };
  MOEC_ASSIGN_OR_RETURN(executor->pool, ThreadPool::create(threads - 1, help));
  return executor;
}

void Executor::setTrace(Trace *trace) {
  for (unsigned i = 0; i < threads(); ++i)
    workers[i]->trace = trace ? &trace->lane(i) : nullptr;
}

void Executor::beginStep() {
  last = nullptr;
  submitted.store(0, std::memory_order_relaxed);
  allSubmitted.store(false, std::memory_order_relaxed);
  pool->open();
}

Status Executor::submit(const moert_graph &graph, const int64_t *args) {
  Graph &record = last ? *last->next : *first;
  MOEC_RETURN_IF_ERROR(record.prepare(graph, args));
  record.previous = last;
  // The next record exists before anyone can look for it.
  if (!record.next)
    record.next = std::make_unique<Graph>();
  last = &record;
  submitted.fetch_add(1, std::memory_order_release);
  ++total.graphs;
  countUse(uses, graph, record.allWaits);
  total.all_waits += record.allWaits;
  return Status::success();
}

void Executor::finishStep() {
  allSubmitted.store(true, std::memory_order_release);
  work(*workers[0]);
  if (last)
    workers[0]->await([&] { return last->done(); },
                      waitingFor(TraceKind::WaitStep));
  pool->close();
  ++total.joins;
  ++total.steps;
  for (auto &worker : workers) {
    moert_counters &own = worker->counters;
    total.tasks += std::exchange(own.tasks, 0);
    total.waits += std::exchange(own.waits, 0);
    total.stalls += std::exchange(own.stalls, 0);
    total.wait_ns += std::exchange(own.wait_ns, 0);
  }
}
