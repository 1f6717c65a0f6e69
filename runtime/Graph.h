//===- Graph.h - What every device knows of a graph -----------------------===//
#ifndef MOEC_RUNTIME_GRAPH_H
#define MOEC_RUNTIME_GRAPH_H

#include "runtime/moert_abi.h"
#include "support/Status.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

/// What takes the graphs of a step: generated code holds it without knowing what
/// it is and gives it to moert_graph_submit.
struct moert_context {
  /// `args` is copied. After an error the step submits no more.
  virtual moec::Status submit(const moert_graph &graph,
                              const int64_t *args) = 0;

protected:
  ~moert_context() = default;
};

namespace moec {

/// How often a graph was submitted.
struct GraphUse {
  const moert_graph *graph;
  uint64_t submissions;
  /// Waits of its nodes for all tiles of another; on a device every launch but
  /// the first is one.
  uint32_t allWaits;
};

/// Adds one submission to the list, which is in the order of first submissions.
inline void countUse(std::vector<GraphUse> &uses, const moert_graph &graph,
                     uint32_t allWaits) {
  auto use = std::find_if(uses.begin(), uses.end(), [&](const GraphUse &known) {
    return known.graph == &graph;
  });
  if (use == uses.end())
    use = uses.insert(use, {&graph, 0, allWaits});
  ++use->submissions;
}

/// "graph 'g', node 3 'g.up': message".
Status graphError(const moert_graph &graph, uint32_t node,
                  const std::string &message);

/// What can be said of a node before its arguments are known.
Status checkNode(const moert_graph &graph, uint32_t index);

/// Row tiles of a node whose rows are ordered by expert: every expert may leave
/// one tile unfilled, but no tile is empty of rows.
inline int64_t routedTiles(const moert_node &node, int64_t extent) {
  return std::min<int64_t>(extent, extent / node.row_tile + node.experts);
}

} // namespace moec

#endif // MOEC_RUNTIME_GRAPH_H
