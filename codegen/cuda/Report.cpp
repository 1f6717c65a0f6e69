//===- Report.cpp - What kernels and launches take ----------------------------===//

#include "codegen/cuda/Report.h"

#include "codegen/host/GraphArguments.h"
#include "dialects/kernel/Kernel.h"
#include "dialects/moe/Moe.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace moec;
using namespace moec::cuda;
using namespace moec::kernel;

namespace {

/// Bytes that a launch must move: those of buffers without a dynamic extent, and those of a row of the others. A weight of experts
/// and a cache count with what is there, not with what is chosen.
struct Traffic {
  int64_t fixed = 0, row = 0;
};

} // namespace

static Traffic measure(TaskInterface op) {
  Traffic traffic;
  llvm::SmallPtrSet<Value, 8> seen;
  for (const MemoryAccess &access : op.getMemoryAccesses()) {
    auto type = cast<MemRefType>(access.buffer.getType());
    // What is updated in place is read and written.
    if (!access.isWrite && !seen.insert(access.buffer).second)
      continue;
    bool isDynamic = hasDynamicExtent(type);
    SmallVector<int64_t> shape(type.getShape());
    if (isDynamic)
      shape[0] = 1;
    int64_t bytes =
        moe::getStorageBytes(MemRefType::get(shape, type.getElementType()));
    (isDynamic ? traffic.row : traffic.fixed) += bytes;
  }
  return traffic;
}

std::string cuda::describeKernels(ModuleOp module,
                                  ArrayRef<CompiledUnit> compiled) {
  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::StringMap<int64_t> threads;
  module.walk([&](TaskInterface op) {
    if (auto launch = op->getAttrOfType<LaunchAttr>(TaskInterface::kLaunch))
      for (EntryAttr entry : launch.getEntries())
        threads[entry.getName()] = entry.getThreads();
  });
  constexpr const char *kernelRow =
      "{0,-44} {1,-8} {2,9} {3,6} {4,6} {5,7} {6,8} {7,7}\n";
  out << llvm::formatv(kernelRow, "function", "arch", "registers", "spills",
                       "stack", "shared", "blocks", "warps");
  for (const CompiledUnit &unit : compiled)
    for (const auto &[arch, binary] : unit.binaries)
      for (const Resources &kernel : readResources(binary.log)) {
        int64_t block = threads.lookup(kernel.kernel);
        int64_t blocks = residentBlocks(arch, block, kernel);
        out << llvm::formatv(kernelRow, kernel.kernel, arch, kernel.registers,
                             kernel.spillBytes, kernel.stackBytes,
                             kernel.sharedBytes, blocks, blocks * block / 32);
      }
  out << "\nspills, stack and shared in bytes; blocks and warps: resident on a "
         "multiprocessor\n";

  constexpr const char *unitRow = "{0,-44} {1,-8} {2,9} {3,10} {4,8}\n";
  out << "\n"
      << llvm::formatv(unitRow, "unit", "arch", "PTX", "cubin", "seconds");
  for (const CompiledUnit &unit : compiled)
    for (auto [binary, seconds] : llvm::zip_equal(unit.binaries, unit.seconds))
      out << llvm::formatv(unitRow, unit.name, binary.first,
                           binary.second.ptx.size(), binary.second.cubin.size(),
                           seconds ? llvm::formatv("{0:f2}", seconds).str()
                                   : "cached");
  out << "\nPTX and cubin in bytes; processor time of compilation\n";

  constexpr const char *launchRow = "  {0,3} {1,-12} {2,-44} {3,14} {4,10}\n";
  module.walk([&](GraphOp graph) {
    Block &body = graph.getBody().front();
    out << llvm::formatv("\n{0}: {1} launches\n", graph.getName(),
                         std::distance(body.begin(), body.end()));
    out << llvm::formatv(launchRow, "", "kernel", "function", "bytes",
                         "bytes/row");
    for (auto [i, op] : llvm::enumerate(body)) {
      auto launch = op.getAttrOfType<LaunchAttr>(TaskInterface::kLaunch);
      Traffic traffic = measure(cast<TaskInterface>(op));
      out << llvm::formatv(launchRow, i, op.getName().stripDialect(),
                           launch ? launch.getEntries().back().getName() : "",
                           traffic.fixed, traffic.row);
    }
  });
  out << "\nbytes: of weights and caches, whole; bytes/row: of activations, "
         "for "
         "each row of the step\n";
  return text;
}
