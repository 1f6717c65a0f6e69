//===- Contexts.cpp - Contexts of the driver API --------------------------===//
#include "simulator/driver/Driver.h"

using namespace moec::cudasim;

//===----------------------------------------------------------------------===//
// Primary contexts
//===----------------------------------------------------------------------===//

CUresult moec::cudasim::cuDevicePrimaryCtxRetain(CUcontext *context,
                                                 CUdevice ordinal) {
  return withDriver([&](Driver &driver, Lock &) {
    DeviceState *device = driver.device(ordinal);
    if (!device)
      return CUDA_ERROR_INVALID_DEVICE;
    if (!context)
      return CUDA_ERROR_INVALID_VALUE;
    if (device->primary) {
      ++device->primary->references;
    } else {
      device->primary = driver.createContext(ordinal, device->primaryFlags);
      device->primary->isPrimary = true;
    }
    *context = device->primary->asHandle();
    return CUDA_SUCCESS;
  });
}

static CUresult endPrimary(Driver &driver, Lock &lock, CUdevice ordinal,
                           bool always) {
  DeviceState *device = driver.device(ordinal);
  if (!device)
    return CUDA_ERROR_INVALID_DEVICE;
  if (!device->primary)
    return always ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
  if (!always && --device->primary->references)
    return CUDA_SUCCESS;
  Context *context = device->primary;
  device->primary = nullptr;
  driver.destroyContext(context, lock);
  return CUDA_SUCCESS;
}

CUresult moec::cudasim::cuDevicePrimaryCtxRelease_v2(CUdevice ordinal) {
  return withDriver([&](Driver &driver, Lock &lock) {
    return endPrimary(driver, lock, ordinal, /*always=*/false);
  });
}

CUresult moec::cudasim::cuDevicePrimaryCtxReset_v2(CUdevice ordinal) {
  return withDriver([&](Driver &driver, Lock &lock) {
    return endPrimary(driver, lock, ordinal, /*always=*/true);
  });
}

CUresult moec::cudasim::cuDevicePrimaryCtxSetFlags_v2(CUdevice ordinal,
                                                      unsigned flags) {
  return withDriver([&](Driver &driver, Lock &) {
    DeviceState *device = driver.device(ordinal);
    if (!device)
      return CUDA_ERROR_INVALID_DEVICE;
    if (flags & ~CU_CTX_FLAGS_MASK)
      return CUDA_ERROR_INVALID_VALUE;
    device->primaryFlags = flags;
    if (device->primary)
      device->primary->flags = flags;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuDevicePrimaryCtxGetState(CUdevice ordinal,
                                                   unsigned *flags,
                                                   int *active) {
  return withDriver([&](Driver &driver, Lock &) {
    DeviceState *device = driver.device(ordinal);
    if (!device)
      return CUDA_ERROR_INVALID_DEVICE;
    if (!flags || !active)
      return CUDA_ERROR_INVALID_VALUE;
    *flags = device->primaryFlags;
    *active = device->primary != nullptr;
    return CUDA_SUCCESS;
  });
}

//===----------------------------------------------------------------------===//
// Own contexts
//===----------------------------------------------------------------------===//

CUresult moec::cudasim::cuCtxCreate_v2(CUcontext *context, unsigned flags,
                                       CUdevice ordinal) {
  return withDriver([&](Driver &driver, Lock &) {
    if (!driver.device(ordinal))
      return CUDA_ERROR_INVALID_DEVICE;
    if (!context || (flags & ~CU_CTX_FLAGS_MASK))
      return CUDA_ERROR_INVALID_VALUE;
    Context *created = driver.createContext(ordinal, flags);
    driver.contextStack().push_back(created->handle);
    *context = created->asHandle();
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxCreate_v4(CUcontext *context,
                                       CUctxCreateParams *parameters,
                                       unsigned flags, CUdevice ordinal) {
  if (parameters && (parameters->execAffinityParams || parameters->cigParams)) {
    note("cuCtxCreate: parameters of a context are not simulated");
    return CUDA_ERROR_NOT_SUPPORTED;
  }
  return cuCtxCreate_v2(context, flags, ordinal);
}

CUresult moec::cudasim::cuCtxDestroy_v2(CUcontext handle) {
  return withDriver([&](Driver &driver, Lock &lock) {
    Context *context = nullptr;
    if (CUresult error = driver.findContext(handle, context))
      return error;
    if (context->isPrimary)
      return CUDA_ERROR_INVALID_CONTEXT;
    auto &stack = driver.contextStack();
    if (!stack.empty() && stack.back() == context->handle)
      stack.pop_back();
    driver.destroyContext(context, lock);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxPushCurrent_v2(CUcontext handle) {
  return withDriver([&](Driver &driver, Lock &) {
    Context *context = nullptr;
    if (CUresult error = driver.findContext(handle, context))
      return error;
    driver.contextStack().push_back(context->handle);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxPopCurrent_v2(CUcontext *context) {
  return withDriver([&](Driver &driver, Lock &) {
    auto &stack = driver.contextStack();
    if (stack.empty())
      return CUDA_ERROR_INVALID_CONTEXT;
    if (context)
      *context = reinterpret_cast<CUcontext>(stack.back());
    stack.pop_back();
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxSetCurrent(CUcontext handle) {
  return withDriver([&](Driver &driver, Lock &) {
    auto &stack = driver.contextStack();
    Context *context = nullptr;
    if (handle)
      if (CUresult error = driver.findContext(handle, context))
        return error;
    if (!stack.empty())
      stack.pop_back();
    if (context)
      stack.push_back(context->handle);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxGetCurrent(CUcontext *context) {
  return withDriver([&](Driver &driver, Lock &) {
    if (!context)
      return CUDA_ERROR_INVALID_VALUE;
    auto &stack = driver.contextStack();
    *context =
        stack.empty() ? nullptr : reinterpret_cast<CUcontext>(stack.back());
    return CUDA_SUCCESS;
  });
}

/// The body of a question about the current context, which may have failed.
template <typename Body>
static CUresult withCurrent(Body &&body) {
  return withDriver([&](Driver &driver, Lock &) {
    Context *context = nullptr;
    if (CUresult error = driver.currentContext(context))
      return error;
    return static_cast<CUresult>(body(driver, *context));
  });
}

CUresult moec::cudasim::cuCtxGetDevice(CUdevice *device) {
  return withCurrent([&](Driver &, Context &context) {
    if (!device)
      return CUDA_ERROR_INVALID_VALUE;
    *device = context.device;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxGetFlags(unsigned *flags) {
  return withCurrent([&](Driver &, Context &context) {
    if (!flags)
      return CUDA_ERROR_INVALID_VALUE;
    *flags = context.flags;
    return CUDA_SUCCESS;
  });
}

/// A context by its handle, or the current one.
static CUresult contextOf(Driver &driver, CUcontext handle, Context *&context) {
  return handle ? driver.findContext(handle, context)
                : driver.currentContext(context);
}

CUresult moec::cudasim::cuCtxGetId(CUcontext handle, unsigned long long *id) {
  return withDriver([&](Driver &driver, Lock &) {
    Context *context = nullptr;
    if (CUresult error = contextOf(driver, handle, context))
      return error;
    if (!id)
      return CUDA_ERROR_INVALID_VALUE;
    *id = context->handle;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxGetApiVersion(CUcontext handle,
                                           unsigned *version) {
  return withDriver([&](Driver &driver, Lock &) {
    Context *context = nullptr;
    if (CUresult error = contextOf(driver, handle, context))
      return error;
    if (!version)
      return CUDA_ERROR_INVALID_VALUE;
    *version = kDriverVersion;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxSynchronize() {
  return withContext([&](Driver &driver, Context &context, Lock &lock) {
    return driver.wait(lock, context, [&] { return driver.isIdle(context); });
  });
}

CUresult moec::cudasim::cuCtxSetLimit(CUlimit limit, size_t value) {
  return withContext([&](Driver &, Context &context, Lock &) {
    auto found = context.limits.find(limit);
    if (found == context.limits.end())
      return CUDA_ERROR_UNSUPPORTED_LIMIT;
    found->second = value;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxGetLimit(size_t *value, CUlimit limit) {
  return withContext([&](Driver &, Context &context, Lock &) {
    auto found = context.limits.find(limit);
    if (found == context.limits.end())
      return CUDA_ERROR_UNSUPPORTED_LIMIT;
    if (!value)
      return CUDA_ERROR_INVALID_VALUE;
    *value = found->second;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxSetCacheConfig(CUfunc_cache config) {
  return withContext([&](Driver &, Context &context, Lock &) {
    if (config < CU_FUNC_CACHE_PREFER_NONE ||
        config > CU_FUNC_CACHE_PREFER_EQUAL)
      return CUDA_ERROR_INVALID_VALUE;
    context.cacheConfig = config;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxGetCacheConfig(CUfunc_cache *config) {
  return withContext([&](Driver &, Context &context, Lock &) {
    if (!config)
      return CUDA_ERROR_INVALID_VALUE;
    *config = context.cacheConfig;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxGetStreamPriorityRange(int *least, int *greatest) {
  return withContext([&](Driver &, Context &, Lock &) {
    if (least)
      *least = 0;
    if (greatest)
      *greatest = -5;
    return CUDA_SUCCESS;
  });
}

//===----------------------------------------------------------------------===//
// Peers
//===----------------------------------------------------------------------===//

CUresult moec::cudasim::cuCtxEnablePeerAccess(CUcontext peerHandle,
                                              unsigned flags) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    Context *peer = nullptr;
    if (CUresult error = driver.findContext(peerHandle, peer))
      return error;
    if (flags)
      return CUDA_ERROR_INVALID_VALUE;
    if (peer->device == context.device)
      return CUDA_ERROR_INVALID_CONTEXT;
    if (!context.peers.insert(peer->device).second)
      return CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
    driver.memory.setPeerAccess(context.device, peer->device, true);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuCtxDisablePeerAccess(CUcontext peerHandle) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    Context *peer = nullptr;
    if (CUresult error = driver.findContext(peerHandle, peer))
      return error;
    if (!context.peers.erase(peer->device))
      return CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
    driver.memory.setPeerAccess(context.device, peer->device, false);
    return CUDA_SUCCESS;
  });
}

CUDASIM_UNVERSIONED(cuDevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2);
CUDASIM_UNVERSIONED(cuDevicePrimaryCtxReset, cuDevicePrimaryCtxReset_v2);
CUDASIM_UNVERSIONED(cuDevicePrimaryCtxSetFlags, cuDevicePrimaryCtxSetFlags_v2);
CUDASIM_UNVERSIONED(cuCtxCreate, cuCtxCreate_v2);
CUDASIM_UNVERSIONED(cuCtxDestroy, cuCtxDestroy_v2);
CUDASIM_UNVERSIONED(cuCtxPushCurrent, cuCtxPushCurrent_v2);
CUDASIM_UNVERSIONED(cuCtxPopCurrent, cuCtxPopCurrent_v2);
