//===- Grid.cpp -----------------------------------------------------------===//
#include "simulator/machine/Grid.h"

#include "simulator/machine/Block.h"

#include <algorithm>
#include <bit>

namespace moec::cudasim {

/// Warp instructions of a warp before the next one has its turn.
constexpr uint64_t kQuantum = 2000;
/// Rounds in which all warps only looked whether something had changed, and nothing had.
constexpr unsigned kIdleRounds = 256;

struct Grid::Impl {
  Impl(Launch launch, GlobalMemory &memory, const Options &options)
      : state(std::move(launch), memory, options) {}

  LaunchState state;
  std::vector<std::unique_ptr<Block>> resident;
  std::vector<uint32_t> order; ///< of blocks, with a seed
  uint64_t blocks = 0, nextBlock = 0;
  uint32_t turn = 0; ///< resident block
  unsigned idle = 0;
  bool checked = false;

  void fail(std::string kind, std::string message) {
    Diagnosis &diagnosis = state.failure.emplace();
    diagnosis.kind = std::move(kind);
    diagnosis.message = std::move(message);
    diagnosis.kernel = state.launch.kernel->name;
  }
  void check();
  bool admit();
  std::string report() const;
};

Grid::Grid(Launch launch, GlobalMemory &memory, const Options &options)
    : impl(std::make_unique<Impl>(std::move(launch), memory, options)) {}
Grid::~Grid() = default;

const std::optional<Diagnosis> &Grid::failure() const {
  return impl->state.failure;
}
const Counters &Grid::counters() const { return impl->state.counters; }
uint64_t Grid::executed() const { return impl->state.executed; }
std::string Grid::blockedReport() const { return impl->report(); }

std::string Grid::Impl::report() const {
  std::string text = "kernel '" + state.launch.kernel->name + "':\n";
  for (const auto &block : resident)
    text += block->describe();
  if (nextBlock < blocks)
    text += "  " + std::to_string(blocks - nextBlock) +
            " blocks have not started: " + std::to_string(resident.size()) +
            " are resident at a time\n";
  return text;
}

void Grid::Impl::check() {
  checked = true;
  const Launch &launch = state.launch;
  const Kernel &kernel = *launch.kernel;
  uint64_t threads = 1;
  blocks = 1;
  for (int i = 0; i < 3; ++i) {
    threads *= launch.block[i];
    blocks *= launch.grid[i];
  }
  auto triple = [](const uint32_t (&v)[3]) {
    return "(" + std::to_string(v[0]) + "," + std::to_string(v[1]) + "," +
           std::to_string(v[2]) + ")";
  };
  uint64_t most = uint64_t(kernel.maxThreads[0]) * kernel.maxThreads[1] *
                  kernel.maxThreads[2];
  if (threads == 0 || threads > 1024)
    return fail("launch", "a block of " + triple(launch.block) +
                              " threads; 1 to 1024 are possible");
  if (most && threads > most)
    return fail("launch", "a block of " + triple(launch.block) +
                              " threads; .maxntid says " +
                              triple(kernel.maxThreads));
  if (kernel.requiredThreads[0] &&
      !std::equal(launch.block, launch.block + 3, kernel.requiredThreads))
    return fail("launch", "a block of " + triple(launch.block) +
                              " threads; .reqntid says " +
                              triple(kernel.requiredThreads));
  if (blocks == 0 || blocks >= (uint64_t(1) << 31) * 65536)
    return fail("launch", "a grid of " + triple(launch.grid) + " blocks");
  if (launch.parameters.size() != kernel.parameterBytes)
    return fail("launch", std::to_string(launch.parameters.size()) +
                              " bytes of parameters; the kernel has " +
                              std::to_string(kernel.parameterBytes));
  if (launch.cooperative && blocks > std::max(1u, launch.residentBlocks))
    return fail("launch", "a cooperative grid of " + std::to_string(blocks) +
                              " blocks; " +
                              std::to_string(launch.residentBlocks) +
                              " fit on the device");
  if (state.options.seed && blocks <= (1u << 24)) {
    for (uint64_t i = 0; i < blocks; ++i)
      order.push_back(static_cast<uint32_t>(i));
    // Only blocks that may be resident together change places: a device starts them roughly in order.
    uint64_t window = std::max(1u, launch.residentBlocks);
    for (uint64_t begin = 0; begin < blocks; begin += window) {
      uint64_t count = std::min(window, blocks - begin);
      for (uint64_t i = count; i > 1; --i)
        std::swap(order[begin + i - 1], order[begin + state.next() % i]);
    }
  }
}

bool Grid::Impl::admit() {
  uint64_t most = std::max(1u, state.launch.residentBlocks);
  while (resident.size() < most && nextBlock < blocks) {
    uint64_t index = order.empty() ? nextBlock : order[nextBlock];
    ++nextBlock;
    resident.push_back(std::make_unique<Block>(state, index));
  }
  return !resident.empty();
}

Grid::State Grid::advance(uint64_t instructions) {
  Impl &g = *impl;
  LaunchState &state = g.state;
  if (!g.checked)
    g.check();
  if (state.failure)
    return State::Failed;
  if (state.generation != state.memory.generation()) {
    std::fill(state.hits.begin(), state.hits.end(), nullptr);
    state.generation = state.memory.generation();
  }
  uint64_t end = state.executed + instructions;
  while (g.admit()) {
    uint64_t changes = state.changes, executed = state.executed;
    bool ran = false, spinning = false;
    for (size_t i = 0; i < g.resident.size();) {
      Block::Turn turn = g.resident[i]->advance(kQuantum);
      if (state.failure)
        return State::Failed;
      ran |= turn.ran;
      spinning |= turn.spinning;
      if (g.resident[i]->done()) {
        g.resident.erase(g.resident.begin() + static_cast<ptrdiff_t>(i));
        g.admit();
        ran = true;
      } else {
        ++i;
      }
    }
    bool changed = state.changes != changes;
    if (!ran && !changed && !spinning && executed == state.executed &&
        !g.resident.empty()) {
      g.fail("deadlock", "every warp waits for another:\n" + g.report());
      return State::Failed;
    }
    g.idle = ran || changed ? 0 : g.idle + 1;
    if (g.idle >= kIdleRounds)
      return State::Blocked;
    if (state.executed >= end)
      return State::Running;
  }
  return State::Finished;
}

bool Grid::passTime(uint64_t nanoseconds) {
  LaunchState &state = impl->state;
  impl->idle = 0;
  bool matters = state.clockRead;
  state.clockRead = false;
  state.clock->nanoseconds += nanoseconds;
  return matters;
}

} // namespace moec::cudasim
