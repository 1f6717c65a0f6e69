//===- KernelCompiler.h - Units of CUDA C++ to device code --------------------===//
//
// Units are compiled in parallel, each for each architecture. What was compiled before is taken from a cache in the user's
// cache folder, whose key is the source with all headers, the options and the compiler's version.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_CODEGEN_CUDA_KERNELCOMPILER_H
#define MOEC_CODEGEN_CUDA_KERNELCOMPILER_H

#include "codegen/cuda/Nvrtc.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace moec::cuda {

/// A translation unit.
struct Unit {
  std::string name;
  std::string source;
};

/// What the assembler says of a kernel.
struct Resources {
  std::string kernel;
  int64_t registers = 0;
  int64_t sharedBytes = 0;
  int64_t stackBytes = 0;
  int64_t spillBytes = 0; // stored and loaded
};

struct CompiledUnit {
  std::string name;
  /// By architecture, in the order asked for.
  std::vector<std::pair<std::string, Binary>> binaries;
  /// Processor time of each one's compilation; 0 from the cache.
  std::vector<double> seconds;
};

/// The device headers, as `#include "moec/gemm.cuh"` finds them.
const std::vector<Header> &deviceHeaders();

Result<std::vector<CompiledUnit>>
compileUnits(const std::vector<Unit> &units,
             const std::vector<std::string> &architectures);

/// Reads the resources of all kernels from the log of a compilation.
std::vector<Resources> readResources(const std::string &log);

/// Blocks of `threads` threads that a multiprocessor of `arch` holds at once.
int64_t residentBlocks(const std::string &arch, int64_t threads,
                       const Resources &resources);

} // namespace moec::cuda

#endif // MOEC_CODEGEN_CUDA_KERNELCOMPILER_H
