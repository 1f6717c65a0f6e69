//===- DriverTest.cpp - The driver API of libcudasim.so -------------------===//
//
// Every function and refusal, through the library as a program loads it.
//
//===----------------------------------------------------------------------===//
#include "test/unit/simulator/api/Child.h"
#include "test/unit/simulator/api/Kernels.h"

#include <atomic>
#include <cstring>
#include <set>
#include <thread>

using namespace moec::cudasim;
using namespace moec::cudasim::test;

namespace {

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}
#define EXPECT_CONTAINS(text, part)                                            \
  EXPECT_TRUE(contains(text, part)) << "expected: " << part << "\nin: " << text

//===----------------------------------------------------------------------===//
// Finding functions, errors
//===----------------------------------------------------------------------===//

TEST(Functions, AllAreExportedAndFound) {
  inChild({}, [] {
    auto find = CU(cuGetProcAddress_v2);
#define CUDASIM_FUNCTION(name, exported, version, parameters)                  \
  {                                                                            \
    void *byName = nullptr;                                                    \
    CUdriverProcAddressQueryResult status;                                     \
    EXPECT_CU(CUDA_SUCCESS, find(#name, &byName, version, 0, &status));        \
    EXPECT_EQ(status, CU_GET_PROC_ADDRESS_SUCCESS);                            \
    EXPECT_EQ(byName, reinterpret_cast<void *>(CU(exported))) << #exported;    \
    EXPECT_NE(reinterpret_cast<void *>(lookUp<void()>(#name)), nullptr);       \
  }
#include "simulator/driver/Functions.def"
#undef CUDASIM_FUNCTION
  });
}

TEST(Functions, VersionsAndRefusals) {
  inChild({}, [] {
    auto find = CU(cuGetProcAddress_v2);
    void *function = nullptr;
    CUdriverProcAddressQueryResult status;
    ASSERT_CU(find("cuCtxCreate", &function, 12040, 0, nullptr));
    EXPECT_EQ(function, reinterpret_cast<void *>(CU(cuCtxCreate_v2)));
    ASSERT_CU(find("cuCtxCreate", &function, 13000, 0, nullptr));
    EXPECT_EQ(function, reinterpret_cast<void *>(CU(cuCtxCreate_v4)));
    EXPECT_CU(CUDA_ERROR_NOT_FOUND,
              find("cuMemAlloc", &function, 3000, 0, &status));
    EXPECT_EQ(status, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
    EXPECT_CU(CUDA_ERROR_NOT_FOUND,
              find("cuGraphLaunch", &function, 13000, 0, &status));
    EXPECT_EQ(status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
    EXPECT_EQ(function, nullptr);
    EXPECT_CU(CUDA_ERROR_NOT_FOUND,
              find("cuMemcpy", &function, 13000, 2, &status));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              find(nullptr, &function, 13000, 0, &status));
    const void *table = &table;
    CUuuid id{};
    EXPECT_CU(CUDA_ERROR_NOT_FOUND, CU(cuGetExportTable)(&table, &id));
    EXPECT_EQ(table, nullptr);
  });
}

TEST(Functions, Errors) {
  inChild({}, [] {
    const char *text = nullptr;
    ASSERT_CU(CU(cuGetErrorName)(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
    EXPECT_STREQ(text, "CUDA_ERROR_ILLEGAL_ADDRESS");
    ASSERT_CU(CU(cuGetErrorString)(CUDA_ERROR_OUT_OF_MEMORY, &text));
    EXPECT_STREQ(text, "out of memory");
    ASSERT_CU(CU(cuGetErrorString)(CUDA_SUCCESS, &text));
    EXPECT_STREQ(text, "no error");
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuGetErrorName)(static_cast<CUresult>(12345), &text));
    EXPECT_EQ(text, nullptr);
  });
}

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

TEST(Devices, NothingBeforeInit) {
  inChild({}, [] {
    int count;
    EXPECT_CU(CUDA_ERROR_NOT_INITIALIZED, CU(cuDeviceGetCount)(&count));
    ASSERT_CU(CU(cuDriverGetVersion)(&count));
    EXPECT_EQ(count, 13000);
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuInit)(1));
    ASSERT_CU(CU(cuInit)(0));
    ASSERT_CU(CU(cuInit)(0));
    ASSERT_CU(CU(cuDeviceGetCount)(&count));
    EXPECT_EQ(count, 1);
    CUdeviceptr pointer;
    EXPECT_CU(CUDA_ERROR_INVALID_CONTEXT, CU(cuMemAlloc_v2)(&pointer, 4));
    ASSERT_CU(CU(cuProfilerStart)());
    ASSERT_CU(CU(cuProfilerStop)());
  });
}

TEST(Devices, TellWhatTheEnvironmentSays) {
  inChild({{"MOEC_CUDASIM_DEVICES", "3"},
           {"MOEC_CUDASIM_ARCH", "sm_89"},
           {"MOEC_CUDASIM_SMS", "7"},
           {"MOEC_CUDASIM_MEMORY", "32M"}},
          [] {
            ASSERT_CU(CU(cuInit)(0));
            int count, major, minor, value;
            ASSERT_CU(CU(cuDeviceGetCount)(&count));
            EXPECT_EQ(count, 3);
            CUdevice device;
            ASSERT_CU(CU(cuDeviceGet)(&device, 2));
            EXPECT_EQ(device, 2);
            EXPECT_CU(CUDA_ERROR_INVALID_DEVICE, CU(cuDeviceGet)(&device, 3));
            EXPECT_CU(CUDA_ERROR_INVALID_DEVICE, CU(cuDeviceGet)(&device, -1));
            ASSERT_CU(CU(cuDeviceComputeCapability)(&major, &minor, 1));
            EXPECT_EQ(major * 10 + minor, 89);
            size_t bytes;
            ASSERT_CU(CU(cuDeviceTotalMem_v2)(&bytes, 0));
            EXPECT_EQ(bytes, 32u << 20);
            char name[64];
            ASSERT_CU(CU(cuDeviceGetName)(name, sizeof(name), 0));
            EXPECT_STREQ(name, "moec simulated sm_89");
            ASSERT_CU(CU(cuDeviceGetAttribute)(
                &value, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0));
            EXPECT_EQ(value, 7);
            ASSERT_CU(CU(cuDeviceGetAttribute)(
                &value, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 0));
            EXPECT_EQ(value, 1536);
            EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
                      CU(cuDeviceGetAttribute)(
                          &value, static_cast<CUdevice_attribute>(9999), 0));
            CUuuid first, second;
            ASSERT_CU(CU(cuDeviceGetUuid_v2)(&first, 0));
            ASSERT_CU(CU(cuDeviceGetUuid_v2)(&second, 1));
            EXPECT_NE(memcmp(&first, &second, sizeof(first)), 0);
            char bus[16];
            ASSERT_CU(CU(cuDeviceGetPCIBusId)(bus, sizeof(bus), 2));
            ASSERT_CU(CU(cuDeviceGetByPCIBusId)(&device, bus));
            EXPECT_EQ(device, 2);
            EXPECT_CU(CUDA_ERROR_INVALID_DEVICE,
                      CU(cuDeviceGetByPCIBusId)(&device, "0000:77:00.0"));
            ASSERT_CU(CU(cuDeviceCanAccessPeer)(&value, 0, 1));
            EXPECT_EQ(value, 1);
            ASSERT_CU(CU(cuDeviceGetP2PAttribute)(
                &value, CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED, 0, 1));
            EXPECT_EQ(value, 1);
            EXPECT_CU(
                CUDA_ERROR_INVALID_VALUE,
                CU(cuDeviceGetP2PAttribute)(
                    &value, CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED, 1, 1));
          });
}

/// Numbers of the CUDA programming guide.
TEST(Devices, SharedMemoryByArchitecture) {
  struct Expected {
    const char *name;
    int optIn, perMultiprocessor, blocks;
  };
  for (Expected expected : {Expected{"sm_80", 166912, 167936, 32},
                            Expected{"sm_86", 101376, 102400, 16},
                            Expected{"sm_89", 101376, 102400, 24},
                            Expected{"sm_90a", 232448, 233472, 32},
                            Expected{"sm_100a", 232448, 233472, 32},
                            Expected{"sm_103a", 232448, 233472, 32},
                            Expected{"sm_120a", 101376, 102400, 24}})
    inChild({{"MOEC_CUDASIM_ARCH", expected.name}}, [&] {
      ASSERT_CU(CU(cuInit)(0));
      auto attribute = [](CUdevice_attribute which) {
        int value = -1;
        EXPECT_CU(CUDA_SUCCESS, CU(cuDeviceGetAttribute)(&value, which, 0));
        return value;
      };
      EXPECT_EQ(
          attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
          expected.optIn);
      EXPECT_EQ(
          attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR),
          expected.perMultiprocessor);
      EXPECT_EQ(attribute(CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR),
                expected.blocks);
      EXPECT_EQ(attribute(CU_DEVICE_ATTRIBUTE_WARP_SIZE), 32);
      EXPECT_EQ(attribute(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X), 0x7fffffff);
    });
}

TEST(Devices, RefuseAWrongEnvironment) {
  for (auto [variable, value, part] :
       {std::tuple{"MOEC_CUDASIM_ARCH", "sm_75", "expected one of sm_80"},
        {"MOEC_CUDASIM_DEVICES", "0", "expected a number from 1 to 64"},
        {"MOEC_CUDASIM_MEMORY", "4X", "expected a number"},
        {"MOEC_CUDASIM_SMS", "many", "expected a number"},
        {"MOEC_CUDASIM_CHECKS", "maybe", "expected one of on off all"},
        {"MOEC_CUDASIM_MMA", "exact", "expected one of in-order hardware"}}) {
    std::string text = inChild({{variable, value}}, [] {
      EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuInit)(0));
    });
    EXPECT_CONTAINS(text, std::string(variable) + "=" + value);
    EXPECT_CONTAINS(text, part);
  }
}

//===----------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------===//

TEST(Contexts, StackAndHandles) {
  inChild({{"MOEC_CUDASIM_DEVICES", "2"}}, [] {
    ASSERT_CU(CU(cuInit)(0));
    CUcontext first, second, current;
    ASSERT_CU(CU(cuCtxCreate_v2)(&first, 0, 0));
    ASSERT_CU(CU(cuCtxCreate_v4)(&second, nullptr, 0, 1));
    ASSERT_CU(CU(cuCtxGetCurrent)(&current));
    EXPECT_EQ(current, second);
    CUdevice device;
    ASSERT_CU(CU(cuCtxGetDevice)(&device));
    EXPECT_EQ(device, 1);
    ASSERT_CU(CU(cuCtxPopCurrent_v2)(&current));
    EXPECT_EQ(current, second);
    ASSERT_CU(CU(cuCtxGetDevice)(&device));
    EXPECT_EQ(device, 0);
    ASSERT_CU(CU(cuCtxPushCurrent_v2)(second));
    ASSERT_CU(CU(cuCtxSetCurrent)(first));
    unsigned long long id, otherId;
    ASSERT_CU(CU(cuCtxGetId)(nullptr, &id));
    ASSERT_CU(CU(cuCtxGetId)(second, &otherId));
    EXPECT_NE(id, otherId);
    unsigned version, flags;
    ASSERT_CU(CU(cuCtxGetApiVersion)(first, &version));
    EXPECT_EQ(version, 13000u);
    ASSERT_CU(CU(cuCtxGetFlags)(&flags));
    EXPECT_EQ(flags, 0u);
    size_t limit;
    ASSERT_CU(CU(cuCtxSetLimit)(CU_LIMIT_STACK_SIZE, 4096));
    ASSERT_CU(CU(cuCtxGetLimit)(&limit, CU_LIMIT_STACK_SIZE));
    EXPECT_EQ(limit, 4096u);
    EXPECT_CU(CUDA_ERROR_UNSUPPORTED_LIMIT,
              CU(cuCtxGetLimit)(&limit, static_cast<CUlimit>(77)));
    CUfunc_cache config;
    ASSERT_CU(CU(cuCtxSetCacheConfig)(CU_FUNC_CACHE_PREFER_EQUAL));
    ASSERT_CU(CU(cuCtxGetCacheConfig)(&config));
    EXPECT_EQ(config, CU_FUNC_CACHE_PREFER_EQUAL);
    int least, greatest;
    ASSERT_CU(CU(cuCtxGetStreamPriorityRange)(&least, &greatest));
    EXPECT_LE(greatest, least);

    ASSERT_CU(CU(cuCtxDestroy_v2)(second));
    EXPECT_CU(CUDA_ERROR_CONTEXT_IS_DESTROYED, CU(cuCtxDestroy_v2)(second));
    EXPECT_CU(CUDA_ERROR_CONTEXT_IS_DESTROYED, CU(cuCtxSetCurrent)(second));
    EXPECT_CU(CUDA_ERROR_INVALID_CONTEXT,
              CU(cuCtxPushCurrent_v2)(reinterpret_cast<CUcontext>(&first)));
    EXPECT_CU(CUDA_ERROR_INVALID_DEVICE, CU(cuCtxCreate_v2)(&second, 0, 2));
    ASSERT_CU(CU(cuCtxDestroy_v2)(first));
    ASSERT_CU(CU(cuCtxSetCurrent)(nullptr));
    EXPECT_CU(CUDA_ERROR_INVALID_CONTEXT, CU(cuCtxSynchronize)());
  });
}

TEST(Contexts, PrimaryIsCounted) {
  std::string text = inChild({}, [] {
    ASSERT_CU(CU(cuInit)(0));
    CUcontext one, two;
    ASSERT_CU(CU(cuDevicePrimaryCtxSetFlags_v2)(0, 4));
    ASSERT_CU(CU(cuDevicePrimaryCtxRetain)(&one, 0));
    ASSERT_CU(CU(cuDevicePrimaryCtxRetain)(&two, 0));
    EXPECT_EQ(one, two);
    unsigned flags;
    int active;
    ASSERT_CU(CU(cuDevicePrimaryCtxGetState)(0, &flags, &active));
    EXPECT_EQ(flags, 4u);
    EXPECT_EQ(active, 1);
    ASSERT_CU(CU(cuCtxSetCurrent)(one));
    EXPECT_CU(CUDA_ERROR_INVALID_CONTEXT, CU(cuCtxDestroy_v2)(one));
    allocate(100);
    ASSERT_CU(CU(cuDevicePrimaryCtxRelease_v2)(0));
    ASSERT_CU(CU(cuCtxSynchronize)());
    ASSERT_CU(CU(cuDevicePrimaryCtxRelease_v2)(0));
    EXPECT_CU(CUDA_ERROR_CONTEXT_IS_DESTROYED, CU(cuCtxSynchronize)());
    EXPECT_CU(CUDA_ERROR_INVALID_CONTEXT, CU(cuDevicePrimaryCtxRelease_v2)(0));
    ASSERT_CU(CU(cuDevicePrimaryCtxReset_v2)(0));
    ASSERT_CU(CU(cuDevicePrimaryCtxGetState)(0, &flags, &active));
    EXPECT_EQ(active, 0);
  });
  EXPECT_CONTAINS(text, "leak: a context of device 0 ends with 1 allocation "
                        "that nobody freed, 100 bytes:");
  EXPECT_CONTAINS(text, "allocation 1 (100 bytes, device 0)");
}

//===----------------------------------------------------------------------===//
// Memory and copies
//===----------------------------------------------------------------------===//

TEST(Memory, AllocatesAndFrees) {
  std::string text = inChild({{"MOEC_CUDASIM_MEMORY", "1M"}}, [] {
    startDevice();
    size_t free, total;
    CUdeviceptr pointer = allocate(1000);
    ASSERT_CU(CU(cuMemGetInfo_v2)(&free, &total));
    EXPECT_EQ(total, 1u << 20);
    EXPECT_EQ(free, total - 1024); // in units of 256 bytes
    CUdeviceptr base;
    size_t bytes;
    ASSERT_CU(CU(cuMemGetAddressRange_v2)(&base, &bytes, pointer + 999));
    EXPECT_EQ(base, pointer);
    EXPECT_EQ(bytes, 1000u);
    EXPECT_CU(CUDA_ERROR_NOT_FOUND,
              CU(cuMemGetAddressRange_v2)(&base, &bytes, pointer + 1000));
    EXPECT_CU(CUDA_ERROR_OUT_OF_MEMORY, CU(cuMemAlloc_v2)(&base, 1 << 20));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemAlloc_v2)(&base, 0));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemFree_v2)(pointer + 4));
    ASSERT_CU(CU(cuMemFree_v2)(0));
    ASSERT_CU(CU(cuMemFree_v2)(pointer));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemFree_v2)(pointer));
    size_t pitch;
    ASSERT_CU(CU(cuMemAllocPitch_v2)(&pointer, &pitch, 700, 3, 4));
    EXPECT_EQ(pitch, 1024u);
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuMemAllocPitch_v2)(&pointer, &pitch, 700, 3, 5));
    CUstream stream;
    ASSERT_CU(CU(cuStreamCreate)(&stream, 0));
    ASSERT_CU(CU(cuMemAllocAsync)(&pointer, 64, stream));
    ASSERT_CU(CU(cuMemFreeAsync)(pointer, stream));
    ASSERT_CU(CU(cuStreamSynchronize)(stream));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemFreeAsync)(pointer, stream));
  });
  EXPECT_CONTAINS(text, "device 0 has 1047552 of its 1048576 bytes left, "
                        "1048576 were asked for");
  EXPECT_CONTAINS(text, "cuMemFree: not the start of memory that this frees: "
                        "byte 4 of allocation 1 (1000 bytes, device 0)");
  EXPECT_CONTAINS(text, "byte 0 of allocation 1 (1000 bytes, device 0, freed)");
}

TEST(Memory, OfTheHost) {
  std::string text = inChild({}, [] {
    startDevice();
    void *pinned, *other;
    ASSERT_CU(CU(cuMemHostAlloc)(&pinned, 64, 2));
    ASSERT_CU(CU(cuMemAllocHost_v2)(&other, 64));
    memset(pinned, 7, 64);
    CUdeviceptr device;
    ASSERT_CU(CU(cuMemHostGetDevicePointer_v2)(&device, pinned, 0));
    unsigned flags;
    ASSERT_CU(CU(cuMemHostGetFlags)(&flags, pinned));
    CUfunction add = loadKernel(kKernels, "add");
    ASSERT_CU(launch(add, 1, 16, nullptr, device, 1u));
    ASSERT_CU(CU(cuCtxSynchronize)());
    EXPECT_EQ(static_cast<unsigned *>(pinned)[15], 0x07070708u);

    std::vector<unsigned> own(16, 3);
    EXPECT_CU(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED,
              CU(cuMemHostUnregister)(own.data()));
    ASSERT_CU(CU(cuMemHostRegister_v2)(own.data(), 64, 0));
    EXPECT_CU(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED,
              CU(cuMemHostRegister_v2)(own.data() + 1, 4, 0));
    ASSERT_CU(CU(cuMemHostGetDevicePointer_v2)(&device, own.data(), 0));
    ASSERT_CU(launch(add, 1, 16, nullptr, device, 1u));
    ASSERT_CU(CU(cuCtxSynchronize)());
    EXPECT_EQ(own[15], 4u);
    ASSERT_CU(CU(cuMemHostUnregister)(own.data()));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuMemHostGetDevicePointer_v2)(&device, own.data(), 0));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemFreeHost)(own.data()));
    ASSERT_CU(CU(cuMemFreeHost)(pinned));
    ASSERT_CU(CU(cuMemFreeHost)(other));

    CUdeviceptr managed;
    ASSERT_CU(CU(cuMemAllocManaged)(&managed, 64, 1));
    memset(reinterpret_cast<void *>(managed), 0, 64);
    ASSERT_CU(launch(add, 1, 16, nullptr, managed, 9u));
    ASSERT_CU(CU(cuCtxSynchronize)());
    EXPECT_EQ(*reinterpret_cast<unsigned *>(managed), 9u);
    int isManaged = 0;
    ASSERT_CU(CU(cuPointerGetAttribute)(
        &isManaged, CU_POINTER_ATTRIBUTE_IS_MANAGED, managed));
    EXPECT_EQ(isManaged, 1);
    ASSERT_CU(CU(cuMemFree_v2)(managed));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemAllocManaged)(&managed, 64, 0));
  });
  EXPECT_CONTAINS(text, "the range is pinned already");
}

TEST(Memory, AHostPointerIsNoDevicePointer) {
  std::string text = inChild({}, [] {
    startDevice();
    static unsigned variable[4];
    CUfunction add = loadKernel(kKernels, "add");
    ASSERT_CU(launch(add, 1, 1, nullptr, &variable[0], 1u));
    EXPECT_CU(CUDA_ERROR_ILLEGAL_ADDRESS, CU(cuCtxSynchronize)());
  });
  EXPECT_CONTAINS(text, "a host pointer that is not pinned memory");
}

TEST(Memory, Attributes) {
  inChild({}, [] {
    startDevice();
    CUdeviceptr pointer = allocate(100), start = 0;
    CUmemorytype type{};
    int ordinal = -1;
    size_t bytes = 0;
    ASSERT_CU(CU(cuPointerGetAttribute)(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                        pointer));
    EXPECT_EQ(type, CU_MEMORYTYPE_DEVICE);
    CUpointer_attribute which[] = {CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
                                   CU_POINTER_ATTRIBUTE_RANGE_START_ADDR,
                                   CU_POINTER_ATTRIBUTE_RANGE_SIZE};
    void *data[] = {&ordinal, &start, &bytes};
    ASSERT_CU(CU(cuPointerGetAttributes)(3, which, data, pointer + 50));
    EXPECT_EQ(ordinal, 0);
    EXPECT_EQ(start, pointer);
    EXPECT_EQ(bytes, 100u);
    ASSERT_CU(CU(cuPointerGetAttributes)(3, which, data, 1 << 20));
    EXPECT_EQ(ordinal, -2);
    EXPECT_EQ(bytes, 0u);
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuPointerGetAttribute)(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                        1 << 20));
    void *host;
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuPointerGetAttribute)(
                  &host, CU_POINTER_ATTRIBUTE_HOST_POINTER, pointer));
  });
}

TEST(Copies, AllForms) {
  inChild({{"MOEC_CUDASIM_DEVICES", "2"}}, [] {
    startDevice();
    std::vector<unsigned> values{1, 2, 3, 4, 5, 6, 7, 8};
    CUdeviceptr a = upload(values), b = allocate(32);
    ASSERT_CU(CU(cuMemcpyDtoD_v2)(b, a, 32));
    EXPECT_EQ(download<unsigned>(b, 8), values);
    ASSERT_CU(CU(cuMemcpy)(b + 4, a, 4));
    EXPECT_EQ(download<unsigned>(b, 8)[1], 1u);

    CUstream stream;
    ASSERT_CU(CU(cuStreamCreate)(&stream, 1));
    // The bytes of pageable memory are those of the call.
    unsigned word = 42;
    ASSERT_CU(CU(cuMemcpyHtoDAsync_v2)(b, &word, 4, stream));
    word = 43;
    ASSERT_CU(CU(cuMemcpyDtoDAsync_v2)(b + 8, b, 4, stream));
    ASSERT_CU(CU(cuMemcpyAsync)(b + 12, b, 4, stream));
    unsigned back = 0;
    ASSERT_CU(CU(cuMemcpyDtoHAsync_v2)(&back, b + 12, 4, stream));
    EXPECT_EQ(back, 42u); // pageable: waited
    // Pinned memory is read when the copy runs.
    void *pinned;
    ASSERT_CU(CU(cuMemAllocHost_v2)(&pinned, 4));
    auto *pinnedWord = static_cast<unsigned *>(pinned);
    *pinnedWord = 50;
    ASSERT_CU(CU(cuMemcpyHtoDAsync_v2)(b, pinned, 4, stream));
    *pinnedWord = 51;
    ASSERT_CU(CU(cuStreamSynchronize)(stream));
    EXPECT_EQ(download<unsigned>(b, 1)[0], 51u);

    ASSERT_CU(CU(cuMemsetD32_v2)(b, 0x01020304, 2));
    ASSERT_CU(CU(cuMemsetD16_v2)(b + 2, 0xaabb, 1));
    ASSERT_CU(CU(cuMemsetD8_v2)(b, 0xcc, 1));
    ASSERT_CU(CU(cuMemsetD32Async)(b + 8, 5, 1, stream));
    ASSERT_CU(CU(cuMemsetD16Async)(b + 12, 6, 2, stream));
    ASSERT_CU(CU(cuMemsetD8Async)(b + 16, 7, 4, stream));
    ASSERT_CU(CU(cuCtxSynchronize)());
    EXPECT_EQ(download<unsigned>(b, 5),
              (std::vector<unsigned>{0xaabb03cc, 0x01020304, 5, 0x00060006,
                                     0x07070707}));

    // Two rows of two words out of a plane of four columns.
    CUDA_MEMCPY2D plane{};
    plane.srcMemoryType = CU_MEMORYTYPE_HOST;
    plane.srcHost = values.data();
    plane.srcPitch = 16;
    plane.srcXInBytes = 4;
    plane.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    plane.dstDevice = b;
    plane.dstPitch = 8;
    plane.WidthInBytes = 8;
    plane.Height = 2;
    ASSERT_CU(CU(cuMemcpy2D_v2)(&plane));
    EXPECT_EQ(download<unsigned>(b, 4), (std::vector<unsigned>{2, 3, 6, 7}));
    plane.srcY = 1;
    plane.Height = 1;
    ASSERT_CU(CU(cuMemcpy2DAsync_v2)(&plane, stream));
    ASSERT_CU(CU(cuMemcpy2DUnaligned_v2)(&plane));
    ASSERT_CU(CU(cuCtxSynchronize)());
    EXPECT_EQ(download<unsigned>(b, 1)[0], 6u);
    plane.srcMemoryType = CU_MEMORYTYPE_ARRAY;
    EXPECT_CU(CUDA_ERROR_NOT_SUPPORTED, CU(cuMemcpy2D_v2)(&plane));

    CUcontext here, there;
    ASSERT_CU(CU(cuCtxGetCurrent)(&here));
    ASSERT_CU(CU(cuDevicePrimaryCtxRetain)(&there, 1));
    ASSERT_CU(CU(cuCtxSetCurrent)(there));
    CUdeviceptr far = allocate(32);
    ASSERT_CU(CU(cuCtxSetCurrent)(here));
    ASSERT_CU(CU(cuMemcpyPeer)(far, there, a, here, 32));
    ASSERT_CU(CU(cuMemsetD32_v2)(b, 0, 8));
    ASSERT_CU(CU(cuMemcpyPeerAsync)(b, here, far, there, 32, nullptr));
    EXPECT_EQ(download<unsigned>(b, 8), values);
  });
}

TEST(Copies, Refusals) {
  std::string text = inChild({}, [] {
    startDevice();
    CUdeviceptr a = allocate(32);
    char host[64] = {};
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemcpyHtoD_v2)(a, host, 33));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemcpyDtoH_v2)(host, a + 32, 1));
    EXPECT_CU(
        CUDA_ERROR_INVALID_VALUE,
        CU(cuMemcpyHtoD_v2)(reinterpret_cast<CUdeviceptr>(host), host, 1));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuMemcpyHtoD_v2)(a, reinterpret_cast<void *>(a), 4));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemcpyDtoD_v2)(a, a + 4, 8));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemcpyHtoD_v2)(a, nullptr, 4));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemsetD32_v2)(a + 2, 0, 1));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemsetD8_v2)(a, 0, 33));
    ASSERT_CU(CU(cuMemcpyHtoD_v2)(a, host, 0));
    // No error is left behind.
    ASSERT_CU(CU(cuCtxSynchronize)());
  });
  EXPECT_CONTAINS(text, "33 bytes from byte 0 run past the end of allocation 1 "
                        "(32 bytes, device 0)");
  EXPECT_CONTAINS(text, "the end of allocation 1 (32 bytes, device 0)");
  EXPECT_CONTAINS(text, "overlap, which is undefined");
}

TEST(Copies, FreedInFlight) {
  std::string text = inChild({}, [] {
    startDevice();
    CUdeviceptr a = allocate(32), b = allocate(32);
    ASSERT_CU(CU(cuMemcpyDtoDAsync_v2)(b, a, 32, nullptr));
    ASSERT_CU(CU(cuMemFree_v2)(a));
    EXPECT_CU(CUDA_ERROR_ILLEGAL_ADDRESS, CU(cuCtxSynchronize)());
    // Sticky.
    EXPECT_CU(CUDA_ERROR_ILLEGAL_ADDRESS, CU(cuMemFree_v2)(b));
    EXPECT_CU(CUDA_ERROR_ILLEGAL_ADDRESS, CU(cuMemAlloc_v2)(&a, 4));
  });
  EXPECT_CONTAINS(text, "was freed while the operation was in flight");
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

TEST(Modules, FunctionsAndVariables) {
  inChild({}, [] {
    startDevice();
    CUmodule module;
    ASSERT_CU(
        CU(cuModuleLoadDataEx)(&module, kKernels.c_str(), 0, nullptr, nullptr));
    CUfunction add, none;
    ASSERT_CU(CU(cuModuleGetFunction)(&add, module, "add"));
    EXPECT_CU(CUDA_ERROR_NOT_FOUND,
              CU(cuModuleGetFunction)(&none, module, "subtract"));
    const char *name;
    ASSERT_CU(CU(cuFuncGetName)(&name, add));
    EXPECT_STREQ(name, "add");
    CUmodule owner;
    ASSERT_CU(CU(cuFuncGetModule)(&owner, add));
    EXPECT_EQ(owner, module);
    size_t offset, bytes;
    ASSERT_CU(CU(cuFuncGetParamInfo)(add, 1, &offset, &bytes));
    EXPECT_EQ(offset, 8u);
    EXPECT_EQ(bytes, 4u);
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuFuncGetParamInfo)(add, 2, &offset, &bytes));
    unsigned count;
    ASSERT_CU(CU(cuModuleGetFunctionCount)(&count, module));
    EXPECT_EQ(count, 9u);
    std::vector<CUfunction> all(count);
    ASSERT_CU(CU(cuModuleEnumerateFunctions)(all.data(), count, module));
    EXPECT_EQ(std::set<CUfunction>(all.begin(), all.end()).count(add), 1u);
    CUdeviceptr table;
    ASSERT_CU(CU(cuModuleGetGlobal_v2)(&table, &bytes, module, "table"));
    EXPECT_EQ(bytes, 12u);
    EXPECT_EQ(download<unsigned>(table, 3), (std::vector<unsigned>{5, 6, 7}));
    EXPECT_CU(CUDA_ERROR_NOT_FOUND,
              CU(cuModuleGetGlobal_v2)(&table, &bytes, module, "chair"));
    CUmoduleLoadingMode mode;
    ASSERT_CU(CU(cuModuleGetLoadingMode)(&mode));
    CUfunctionLoadingState state;
    ASSERT_CU(CU(cuFuncLoad)(add));
    ASSERT_CU(CU(cuFuncIsLoaded)(&state, add));
    EXPECT_EQ(state, CU_FUNCTION_LOADING_STATE_LOADED);
    ASSERT_CU(CU(cuModuleUnload)(module));
    EXPECT_CU(CUDA_ERROR_INVALID_HANDLE, CU(cuModuleUnload)(module));
    EXPECT_CU(CUDA_ERROR_INVALID_HANDLE, CU(cuFuncGetName)(&name, add));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuMemcpyDtoH_v2)(&offset, table, 4));
  });
}

TEST(Modules, Refusals) {
  std::string text = inChild({{"MOEC_CUDASIM_ARCH", "sm_80"}}, [] {
    startDevice();
    CUmodule module;
    auto load = [&](const std::string &image) {
      return CU(cuModuleLoadData)(&module, image.c_str());
    };
    const std::string head = ".version 8.0\n.address_size 64\n.target ";
    EXPECT_CU(CUDA_ERROR_INVALID_IMAGE, load(""));
    EXPECT_CU(CUDA_ERROR_INVALID_IMAGE, load("no module"));
    EXPECT_CU(CUDA_ERROR_NO_BINARY_FOR_GPU, load(head + "sm_90a\n"));
    EXPECT_CU(CUDA_ERROR_INVALID_PTX,
              load(".version 8.0\n.target sm_80\n.address_size 64\n"
                   ".visible .entry k() { frobnicate.u32 %r1; }"));
    EXPECT_CU(CUDA_ERROR_FILE_NOT_FOUND,
              CU(cuModuleLoad)(&module, "/no/such/file"));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuModuleLoadData)(nullptr, ""));
    char log[400];
    CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER,
                              CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
    EXPECT_CU(CUDA_ERROR_NO_BINARY_FOR_GPU,
              CU(cuModuleLoadDataEx)(&module, (head + "sm_90a\n").c_str(), 2,
                                     options, values));
    EXPECT_STREQ(log, "the PTX text is for sm_90a, the device is sm_80");
    EXPECT_EQ(reinterpret_cast<size_t>(values[1]), strlen(log));
  });
  EXPECT_CONTAINS(text, "frobnicate");
}

TEST(Modules, Libraries) {
  inChild({}, [] {
    startDevice();
    CUlibrary library;
    ASSERT_CU(CU(cuLibraryLoadData)(&library, kKernels.c_str(), nullptr,
                                    nullptr, 0, nullptr, nullptr, 0));
    CUkernel kernel, none;
    ASSERT_CU(CU(cuLibraryGetKernel)(&kernel, library, "add"));
    EXPECT_CU(CUDA_ERROR_NOT_FOUND,
              CU(cuLibraryGetKernel)(&none, library, "subtract"));
    const char *name;
    ASSERT_CU(CU(cuKernelGetName)(&name, kernel));
    EXPECT_STREQ(name, "add");
    CUfunction function;
    ASSERT_CU(CU(cuKernelGetFunction)(&function, kernel));
    CUmodule module;
    ASSERT_CU(CU(cuLibraryGetModule)(&module, library));
    EXPECT_CU(CUDA_ERROR_NOT_PERMITTED, CU(cuModuleUnload)(module));
    CUdeviceptr table;
    size_t bytes;
    ASSERT_CU(CU(cuLibraryGetGlobal)(&table, &bytes, library, "table"));
    int value;
    ASSERT_CU(CU(cuKernelSetAttribute)(
        CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100000, kernel, 0));
    ASSERT_CU(CU(cuKernelGetAttribute)(
        &value, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, kernel, 0));
    EXPECT_EQ(value, 100000);
    CUdeviceptr data = upload(std::vector<unsigned>(32, 1));
    // A kernel is launched like a function.
    ASSERT_CU(
        launch(reinterpret_cast<CUfunction>(kernel), 1, 32, nullptr, data, 4u));
    EXPECT_EQ(download<unsigned>(data, 32)[31], 5u);
    ASSERT_CU(CU(cuLibraryUnload)(library));
    EXPECT_CU(CUDA_ERROR_INVALID_HANDLE, CU(cuLibraryUnload)(library));
    EXPECT_CU(CUDA_ERROR_INVALID_HANDLE, CU(cuKernelGetName)(&name, kernel));
  });
}

} // namespace
