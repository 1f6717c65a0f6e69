//===- Options.h - How a simulation runs ------------------------*- C++ -*-===//
#ifndef MOEC_SIMULATOR_MACHINE_OPTIONS_H
#define MOEC_SIMULATOR_MACHINE_OPTIONS_H

#include "simulator/arithmetic/Mma.h"

#include <cstdint>

namespace moec::cudasim {

struct Options {
  /// Permutes the order of blocks and warps, of lanes in atomics, and the leader of elect.sync. Results that depend on it are bugs.
  uint64_t seed = 0;
  /// Initialisation, races, bytes in flight of asynchronous copies. Bounds and alignment are always checked.
  bool checks = true;
  /// Races in global memory; shared memory belongs to `checks`.
  bool checkGlobalRaces = false;
  /// Executes each cp.async when it is waited for instead of when it is issued; only with `checks`.
  bool lateCopies = false;
  bool counters = true;
  /// Not 0: approximate functions err by up to their documented bound, decided by this seed.
  uint64_t perturbation = 0;
  MmaArithmetic mma = MmaArithmetic::InOrder;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MACHINE_OPTIONS_H
