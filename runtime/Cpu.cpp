//===- Cpu.cpp - What this machine's processor can do ---------------------===//

#include "runtime/Cpu.h"

#include <algorithm>
#include <fstream>
#include <sched.h>
#include <set>
#include <sstream>

using namespace moec;

namespace {

struct Feature {
  const char *name;
  bool (*present)();
};

// __builtin_cpu_supports wants a literal. It also asks the operating system
// whether it saves the registers.
#if defined(__x86_64__)
#define FEATURE(NAME) {NAME, [] { return __builtin_cpu_supports(NAME) != 0; }}
constexpr Feature knownFeatures[] = {
    FEATURE("sse3"),       FEATURE("ssse3"),
    FEATURE("sse4.1"),     FEATURE("sse4.2"),
    FEATURE("popcnt"),     FEATURE("bmi"),
    FEATURE("bmi2"),       FEATURE("lzcnt"),
    FEATURE("movbe"),      FEATURE("avx"),
    FEATURE("avx2"),       FEATURE("fma"),
    FEATURE("f16c"),       FEATURE("avxvnni"),
    FEATURE("avx512f"),    FEATURE("avx512cd"),
    FEATURE("avx512bw"),   FEATURE("avx512dq"),
    FEATURE("avx512vl"),   FEATURE("avx512ifma"),
    FEATURE("avx512vbmi"), FEATURE("avx512vbmi2"),
    FEATURE("avx512vnni"), FEATURE("avx512bitalg"),
    FEATURE("avx512bf16"), FEATURE("avx512vpopcntdq"),
    FEATURE("gfni"),       FEATURE("avx512vp2intersect"),
    FEATURE("sse4a"),      FEATURE("fma4"),
    FEATURE("xop"),
};
#undef FEATURE
#else
constexpr Feature knownFeatures[] = {{"", [] { return true; }}};
#endif

std::string readLine(const std::string &path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// The cgroup's CPU quota in whole cores, rounded up; 0 when there is none.
unsigned cgroupQuota() {
  std::istringstream line(readLine("/sys/fs/cgroup/cpu.max"));
  double quota = 0, period = 0;
  if (!(line >> quota >> period) || quota <= 0 || period <= 0)
    return 0;
  return static_cast<unsigned>(std::clamp(quota / period + 0.999, 1.0, 1e6));
}

} // namespace

Status moec::checkCpuFeatures(const std::string &features,
                              const std::string &target) {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  std::istringstream list(features);
  for (std::string name; std::getline(list, name, ',');) {
    const Feature *feature =
        std::find_if(std::begin(knownFeatures), std::end(knownFeatures),
                     [&](const Feature &known) { return name == known.name; });
    if (feature == std::end(knownFeatures))
      return Status::error("compiled for '" + target +
                           "', which uses the CPU feature '" + name +
                           "' that this runtime does not know");
    if (!feature->present())
      return Status::error("compiled for '" + target +
                           "', which uses the CPU feature '" + name +
                           "' that this machine lacks; compile with --cpu "
                           "native on this machine");
  }
  return Status::success();
}

unsigned moec::usableCores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0)
    return 1;
  // Hyper-threads of one core have the same list of siblings.
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask))
      continue;
    std::string id = std::to_string(cpu);
    std::string siblings = readLine("/sys/devices/system/cpu/cpu" + id +
                                    "/topology/thread_siblings_list");
    cores.insert(siblings.empty() ? "cpu " + id : siblings);
  }
  unsigned count = std::max<unsigned>(1, cores.size());
  unsigned quota = cgroupQuota();
  return quota ? std::min(count, quota) : count;
}
