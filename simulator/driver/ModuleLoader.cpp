//===- ModuleLoader.cpp - Images to programs in a context -----------------===//
#include "simulator/driver/Driver.h"
#include "simulator/ptx/Module.h"

#include <algorithm>

using namespace moec;
using namespace moec::cudasim;

/// The cubin must be of the same compilation as the PTX: the same parameters at
/// the same places.
static Status checkParameters(const Kernel &kernel,
                              const KernelResources &resources) {
  if (resources.parameters.empty())
    return Status::success();
  auto refuse = [&](const std::string &what) {
    return Status::error("kernel " + kernel.name + ": " + what +
                         "; PTX and cubin are not of the same compilation");
  };
  if (resources.parameters.size() != kernel.parameters.size())
    return refuse("the PTX has " + std::to_string(kernel.parameters.size()) +
                  " parameters, the cubin " +
                  std::to_string(resources.parameters.size()));
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    const Parameter &own = kernel.parameters[i];
    const KernelResources::Parameter &other = resources.parameters[i];
    if (own.offset != other.offset || own.bytes != other.bytes)
      return refuse("parameter " + std::to_string(i) + " has " +
                    std::to_string(own.bytes) + " bytes at " +
                    std::to_string(own.offset) + " in the PTX, " +
                    std::to_string(other.bytes) + " bytes at " +
                    std::to_string(other.offset) + " in the cubin");
  }
  return Status::success();
}

CUresult Driver::loadModule(Context &context, std::span<const std::byte> image,
                            LoadedModule *&module, std::string &log) {
  auto refuse = [&](CUresult error, const std::string &message) {
    log = message;
    note(message);
    return error;
  };
  const DeviceProperties &properties = devices[context.device].properties;
  Selection selection = selectImage(image, properties.architecture);
  switch (selection.outcome) {
  case Selection::Outcome::Found:
    break;
  case Selection::Outcome::NoBinary:
    return refuse(CUDA_ERROR_NO_BINARY_FOR_GPU, selection.message);
  case Selection::Outcome::InvalidImage:
    return refuse(CUDA_ERROR_INVALID_IMAGE, selection.message);
  case Selection::Outcome::InvalidPtx:
    return refuse(CUDA_ERROR_INVALID_PTX, selection.message);
  }

  auto parsed = ptx::parse(selection.image.ptx, "ptx");
  if (!parsed.ok())
    return refuse(CUDA_ERROR_INVALID_PTX, parsed.message());
  auto program = decode(**parsed, memory, context.device);
  if (!program.ok())
    return refuse(CUDA_ERROR_INVALID_PTX, program.message());
  for (Mma &mma : (*program)->mma)
    mma = Mma(mma.shape, options.mma, properties.architecture.number);

  const auto &cubinKernels = selection.image.cubin.kernels;
  for (const Kernel &kernel : (*program)->functions) {
    auto resources = cubinKernels.find(kernel.name);
    if (!kernel.isKernel || resources == cubinKernels.end())
      continue;
    Status status = checkParameters(kernel, resources->second);
    if (status.ok())
      continue;
    for (const GlobalVariable &variable : (*program)->globals)
      (void)memory.free(variable.address);
    return refuse(CUDA_ERROR_INVALID_IMAGE, status.message());
  }

  module = modules.add(std::make_unique<LoadedModule>());
  module->context = &context;
  module->program = std::move(*program);
  if (recordsLaunches()) {
    auto descriptions = std::make_shared<std::vector<InstructionInfo>>();
    for (size_t i = 0; i < module->program->code.size(); ++i)
      descriptions->push_back({module->program->code[i].cls,
                               module->program->lines[i].line,
                               module->program->source(i)});
    module->instructions = std::move(descriptions);
  }
  for (const Kernel &kernel : module->program->functions) {
    if (!kernel.isKernel)
      continue;
    LoadedFunction *function =
        functions.add(std::make_unique<LoadedFunction>());
    function->module = module;
    function->kernel = &kernel;
    function->target = selection.image.target;
    function->registers = kAssumedRegisters;
    function->localBytes = kernel.localBytes;
    function->staticSharedBytes = kernel.staticSharedBytes;
    if (auto found = cubinKernels.find(kernel.name);
        found != cubinKernels.end()) {
      const KernelResources &resources = found->second;
      if (resources.registers)
        function->registers = resources.registers;
      function->localBytes = resources.localBytes;
      function->staticSharedBytes =
          std::max(function->staticSharedBytes, resources.sharedBytes);
    }
    function->maxDynamicSharedBytes =
        kSharedPerBlock -
        std::min(kSharedPerBlock, function->staticSharedBytes);
    module->functions.push_back(function);
  }
  return CUDA_SUCCESS;
}

void Driver::unloadModule(LoadedModule *module) {
  for (LoadedFunction *function : module->functions)
    functions.remove(function);
  for (const GlobalVariable &variable : module->program->globals)
    (void)memory.free(variable.address);
  if (module->library)
    module->library->modules.erase(module->context);
  modules.remove(module);
}

CUresult Driver::moduleOf(Library &library, Context &context,
                          LoadedModule *&module) {
  auto found = library.modules.find(&context);
  if (found != library.modules.end()) {
    module = found->second;
    return CUDA_SUCCESS;
  }
  std::string log;
  if (CUresult error = loadModule(context, library.image, module, log))
    return error;
  module->library = &library;
  library.modules[&context] = module;
  for (LoadedFunction *function : module->functions) {
    auto kernel = library.kernels.find(function->kernel->name);
    if (kernel == library.kernels.end())
      continue;
    const auto &attributes = kernel->second->attributes;
    if (auto shared =
            attributes.find(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
        shared != attributes.end())
      function->maxDynamicSharedBytes = shared->second;
  }
  return CUDA_SUCCESS;
}

CUresult Driver::findFunction(CUfunction handle, LoadedFunction *&function) {
  function = functions.find(handle);
  if (function)
    return CUDA_SUCCESS;
  LibraryKernel *kernel = kernels.find(handle);
  if (!kernel)
    return CUDA_ERROR_INVALID_HANDLE;
  Context *context = nullptr;
  if (CUresult error = currentContext(context))
    return error;
  LoadedModule *module = nullptr;
  if (CUresult error = moduleOf(*kernel->library, *context, module))
    return error;
  for (LoadedFunction *candidate : module->functions)
    if (candidate->kernel->name == kernel->name)
      function = candidate;
  return function ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}
