//===- Streams.cpp - Streams and events of the driver API -----------------===//
#include "simulator/driver/Operations.h"

#include <algorithm>

using namespace moec;
using namespace moec::cudasim;

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

CUresult moec::cudasim::cuStreamCreate(CUstream *stream, unsigned flags) {
  return cuStreamCreateWithPriority(stream, flags, 0);
}

CUresult moec::cudasim::cuStreamCreateWithPriority(CUstream *stream,
                                                   unsigned flags,
                                                   int priority) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    if (!stream || (flags & ~CU_STREAM_NON_BLOCKING))
      return CUDA_ERROR_INVALID_VALUE;
    *stream = driver.createStream(context, flags, std::clamp(priority, -5, 0))
                  ->asHandle();
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuStreamDestroy_v2(CUstream handle) {
  return withContext([&](Driver &driver, Context &, Lock &) {
    // The default streams are not the caller's.
    Stream *stream = driver.streams.find(handle);
    if (!stream || stream->isReleased || stream->isLegacy)
      return CUDA_ERROR_INVALID_HANDLE;
    stream->isReleased = true;
    if (driver.isIdle(*stream))
      driver.streams.remove(stream);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuStreamSynchronize(CUstream handle) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &lock) {
    uint64_t id = stream.handle;
    // Another thread may destroy it meanwhile.
    return driver.wait(lock, *stream.context, [&driver, id] {
      Stream *stream = driver.streams.find(reinterpret_cast<void *>(id));
      return !stream || driver.isIdle(*stream);
    });
  });
}

CUresult moec::cudasim::cuStreamQuery(CUstream handle) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &lock) {
    Context *context = stream.context;
    uint64_t id = stream.handle;
    if (!driver.isIdle(stream))
      driver.poll(lock);
    if (context->error)
      return context->error;
    Stream *after = driver.streams.find(reinterpret_cast<void *>(id));
    return !after || driver.isIdle(*after) ? CUDA_SUCCESS
                                           : CUDA_ERROR_NOT_READY;
  });
}

CUresult moec::cudasim::cuStreamWaitEvent(CUstream handle, CUevent eventHandle,
                                          unsigned flags) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &) {
    Event *event = driver.events.find(eventHandle);
    if (!event)
      return CUDA_ERROR_INVALID_HANDLE;
    if (flags)
      return CUDA_ERROR_INVALID_VALUE;
    if (!event->isComplete())
      driver.submit(stream, makeWaitEvent(*event));
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuStreamGetPriority(CUstream handle, int *priority) {
  return withStream(handle, [&](Driver &, Stream &stream, Lock &) {
    if (!priority)
      return CUDA_ERROR_INVALID_VALUE;
    *priority = stream.priority;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuStreamGetFlags(CUstream handle, unsigned *flags) {
  return withStream(handle, [&](Driver &, Stream &stream, Lock &) {
    if (!flags)
      return CUDA_ERROR_INVALID_VALUE;
    *flags = stream.flags;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuStreamGetCtx(CUstream handle, CUcontext *context) {
  return withStream(handle, [&](Driver &, Stream &stream, Lock &) {
    if (!context)
      return CUDA_ERROR_INVALID_VALUE;
    *context = stream.context->asHandle();
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuStreamGetDevice(CUstream handle, CUdevice *device) {
  return withStream(handle, [&](Driver &, Stream &stream, Lock &) {
    if (!device)
      return CUDA_ERROR_INVALID_VALUE;
    *device = stream.context->device;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuStreamGetId(CUstream handle, unsigned long long *id) {
  return withStream(handle, [&](Driver &, Stream &stream, Lock &) {
    if (!id)
      return CUDA_ERROR_INVALID_VALUE;
    *id = stream.id;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuStreamIsCapturing(CUstream handle,
                                            CUstreamCaptureStatus *status) {
  return withStream(handle, [&](Driver &, Stream &, Lock &) {
    if (!status)
      return CUDA_ERROR_INVALID_VALUE;
    *status = CU_STREAM_CAPTURE_STATUS_NONE;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuStreamAddCallback(CUstream handle,
                                            CUstreamCallback callback,
                                            void *data, unsigned flags) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &) {
    if (!callback || flags)
      return CUDA_ERROR_INVALID_VALUE;
    driver.submit(stream, makeHostFunction(
                              [=] { callback(handle, CUDA_SUCCESS, data); }));
    return CUDA_SUCCESS;
  });
}

//===----------------------------------------------------------------------===//
// Values in memory
//===----------------------------------------------------------------------===//

static CUresult writeValue(CUstream handle, CUdeviceptr address, uint64_t value,
                           unsigned bytes, unsigned flags) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &) {
    auto operation = flags & ~CU_STREAM_WRITE_VALUE_NO_MEMORY_BARRIER
                         ? nullptr
                         : makeWriteValue(driver, address, value, bytes);
    if (!operation)
      return CUDA_ERROR_INVALID_VALUE;
    driver.submit(stream, std::move(operation));
    return CUDA_SUCCESS;
  });
}

static CUresult waitValue(CUstream handle, CUdeviceptr address, uint64_t value,
                          unsigned bytes, unsigned flags) {
  return withStream(handle, [&](Driver &driver, Stream &stream, Lock &) {
    auto operation = flags > CU_STREAM_WAIT_VALUE_NOR
                         ? nullptr
                         : makeWaitValue(driver, address, value, bytes, flags);
    if (!operation)
      return CUDA_ERROR_INVALID_VALUE;
    driver.submit(stream, std::move(operation));
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuStreamWriteValue32_v2(CUstream stream,
                                                CUdeviceptr address,
                                                cuuint32_t value,
                                                unsigned flags) {
  return writeValue(stream, address, value, 4, flags);
}

CUresult moec::cudasim::cuStreamWriteValue64_v2(CUstream stream,
                                                CUdeviceptr address,
                                                cuuint64_t value,
                                                unsigned flags) {
  return writeValue(stream, address, value, 8, flags);
}

CUresult moec::cudasim::cuStreamWaitValue32_v2(CUstream stream,
                                               CUdeviceptr address,
                                               cuuint32_t value,
                                               unsigned flags) {
  return waitValue(stream, address, value, 4, flags);
}

CUresult moec::cudasim::cuStreamWaitValue64_v2(CUstream stream,
                                               CUdeviceptr address,
                                               cuuint64_t value,
                                               unsigned flags) {
  return waitValue(stream, address, value, 8, flags);
}

//===----------------------------------------------------------------------===//
// Events
//===----------------------------------------------------------------------===//

CUresult moec::cudasim::cuEventCreate(CUevent *event, unsigned flags) {
  return withContext([&](Driver &driver, Context &context, Lock &) {
    constexpr unsigned known = CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING;
    if (flags & CU_EVENT_INTERPROCESS) {
      note("cuEventCreate: events between processes are not simulated");
      return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (!event || (flags & ~known))
      return CUDA_ERROR_INVALID_VALUE;
    Event *created = driver.events.add(std::make_unique<Event>());
    created->context = &context;
    created->flags = flags;
    *event = reinterpret_cast<CUevent>(created->handle);
    return CUDA_SUCCESS;
  });
}

/// The body of a function about an event, whose context has not failed.
template <typename Body>
static CUresult withEvent(CUevent handle, Body &&body) {
  return withDriver([&](Driver &driver, Lock &lock) {
    Event *event = driver.events.find(handle);
    if (!event)
      return CUDA_ERROR_INVALID_HANDLE;
    if (event->context->error)
      return event->context->error;
    return static_cast<CUresult>(body(driver, *event, lock));
  });
}

CUresult moec::cudasim::cuEventDestroy_v2(CUevent handle) {
  return withEvent(handle, [&](Driver &driver, Event &event, Lock &) {
    // Whoever waits for it keeps its state.
    driver.events.remove(&event);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuEventRecord(CUevent handle, CUstream stream) {
  return cuEventRecordWithFlags(handle, stream, 0);
}

CUresult moec::cudasim::cuEventRecordWithFlags(CUevent handle,
                                               CUstream streamHandle,
                                               unsigned flags) {
  return withStream(streamHandle, [&](Driver &driver, Stream &stream, Lock &) {
    Event *event = driver.events.find(handle);
    if (!event || event->context != stream.context)
      return CUDA_ERROR_INVALID_HANDLE;
    if (flags & ~CU_EVENT_RECORD_EXTERNAL)
      return CUDA_ERROR_INVALID_VALUE;
    driver.submit(stream, makeRecord(*event));
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuEventSynchronize(CUevent handle) {
  return withEvent(handle, [&](Driver &driver, Event &event, Lock &lock) {
    auto state = event.state;
    uint64_t number = state->recorded;
    return driver.wait(lock, *event.context,
                       [state, number] { return state->completed >= number; });
  });
}

CUresult moec::cudasim::cuEventQuery(CUevent handle) {
  return withEvent(handle, [&](Driver &driver, Event &event, Lock &lock) {
    auto state = event.state;
    Context *context = event.context;
    uint64_t number = state->recorded;
    if (state->completed < number)
      driver.poll(lock);
    if (context->error)
      return context->error;
    return state->completed >= number ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
  });
}

CUresult moec::cudasim::cuEventElapsedTime_v2(float *milliseconds,
                                              CUevent start, CUevent end) {
  return withEvent(start, [&](Driver &driver, Event &first, Lock &) {
    Event *second = driver.events.find(end);
    if (!second || ((first.flags | second->flags) & CU_EVENT_DISABLE_TIMING) ||
        !first.state->recorded || !second->state->recorded)
      return CUDA_ERROR_INVALID_HANDLE;
    if (!milliseconds)
      return CUDA_ERROR_INVALID_VALUE;
    if (!first.isComplete() || !second->isComplete())
      return CUDA_ERROR_NOT_READY;
    *milliseconds =
        static_cast<float>(static_cast<double>(second->state->nanoseconds) -
                           static_cast<double>(first.state->nanoseconds)) *
        1e-6f;
    return CUDA_SUCCESS;
  });
}

CUDASIM_UNVERSIONED(cuStreamDestroy, cuStreamDestroy_v2);
CUDASIM_UNVERSIONED(cuStreamWriteValue32, cuStreamWriteValue32_v2);
CUDASIM_UNVERSIONED(cuStreamWriteValue64, cuStreamWriteValue64_v2);
CUDASIM_UNVERSIONED(cuStreamWaitValue32, cuStreamWaitValue32_v2);
CUDASIM_UNVERSIONED(cuStreamWaitValue64, cuStreamWaitValue64_v2);
CUDASIM_UNVERSIONED(cuEventDestroy, cuEventDestroy_v2);
CUDASIM_UNVERSIONED(cuEventElapsedTime, cuEventElapsedTime_v2);
