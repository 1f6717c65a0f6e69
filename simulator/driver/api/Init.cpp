//===- Init.cpp - cuInit, errors, devices, cuGetProcAddress ---------------===//
#include "simulator/driver/Driver.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>

using namespace moec::cudasim;

CUresult moec::cudasim::cuInit(unsigned flags) {
  Driver &driver = Driver::get();
  Lock lock(driver.mutex);
  return driver.initialize(flags);
}

CUresult moec::cudasim::cuDriverGetVersion(int *version) {
  if (!version)
    return CUDA_ERROR_INVALID_VALUE;
  *version = kDriverVersion;
  return CUDA_SUCCESS;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

namespace {

struct ErrorText {
  CUresult value;
  const char *name;
  std::string description; // of the name: "invalid value"
};

const std::vector<ErrorText> &errorTexts() {
  static const auto *texts = [] {
    auto *texts = new std::vector<ErrorText>{
#define CUDASIM_RESULT(name, value) {name, #name, {}},
#include "simulator/driver/Errors.def"
#undef CUDASIM_RESULT
    };
    for (ErrorText &text : *texts) {
      constexpr std::string_view prefix = "CUDA_ERROR_";
      if (text.value == CUDA_SUCCESS) {
        text.description = "no error";
        continue;
      }
      text.description = text.name + prefix.size();
      for (char &c : text.description)
        c = c == '_' ? ' ' : static_cast<char>(std::tolower(c));
    }
    return texts;
  }();
  return *texts;
}

const ErrorText *findError(CUresult error) {
  for (const ErrorText &text : errorTexts())
    if (text.value == error)
      return &text;
  return nullptr;
}

} // namespace

CUresult moec::cudasim::cuGetErrorName(CUresult error, const char **name) {
  if (!name)
    return CUDA_ERROR_INVALID_VALUE;
  const ErrorText *text = findError(error);
  *name = text ? text->name : nullptr;
  return text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult moec::cudasim::cuGetErrorString(CUresult error, const char **string) {
  if (!string)
    return CUDA_ERROR_INVALID_VALUE;
  const ErrorText *text = findError(error);
  *string = text ? text->description.c_str() : nullptr;
  return text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

//===----------------------------------------------------------------------===//
// Finding functions
//===----------------------------------------------------------------------===//

namespace {

struct Entry {
  const char *name, *exported;
  int version;
  void *function;
};

const Entry kFunctions[] = {
#define CUDASIM_FUNCTION(name, exported, version, parameters)                  \
  {#name, #exported, version, reinterpret_cast<void *>(&exported)},
#include "simulator/driver/Functions.def"
#undef CUDASIM_FUNCTION
};

} // namespace

CUresult
moec::cudasim::cuGetProcAddress_v2(const char *symbol, void **function,
                                   int version, cuuint64_t flags,
                                   CUdriverProcAddressQueryResult *status) {
  if (!symbol || !function || flags > 2)
    return CUDA_ERROR_INVALID_VALUE;
  *function = nullptr;
  auto answer = [&](CUdriverProcAddressQueryResult result) {
    if (status)
      *status = result;
    return result == CU_GET_PROC_ADDRESS_SUCCESS ? CUDA_SUCCESS
                                                 : CUDA_ERROR_NOT_FOUND;
  };
  if (flags == CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) {
    note(std::string("cuGetProcAddress ") + symbol +
         ": functions whose default stream is the thread's are not simulated; "
         "pass CU_STREAM_PER_THREAD instead");
    return answer(CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
  }
  // The newest that the caller's version of CUDA knows.
  const Entry *best = nullptr;
  bool isKnown = false;
  for (const Entry &entry : kFunctions) {
    if (strcmp(entry.name, symbol) != 0)
      continue;
    isKnown = true;
    if (entry.version <= version && (!best || entry.version > best->version))
      best = &entry;
  }
  if (!best)
    return answer(isKnown ? CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT
                          : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
  *function = best->function;
  return answer(CU_GET_PROC_ADDRESS_SUCCESS);
}

extern "C" __attribute__((visibility("default"))) CUresult cuGetProcAddress(
    const char *symbol, void **function, int version, cuuint64_t flags) {
  return cuGetProcAddress_v2(symbol, function, version, flags, nullptr);
}

CUresult moec::cudasim::cuGetExportTable(const void **table, const CUuuid *) {
  // Undocumented tables of the CUDA runtime library, which is not simulated.
  if (!table)
    return CUDA_ERROR_INVALID_VALUE;
  *table = nullptr;
  return CUDA_ERROR_NOT_FOUND;
}

CUresult moec::cudasim::cuProfilerStart() {
  return withDriver([](Driver &, Lock &) { return CUDA_SUCCESS; });
}

CUresult moec::cudasim::cuProfilerStop() {
  return withDriver([](Driver &, Lock &) { return CUDA_SUCCESS; });
}

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

/// The body of a function about a device.
template <typename Body>
static CUresult withDevice(CUdevice ordinal, Body &&body) {
  return withDriver([&](Driver &driver, Lock &) {
    DeviceState *device = driver.device(ordinal);
    return device ? static_cast<CUresult>(body(driver, *device))
                  : CUDA_ERROR_INVALID_DEVICE;
  });
}

CUresult moec::cudasim::cuDeviceGet(CUdevice *device, int ordinal) {
  return withDevice(ordinal, [&](Driver &, DeviceState &) {
    if (!device)
      return CUDA_ERROR_INVALID_VALUE;
    *device = ordinal;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuDeviceGetCount(int *count) {
  return withDriver([&](Driver &driver, Lock &) {
    if (!count)
      return CUDA_ERROR_INVALID_VALUE;
    *count = static_cast<int>(driver.devices.size());
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuDeviceGetName(char *name, int length,
                                        CUdevice ordinal) {
  return withDevice(ordinal, [&](Driver &, DeviceState &device) {
    if (!name || length < 1)
      return CUDA_ERROR_INVALID_VALUE;
    snprintf(name, length, "moec simulated %s",
             device.properties.architecture.text().c_str());
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice ordinal) {
  return withDevice(ordinal, [&](Driver &, DeviceState &) {
    if (!uuid)
      return CUDA_ERROR_INVALID_VALUE;
    memcpy(uuid->bytes, "moec-cudasim\0\0\0\0", sizeof(uuid->bytes));
    uuid->bytes[15] = static_cast<char>(ordinal);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuDeviceTotalMem_v2(size_t *bytes, CUdevice ordinal) {
  return withDevice(ordinal, [&](Driver &driver, DeviceState &) {
    if (!bytes)
      return CUDA_ERROR_INVALID_VALUE;
    *bytes = driver.memory.capacity(ordinal);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuDeviceGetAttribute(int *value,
                                             CUdevice_attribute attribute,
                                             CUdevice ordinal) {
  return withDevice(ordinal, [&](Driver &, DeviceState &device) {
    auto found = attributeOf(device.properties, ordinal, attribute);
    if (!value || !found)
      return CUDA_ERROR_INVALID_VALUE;
    *value = *found;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuDeviceGetP2PAttribute(int *value,
                                                CUdevice_P2PAttribute attribute,
                                                CUdevice from, CUdevice to) {
  return withDevice(from, [&](Driver &driver, DeviceState &) {
    if (!driver.device(to))
      return CUDA_ERROR_INVALID_DEVICE;
    if (!value || from == to)
      return CUDA_ERROR_INVALID_VALUE;
    switch (attribute) {
    case CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED:
    case CU_DEVICE_P2P_ATTRIBUTE_NATIVE_ATOMIC_SUPPORTED:
      *value = 1;
      return CUDA_SUCCESS;
    case CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK:
    case CU_DEVICE_P2P_ATTRIBUTE_CUDA_ARRAY_ACCESS_SUPPORTED:
      *value = 0;
      return CUDA_SUCCESS;
    }
    return CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult moec::cudasim::cuDeviceCanAccessPeer(int *can, CUdevice device,
                                              CUdevice peer) {
  return withDevice(device, [&](Driver &driver, DeviceState &) {
    if (!driver.device(peer))
      return CUDA_ERROR_INVALID_DEVICE;
    if (!can)
      return CUDA_ERROR_INVALID_VALUE;
    *can = device != peer;
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuDeviceComputeCapability(int *major, int *minor,
                                                  CUdevice ordinal) {
  return withDevice(ordinal, [&](Driver &, DeviceState &device) {
    if (!major || !minor)
      return CUDA_ERROR_INVALID_VALUE;
    *major = static_cast<int>(device.properties.architecture.major());
    *minor = static_cast<int>(device.properties.architecture.minor());
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuDeviceGetPCIBusId(char *id, int length,
                                            CUdevice ordinal) {
  return withDevice(ordinal, [&](Driver &, DeviceState &) {
    if (!id || length < 13)
      return CUDA_ERROR_INVALID_VALUE;
    snprintf(id, length, "0000:%02x:00.0", ordinal + 1);
    return CUDA_SUCCESS;
  });
}

CUresult moec::cudasim::cuDeviceGetByPCIBusId(CUdevice *device,
                                              const char *id) {
  return withDriver([&](Driver &driver, Lock &) {
    unsigned domain = 0, bus = 0;
    if (!device || !id ||
        (sscanf(id, "%x:%x:", &domain, &bus) != 2 || domain != 0))
      return CUDA_ERROR_INVALID_VALUE;
    if (!driver.device(static_cast<int>(bus) - 1))
      return CUDA_ERROR_INVALID_DEVICE;
    *device = static_cast<int>(bus) - 1;
    return CUDA_SUCCESS;
  });
}

CUDASIM_UNVERSIONED(cuDeviceGetUuid, cuDeviceGetUuid_v2);
CUDASIM_UNVERSIONED(cuDeviceTotalMem, cuDeviceTotalMem_v2);
