//===- CounterReport.cpp - Counters as sums and as JSON -------------------===//
#include "simulator/count/Counters.h"

#include <nlohmann/json.hpp>

namespace moec::cudasim {

using Json = nlohmann::ordered_json;

CounterReport CounterReport::of(const Counters &counters,
                                const std::vector<InstructionInfo> &infos) {
  CounterReport report;
  for (size_t i = 0; i < infos.size(); ++i) {
    const Counts &counts = counters.instructions()[i];
    if (counts == Counts())
      continue;
    const InstructionInfo &info = infos[i];
    report.total += counts;
    report.classes[unsigned(info.kind)] += counts;
    report.lines[info.source.empty() ? "ptx:" + std::to_string(info.ptxLine)
                                     : info.source] += counts;
  }
  report.uniqueLoadSectors = counters.uniqueLoadSectors();
  report.uniqueStoreSectors = counters.uniqueStoreSectors();
  return report;
}

CounterReport &CounterReport::operator+=(const CounterReport &other) {
  launches += other.launches;
  total += other.total;
  for (unsigned i = 0; i < InstructionClasses; ++i)
    classes[i] += other.classes[i];
  for (auto &[line, counts] : other.lines)
    lines[line] += counts;
  uniqueLoadSectors += other.uniqueLoadSectors;
  uniqueStoreSectors += other.uniqueStoreSectors;
  return *this;
}

/// `unit` names what `used` counts.
static void put(Json &object, const char *key, const Traffic &traffic,
                const char *unit) {
  if (traffic.accesses)
    object[key] = {{"accesses", traffic.accesses},
                   {"bytes", traffic.bytes},
                   {unit, traffic.used},
                   {"ideal", traffic.ideal}};
}

static void put(Json &object, const char *key, uint64_t count) {
  if (count)
    object[key] = count;
}

static Json toJson(const Counts &counts) {
  Json object = {{"warp_instructions", counts.warpInstructions},
                 {"thread_instructions", counts.threadInstructions}};
  const Events &events = counts.events;
  put(object, "global_load", events.globalLoad, "sectors");
  put(object, "global_store", events.globalStore, "sectors");
  put(object, "global_atomic", events.globalAtomic, "sectors");
  put(object, "shared_load", events.sharedLoad, "wavefronts");
  put(object, "shared_store", events.sharedStore, "wavefronts");
  put(object, "shared_atomic", events.sharedAtomic, "wavefronts");
  put(object, "mma", events.mma);
  put(object, "mma_flop", events.mmaFlop);
  put(object, "barriers", events.barriers);
  put(object, "branches", events.branches);
  put(object, "divergent_branches", events.divergentBranches);
  put(object, "atomics", events.atomics);
  put(object, "shuffles", events.shuffles);
  put(object, "async_copies", events.asyncCopies);
  put(object, "async_bytes", events.asyncBytes);
  return object;
}

static Json toJson(const CounterReport &report) {
  Json classes = Json::object(), lines = Json::object();
  for (unsigned i = 0; i < InstructionClasses; ++i)
    if (const Counts &counts = report.classes[i]; counts.warpInstructions)
      classes[name(InstructionClass(i))] = {
          {"warp_instructions", counts.warpInstructions},
          {"thread_instructions", counts.threadInstructions}};
  for (auto &[line, counts] : report.lines)
    lines[line] = toJson(counts);
  return {{"kernel", report.kernel},
          {"grid", report.grid},
          {"block", report.block},
          {"launches", report.launches},
          {"total", toJson(report.total)},
          {"unique_load_sectors", report.uniqueLoadSectors},
          {"unique_store_sectors", report.uniqueStoreSectors},
          {"classes", classes},
          {"lines", lines}};
}

// Names of kernels and lines come from a module and need not be UTF-8.
static std::string dump(const Json &json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string CounterReport::json() const { return dump(toJson(*this)); }

std::string json(const std::vector<CounterReport> &reports) {
  Json list = Json::array();
  for (const CounterReport &report : reports)
    list.push_back(toJson(report));
  return dump(list);
}

} // namespace moec::cudasim
