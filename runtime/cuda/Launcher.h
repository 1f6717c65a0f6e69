//===- Launcher.h - Graphs of a step, launched on a stream ----------------===//
//
// A graph's nodes are in topological order and a stream runs its launches one
// after another, so that what a node waits for is done. Nothing here waits for
// the GPU.
//
// What a graph says is checked when it is seen for the first time, and the
// functions of its kernels are looked up then.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_CUDA_LAUNCHER_H
#define MOEC_RUNTIME_CUDA_LAUNCHER_H

#include "runtime/Graph.h"
#include "runtime/cuda/Modules.h"
#include "runtime/cuda/Timeline.h"
#include "runtime/moert.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace moec::cuda {

class Launcher final : public moert_context {
public:
  /// CUDA_LAUNCH_BLOCKING in the environment makes every launch be waited for,
  /// as it does in the driver: that is how one learns which kernel failed.
  Launcher(const Gpu &gpu, const moert_model &model, Modules &modules,
           const void *scratch);

  /// The next graphs belong to a step whose greatest position is this one.
  void beginStep(int64_t lastPosition);
  Status submit(const moert_graph &graph, const int64_t *args) override;
  /// Whether a graph of this step was.
  bool refused() const { return hasRefused; }

  /// "one of 12 launches, from graph 'a', node 0 'x' to graph 'b', node 3 'y'":
  /// the step so far.
  std::string describeStep() const;
  moert_counters &counters() { return counted; }
  const moert_counters &counters() const { return counted; }
  const std::vector<GraphUse> &graphs() const { return uses; }
  /// Null: no trace.
  void setTimeline(Timeline *timeline) { times = timeline; }

private:
  struct Grid;
  /// The functions of each node's kernels, one node after the other.
  using Prepared = std::vector<Function>;
  struct Launched {
    const moert_graph *graph = nullptr;
    uint32_t node = 0;
  };

  Status launchAll(const moert_graph &graph, const int64_t *args);
  Result<Prepared> prepare(const moert_graph &graph);
  Status checkLaunch(const moert_graph &graph, uint32_t index) const;
  Status checkKernel(const moert_kernel &kernel) const;
  Status launch(const moert_graph &graph, uint32_t index,
                const Function *functions, const int64_t *args);
  Status setParameters(const moert_graph &graph, uint32_t index,
                       const int64_t *args);
  Status launchError(const moert_graph &graph, uint32_t index,
                     const moert_kernel &kernel, const Grid &grid,
                     int code) const;

  const Gpu &gpu;
  const moert_model &model;
  Modules &modules;
  const int64_t scratch;
  const bool blocking;
  int64_t lastPosition = 0;
  std::unordered_map<const moert_graph *, Prepared> known;
  /// What the parameters of a launch point to.
  std::vector<int64_t> values;
  std::vector<void *> parameters;
  Launched first, last;
  uint64_t launchesBefore = 0;
  bool hasRefused = false;
  moert_counters counted = {};
  std::vector<GraphUse> uses;
  Timeline *times = nullptr;
};

} // namespace moec::cuda

#endif // MOEC_RUNTIME_CUDA_LAUNCHER_H
