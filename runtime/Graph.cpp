//===- Graph.cpp - What every device knows of a graph ---------------------===//

#include "runtime/Graph.h"

using namespace moec;

Status moec::graphError(const moert_graph &graph, uint32_t node,
                        const std::string &message) {
  return Status::error(std::string("graph '") + graph.name + "', node " +
                       std::to_string(node) + " '" + graph.nodes[node].name +
                       "': " + message);
}

Status moec::checkNode(const moert_graph &graph, uint32_t index) {
  const moert_node &node = graph.nodes[index];
  if (node.rows > MOERT_ROWS_ROUTED)
    return graphError(graph, index,
                      "unknown kind of rows " + std::to_string(node.rows));
  if (node.rows != MOERT_ROWS_ONE && node.rows_arg >= graph.num_args)
    return graphError(graph, index,
                      "its extent is argument " +
                          std::to_string(node.rows_arg) + " of " +
                          std::to_string(graph.num_args));
  if (node.row_tile == 0 || node.col_tiles == 0)
    return graphError(graph, index, "row_tile and col_tiles must not be 0");
  for (uint32_t i = 0; i < node.num_waits; ++i) {
    const moert_wait &wait = node.waits[i];
    if (wait.producer >= index)
      return graphError(graph, index,
                        "waits for node " + std::to_string(wait.producer) +
                            ", which is not an earlier one");
    const moert_node &producer = graph.nodes[wait.producer];
    if (wait.form == MOERT_WAIT_ALL)
      continue;
    if (wait.form != MOERT_WAIT_ROWS)
      return graphError(graph, index,
                        "unknown form of wait " + std::to_string(wait.form));
    bool sameRows = producer.rows == node.rows;
    bool sameRouting =
        producer.row_tile == node.row_tile && producer.experts == node.experts;
    if (!sameRows || (node.rows == MOERT_ROWS_ROUTED && !sameRouting))
      return graphError(graph, index,
                        "waits by rows for node " +
                            std::to_string(wait.producer) +
                            ", whose rows are others");
  }
  return Status::success();
}
