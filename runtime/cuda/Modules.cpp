//===- Modules.cpp - Device code, loaded ----------------------------------===//

#include "runtime/cuda/Modules.h"
#include "runtime/cuda/Image.h"

using namespace moec;
using namespace moec::cuda;

Modules::~Modules() {
  for (Module module : loaded)
    gpu.driver().cuModuleUnload(module);
}

Status Modules::load() {
  for (uint32_t i = 0; i < model.num_modules; ++i)
    MOEC_RETURN_IF_ERROR(loadModule(model.modules[i]));
  return Status::success();
}

Status Modules::loadModule(const moert_module &module) {
  char log[2048] = "";
  int options[] = {JitErrorLog, JitErrorLogBytes};
  // A number stands where a pointer would.
  void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
  Module handle = nullptr;
  const int code = gpu.driver().cuModuleLoadDataEx(&handle, module.image, 2,
                                                   options, values);
  if (code != Success) {
    log[sizeof log - 1] = '\0';
    return loadError(module, code, log);
  }
  loaded.push_back(handle);
  return Status::success();
}

Status Modules::loadError(const moert_module &module, int code,
                          const std::string &log) const {
  const GpuProperties &properties = gpu.properties();
  std::string message = std::string("module '") + module.name + "': ";
  const std::string recompile =
      "compile the model with --target cuda:" + properties.architecture();
  switch (code) {
  case NoBinaryForGpu:
    message += "nothing in it runs on " + properties.name + ", which is " +
               properties.architecture() + "; it holds " +
               describeImage(module.image, module.bytes) + "; " + recompile;
    break;
  case UnsupportedPtxVersion:
    message += "the driver, one for CUDA " + gpu.driver().version() +
               ", is older than its PTX; it holds " +
               describeImage(module.image, module.bytes) +
               "; install a newer NVIDIA driver, or " + recompile +
               ", whose machine code needs no translation";
    break;
  case JitCompilerNotFound:
    message +=
        "it holds " + describeImage(module.image, module.bytes) +
        ", and the driver lacks the library that translates PTX for " +
        properties.architecture() +
        " (libnvidia-ptxjitcompiler.so.1); install all of the driver, or " +
        recompile;
    break;
  case OutOfMemory:
    message += "the GPU has no memory left for its code; is another process "
               "using it?";
    break;
  default:
    message += "cannot be loaded on " + properties.name + " (" +
               properties.architecture() + "): " + gpu.driver().describe(code) +
               "; it holds " + describeImage(module.image, module.bytes);
  }
  if (!log.empty())
    message += "; the driver says: " +
               log.substr(0, log.find_last_not_of(" \n\r") + 1);
  return Status::error(message);
}

std::string Modules::describe(const moert_kernel &kernel) const {
  return std::string("kernel '") + kernel.name + "' of module '" +
         model.modules[kernel.module].name + "'";
}

Result<Function> Modules::find(const moert_kernel &kernel) {
  Function &function = functions[{kernel.module, kernel.name}];
  if (!function) {
    Function found = nullptr;
    MOEC_RETURN_IF_ERROR(
        gpu.check(gpu.driver().cuModuleGetFunction(
                      &found, loaded[kernel.module], kernel.name),
                  describe(kernel)));
    function = found;
  }
  // Fewer than the GPU has where a thread needs many registers.
  int most = 0;
  MOEC_RETURN_IF_ERROR(
      gpu.check(gpu.driver().cuFuncGetAttribute(
                    &most, FunctionMaxThreadsPerBlock, function),
                describe(kernel)));
  if (kernel.threads > static_cast<uint32_t>(most))
    return Status::error(describe(kernel) + ": its blocks have " +
                         std::to_string(kernel.threads) + " threads, " +
                         gpu.properties().name + " takes " +
                         std::to_string(most));
  return function;
}
