//===- Memory.cpp - Allocations of the driver API -------------------------===//
#include "simulator/driver/Operations.h"

#include <algorithm>
#include <cstring>

using namespace moec;
using namespace moec::cudasim;

namespace {

CUresult allocate(Driver &driver, Context &context, CUdeviceptr *pointer,
                  uint64_t bytes) {
  if (!pointer || !bytes)
    return CUDA_ERROR_INVALID_VALUE;
  auto address = driver.memory.allocate(
      context.device,
      {.bytes = bytes, .kind = MemoryKind::Device, .owner = context.handle});
  if (!address.ok()) {
    note(address.message());
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
  *pointer = *address;
  return CUDA_SUCCESS;
}

CUresult allocateHost(Driver &driver, Context &context, void **pointer,
                      uint64_t bytes, MemoryKind kind) {
  if (!pointer || !bytes)
    return CUDA_ERROR_INVALID_VALUE;
  auto address = driver.memory.allocateHost(
      {.bytes = bytes, .kind = kind, .owner = context.handle});
  if (!address.ok()) {
    note(address.message());
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
  *pointer = reinterpret_cast<void *>(*address);
  return CUDA_SUCCESS;
}

/// The allocation that starts at `address` if it is of one of the kinds.
Allocation *startingAt(Driver &driver, const char *function, uint64_t address,
                       std::initializer_list<MemoryKind> kinds) {
  Allocation *allocation = driver.memory.find(address);
  if (allocation && allocation->address == address &&
      std::find(kinds.begin(), kinds.end(), allocation->kind) != kinds.end())
    return allocation;
  note(std::string(function) + ": not the start of memory that this frees: " +
       driver.memory.describe(address));
  return nullptr;
}

} // namespace

CUresult moec::cudasim::cuMemGetInfo_v2(size_t *free, size_t *total) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    uint64_t capacity = driver.memory.capacity(context.device);
    if (free)
      *free = capacity - driver.memory.used(context.device);
    if (total)
      *total = capacity;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuMemAlloc_v2(CUdeviceptr *pointer, size_t bytes) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    return allocate(driver, context, pointer, bytes);
  });
}

CUresult moec::cudasim::cuMemAllocPitch_v2(CUdeviceptr *pointer, size_t *pitch,
                                           size_t width, size_t height,
                                           unsigned elementBytes) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    constexpr size_t unit = 512;
    if (!pitch || !width || !height ||
        (elementBytes != 4 && elementBytes != 8 && elementBytes != 16) ||
        width > size_t(1) << 40 || height > size_t(1) << 40)
      return CUDA_ERROR_INVALID_VALUE;
    *pitch = (width + unit - 1) / unit * unit;
    if (height > UINT64_MAX / *pitch)
      return CUDA_ERROR_INVALID_VALUE;
    return allocate(driver, context, pointer, *pitch * height);
  });
}

CUresult moec::cudasim::cuMemFree_v2(CUdeviceptr pointer) {
  return withContext([&](Driver &driver, Context &, Lock &) {
    if (!pointer)
      return CUDA_SUCCESS;
    if (!startingAt(driver, "cuMemFree", pointer,
                    {MemoryKind::Device, MemoryKind::Managed}))
      return CUDA_ERROR_INVALID_VALUE;
    return driver.memory.free(pointer).ok() ? CUDA_SUCCESS
                                            : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult moec::cudasim::cuMemAllocAsync(CUdeviceptr *pointer, size_t bytes,
                                        CUstream handle) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &) {
    return allocate(driver, *stream.context, pointer, bytes);
  });
}

CUresult moec::cudasim::cuMemFreeAsync(CUdeviceptr pointer, CUstream handle) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &) {
    if (!pointer)
      return CUDA_SUCCESS;
    if (!startingAt(driver, "cuMemFreeAsync", pointer, {MemoryKind::Device}))
      return CUDA_ERROR_INVALID_VALUE;
    driver.submit(stream, makeFree(pointer));
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuMemGetAddressRange_v2(CUdeviceptr *base,
                                                size_t *bytes,
                                                CUdeviceptr pointer) {
  return withContext([&](Driver &driver, Context &, Lock &) {
    Allocation *allocation = driver.memory.find(pointer);
    if (!allocation)
      return CUDA_ERROR_NOT_FOUND;
    if (base)
      *base = allocation->address;
    if (bytes)
      *bytes = allocation->bytes;
    return CUDA_SUCCESS;
  });
}

//===----------------------------------------------------------------------===//
// Memory of the host
//===----------------------------------------------------------------------===//

CUresult moec::cudasim::cuMemAllocHost_v2(void **pointer, size_t bytes) {
  return cuMemHostAlloc(pointer, bytes, 0);
}

CUresult moec::cudasim::cuMemHostAlloc(void **pointer, size_t bytes,
                                       unsigned flags) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    if (flags & ~kMemHostAllocFlags)
      return CUDA_ERROR_INVALID_VALUE;
    return allocateHost(driver, context, pointer, bytes, MemoryKind::Pinned);
  });
}

CUresult moec::cudasim::cuMemAllocManaged(CUdeviceptr *pointer, size_t bytes,
                                          unsigned flags) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    if (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST)
      return CUDA_ERROR_INVALID_VALUE;
    void *host = nullptr;
    CUresult error = allocateHost(driver, context, pointer ? &host : nullptr,
                                  bytes, MemoryKind::Managed);
    if (error == CUDA_SUCCESS)
      *pointer = reinterpret_cast<CUdeviceptr>(host);
    return error;
  });
}

CUresult moec::cudasim::cuMemFreeHost(void *pointer) {
  return withContext([&](Driver &driver, Context &, Lock &) {
    if (!pointer)
      return CUDA_SUCCESS;
    auto address = reinterpret_cast<uint64_t>(pointer);
    if (!startingAt(driver, "cuMemFreeHost", address, {MemoryKind::Pinned}))
      return CUDA_ERROR_INVALID_VALUE;
    return driver.memory.free(address).ok() ? CUDA_SUCCESS
                                            : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult moec::cudasim::cuMemHostRegister_v2(void *pointer, size_t bytes,
                                             unsigned flags) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    if (!pointer || !bytes || (flags & ~kMemHostRegisterFlags) ||
        (flags & kMemHostRegisterIoMemory))
      return CUDA_ERROR_INVALID_VALUE;
    auto address = driver.memory.registerHost(
        pointer, {.bytes = bytes, .owner = context.handle});
    if (address.ok())
      return CUDA_SUCCESS;
    note("cuMemHostRegister: " + address.message());
    return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
  });
}

CUresult moec::cudasim::cuMemHostUnregister(void *pointer) {
  return withContext([&](Driver &driver, Context &, Lock &) {
    auto address = reinterpret_cast<uint64_t>(pointer);
    Allocation *allocation = driver.memory.find(address);
    if (!allocation || allocation->address != address ||
        allocation->kind != MemoryKind::Registered)
      return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    return driver.memory.free(address).ok() ? CUDA_SUCCESS
                                            : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult moec::cudasim::cuMemHostGetDevicePointer_v2(CUdeviceptr *device,
                                                     void *pointer,
                                                     unsigned flags) {
  return withContext([&](Driver &driver, Context &, Lock &) {
    auto address = reinterpret_cast<uint64_t>(pointer);
    Allocation *allocation = driver.memory.find(address);
    if (!device || flags || !allocation || allocation->device != kHostDevice)
      return CUDA_ERROR_INVALID_VALUE;
    *device = address;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuMemHostGetFlags(unsigned *flags, void *pointer) {
  return withContext([&](Driver &driver, Context &, Lock &) {
    Allocation *allocation =
        driver.memory.find(reinterpret_cast<uint64_t>(pointer));
    if (!flags || !allocation || allocation->kind != MemoryKind::Pinned)
      return CUDA_ERROR_INVALID_VALUE;
    // All of it is portable and mapped, with unified addresses.
    *flags = 3;
    return CUDA_SUCCESS;
  });
}

//===----------------------------------------------------------------------===//
// Questions about pointers
//===----------------------------------------------------------------------===//

namespace {

template <typename T>
void store(void *to, T value) {
  memcpy(to, &value, sizeof(value));
}

CUresult pointerAttribute(const Allocation &allocation, uint64_t pointer,
                          CUpointer_attribute attribute, void *data) {
  bool isHost = allocation.device == kHostDevice;
  switch (attribute) {
  case CU_POINTER_ATTRIBUTE_CONTEXT:
    store(data, reinterpret_cast<CUcontext>(allocation.owner));
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
    store(data, isHost && allocation.kind != MemoryKind::Managed
                    ? CU_MEMORYTYPE_HOST
                    : CU_MEMORYTYPE_DEVICE);
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
    store(data, static_cast<CUdeviceptr>(pointer));
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_HOST_POINTER:
    if (!isHost)
      return CUDA_ERROR_INVALID_VALUE;
    store(data, reinterpret_cast<void *>(pointer));
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
    store(data, 0);
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_BUFFER_ID:
    store(data, static_cast<unsigned long long>(allocation.id));
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_IS_MANAGED:
    store(data, static_cast<int>(allocation.kind == MemoryKind::Managed));
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
    store(data, std::max(allocation.device, 0));
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
    store(data, static_cast<CUdeviceptr>(allocation.address));
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
    store(data, static_cast<size_t>(allocation.bytes));
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_MAPPED:
    store(data, 1);
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_NOT_SUPPORTED;
}

} // namespace

CUresult moec::cudasim::cuPointerGetAttribute(void *data,
                                              CUpointer_attribute attribute,
                                              CUdeviceptr pointer) {
  return withContext([&](Driver &driver, Context &, Lock &) {
    Allocation *allocation = driver.memory.find(pointer);
    if (!data || !allocation)
      return CUDA_ERROR_INVALID_VALUE;
    return pointerAttribute(*allocation, pointer, attribute, data);
  });
}

CUresult moec::cudasim::cuPointerGetAttributes(unsigned count,
                                               CUpointer_attribute *attributes,
                                               void **data,
                                               CUdeviceptr pointer) {
  return withContext([&](Driver &driver, Context &, Lock &) {
    if (count && (!attributes || !data))
      return CUDA_ERROR_INVALID_VALUE;
    Allocation *allocation = driver.memory.find(pointer);
    for (unsigned i = 0; i < count; ++i) {
      // What the pointer does not have is zero, not an error.
      if (!allocation ||
          pointerAttribute(*allocation, pointer, attributes[i], data[i])) {
        bool isInt = attributes[i] == CU_POINTER_ATTRIBUTE_MEMORY_TYPE ||
                     attributes[i] == CU_POINTER_ATTRIBUTE_IS_MANAGED ||
                     attributes[i] == CU_POINTER_ATTRIBUTE_SYNC_MEMOPS ||
                     attributes[i] == CU_POINTER_ATTRIBUTE_MAPPED;
        if (isInt)
          store(data[i], 0);
        else if (attributes[i] == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL)
          store(data[i], -2);
        else
          store(data[i], uint64_t(0));
      }
    }
    return CUDA_SUCCESS;
  });
}

CUDASIM_UNVERSIONED(cuMemGetInfo, cuMemGetInfo_v2);
CUDASIM_UNVERSIONED(cuMemAlloc, cuMemAlloc_v2);
CUDASIM_UNVERSIONED(cuMemAllocPitch, cuMemAllocPitch_v2);
CUDASIM_UNVERSIONED(cuMemFree, cuMemFree_v2);
CUDASIM_UNVERSIONED(cuMemGetAddressRange, cuMemGetAddressRange_v2);
CUDASIM_UNVERSIONED(cuMemAllocHost, cuMemAllocHost_v2);
CUDASIM_UNVERSIONED(cuMemHostRegister, cuMemHostRegister_v2);
CUDASIM_UNVERSIONED(cuMemHostGetDevicePointer, cuMemHostGetDevicePointer_v2);
