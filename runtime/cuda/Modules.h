//===- Modules.h - Device code, loaded ------------------------------------===//
#ifndef MOEC_RUNTIME_CUDA_MODULES_H
#define MOEC_RUNTIME_CUDA_MODULES_H

#include "runtime/cuda/Gpu.h"
#include "runtime/moert_abi.h"

#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace moec::cuda {

/// The modules of a model. `model` and `gpu` live longer.
class Modules {
public:
  Modules(const Gpu &gpu, const moert_model &model) : gpu(gpu), model(model) {}
  ~Modules();
  Modules(const Modules &) = delete;
  Modules &operator=(const Modules &) = delete;

  /// Loads all of them.
  Status load();
  /// The function of a kernel, which must fit its threads; looked up once.
  Result<Function> find(const moert_kernel &kernel);
  /// "kernel 'gemm' of module 'moe'".
  std::string describe(const moert_kernel &kernel) const;

private:
  Status loadModule(const moert_module &module);
  Status loadError(const moert_module &module, int code,
                   const std::string &log) const;

  const Gpu &gpu;
  const moert_model &model;
  std::vector<Module> loaded;
  std::map<std::pair<uint32_t, std::string_view>, Function> functions;
};

} // namespace moec::cuda

#endif // MOEC_RUNTIME_CUDA_MODULES_H
