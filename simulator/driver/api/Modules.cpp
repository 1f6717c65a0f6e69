//===- Modules.cpp - Modules and libraries of the driver API --------------===//
#include "simulator/driver/Driver.h"

#include "support/MappedFile.h"

#include <algorithm>
#include <cstring>

using namespace moec;
using namespace moec::cudasim;

namespace {

/// What cuModuleLoadFatBinary gets from nvcc's host code points at the image.
const void *imageOf(const void *data) {
  constexpr uint32_t wrapperMagic = 0x466243b1;
  struct Wrapper {
    uint32_t magic, version;
    const void *image, *unused;
  };
  const auto *bytes = static_cast<const unsigned char *>(data);
  for (unsigned i = 0; i < 4; ++i)
    if (bytes[i] != (wrapperMagic >> 8 * i & 0xff))
      return data;
  return static_cast<const Wrapper *>(data)->image;
}

std::span<const std::byte> imageBytesOf(const void *data) {
  const void *image = imageOf(data);
  return {static_cast<const std::byte *>(image), imageBytes(image)};
}

/// Where the caller wants the messages of compiling PTX.
struct JitLog {
  char *buffer = nullptr;
  void **bytes = nullptr; // the size, and then what was written

  void write(const std::string &text) {
    if (!bytes)
      return;
    auto size = reinterpret_cast<size_t>(*bytes);
    size_t count = 0;
    if (buffer && size) {
      count = std::min(size - 1, text.size());
      memcpy(buffer, text.data(), count);
      buffer[count] = 0;
    }
    *bytes = reinterpret_cast<void *>(count);
  }
};

struct JitLogs {
  JitLog errors, infos;

  /// Options that steer code generation mean nothing here.
  static JitLogs of(unsigned count, const CUjit_option *options,
                    void **values) {
    JitLogs logs;
    for (unsigned i = 0; i < count; ++i) {
      switch (options[i]) {
      case CU_JIT_INFO_LOG_BUFFER:
        logs.infos.buffer = static_cast<char *>(values[i]);
        break;
      case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
        logs.infos.bytes = &values[i];
        break;
      case CU_JIT_ERROR_LOG_BUFFER:
        logs.errors.buffer = static_cast<char *>(values[i]);
        break;
      case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
        logs.errors.bytes = &values[i];
        break;
      case CU_JIT_WALL_TIME: {
        float none = 0;
        memcpy(&values[i], &none, sizeof(none));
        break;
      }
      default:
        break;
      }
    }
    return logs;
  }
};

CUresult load(Driver &driver, Context &context,
              std::span<const std::byte> image, CUmodule *handle,
              JitLogs logs) {
  if (image.empty()) {
    note("the image of a module is empty, or larger than 1 GiB");
    return CUDA_ERROR_INVALID_IMAGE;
  }
  LoadedModule *module = nullptr;
  std::string message;
  CUresult error = driver.loadModule(context, image, module, message);
  logs.errors.write(message);
  logs.infos.write("");
  if (error == CUDA_SUCCESS)
    *handle = reinterpret_cast<CUmodule>(module->handle);
  return error;
}

LoadedFunction *findKernel(const LoadedModule &module, std::string_view name) {
  for (LoadedFunction *function : module.functions)
    if (function->kernel->name == name)
      return function;
  return nullptr;
}

CUresult globalOf(const LoadedModule &module, const char *name,
                  CUdeviceptr *address, size_t *bytes) {
  const GlobalVariable *variable = module.program->findGlobal(name);
  if (!variable)
    return CUDA_ERROR_NOT_FOUND;
  if (address)
    *address = variable->address;
  if (bytes)
    *bytes = variable->bytes;
  return CUDA_SUCCESS;
}

/// The body of a function about a module.
template <typename Body>
CUresult withModule(CUmodule handle, Body &&body) {
  return withContext([&](Driver &driver, Context &, Lock &lock) {
    LoadedModule *module = driver.modules.find(handle);
    return module ? static_cast<CUresult>(body(driver, *module, lock))
                  : CUDA_ERROR_INVALID_HANDLE;
  });
}

template <typename Body>
CUresult withLibrary(CUlibrary handle, Body &&body) {
  return withContext([&](Driver &driver, Context &context, Lock &lock) {
    Library *library = driver.libraries.find(handle);
    return library
               ? static_cast<CUresult>(body(driver, context, *library, lock))
               : CUDA_ERROR_INVALID_HANDLE;
  });
}

} // namespace

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

CUresult moec::cudasim::cuModuleLoad(CUmodule *module, const char *path) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    if (!module || !path)
      return CUDA_ERROR_INVALID_VALUE;
    auto file = MappedFile::open(path);
    if (!file.ok()) {
      note(file.message());
      return CUDA_ERROR_FILE_NOT_FOUND;
    }
    return load(
        driver, context,
        {reinterpret_cast<const std::byte *>((*file)->data()), (*file)->size()},
        module, {});
  });
}

CUresult moec::cudasim::cuModuleLoadData(CUmodule *module, const void *image) {
  return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}

CUresult moec::cudasim::cuModuleLoadFatBinary(CUmodule *module,
                                              const void *image) {
  return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}

CUresult moec::cudasim::cuModuleLoadDataEx(CUmodule *module, const void *image,
                                           unsigned count,
                                           CUjit_option *options,
                                           void **values) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    if (!module || !image || (count && (!options || !values)))
      return CUDA_ERROR_INVALID_VALUE;
    return load(driver, context, imageBytesOf(image), module,
                JitLogs::of(count, options, values));
  });
}

CUresult moec::cudasim::cuModuleUnload(CUmodule handle) {
  return withModule(
      handle, [&](Driver &driver, LoadedModule &module, Lock &lock) {
        if (module.library)
          return CUDA_ERROR_NOT_PERMITTED; // cuLibraryUnload does it
        Context &context = *module.context;
        // What was launched keeps its variables until it is done.
        CUresult error =
            driver.wait(lock, context, [&] { return driver.isIdle(context); });
        if (driver.modules.find(handle))
          driver.unloadModule(&module);
        return error;
      });
}

CUresult moec::cudasim::cuModuleGetFunction(CUfunction *function,
                                            CUmodule handle, const char *name) {
  return withModule(handle, [&](Driver &, LoadedModule &module, Lock &) {
    if (!function || !name)
      return CUDA_ERROR_INVALID_VALUE;
    LoadedFunction *found = findKernel(module, name);
    if (!found)
      return CUDA_ERROR_NOT_FOUND;
    *function = found->asHandle();
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuModuleGetGlobal_v2(CUdeviceptr *address,
                                             size_t *bytes, CUmodule handle,
                                             const char *name) {
  return withModule(handle, [&](Driver &, LoadedModule &module, Lock &) {
    return name ? globalOf(module, name, address, bytes)
                : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult moec::cudasim::cuModuleGetLoadingMode(CUmoduleLoadingMode *mode) {
  if (!mode)
    return CUDA_ERROR_INVALID_VALUE;
  *mode = CU_MODULE_EAGER_LOADING;
  return CUDA_SUCCESS;
}

CUresult moec::cudasim::cuModuleGetFunctionCount(unsigned *count,
                                                 CUmodule handle) {
  return withModule(handle, [&](Driver &, LoadedModule &module, Lock &) {
    if (!count)
      return CUDA_ERROR_INVALID_VALUE;
    *count = static_cast<unsigned>(module.functions.size());
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuModuleEnumerateFunctions(CUfunction *functions,
                                                   unsigned count,
                                                   CUmodule handle) {
  return withModule(handle, [&](Driver &, LoadedModule &module, Lock &) {
    if (!functions)
      return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; i < std::min<size_t>(count, module.functions.size());
         ++i)
      functions[i] = module.functions[i]->asHandle();
    return CUDA_SUCCESS;
  });
}

//===----------------------------------------------------------------------===//
// Libraries: images that each context loads when it needs them
//===----------------------------------------------------------------------===//

CUresult moec::cudasim::cuLibraryLoadData(CUlibrary *library, const void *image,
                                          CUjit_option *jitOptions,
                                          void **jitValues, unsigned jitCount,
                                          CUlibraryOption *, void **,
                                          unsigned) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    if (!library || !image || (jitCount && (!jitOptions || !jitValues)))
      return CUDA_ERROR_INVALID_VALUE;
    auto bytes = imageBytesOf(image);
    auto created = std::make_unique<Library>();
    created->image.assign(bytes.begin(), bytes.end());
    Library *added = driver.libraries.add(std::move(created));
    CUmodule module;
    CUresult error = load(driver, context, added->image, &module,
                          JitLogs::of(jitCount, jitOptions, jitValues));
    if (error) {
      driver.libraries.remove(added);
      return error;
    }
    LoadedModule *loaded = driver.modules.find(module);
    loaded->library = added;
    added->modules[&context] = loaded;
    *library = reinterpret_cast<CUlibrary>(added->handle);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuLibraryUnload(CUlibrary handle) {
  return withLibrary(
      handle, [&](Driver &driver, Context &, Library &library, Lock &lock) {
        CUresult error = CUDA_SUCCESS;
        while (!library.modules.empty()) {
          auto [context, module] = *library.modules.begin();
          error = driver.wait(lock, *context, [&, context = context] {
            return driver.isIdle(*context);
          });
          driver.unloadModule(module);
        }
        for (auto &[name, kernel] : library.kernels)
          driver.kernels.remove(kernel);
        driver.libraries.remove(&library);
        return error;
      });
}

CUresult moec::cudasim::cuLibraryGetKernel(CUkernel *handle,
                                           CUlibrary libraryHandle,
                                           const char *name) {
  return withLibrary(libraryHandle, [&](Driver &driver, Context &context,
                                        Library &library, Lock &) {
    if (!handle || !name)
      return CUDA_ERROR_INVALID_VALUE;
    LoadedModule *module = nullptr;
    if (CUresult error = driver.moduleOf(library, context, module))
      return error;
    if (!findKernel(*module, name))
      return CUDA_ERROR_NOT_FOUND;
    LibraryKernel *&kernel = library.kernels[name];
    if (!kernel) {
      kernel = driver.kernels.add(std::make_unique<LibraryKernel>());
      kernel->library = &library;
      kernel->name = name;
    }
    *handle = reinterpret_cast<CUkernel>(kernel->handle);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuLibraryGetModule(CUmodule *handle,
                                           CUlibrary libraryHandle) {
  return withLibrary(libraryHandle, [&](Driver &driver, Context &context,
                                        Library &library, Lock &) {
    if (!handle)
      return CUDA_ERROR_INVALID_VALUE;
    LoadedModule *module = nullptr;
    if (CUresult error = driver.moduleOf(library, context, module))
      return error;
    *handle = reinterpret_cast<CUmodule>(module->handle);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuLibraryGetGlobal(CUdeviceptr *address, size_t *bytes,
                                           CUlibrary libraryHandle,
                                           const char *name) {
  return withLibrary(libraryHandle, [&](Driver &driver, Context &context,
                                        Library &library, Lock &) {
    if (!name)
      return CUDA_ERROR_INVALID_VALUE;
    LoadedModule *module = nullptr;
    if (CUresult error = driver.moduleOf(library, context, module))
      return error;
    return globalOf(*module, name, address, bytes);
  });
}

CUresult moec::cudasim::cuKernelGetFunction(CUfunction *handle,
                                            CUkernel kernel) {
  return withContext([&](Driver &driver, Context &, Lock &) {
    if (!handle)
      return CUDA_ERROR_INVALID_VALUE;
    LoadedFunction *function = nullptr;
    if (CUresult error =
            driver.findFunction(reinterpret_cast<CUfunction>(kernel), function))
      return error;
    *handle = function->asHandle();
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuKernelGetName(const char **name, CUkernel handle) {
  return withDriver([&](Driver &driver, Lock &) {
    LibraryKernel *kernel = driver.kernels.find(handle);
    if (!kernel)
      return CUDA_ERROR_INVALID_HANDLE;
    if (!name)
      return CUDA_ERROR_INVALID_VALUE;
    *name = kernel->name.c_str();
    return CUDA_SUCCESS;
  });
}

CUDASIM_UNVERSIONED(cuModuleGetGlobal, cuModuleGetGlobal_v2);
