//===- Grid.h - A launched kernel -------------------------------*- C++ -*-===//
//
// The blocks of a launch, of which `residentBlocks` run at a time, in an order that the seed permutes. Execution is
// deterministic: the same launch, memory and options give the same instructions in the same order.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_MACHINE_GRID_H
#define MOEC_SIMULATOR_MACHINE_GRID_H

#include "simulator/check/Diagnosis.h"
#include "simulator/count/Counters.h"
#include "simulator/machine/Options.h"
#include "simulator/machine/Program.h"

#include <memory>
#include <optional>
#include <vector>

namespace moec::cudasim {

class Block;

/// Simulated time, of all grids of a process.
struct Clock {
  uint64_t nanoseconds = 1000000;
};

struct Launch {
  const Program *program = nullptr;
  const Kernel *kernel = nullptr;
  uint32_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  uint32_t dynamicSharedBytes = 0;
  std::vector<std::byte> parameters; ///< kernel->parameterBytes of them
  int device = 0;
  bool cooperative = false;
  uint32_t residentBlocks = 1; ///< that fit on the device at a time
  uint32_t multiprocessors = 1;
  uint64_t gridId = 0;
  uint64_t cooperativeWorkspace =
      0; ///< %envreg1 (high word) and %envreg2; zeroed device memory
  Clock *clock = nullptr; ///< null: one of its own
};

class Grid {
public:
  Grid(Launch launch, GlobalMemory &memory, const Options &options);
  ~Grid();
  Grid(const Grid &) = delete;
  Grid &operator=(const Grid &) = delete;

  enum class State {
    Running,
    Finished,
    Blocked, ///< only spins and waits: nothing can change before another grid, or the clock, does something
    Failed
  };
  /// Executes about that many warp instructions. A launch that cannot be (a block of more than 1024 threads, parameters
  /// of the wrong size) fails at the first call.
  State advance(uint64_t instructions);
  /// When all grids are blocked: lets time pass, for kernels that give up waiting or sleep. Returns false when nobody
  /// here looks at the clock, so that it changes nothing.
  bool passTime(uint64_t nanoseconds);

  const std::optional<Diagnosis> &failure() const;
  const Counters &counters() const;
  /// Every warp: line, and what it waits for.
  std::string blockedReport() const;
  uint64_t executed() const;

private:
  friend class Block;
  friend class Warp;
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MACHINE_GRID_H
