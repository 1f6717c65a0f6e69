//===- Executor.h - Runs graphs of tile tasks on threads ------------------===//
//
// A step submits graphs; a graph is a list of nodes (kernels) in topological
// order, and a node is a grid of tasks (tiles). There is no barrier between
// nodes. Tasks are numbered:
//
//   ticket   0 1 2 3 | 4 5 6 7 | 8 9
//   node     0       | 1       | 2         row tiles outer, column tiles inner
//
// Each thread looks at the lowest ticket that nobody has taken, waits until the
// tiles that its task reads are done, takes it with one atomic operation, runs
// it and counts it as done. A thread that waits holds nothing: when the system
// takes its core away, the others go on, and in a chain of small kernels each is
// run by whoever has just finished the one before, out of its own cache.
//
// Nobody can wait for ever. Look at the lowest ticket that is not done. Either
// it has been taken; then its task waits for nothing any more and is running. Or
// it has not; then it is the one that the waiting threads look at, and all it
// waits for are tasks of earlier nodes, whose tickets are lower and hence done.
// The argument needs no fairness and holds for any number of threads.
//
// Counting is a tree, so that threads seldom meet on one counter: a task bumps
// the counter of its row tile; the last one of a row tile bumps that of its
// node; the last one of a node bumps that of its graph.
//
// The records of graphs and their counters are kept from step to step: nothing
// is allocated once the largest step has been seen.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_EXECUTOR_H
#define MOEC_RUNTIME_EXECUTOR_H

#include "runtime/Graph.h"
#include "runtime/Memory.h"
#include "runtime/ThreadPool.h"
#include "runtime/Trace.h"
#include "runtime/moert.h"
#include "support/Status.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace moec {

class Executor final : public moert_context {
public:
  static constexpr unsigned maxThreads = 1024;

  static Result<std::unique_ptr<Executor>> create(unsigned threads,
                                                  int64_t scratchBytes);
  ~Executor();

  /// Starts a step. Other threads run what is submitted from now on.
  void beginStep();
  Status submit(const moert_graph &graph, const int64_t *args) override;
  /// Works on what was submitted until all of it is done.
  void finishStep();

  unsigned threads() const { return static_cast<unsigned>(workers.size()); }
  moert_counters counters() const { return total; }
  /// The graphs seen so far, in the order of their first submission.
  const std::vector<GraphUse> &graphs() const { return uses; }

  /// Between steps. Null: no trace.
  void setTrace(Trace *trace);

private:
  struct Node;
  struct Graph;
  struct Worker;

  Executor();
  /// Runs tasks of all graphs of this step until there are none left to take.
  void work(Worker &worker);
  void runTasks(Graph &graph, Worker &worker);

  /// A list of records, in which other threads follow us while we append. Those
  /// after `last` are left from steps with more graphs.
  std::unique_ptr<Graph> first;
  Graph *last = nullptr;
  std::atomic<uint32_t> submitted{0};
  std::atomic<bool> allSubmitted{false};
  std::vector<std::unique_ptr<Worker>> workers;
  moert_counters total = {};
  std::vector<GraphUse> uses;
  /// Last, so that its threads end before what they use.
  std::unique_ptr<ThreadPool> pool;
};

} // namespace moec

#endif // MOEC_RUNTIME_EXECUTOR_H
