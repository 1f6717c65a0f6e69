//===- LaunchTest.cpp - Launches, streams, events, errors -----------------===//
#include "test/unit/simulator/api/Child.h"
#include "test/unit/simulator/api/Kernels.h"

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>
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
// Launch validation
//===----------------------------------------------------------------------===//

TEST(Launch, Limits) {
  std::string text = inChild({{"MOEC_CUDASIM_ARCH", "sm_80"}}, [] {
    startDevice();
    CUmodule module;
    ASSERT_CU(CU(cuModuleLoadData)(&module, kKernels.c_str()));
    auto kernel = [&](const char *name) {
      CUfunction function = nullptr;
      EXPECT_CU(CUDA_SUCCESS, CU(cuModuleGetFunction)(&function, module, name));
      return function;
    };
    CUdeviceptr out = allocate(4);
    void *parameters[] = {&out};
    auto run = [&](CUfunction function, unsigned gridY, unsigned x, unsigned y,
                   unsigned z, unsigned shared = 0) {
      return CU(cuLaunchKernel)(function, 1, gridY, 1, x, y, z, shared, nullptr,
                                parameters, nullptr);
    };
    CUfunction bounded = kernel("bounded"), exact = kernel("exact"),
               large = kernel("large");
    ASSERT_CU(run(bounded, 1, 64, 1, 1));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, run(bounded, 1, 65, 1, 1));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, run(bounded, 0, 64, 1, 1));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, run(bounded, 65536, 64, 1, 1));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, run(large, 1, 1, 1, 65));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, run(large, 1, 1025, 1, 1));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, run(large, 1, 32, 33, 1));
    ASSERT_CU(run(exact, 1, 32, 1, 1));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, run(exact, 1, 16, 2, 1));
    // 49152 - 40000 bytes are left until the attribute is raised.
    ASSERT_CU(run(large, 1, 1, 1, 1, 9152));
    EXPECT_EQ(download<unsigned>(out, 1)[0], 9152u);
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, run(large, 1, 1, 1, 1, 9153));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuFuncSetAttribute)(
                  large, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                  166912 - 40000 + 1));
    ASSERT_CU(CU(cuFuncSetAttribute)(
        large, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
        166912 - 40000));
    ASSERT_CU(run(large, 1, 1, 1, 1, 166912 - 40000));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuFuncSetAttribute)(large, CU_FUNC_ATTRIBUTE_NUM_REGS, 3));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuLaunchKernel)(large, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr,
                                 nullptr));
    EXPECT_CU(CUDA_ERROR_INVALID_HANDLE, run(nullptr, 1, 1, 1, 1));
    EXPECT_CU(CUDA_ERROR_INVALID_HANDLE,
              CU(cuLaunchKernel)(exact, 1, 1, 1, 32, 1, 1, 0,
                                 reinterpret_cast<CUstream>(&out), nullptr,
                                 nullptr));
    // A refused launch leaves no error.
    ASSERT_CU(CU(cuCtxSynchronize)());
  });
  EXPECT_CONTAINS(text, "launch of kernel bounded: a block of 65 threads, the "
                        "kernel was compiled for at most 64 (.maxntid)");
  EXPECT_CONTAINS(text, "a grid of (1, 65536, 1) blocks, expected 1 to "
                        "(2147483647, 65535, 65535)");
  EXPECT_CONTAINS(text, "a block of 1056 threads, at most 1024 are possible");
  EXPECT_CONTAINS(text, "the kernel requires (32, 1, 1) (.reqntid)");
  EXPECT_CONTAINS(text, "9153 bytes of dynamic shared memory, at most 9152 are "
                        "allowed; CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_"
                        "BYTES can raise that to 126912");
  EXPECT_CONTAINS(text, "no parameters, the kernel takes 1");
}

TEST(Launch, ParametersInABuffer) {
  std::string text = inChild({}, [] {
    startDevice();
    CUfunction add = loadKernel(kKernels, "add");
    struct {
      CUdeviceptr data;
      unsigned value;
    } block{upload(std::vector<unsigned>(32, 10)), 5};
    size_t bytes = 12;
    void *extra[] = {reinterpret_cast<void *>(1), &block,
                     reinterpret_cast<void *>(2), &bytes, nullptr};
    auto run = [&](void **pointers, void **more) {
      return CU(cuLaunchKernel)(add, 1, 1, 1, 32, 1, 1, 0, nullptr, pointers,
                                more);
    };
    ASSERT_CU(run(nullptr, extra));
    EXPECT_EQ(download<unsigned>(block.data, 32)[7], 15u);
    bytes = sizeof(block);
    ASSERT_CU(run(nullptr, extra));
    bytes = 8;
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, run(nullptr, extra));
    bytes = 64;
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, run(nullptr, extra));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, run(extra, extra));
    void *wrong[] = {reinterpret_cast<void *>(9), &block, nullptr};
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, run(nullptr, wrong));
    ASSERT_CU(CU(cuCtxSynchronize)());
  });
  EXPECT_CONTAINS(text, "parameters of 8 bytes, the kernel takes 12");
}

TEST(Launch, Attributes) {
  std::string text = inChild({{"MOEC_CUDASIM_SMS", "2"}}, [] {
    startDevice();
    CUfunction add = loadKernel(kKernels, "add");
    CUdeviceptr data = upload(std::vector<unsigned>(4096, 0));
    unsigned value = 1;
    void *parameters[] = {&data, &value};
    CUevent event;
    ASSERT_CU(CU(cuEventCreate)(&event, 0));
    CUlaunchAttribute attributes[4] = {};
    attributes[0].id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE;
    attributes[0].value.cooperative = 1;
    attributes[1].id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
    attributes[1].value.clusterDim = {1, 1, 1};
    attributes[2].id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT;
    attributes[2].value.programmaticEvent.event = event;
    attributes[3].id = CU_LAUNCH_ATTRIBUTE_PRIORITY;
    CUlaunchConfig config{2, 1, 1, 1024, 1, 1, 0, nullptr, attributes, 4};
    ASSERT_CU(CU(cuLaunchKernelEx)(&config, add, parameters, nullptr));
    ASSERT_CU(CU(cuEventSynchronize)(event));
    EXPECT_EQ(download<unsigned>(data, 2048)[2047], 1u);
    // 64 registers and 1024 threads: one block on each multiprocessor.
    config.gridDimX = 3;
    EXPECT_CU(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE,
              CU(cuLaunchKernelEx)(&config, add, parameters, nullptr));
    EXPECT_CU(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE,
              CU(cuLaunchCooperativeKernel)(add, 3, 1, 1, 1024, 1, 1, 0,
                                            nullptr, parameters));
    ASSERT_CU(CU(cuLaunchCooperativeKernel)(add, 2, 1, 1, 1024, 1, 1, 0,
                                            nullptr, parameters));
    config.gridDimX = 2;
    attributes[1].value.clusterDim = {2, 1, 1};
    EXPECT_CU(CUDA_ERROR_NOT_SUPPORTED,
              CU(cuLaunchKernelEx)(&config, add, parameters, nullptr));
    attributes[1].id = static_cast<CUlaunchAttributeID>(99);
    EXPECT_CU(CUDA_ERROR_NOT_SUPPORTED,
              CU(cuLaunchKernelEx)(&config, add, parameters, nullptr));
    ASSERT_CU(CU(cuCtxSynchronize)());
  });
  EXPECT_CONTAINS(text, "a cooperative grid of 3 blocks, at most 2 are "
                        "resident at a time (1 on each of 2 multiprocessors)");
  EXPECT_CONTAINS(text, "attribute 99 is not simulated");
}

TEST(Launch, Occupancy) {
  inChild({{"MOEC_CUDASIM_ARCH", "sm_80"}, {"MOEC_CUDASIM_SMS", "3"}}, [] {
    startDevice();
    CUfunction add = loadKernel(kKernels, "add");
    int value, blocks, grid;
    ASSERT_CU(CU(cuFuncGetAttribute)(&value, CU_FUNC_ATTRIBUTE_NUM_REGS, add));
    EXPECT_EQ(value, 64); // assumed, without a cubin
    ASSERT_CU(CU(cuFuncGetAttribute)(
        &value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, add));
    EXPECT_EQ(value, 1024);
    auto occupancy = CU(cuOccupancyMaxActiveBlocksPerMultiprocessor);
    // 65536 registers / 64 = 1024 threads.
    ASSERT_CU(occupancy(&blocks, add, 256, 0));
    EXPECT_EQ(blocks, 4);
    // 64 KiB and the reserved one: two of them in 164 KiB.
    ASSERT_CU(occupancy(&blocks, add, 256, 64 << 10));
    EXPECT_EQ(blocks, 2);
    ASSERT_CU(occupancy(&blocks, add, 1025, 0));
    EXPECT_EQ(blocks, 0);
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE, occupancy(&blocks, add, 0, 0));
    ASSERT_CU(CU(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags)(
        &blocks, add, 1024, 0, 1));
    EXPECT_EQ(blocks, 1);
    ASSERT_CU(CU(cuOccupancyMaxPotentialBlockSize)(&grid, &blocks, add, nullptr,
                                                   0, 0));
    EXPECT_EQ(grid * blocks, 3 * 1024);
    ASSERT_CU(CU(cuOccupancyMaxPotentialBlockSizeWithFlags)(
        &grid, &blocks, add, nullptr, 0, 100, 0));
    EXPECT_LE(blocks, 100);
    size_t shared;
    ASSERT_CU(
        CU(cuOccupancyAvailableDynamicSMemPerBlock)(&shared, add, 2, 256));
    // Half of 164 KiB without the reserved one.
    EXPECT_EQ(shared, (82u - 1) << 10);
    ASSERT_CU(occupancy(&blocks, add, 256, shared));
    EXPECT_EQ(blocks, 2);
    ASSERT_CU(CU(cuFuncSetCacheConfig)(add, CU_FUNC_CACHE_PREFER_NONE));
  });
}

//===----------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------===//

TEST(Streams, OrderAcrossStreams) {
  for (const char *seed : {"0", "1", "2", "3"})
    inChild({{"MOEC_CUDASIM_SEED", seed}}, [] {
      startDevice();
      CUfunction add = loadKernel(kKernels, "add");
      CUstream a, b;
      ASSERT_CU(CU(cuStreamCreateWithPriority)(&a, 1, -1));
      ASSERT_CU(CU(cuStreamCreate)(&b, 1));
      CUdeviceptr data = upload(std::vector<unsigned>(32, 0));
      CUdeviceptr copy = allocate(128);
      CUevent ready;
      ASSERT_CU(CU(cuEventCreate)(&ready, 2));
      // a: +1 five times, then the event; b copies after it.
      for (int i = 0; i < 5; ++i)
        ASSERT_CU(launch(add, 1, 32, a, data, 1u));
      ASSERT_CU(CU(cuEventRecord)(ready, a));
      ASSERT_CU(CU(cuStreamWaitEvent)(b, ready, 0));
      ASSERT_CU(CU(cuMemcpyDtoDAsync_v2)(copy, data, 128, b));
      // The event was recorded before this.
      ASSERT_CU(CU(cuStreamWaitEvent)(a, ready, 0));
      ASSERT_CU(CU(cuStreamSynchronize)(b));
      EXPECT_EQ(download<unsigned>(copy, 32)[31], 5u);
      ASSERT_CU(CU(cuStreamQuery)(b));
      ASSERT_CU(CU(cuEventQuery)(ready));
      int priority;
      unsigned flags;
      ASSERT_CU(CU(cuStreamGetPriority)(a, &priority));
      EXPECT_EQ(priority, -1);
      ASSERT_CU(CU(cuStreamGetFlags)(a, &flags));
      EXPECT_EQ(flags, 1u);
      CUcontext context, current;
      ASSERT_CU(CU(cuStreamGetCtx)(a, &context));
      ASSERT_CU(CU(cuCtxGetCurrent)(&current));
      EXPECT_EQ(context, current);
      CUdevice device;
      ASSERT_CU(CU(cuStreamGetDevice)(a, &device));
      EXPECT_EQ(device, 0);
      unsigned long long first, second;
      ASSERT_CU(CU(cuStreamGetId)(a, &first));
      ASSERT_CU(CU(cuStreamGetId)(b, &second));
      EXPECT_NE(first, second);
      CUstreamCaptureStatus capturing;
      ASSERT_CU(CU(cuStreamIsCapturing)(a, &capturing));
      EXPECT_EQ(capturing, CU_STREAM_CAPTURE_STATUS_NONE);
      // What was submitted is still done.
      ASSERT_CU(launch(add, 1, 32, a, data, 1u));
      ASSERT_CU(CU(cuStreamDestroy_v2)(a));
      EXPECT_CU(CUDA_ERROR_INVALID_HANDLE, CU(cuStreamSynchronize)(a));
      EXPECT_CU(CUDA_ERROR_INVALID_HANDLE, CU(cuStreamDestroy_v2)(a));
      ASSERT_CU(CU(cuCtxSynchronize)());
      EXPECT_EQ(download<unsigned>(data, 1)[0], 6u);
      EXPECT_CU(CUDA_ERROR_INVALID_VALUE, CU(cuStreamCreate)(&a, 8));
    });
}

TEST(Streams, TheLegacyStreamWaitsForBlockingOnes) {
  inChild({}, [] {
    startDevice();
    CUfunction add = loadKernel(kKernels, "add");
    CUdeviceptr data = upload(std::vector<unsigned>(32, 0));
    CUstream blocking;
    ASSERT_CU(CU(cuStreamCreate)(&blocking, 0));
    void *pinned;
    ASSERT_CU(CU(cuMemAllocHost_v2)(&pinned, 4));
    auto *seen = static_cast<unsigned *>(pinned);
    ASSERT_CU(launch(add, 1, 32, blocking, data, 7u));
    ASSERT_CU(CU(cuMemcpyDtoHAsync_v2)(pinned, data, 4, nullptr));
    ASSERT_CU(launch(add, 1, 32, blocking, data, 1u));
    auto perThread = reinterpret_cast<CUstream>(kStreamPerThread);
    ASSERT_CU(launch(add, 1, 32, perThread, data, 0u));
    ASSERT_CU(CU(cuStreamSynchronize)(perThread));
    ASSERT_CU(CU(cuCtxSynchronize)());
    EXPECT_EQ(*seen, 7u);
    EXPECT_EQ(download<unsigned>(data, 1)[0], 8u);
  });
}

TEST(Streams, WorkIsAsynchronous) {
  inChild({}, [] {
    startDevice();
    CUfunction wait = loadKernel(kKernels, "wait");
    void *flag;
    ASSERT_CU(CU(cuMemAllocHost_v2)(&flag, 4));
    auto *value = static_cast<unsigned *>(flag);
    *value = 0;
    CUstream stream;
    ASSERT_CU(CU(cuStreamCreate)(&stream, 1));
    CUevent start, end;
    ASSERT_CU(CU(cuEventCreate)(&start, 0));
    ASSERT_CU(CU(cuEventCreate)(&end, 0));
    float milliseconds;
    EXPECT_CU(CUDA_ERROR_INVALID_HANDLE,
              CU(cuEventElapsedTime_v2)(&milliseconds, start, end));
    ASSERT_CU(CU(cuEventRecord)(start, stream));
    ASSERT_CU(launch(wait, 1, 1, stream, flag));
    ASSERT_CU(CU(cuEventRecordWithFlags)(end, stream, 0));
    EXPECT_CU(CUDA_ERROR_NOT_READY, CU(cuStreamQuery)(stream));
    EXPECT_CU(CUDA_ERROR_NOT_READY, CU(cuEventQuery)(end));
    EXPECT_CU(CUDA_ERROR_NOT_READY,
              CU(cuEventElapsedTime_v2)(&milliseconds, start, end));
    *value = 1;
    ASSERT_CU(CU(cuStreamSynchronize)(stream));
    ASSERT_CU(CU(cuEventElapsedTime_v2)(&milliseconds, start, end));
    EXPECT_GT(milliseconds, 0);
    ASSERT_CU(CU(cuEventDestroy_v2)(start));
    EXPECT_CU(CUDA_ERROR_INVALID_HANDLE, CU(cuEventDestroy_v2)(start));
    EXPECT_CU(CUDA_ERROR_NOT_SUPPORTED, CU(cuEventCreate)(&start, 6));
  });
}

TEST(Streams, KernelsOfTwoStreamsWaitForEachOther) {
  inChild({}, [] {
    startDevice();
    CUmodule module;
    ASSERT_CU(CU(cuModuleLoadData)(&module, kKernels.c_str()));
    CUfunction wait, raise;
    ASSERT_CU(CU(cuModuleGetFunction)(&wait, module, "wait"));
    ASSERT_CU(CU(cuModuleGetFunction)(&raise, module, "raise"));
    CUdeviceptr flag = upload(std::vector<unsigned>{0});
    CUstream a, b;
    ASSERT_CU(CU(cuStreamCreate)(&a, 1));
    ASSERT_CU(CU(cuStreamCreate)(&b, 1));
    ASSERT_CU(launch(wait, 1, 1, a, flag));
    ASSERT_CU(launch(raise, 1, 1, b, flag));
    ASSERT_CU(CU(cuStreamSynchronize)(a));
    // The same with values in memory instead of kernels.
    ASSERT_CU(CU(cuMemsetD32_v2)(flag, 0, 1));
    ASSERT_CU(CU(cuCtxSynchronize)());
    ASSERT_CU(CU(cuStreamWaitValue32_v2)(b, flag, 3, CU_STREAM_WAIT_VALUE_EQ));
    ASSERT_CU(launch(wait, 1, 1, a, flag));
    ASSERT_CU(CU(cuStreamWriteValue32_v2)(a, flag, 3, 0));
    EXPECT_CU(CUDA_ERROR_NOT_READY, CU(cuStreamQuery)(b));
    CUstream c;
    ASSERT_CU(CU(cuStreamCreate)(&c, 1));
    ASSERT_CU(CU(cuStreamWriteValue32_v2)(c, flag, 1, 0));
    ASSERT_CU(CU(cuStreamSynchronize)(b));
    CUdeviceptr wide = upload(std::vector<uint64_t>{5});
    ASSERT_CU(CU(cuStreamWaitValue64_v2)(a, wide, 5, CU_STREAM_WAIT_VALUE_GEQ));
    ASSERT_CU(CU(cuStreamWaitValue64_v2)(a, wide, 4, CU_STREAM_WAIT_VALUE_AND));
    ASSERT_CU(CU(cuStreamWaitValue32_v2)(a, wide, 0, CU_STREAM_WAIT_VALUE_NOR));
    ASSERT_CU(CU(cuStreamWriteValue64_v2)(a, wide, 1ull << 40, 0));
    ASSERT_CU(CU(cuStreamSynchronize)(a));
    EXPECT_EQ(download<uint64_t>(wide, 1)[0], 1ull << 40);
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuStreamWaitValue32_v2)(a, wide + 2, 0, 0));
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuStreamWaitValue32_v2)(a, wide, 0, 1u << 30));
  });
}

TEST(Streams, HostFunctions) {
  inChild({}, [] {
    startDevice();
    CUfunction add = loadKernel(kKernels, "add");
    static CUdeviceptr data;
    static std::atomic<int> calls = 0;
    static CUresult inside;
    static std::thread::id thread;
    data = upload(std::vector<unsigned>(32, 0));
    ASSERT_CU(launch(add, 1, 32, nullptr, data, 1u));
    ASSERT_CU(CU(cuLaunchHostFunc)(
        nullptr,
        [](void *number) {
          // No calls of the API, on another thread.
          CUdeviceptr none;
          inside = CU(cuMemAlloc_v2)(&none, 4);
          thread = std::this_thread::get_id();
          calls += *static_cast<int *>(number);
        },
        new int(5)));
    ASSERT_CU(CU(cuStreamAddCallback)(
        nullptr,
        [](CUstream, CUresult result, void *) { calls += 10 + result; },
        nullptr, 0));
    EXPECT_EQ(calls, 0);
    ASSERT_CU(CU(cuCtxSynchronize)());
    EXPECT_EQ(calls, 15);
    EXPECT_CU(CUDA_ERROR_NOT_PERMITTED, inside);
    EXPECT_NE(thread, std::this_thread::get_id());
    EXPECT_CU(CUDA_ERROR_INVALID_VALUE,
              CU(cuLaunchHostFunc)(nullptr, nullptr, nullptr));
  });
}

/// One thread of the host for each device, whose kernels wait for each other.
TEST(Streams, ThreadsOfTheHost) {
  inChild({{"MOEC_CUDASIM_DEVICES", "2"}}, [] {
    ASSERT_CU(CU(cuInit)(0));
    CUcontext contexts[2];
    CUdeviceptr flags[2];
    for (int i = 0; i < 2; ++i) {
      ASSERT_CU(CU(cuDevicePrimaryCtxRetain)(&contexts[i], i));
      ASSERT_CU(CU(cuCtxSetCurrent)(contexts[i]));
      flags[i] = upload(std::vector<unsigned>{0});
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
      threads.emplace_back([&, i] {
        ASSERT_CU(CU(cuCtxSetCurrent)(contexts[i]));
        ASSERT_CU(CU(cuCtxEnablePeerAccess)(contexts[1 - i], 0));
        CUmodule module;
        ASSERT_CU(CU(cuModuleLoadData)(&module, kKernels.c_str()));
        CUfunction wait, raise;
        ASSERT_CU(CU(cuModuleGetFunction)(&wait, module, "wait"));
        ASSERT_CU(CU(cuModuleGetFunction)(&raise, module, "raise"));
        // Device 1 comes late.
        if (i)
          std::this_thread::sleep_for(std::chrono::milliseconds(200));
        ASSERT_CU(launch(raise, 1, 1, nullptr, flags[1 - i]));
        ASSERT_CU(launch(wait, 1, 1, nullptr, flags[i]));
        EXPECT_CU(CUDA_SUCCESS, CU(cuCtxSynchronize)());
      });
    for (std::thread &thread : threads)
      thread.join();
  });
}

//===----------------------------------------------------------------------===//
// Errors of kernels
//===----------------------------------------------------------------------===//

TEST(Errors, OutOfBoundsIsSticky) {
  std::string text = inChild({}, [] {
    startDevice();
    CUfunction add = loadKernel(kKernels, "add");
    CUdeviceptr data = upload(std::vector<unsigned>(40, 0));
    CUstream other;
    ASSERT_CU(CU(cuStreamCreate)(&other, 1));
    ASSERT_CU(launch(add, 1, 64, nullptr, data, 1u));
    // The launch itself succeeded.
    EXPECT_CU(CUDA_ERROR_ILLEGAL_ADDRESS, CU(cuCtxSynchronize)());
    EXPECT_CU(CUDA_ERROR_ILLEGAL_ADDRESS, CU(cuStreamQuery)(other));
    EXPECT_CU(CUDA_ERROR_ILLEGAL_ADDRESS, launch(add, 1, 1, other, data, 1u));
    CUcontext context;
    ASSERT_CU(CU(cuCtxGetCurrent)(&context));
    // A new context works.
    ASSERT_CU(CU(cuDevicePrimaryCtxReset_v2)(0));
    startDevice();
    data = upload(std::vector<unsigned>(64, 0));
    ASSERT_CU(launch(loadKernel(kKernels, "add"), 1, 64, nullptr, data, 1u));
    EXPECT_EQ(download<unsigned>(data, 64)[63], 1u);
  });
  EXPECT_CONTAINS(text, "out-of-bounds");
  EXPECT_CONTAINS(text, "the end of allocation 2 (160 bytes, device 0)");
  EXPECT_CONTAINS(text, "kernel add, block (0,0,0), warp 1, lane 8");
  EXPECT_FALSE(contains(text, "leak")) << text;
}

TEST(Errors, Kinds) {
  for (auto [kernel, error] :
       {std::pair{"fail", CUDA_ERROR_ILLEGAL_INSTRUCTION},
        {"misaligned", CUDA_ERROR_MISALIGNED_ADDRESS}})
    inChild({}, [&, kernel = kernel, error = error] {
      startDevice();
      CUfunction function = loadKernel(kKernels, kernel);
      CUdeviceptr data = upload(std::vector<unsigned>(2, 0));
      ASSERT_CU(launch(function, 1, 1, nullptr, data));
      EXPECT_EQ(CU(cuCtxSynchronize)(), error);
    });
}

TEST(Errors, UseAfterFree) {
  std::string text = inChild({}, [] {
    startDevice();
    CUfunction add = loadKernel(kKernels, "add");
    CUdeviceptr data = upload(std::vector<unsigned>(32, 0));
    ASSERT_CU(launch(add, 1, 32, nullptr, data, 1u));
    ASSERT_CU(CU(cuMemFree_v2)(data));
    EXPECT_CU(CUDA_ERROR_ILLEGAL_ADDRESS, CU(cuCtxSynchronize)());
  });
  EXPECT_CONTAINS(text, "(128 bytes, device 0, freed)");
}

TEST(Errors, UninitialisedMemoryUnlessChecksAreOff) {
  auto read = [](CUresult expected) {
    startDevice();
    CUfunction function = loadKernel(kKernels, "read");
    CUdeviceptr from = allocate(4), to = allocate(4);
    ASSERT_CU(launch(function, 1, 1, nullptr, from, to));
    EXPECT_EQ(CU(cuCtxSynchronize)(), expected);
    if (expected == CUDA_SUCCESS) {
      EXPECT_EQ(download<unsigned>(to, 1)[0], 0xffffffffu); // poison
    }
  };
  std::string text = inChild({}, [&] { read(CUDA_ERROR_LAUNCH_FAILED); });
  EXPECT_CONTAINS(text, "uninitialised");
  inChild({{"MOEC_CUDASIM_CHECKS", "off"}}, [&] { read(CUDA_SUCCESS); });
}

TEST(Errors, PeersMustBeEnabled) {
  std::string text = inChild({{"MOEC_CUDASIM_DEVICES", "2"}}, [] {
    ASSERT_CU(CU(cuInit)(0));
    CUcontext near, far;
    ASSERT_CU(CU(cuCtxCreate_v2)(&far, 0, 1));
    CUdeviceptr there = upload(std::vector<unsigned>(32, 1));
    ASSERT_CU(CU(cuCtxCreate_v2)(&near, 0, 0));
    CUfunction add = loadKernel(kKernels, "add");
    EXPECT_CU(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED,
              CU(cuCtxDisablePeerAccess)(far));
    EXPECT_CU(CUDA_ERROR_INVALID_CONTEXT, CU(cuCtxEnablePeerAccess)(near, 0));
    ASSERT_CU(CU(cuCtxEnablePeerAccess)(far, 0));
    EXPECT_CU(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED,
              CU(cuCtxEnablePeerAccess)(far, 0));
    ASSERT_CU(launch(add, 1, 32, nullptr, there, 1u));
    EXPECT_EQ(download<unsigned>(there, 32)[31], 2u);
    ASSERT_CU(CU(cuCtxDisablePeerAccess)(far));
    ASSERT_CU(launch(add, 1, 32, nullptr, there, 1u));
    EXPECT_CU(CUDA_ERROR_ILLEGAL_ADDRESS, CU(cuCtxSynchronize)());
    // The other context is not concerned.
    ASSERT_CU(CU(cuCtxSetCurrent)(far));
    ASSERT_CU(CU(cuCtxSynchronize)());
  });
  EXPECT_CONTAINS(text, "peer");
}

TEST(Errors, DeadlockNamesWhatWaits) {
  std::string text = inChild({}, [] {
    startDevice();
    CUfunction wait = loadKernel(kKernels, "wait");
    CUdeviceptr flag = upload(std::vector<unsigned>{0});
    CUstream stream, other;
    ASSERT_CU(CU(cuStreamCreate)(&stream, 1));
    ASSERT_CU(CU(cuStreamCreate)(&other, 1));
    ASSERT_CU(launch(wait, 1, 1, stream, flag));
    ASSERT_CU(CU(cuStreamWaitValue32_v2)(other, flag, 1, 1));
    EXPECT_CU(CUDA_ERROR_LAUNCH_TIMEOUT, CU(cuStreamSynchronize)(stream));
    EXPECT_CU(CUDA_ERROR_LAUNCH_TIMEOUT, CU(cuCtxSynchronize)());
  });
  EXPECT_CONTAINS(text, "deadlock: nothing on any stream can go on");
  EXPECT_CONTAINS(text, "wait");
  EXPECT_CONTAINS(text, "now 0x0, to be == 0x1");
}

//===----------------------------------------------------------------------===//
// Counters
//===----------------------------------------------------------------------===//

/// 1 plus sixteen products of 2^-24 each. One by one each is lost, a tie that goes to the even 1; together they count.
TEST(Launch, TensorCoresAddAsTheyAreAsked) {
  const char *kernel = R"(
.version 8.0
.target sm_80
.address_size 64
.visible .entry multiply(.param .u64 to)
{
  .reg .b32 %a, %b, %t;
  .reg .f32 %c<4>, %d<4>;
  .reg .b64 %rd<3>;
  mov.b32 %a, 0x3F803F80;
  mov.b32 %b, 0x33803380;
  mov.f32 %c0, 0f3F800000;
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%d0, %d1, %d2, %d3}, {%a, %a, %a, %a}, {%b, %b}, {%c0, %c0, %c0, %c0};
  ld.param.u64 %rd1, [to];
  mov.u32 %t, %tid.x;
  mul.wide.u32 %rd2, %t, 4;
  add.s64 %rd1, %rd1, %rd2;
  st.global.f32 [%rd1], %d3;
  ret;
}
)";
  auto expect = [&](float sum) {
    return [=] {
      startDevice();
      CUfunction multiply = loadKernel(kernel, "multiply");
      CUdeviceptr to = allocate(32 * sizeof(float));
      ASSERT_CU(launch(multiply, 1, 32, nullptr, to));
      EXPECT_EQ(download<float>(to, 32), std::vector<float>(32, sum));
    };
  };
  inChild({}, expect(1));
  inChild({{"MOEC_CUDASIM_MMA", "hardware"}}, expect(1 + 0x1p-20f));
}

TEST(Counters, AreWrittenAtTheEnd) {
  char path[] = "/tmp/cudasim-counters-XXXXXX";
  close(mkstemp(path));
  inChild({{"MOEC_CUDASIM_COUNTERS", path}}, [] {
    startDevice();
    CUfunction add = loadKernel(kKernels, "add");
    CUdeviceptr data = upload(std::vector<unsigned>(128, 0));
    for (int i = 0; i < 2; ++i)
      ASSERT_CU(launch(add, 2, 64, nullptr, data, 1u));
    download<unsigned>(data, 128);
  });
  auto root = nlohmann::json::parse(std::ifstream(path));
  unlink(path);
  EXPECT_EQ(root["simulated"], true);
  EXPECT_EQ(root["copies"]["host_to_device_bytes"], 512);
  EXPECT_EQ(root["copies"]["device_to_host_bytes"], 512);
  ASSERT_EQ(root["launches"].size(), 2u);
  const auto &launch = root["launches"][0];
  EXPECT_EQ(launch["kernel"], "add");
  EXPECT_EQ(launch["grid"], nlohmann::json({2, 1, 1}));
  EXPECT_EQ(launch["registers"], 64);
  EXPECT_EQ(launch["target"], "sm_80");
  // Four warps that load and store 128 bytes each: 4 sectors a warp.
  EXPECT_EQ(launch["total"]["global_load"]["bytes"], 512);
  EXPECT_EQ(launch["total"]["global_load"]["sectors"], 16);
  EXPECT_EQ(launch["total"]["global_store"]["sectors"], 16);
  // 12 instructions of 4 warps.
  EXPECT_EQ(launch["total"]["warp_instructions"], 48);
}

} // namespace
