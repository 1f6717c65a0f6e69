//===- Copies.cpp - Copies and fills of the driver API --------------------===//
#include "simulator/driver/Operations.h"

using namespace moec;
using namespace moec::cudasim;

namespace {

/// Puts an operation on a stream and waits for it.
CUresult submitAndWait(Driver &driver, Stream &stream, Lock &lock,
                       std::unique_ptr<Operation> operation) {
  driver.submit(stream, std::move(operation));
  uint64_t sequence = stream.queue.back()->sequence;
  return driver.wait(lock, *stream.context, [&stream, sequence] {
    return stream.queue.empty() || stream.queue.front()->sequence > sequence;
  });
}

enum class Mode { Sync, Async };

CUresult copyOn(Driver &driver, Stream &stream, Lock &lock,
                const CopyRequest &request, Mode mode) {
  if (request.width == 0 || request.height == 0)
    return CUDA_SUCCESS;
  // A copy to pageable memory returns when it is there.
  bool now = mode == Mode::Sync || isPageable(driver, request.destination);
  auto operation = makeCopy(driver, request, now);
  if (!operation)
    return CUDA_ERROR_INVALID_VALUE;
  if (now)
    return submitAndWait(driver, stream, lock, std::move(operation));
  driver.submit(stream, std::move(operation));
  return CUDA_SUCCESS;
}

CUresult copy(const CopyRequest &request, CUstream handle, Mode mode) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &lock) {
    return copyOn(driver, stream, lock, request, mode);
  });
}

CopyRequest linear(uint64_t destination, uint64_t source, size_t bytes,
                   Side destinationSide, Side sourceSide) {
  CopyRequest request;
  request.destination = destination;
  request.source = source;
  request.width = bytes;
  request.destinationSide = destinationSide;
  request.sourceSide = sourceSide;
  return request;
}

uint64_t addressOf(const void *pointer) {
  return reinterpret_cast<uint64_t>(pointer);
}

/// One side of a two-dimensional copy.
struct Plane {
  CUmemorytype type;
  const void *host;
  CUdeviceptr device;
  size_t pitch, x, y;

  std::optional<uint64_t> first(size_t &rowPitch, size_t width) const {
    rowPitch = pitch ? pitch : x + width;
    if (x + width > rowPitch || y > UINT32_MAX)
      return std::nullopt;
    switch (type) {
    case CU_MEMORYTYPE_HOST:
      return addressOf(host) + y * rowPitch + x;
    case CU_MEMORYTYPE_DEVICE:
    case CU_MEMORYTYPE_UNIFIED:
      return device + y * rowPitch + x;
    default:
      return std::nullopt;
    }
  }
  Side side() const {
    return type == CU_MEMORYTYPE_HOST     ? Side::Host
           : type == CU_MEMORYTYPE_DEVICE ? Side::Device
                                          : Side::Any;
  }
};

CUresult copy2D(const CUDA_MEMCPY2D *copy, CUstream handle, Mode mode) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &lock) {
    if (!copy || copy->WidthInBytes > UINT32_MAX || copy->Height > UINT32_MAX ||
        copy->srcPitch > UINT32_MAX || copy->dstPitch > UINT32_MAX ||
        copy->srcXInBytes > UINT32_MAX || copy->dstXInBytes > UINT32_MAX)
      return CUDA_ERROR_INVALID_VALUE;
    if (copy->srcMemoryType == CU_MEMORYTYPE_ARRAY ||
        copy->dstMemoryType == CU_MEMORYTYPE_ARRAY) {
      note("cuMemcpy2D: arrays are not simulated");
      return CUDA_ERROR_NOT_SUPPORTED;
    }
    Plane from{copy->srcMemoryType, copy->srcHost,     copy->srcDevice,
               copy->srcPitch,      copy->srcXInBytes, copy->srcY};
    Plane to{copy->dstMemoryType, copy->dstHost,     copy->dstDevice,
             copy->dstPitch,      copy->dstXInBytes, copy->dstY};
    CopyRequest request;
    request.width = copy->WidthInBytes;
    request.height = copy->Height;
    auto source = from.first(request.sourcePitch, request.width);
    auto destination = to.first(request.destinationPitch, request.width);
    if (!source || !destination)
      return CUDA_ERROR_INVALID_VALUE;
    request.source = *source;
    request.destination = *destination;
    request.sourceSide = from.side();
    request.destinationSide = to.side();
    return copyOn(driver, stream, lock, request, mode);
  });
}

CUresult fill(CUdeviceptr destination, uint32_t value, unsigned elementBytes,
              size_t count, CUstream handle) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &) {
    if (count > UINT64_MAX / 4)
      return CUDA_ERROR_INVALID_VALUE;
    if (count == 0)
      return CUDA_SUCCESS;
    auto operation =
        makeFill(driver, {destination, value, elementBytes, count});
    if (!operation)
      return CUDA_ERROR_INVALID_VALUE;
    driver.submit(stream, std::move(operation));
    return CUDA_SUCCESS;
  });
}

/// Both contexts must be alive; addresses say the rest.
CUresult copyPeer(CUdeviceptr destination, CUcontext destinationContext,
                  CUdeviceptr source, CUcontext sourceContext, size_t bytes,
                  CUstream handle, Mode mode) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &lock) {
    for (CUcontext context : {destinationContext, sourceContext}) {
      Context *found = nullptr;
      if (CUresult error = driver.findContext(context, found))
        return error;
    }
    return copyOn(
        driver, stream, lock,
        linear(destination, source, bytes, Side::Device, Side::Device), mode);
  });
}

} // namespace

CUresult moec::cudasim::cuMemcpy(CUdeviceptr destination, CUdeviceptr source,
                                 size_t bytes) {
  return copy(linear(destination, source, bytes, Side::Any, Side::Any), nullptr,
              Mode::Sync);
}

CUresult moec::cudasim::cuMemcpyAsync(CUdeviceptr destination,
                                      CUdeviceptr source, size_t bytes,
                                      CUstream stream) {
  return copy(linear(destination, source, bytes, Side::Any, Side::Any), stream,
              Mode::Async);
}

CUresult moec::cudasim::cuMemcpyPeer(CUdeviceptr destination,
                                     CUcontext destinationContext,
                                     CUdeviceptr source,
                                     CUcontext sourceContext, size_t bytes) {
  return copyPeer(destination, destinationContext, source, sourceContext, bytes,
                  nullptr, Mode::Sync);
}

CUresult moec::cudasim::cuMemcpyPeerAsync(CUdeviceptr destination,
                                          CUcontext destinationContext,
                                          CUdeviceptr source,
                                          CUcontext sourceContext, size_t bytes,
                                          CUstream stream) {
  return copyPeer(destination, destinationContext, source, sourceContext, bytes,
                  stream, Mode::Async);
}

CUresult moec::cudasim::cuMemcpyHtoD_v2(CUdeviceptr destination,
                                        const void *source, size_t bytes) {
  return copy(
      linear(destination, addressOf(source), bytes, Side::Device, Side::Host),
      nullptr, Mode::Sync);
}

CUresult moec::cudasim::cuMemcpyDtoH_v2(void *destination, CUdeviceptr source,
                                        size_t bytes) {
  return copy(
      linear(addressOf(destination), source, bytes, Side::Host, Side::Device),
      nullptr, Mode::Sync);
}

CUresult moec::cudasim::cuMemcpyDtoD_v2(CUdeviceptr destination,
                                        CUdeviceptr source, size_t bytes) {
  // Does not wait, as the driver's does not.
  return copy(linear(destination, source, bytes, Side::Device, Side::Device),
              nullptr, Mode::Async);
}

CUresult moec::cudasim::cuMemcpyHtoDAsync_v2(CUdeviceptr destination,
                                             const void *source, size_t bytes,
                                             CUstream stream) {
  return copy(
      linear(destination, addressOf(source), bytes, Side::Device, Side::Host),
      stream, Mode::Async);
}

CUresult moec::cudasim::cuMemcpyDtoHAsync_v2(void *destination,
                                             CUdeviceptr source, size_t bytes,
                                             CUstream stream) {
  return copy(
      linear(addressOf(destination), source, bytes, Side::Host, Side::Device),
      stream, Mode::Async);
}

CUresult moec::cudasim::cuMemcpyDtoDAsync_v2(CUdeviceptr destination,
                                             CUdeviceptr source, size_t bytes,
                                             CUstream stream) {
  return copy(linear(destination, source, bytes, Side::Device, Side::Device),
              stream, Mode::Async);
}

CUresult moec::cudasim::cuMemcpy2D_v2(const CUDA_MEMCPY2D *request) {
  return copy2D(request, nullptr, Mode::Sync);
}

CUresult moec::cudasim::cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D *request) {
  return copy2D(request, nullptr, Mode::Sync);
}

CUresult moec::cudasim::cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *request,
                                           CUstream stream) {
  return copy2D(request, stream, Mode::Async);
}

CUresult moec::cudasim::cuMemsetD8_v2(CUdeviceptr destination,
                                      unsigned char value, size_t count) {
  return fill(destination, value, 1, count, nullptr);
}

CUresult moec::cudasim::cuMemsetD16_v2(CUdeviceptr destination,
                                       unsigned short value, size_t count) {
  return fill(destination, value, 2, count, nullptr);
}

CUresult moec::cudasim::cuMemsetD32_v2(CUdeviceptr destination, unsigned value,
                                       size_t count) {
  return fill(destination, value, 4, count, nullptr);
}

CUresult moec::cudasim::cuMemsetD8Async(CUdeviceptr destination,
                                        unsigned char value, size_t count,
                                        CUstream stream) {
  return fill(destination, value, 1, count, stream);
}

CUresult moec::cudasim::cuMemsetD16Async(CUdeviceptr destination,
                                         unsigned short value, size_t count,
                                         CUstream stream) {
  return fill(destination, value, 2, count, stream);
}

CUresult moec::cudasim::cuMemsetD32Async(CUdeviceptr destination,
                                         unsigned value, size_t count,
                                         CUstream stream) {
  return fill(destination, value, 4, count, stream);
}

CUDASIM_UNVERSIONED(cuMemcpyHtoD, cuMemcpyHtoD_v2);
CUDASIM_UNVERSIONED(cuMemcpyDtoH, cuMemcpyDtoH_v2);
CUDASIM_UNVERSIONED(cuMemcpyDtoD, cuMemcpyDtoD_v2);
CUDASIM_UNVERSIONED(cuMemcpyHtoDAsync, cuMemcpyHtoDAsync_v2);
CUDASIM_UNVERSIONED(cuMemcpyDtoHAsync, cuMemcpyDtoHAsync_v2);
CUDASIM_UNVERSIONED(cuMemcpyDtoDAsync, cuMemcpyDtoDAsync_v2);
CUDASIM_UNVERSIONED(cuMemcpy2D, cuMemcpy2D_v2);
CUDASIM_UNVERSIONED(cuMemcpy2DUnaligned, cuMemcpy2DUnaligned_v2);
CUDASIM_UNVERSIONED(cuMemcpy2DAsync, cuMemcpy2DAsync_v2);
CUDASIM_UNVERSIONED(cuMemsetD8, cuMemsetD8_v2);
CUDASIM_UNVERSIONED(cuMemsetD16, cuMemsetD16_v2);
CUDASIM_UNVERSIONED(cuMemsetD32, cuMemsetD32_v2);
