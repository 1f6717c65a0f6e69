//===- Launcher.cpp - Graphs of a step, launched on a stream --------------===//

#include "runtime/cuda/Launcher.h"

#include <cstdlib>
#include <cstring>
#include <limits>

using namespace moec;
using namespace moec::cuda;

/// Blocks in each direction; none in one means none at all.
struct Launcher::Grid {
  int64_t columns, rows, depth;

  std::string text() const {
    return std::to_string(columns) + " x " + std::to_string(rows) + " x " +
           std::to_string(depth);
  }
};

/// What CUDA takes of rows and depth; of columns it takes all that 31 bits say.
static constexpr int64_t maxBlocks = 65535;

static bool isBlocking() {
  const char *text = std::getenv("CUDA_LAUNCH_BLOCKING");
  return text && std::strcmp(text, "1") == 0;
}

Launcher::Launcher(const Gpu &gpu, const moert_model &model, Modules &modules,
                   const void *scratch)
    : gpu(gpu), model(model), modules(modules),
      scratch(reinterpret_cast<int64_t>(scratch)), blocking(isBlocking()) {}

void Launcher::beginStep(int64_t position) {
  lastPosition = position;
  first = last = {};
  launchesBefore = counted.launches;
  hasRefused = false;
}

//===------------------------------------------------------------------------===//
// Checks
//===------------------------------------------------------------------------===//

Status Launcher::checkKernel(const moert_kernel &kernel) const {
  if (kernel.module >= model.num_modules)
    return Status::error("its module is " + std::to_string(kernel.module) +
                         " of " + std::to_string(model.num_modules));
  const auto most = static_cast<uint32_t>(gpu.properties().maxThreadsPerBlock);
  if (kernel.threads == 0 || kernel.threads > most)
    return Status::error("its blocks have " + std::to_string(kernel.threads) +
                         " threads, expected 1 to " + std::to_string(most));
  if (kernel.row_tile == 0 || kernel.col_tiles == 0)
    return Status::error("row_tile and col_tiles must not be 0");
  if (kernel.col_tiles >
      static_cast<uint32_t>(std::numeric_limits<int32_t>::max()))
    return Status::error("it has " + std::to_string(kernel.col_tiles) +
                         " column tiles, more than a grid may have");
  return Status::success();
}

Status Launcher::checkLaunch(const moert_graph &graph, uint32_t index) const {
  const moert_node &node = graph.nodes[index];
  if (!node.launch)
    return graphError(graph, index, "has no launch on a device");
  const moert_launch &launch = *node.launch;
  if (launch.num_kernels == 0)
    return graphError(graph, index, "has no kernel");
  for (uint32_t i = 0; i < launch.num_kernels; ++i) {
    Status status = checkKernel(launch.kernels[i]);
    if (!status.ok())
      return graphError(graph, index,
                        std::string("kernel '") + launch.kernels[i].name +
                            "': " + status.message());
  }
  for (uint32_t i = 0; i < launch.num_params; ++i) {
    const moert_param &param = launch.params[i];
    const std::string name = "parameter " + std::to_string(i);
    if (param.kind > MOERT_PARAM_SCRATCH)
      return graphError(graph, index,
                        name + ": unknown kind " + std::to_string(param.kind));
    if (param.bytes != 8 &&
        (param.bytes != 4 || param.kind == MOERT_PARAM_SCRATCH))
      return graphError(
          graph, index,
          name + ": has " + std::to_string(param.bytes) + " bytes, expected " +
              (param.kind == MOERT_PARAM_SCRATCH ? "8" : "4 or 8"));
    if (param.kind == MOERT_PARAM_ARGUMENT &&
        (param.value < 0 || param.value >= graph.num_args))
      return graphError(graph, index,
                        name + ": is argument " + std::to_string(param.value) +
                            " of " + std::to_string(graph.num_args));
  }
  return Status::success();
}

Result<Launcher::Prepared> Launcher::prepare(const moert_graph &graph) {
  Prepared functions;
  for (uint32_t i = 0; i < graph.num_nodes; ++i) {
    MOEC_RETURN_IF_ERROR(checkNode(graph, i));
    MOEC_RETURN_IF_ERROR(checkLaunch(graph, i));
    const moert_launch &launch = *graph.nodes[i].launch;
    for (uint32_t k = 0; k < launch.num_kernels; ++k) {
      Result<Function> function = modules.find(launch.kernels[k]);
      if (!function.ok())
        return graphError(graph, i, function.message());
      functions.push_back(*function);
    }
    if (launch.num_params > values.size()) {
      values.resize(launch.num_params);
      parameters.clear();
      for (int64_t &value : values)
        parameters.push_back(&value);
    }
  }
  return functions;
}

//===------------------------------------------------------------------------===//
// Launches
//===------------------------------------------------------------------------===//

Status Launcher::submit(const moert_graph &graph, const int64_t *args) {
  Status status = launchAll(graph, args);
  hasRefused |= !status.ok();
  return status;
}

Status Launcher::launchAll(const moert_graph &graph, const int64_t *args) {
  auto entry = known.find(&graph);
  if (entry == known.end()) {
    MOEC_ASSIGN_OR_RETURN(Prepared functions, prepare(graph));
    entry = known.emplace(&graph, std::move(functions)).first;
  }
  const uint64_t before = counted.launches;
  const Function *functions = entry->second.data();
  for (uint32_t i = 0; i < graph.num_nodes; ++i) {
    MOEC_RETURN_IF_ERROR(launch(graph, i, functions, args));
    functions += graph.nodes[i].launch->num_kernels;
  }
  ++counted.graphs;
  const uint64_t launches = counted.launches - before;
  counted.all_waits += launches ? launches - 1 : 0;
  countUse(uses, graph, graph.num_nodes ? graph.num_nodes - 1 : 0);
  return Status::success();
}

/// Little endian: the low half of a value is at its address.
Status Launcher::setParameters(const moert_graph &graph, uint32_t index,
                               const int64_t *args) {
  const moert_launch &launch = *graph.nodes[index].launch;
  for (uint32_t i = 0; i < launch.num_params; ++i) {
    const moert_param &param = launch.params[i];
    switch (param.kind) {
    case MOERT_PARAM_ARGUMENT:
      values[i] = args[param.value];
      if (param.bytes == 4 && values[i] != static_cast<int32_t>(values[i]))
        return graphError(graph, index,
                          "parameter " + std::to_string(i) + ": is " +
                              std::to_string(values[i]) +
                              ", which 4 bytes do not hold");
      break;
    case MOERT_PARAM_CONSTANT:
      values[i] = param.value;
      break;
    case MOERT_PARAM_SCRATCH:
      values[i] = scratch;
      break;
    }
  }
  return Status::success();
}

Status Launcher::launch(const moert_graph &graph, uint32_t index,
                        const Function *functions, const int64_t *args) {
  const moert_node &node = graph.nodes[index];
  const moert_launch &launch = *node.launch;
  const int64_t extent = node.rows == MOERT_ROWS_ONE ? 1 : args[node.rows_arg];
  if (extent < 1)
    return Status::success();

  uint32_t variant = 0;
  while (variant < launch.num_kernels && launch.kernels[variant].most_rows &&
         launch.kernels[variant].most_rows < extent)
    ++variant;
  if (variant == launch.num_kernels)
    return graphError(graph, index,
                      "none of its kernels takes " + std::to_string(extent) +
                          " rows");
  const moert_kernel &kernel = launch.kernels[variant];

  Grid grid = {kernel.col_tiles, 1, 1};
  if (node.rows == MOERT_ROWS_EXTENT)
    grid.rows = (extent + kernel.row_tile - 1) / kernel.row_tile;
  else if (node.rows == MOERT_ROWS_ROUTED)
    grid.rows = routedTiles(node, extent);
  if (kernel.position_tile)
    grid.depth = lastPosition / kernel.position_tile + 1;
  if (grid.rows > maxBlocks || grid.depth > maxBlocks)
    return graphError(
        graph, index,
        modules.describe(kernel) + ": a grid of " + grid.text() +
            " blocks is more than the " + std::to_string(maxBlocks) +
            " that CUDA takes of rows and depth; run it with a smaller " +
            (grid.rows > maxBlocks ? "--chunk" : "context"));

  MOEC_RETURN_IF_ERROR(setParameters(graph, index, args));
  int code = gpu.driver().cuLaunchKernel(
      functions[variant], static_cast<unsigned>(grid.columns),
      static_cast<unsigned>(grid.rows), static_cast<unsigned>(grid.depth),
      kernel.threads, 1, 1, /*sharedBytes=*/0, gpu.stream(), parameters.data(),
      /*extra=*/nullptr);
  if (code == Success && blocking) {
    code = gpu.driver().cuStreamSynchronize(gpu.stream());
    ++counted.synchronisations;
  }
  if (code != Success)
    return launchError(graph, index, kernel, grid, code);

  last = {&graph, index};
  if (!first.graph)
    first = last;
  ++counted.launches;
  counted.tasks += static_cast<uint64_t>(grid.columns * grid.rows * grid.depth);
  return times ? times->launched(graph, index, grid.columns, grid.rows,
                                 grid.depth)
               : Status::success();
}

/// Whether it is a kernel that failed, perhaps an earlier one than that which
/// is being launched, and not the launch.
static bool isFailureOfKernel(int code) {
  // CUDA_ERROR_ILLEGAL_ADDRESS, LAUNCH_TIMEOUT, ASSERT, HARDWARE_STACK_ERROR to
  // LAUNCH_FAILED, TENSOR_MEMORY_LEAK.
  return code == 700 || code == 702 || code == 710 ||
         (code >= 714 && code <= 719) || code == 721;
}

Status Launcher::launchError(const moert_graph &graph, uint32_t index,
                             const moert_kernel &kernel, const Grid &grid,
                             int code) const {
  if (isFailureOfKernel(code) && !blocking && first.graph)
    return Status::error(gpu.driver().describe(code) + " in " + describeStep());
  return graphError(graph, index,
                    modules.describe(kernel) + ", " + grid.text() +
                        " blocks of " + std::to_string(kernel.threads) +
                        " threads: " + gpu.driver().describe(code));
}

std::string Launcher::describeStep() const {
  const auto name = [](const Launched &launched) {
    return std::string("graph '") + launched.graph->name + "', node " +
           std::to_string(launched.node) + " '" +
           launched.graph->nodes[launched.node].name + "'";
  };
  const uint64_t launches = counted.launches - launchesBefore;
  if (launches == 0)
    return "a step without launches";
  if (launches == 1)
    return "1 launch, of " + name(first);
  return "one of " + std::to_string(launches) + " launches, from " +
         name(first) + " to " + name(last) +
         "; with CUDA_LAUNCH_BLOCKING=1 in the environment it is "
         "known which";
}
