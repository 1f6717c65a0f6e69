//===- Cpu.h - What this processor can do, and how much of it is ours -----===//
#ifndef MOEC_RUNTIME_CPU_H
#define MOEC_RUNTIME_CPU_H

#include "support/Status.h"

#include <string>

namespace moec {

/// An error unless this CPU and its operating system have every feature of the
/// comma-separated list (names as LLVM spells them). `target` says in the
/// message what the code was compiled for. A feature of unknown name is an
/// error too: the code may use it.
Status checkCpuFeatures(const std::string &features, const std::string &target);

/// Physical cores that this process may use: its affinity mask with
/// hyper-threads of one core counted once, and not more than its cgroup's
/// quota. At least 1.
unsigned usableCores();

} // namespace moec

#endif // MOEC_RUNTIME_CPU_H
