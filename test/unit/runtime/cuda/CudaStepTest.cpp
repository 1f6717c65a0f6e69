//===- CudaStepTest.cpp - Steps on a fake GPU -----------------------------===//

#include "CudaTest.h"
#include "support/Json.h"

#include <numeric>

using namespace moec;
using namespace moec::test;

namespace {

//===------------------------------------------------------------------------===//
// A model that computes
//===------------------------------------------------------------------------===//

using CudaStepTest = CudaTest;

TEST_F(CudaStepTest, StepsContinueFromTheCaches) {
  std::unique_ptr<Session> session = open(cudaBigramModel());
  const std::vector<int32_t> a = {7, 400, 12, 3}, b = {99, 5};
  fake.forgetCalls();
  CudaBatch first;
  ASSERT_EQ(first.add(a[0], 0).add(a[1], 1).add(b[0], 0, 2).run(*session), "");
  first.expectRow(0, a, 0);
  first.expectRow(1, a, 1);
  first.expectRow(2, b, 0);
  CudaBatch second;
  ASSERT_EQ(second.add(b[1], 1, 2).add(a[2], 2).add(a[3], 3).run(*session), "");
  second.expectRow(0, b, 1);
  second.expectRow(1, a, 2);
  second.expectRow(2, a, 3);

  // One copy in, three launches, one copy out and one look, twice.
  const std::vector<std::string> step = {
      "cuCtxPushCurrent",    "cuMemcpyHtoDAsync", "cuLaunchKernel",
      "cuLaunchKernel",      "cuLaunchKernel",    "cuMemcpyDtoHAsync",
      "cuStreamSynchronize", "cuCtxPopCurrent"};
  EXPECT_EQ(std::vector<std::string>(fake.calls.end() - 8, fake.calls.end()),
            step);
  EXPECT_EQ(fake.count("cuStreamSynchronize"), 2u);
  EXPECT_EQ(fake.count("cuEventCreate"), 0u);
  // Functions were looked up in the first step alone: one for each kernel.
  EXPECT_EQ(fake.count("cuModuleGetFunction"), 4u);
  // Three arrays of 3 in 16 and one of 3, and three rows.
  EXPECT_EQ(fake.uploads, (std::vector<size_t>(2, 4 * 16 * 4)));
  EXPECT_EQ(fake.downloads, (std::vector<size_t>(2, 3 * bigramVocab * 4)));

  const moert_counters counters = session->counters();
  EXPECT_EQ(counters.steps, 2u);
  EXPECT_EQ(counters.graphs, 2u);
  EXPECT_EQ(counters.launches, 6u);
  // Of three rows in tiles of four: 1 + 1 + 4 blocks.
  EXPECT_EQ(counters.tasks, 12u);
  EXPECT_EQ(counters.all_waits, 4u);
  EXPECT_EQ(counters.joins, 2u);
  EXPECT_EQ(counters.synchronisations, 2u);
  EXPECT_EQ(counters.copied_bytes, 2u * (4 * 16 * 4 + 3 * bigramVocab * 4));
  ASSERT_EQ(session->device().graphs().size(), 1u);
  EXPECT_EQ(session->device().graphs()[0].submissions, 2u);
  EXPECT_EQ(session->device().graphs()[0].allWaits, 2u);
  EXPECT_EQ(session->device().threads(), 0u);
}

TEST_F(CudaStepTest, CachesAndScratchBeginAsZeros) {
  std::unique_ptr<Session> session = open(cudaBigramModel());
  const auto memory = [&](size_t size) {
    for (const auto &[address, bytes] : fake.deviceMemory)
      if (bytes == size)
        return static_cast<const int32_t *>(address);
    return static_cast<const int32_t *>(nullptr);
  };
  const int32_t *scratch = memory(64);
  const int32_t *cache = memory(bigramMaxSequences * bigramMaxContext * 4);
  ASSERT_TRUE(scratch && cache);
  EXPECT_EQ(std::accumulate(scratch, scratch + 16, 0), 0);
  EXPECT_EQ(std::accumulate(cache, cache + 192, 0), 0);
  for (int32_t i = 0; i < 5; ++i)
    ASSERT_EQ(CudaBatch().add(8, i).run(*session), "");
  // Nobody zeroes scratch between steps.
  EXPECT_EQ(scratch[0], 5 * bigramIncrement);
  EXPECT_EQ(cache[4], 8);
  EXPECT_EQ(cache[5], 0);
}

TEST_F(CudaStepTest, OutputsOfAnyNumber) {
  std::unique_ptr<Session> session = open(cudaBigramModel());
  std::vector<int32_t> ids(bigramCudaMaxTokens);
  std::iota(ids.begin(), ids.end(), 100);
  for (size_t outputs : {0, 1, 2, 16, 17, 24}) {
    SCOPED_TRACE(outputs);
    fake.forgetCalls();
    CudaBatch batch;
    for (size_t i = 0; i < ids.size(); ++i)
      batch.add(ids[i], int32_t(i));
    batch.outputRows.erase(batch.outputRows.begin(),
                           batch.outputRows.end() - ptrdiff_t(outputs));
    ASSERT_EQ(batch.run(*session), "");
    for (size_t i = 0; i < outputs; ++i)
      batch.expectRow(i, ids, ids.size() - outputs + i);
    EXPECT_EQ(fake.launches.size(), outputs ? 3u : 2u);
    EXPECT_EQ(fake.downloads.size(), outputs ? 1u : 0u);
    EXPECT_EQ(fake.count("cuStreamSynchronize"), 1u);
    if (outputs) {
      EXPECT_EQ(fake.launches[2].function,
                outputs == 1 ? "logits_one" : "logits_many");
    }
  }
}

TEST_F(CudaStepTest, ATraceOfTheStream) {
  const std::string path = folder / "trace.json";
  std::unique_ptr<Session> session = open(cudaBigramModel());
  ASSERT_TRUE(session->startTrace(path).ok());
  for (int32_t i = 0; i < 2; ++i)
    ASSERT_EQ(CudaBatch().add(8, i).run(*session), "");
  EXPECT_EQ(fake.count("cuStreamSynchronize"), 1u + 2u);
  // Kept from step to step: two of the upload, and one more than a step has
  // launches and copies.
  EXPECT_EQ(fake.count("cuEventCreate"), 2u + 6u);
  ASSERT_TRUE(session->trace()->write().ok());
  auto json = readJsonFile(path);
  ASSERT_TRUE(json.ok()) << json.message();
  std::vector<std::string> names;
  std::set<std::string> lanes;
  for (const Json &event : (*json)["traceEvents"]) {
    if (event["name"] == "thread_name")
      lanes.insert(event["args"]["name"]);
    if (event["ph"] != "X" || event["tid"] != 0)
      continue;
    names.push_back(event["name"]);
    // The fake GPU takes a millisecond for anything.
    EXPECT_NEAR(double(event["dur"]), 1000, 0.01);
    if (event["name"] == "logits") {
      EXPECT_EQ(event["args"]["grid"], Json::parse("[4,1,1]"));
      EXPECT_EQ(event["cat"], "launch");
    }
  }
  EXPECT_EQ(lanes, (std::set<std::string>{"stream 0", "steps"}));
  const std::vector<std::string> step = {"batch to device", "write_cache",
                                         "read_cache", "logits",
                                         "logits from device"};
  ASSERT_EQ(names.size(), 10u);
  EXPECT_EQ(std::vector<std::string>(names.begin(), names.begin() + 5), step);
  EXPECT_EQ(std::vector<std::string>(names.begin() + 5, names.end()), step);
  session.reset();
  EXPECT_TRUE(fake.isClean());
}

//===------------------------------------------------------------------------===//
// Failures
//===------------------------------------------------------------------------===//

TEST_F(CudaStepTest, AKernelThatFails) {
  fake.kernels["read_cache"].run = [](const FakeLaunch &) { return 700; };
  std::unique_ptr<Session> session = open(cudaBigramModel());
  const std::string failure =
      "CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered) "
      "in one of 3 launches, from graph 'bigram', node 0 'write_cache' to "
      "graph 'bigram', node 2 'logits'; with CUDA_LAUNCH_BLOCKING=1 in the "
      "environment it is known which";
  EXPECT_EQ(CudaBatch().add(1, 0).run(*session), "step: " + failure);
  // Nothing more happens on this GPU.
  const size_t calls = fake.calls.size();
  EXPECT_EQ(CudaBatch().add(1, 0).run(*session),
            "step: the GPU failed in an earlier step (" + failure +
                "); open the model again");
  EXPECT_EQ(fake.calls.size(), calls);
  session.reset();
  EXPECT_TRUE(fake.isClean());
}

TEST_F(CudaStepTest, AKernelWhoseFailureComesOutAtACopy) {
  fake.kernels["read_cache"].run = [](const FakeLaunch &) { return 700; };
  std::unique_ptr<Session> session = open(cudaBigramModel());
  fake.failures["cuMemcpyDtoHAsync"] = 700;
  EXPECT_NE(CudaBatch().add(1, 0).run(*session).find("in one of 3 launches"),
            std::string::npos);
}

TEST_F(CudaStepTest, AKernelThatFailsWhileLaunchesAreWaitedFor) {
  fake.kernels["read_cache"].run = [](const FakeLaunch &) { return 700; };
  environment.set("CUDA_LAUNCH_BLOCKING", "1");
  std::unique_ptr<Session> session = open(cudaBigramModel());
  EXPECT_EQ(CudaBatch().add(1, 0).run(*session),
            "step: graph 'bigram', node 1 'read_cache': kernel 'read_cache' of "
            "module 'bigram', 1 x 1 x 1 blocks of 32 threads: "
            "CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was "
            "encountered)");
  EXPECT_NE(CudaBatch().add(1, 0).run(*session).find("in an earlier step"),
            std::string::npos);
}

TEST_F(CudaStepTest, ALaunchThatIsRefused) {
  std::unique_ptr<Session> session = open(cudaBigramModel());
  fake.failures["cuLaunchKernel"] = 701;
  EXPECT_EQ(CudaBatch().add(1, 0).run(*session),
            "step: graph 'bigram', node 0 'write_cache': kernel 'write_cache' "
            "of module 'bigram', 1 x 1 x 1 blocks of 4 threads: "
            "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES (text)");
  // That leaves the GPU as it was.
  fake.failures.clear();
  EXPECT_EQ(CudaBatch().add(1, 0).run(*session), "");
}

TEST_F(CudaStepTest, AKernelThatFailsWhileOthersAreLaunched) {
  // The failure of the first comes out at the launch of the second, which is
  // not to blame.
  std::unique_ptr<Session> session = open(cudaBigramModel());
  fake.launchesBeforeFailure = 1;
  fake.failures["cuLaunchKernel"] = 700;
  EXPECT_EQ(CudaBatch().add(1, 0).run(*session),
            "step: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was "
            "encountered) in 1 launch, of graph 'bigram', node 0 "
            "'write_cache'");
}

TEST_F(CudaStepTest, CopiesThatFail) {
  std::unique_ptr<Session> session = open(cudaBigramModel());
  fake.failures = {{"cuMemcpyHtoDAsync", 1}};
  EXPECT_EQ(CudaBatch().add(1, 0).run(*session),
            "step: copying the batch to the GPU: CUDA_ERROR_INVALID_VALUE "
            "(text)");
  fake.failures = {{"cuMemcpyDtoHAsync", 1}};
  EXPECT_EQ(CudaBatch().add(1, 0).run(*session),
            "step: copying the logits from the GPU: CUDA_ERROR_INVALID_VALUE "
            "(text)");
}

TEST_F(CudaStepTest, KernelsThatAreNotThere) {
  fake.kernels.erase("logits_many");
  std::unique_ptr<Session> session = open(cudaBigramModel());
  EXPECT_EQ(CudaBatch().add(1, 0).run(*session),
            "step: graph 'bigram', node 2 'logits': kernel 'logits_many' of "
            "module 'bigram': CUDA_ERROR_NOT_FOUND (text)");
  fake.kernels["logits_many"] = fake.kernels["logits_one"];
  fake.kernels["logits_one"].maxThreads = 96;
  session = open(cudaBigramModel());
  EXPECT_EQ(CudaBatch().add(1, 0).run(*session),
            "step: graph 'bigram', node 2 'logits': kernel 'logits_one' of "
            "module 'bigram': its blocks have 128 threads, Fake H100 takes 96");
  // Nothing of a graph that is refused is launched.
  EXPECT_EQ(fake.launches.size(), 0u);
}

//===------------------------------------------------------------------------===//
// Grids and parameters
//===------------------------------------------------------------------------===//

/// One node that a test describes, submitted with the arguments it gives.
class CudaLaunchTest : public CudaTest {
protected:
  CudaLaunchTest() {
    kernels = {{"k", 0, 0, 64, 8, 3, 0}};
    node.name = "n";
    node.rows = MOERT_ROWS_EXTENT;
    node.row_tile = 8;
    node.col_tiles = 3;
    node.launch = &launch;
    model = cudaBigramModel();
    model.step = [](moert_context *context, const moert_batch *, void *,
                    void *const *, const void *const *, float *) -> int32_t {
      return moert_graph_submit(context, &current->graph, current->args.data());
    };
    current = this;
    fake.kernels["k"] = {};
    fake.kernels["l"] = {};
  }
  ~CudaLaunchTest() override { current = nullptr; }

  /// Runs a step whose last token is at `position`.
  std::string run(int32_t position = 0) {
    launch = {uint32_t(kernels.size()), uint32_t(params.size()), kernels.data(),
              params.data()};
    graph = {"g", 1, uint32_t(args.size()), &node};
    // What was prepared for another node is not for this one.
    session = open(model);
    CudaBatch batch;
    for (int32_t i = 0; i <= position; ++i) {
      if (batch.tokens.size() == size_t(bigramCudaMaxTokens)) {
        EXPECT_EQ(batch.run(*session), "");
        batch = {};
      }
      batch.add(1, i);
    }
    fake.forgetCalls();
    return batch.run(*session);
  }

  /// The grid of the one launch: columns, rows, depth.
  std::vector<unsigned> grid(int32_t position = 0) {
    EXPECT_EQ(run(position), "");
    EXPECT_EQ(fake.launches.size(), 1u);
    if (fake.launches.empty())
      return {};
    EXPECT_EQ(fake.launches[0].sharedBytes, 0u);
    const unsigned *sizes = fake.launches[0].grid;
    return {sizes[0], sizes[1], sizes[2]};
  }

  std::string refusal() {
    const std::string message = run();
    EXPECT_EQ(fake.launches.size(), 0u);
    EXPECT_EQ(fake.count("cuStreamSynchronize"), 1u);
    const std::string prefix = "step: graph 'g', node 0 'n': ";
    EXPECT_EQ(message.substr(0, prefix.size()), prefix);
    return message.substr(std::min(prefix.size(), message.size()));
  }

  static CudaLaunchTest *current;
  moert_model model;
  std::vector<int64_t> args = {17};
  std::vector<moert_kernel> kernels;
  std::vector<moert_param> params;
  moert_launch launch = {};
  moert_node node = {};
  moert_graph graph = {};
  std::unique_ptr<Session> session;
};

CudaLaunchTest *CudaLaunchTest::current = nullptr;

using Sizes = std::vector<unsigned>;

TEST_F(CudaLaunchTest, RowsOfAnExtentAreInTilesOfTheKernel) {
  EXPECT_EQ(grid(), (Sizes{3, 3, 1}));
  EXPECT_EQ(fake.launches[0].threads, 64u);
  kernels[0].row_tile = 5;
  EXPECT_EQ(grid(), (Sizes{3, 4, 1}));
  args[0] = 1;
  EXPECT_EQ(grid(), (Sizes{3, 1, 1}));
  kernels[0].col_tiles = 1000000;
  EXPECT_EQ(grid(), (Sizes{1000000, 1, 1}));
}

TEST_F(CudaLaunchTest, RoutedRowsAreInTilesOfTheNode) {
  node.rows = MOERT_ROWS_ROUTED;
  node.experts = 6;
  kernels[0].row_tile = 1;
  // floor(17 / 8) + 6, but no more tiles than rows.
  EXPECT_EQ(grid(), (Sizes{3, 8, 1}));
  args[0] = 4;
  EXPECT_EQ(grid(), (Sizes{3, 4, 1}));
}

TEST_F(CudaLaunchTest, OneIsOneWhateverTheArguments) {
  node.rows = MOERT_ROWS_ONE;
  args[0] = 0;
  EXPECT_EQ(grid(), (Sizes{3, 1, 1}));
}

TEST_F(CudaLaunchTest, NoRowsNoLaunch) {
  args[0] = 0;
  EXPECT_EQ(run(), "");
  EXPECT_EQ(fake.launches.size(), 0u);
  EXPECT_EQ(session->counters().launches, 0u);
  EXPECT_EQ(session->counters().graphs, 1u);
  EXPECT_EQ(session->counters().all_waits, 0u);
  node.rows = MOERT_ROWS_ROUTED;
  EXPECT_EQ(run(), "");
  EXPECT_EQ(fake.launches.size(), 0u);
}

TEST_F(CudaLaunchTest, TheFirstKernelThatTakesTheRows) {
  kernels = {{"k", 0, 16, 64, 16, 3, 0}, {"l", 0, 0, 128, 8, 2, 0}};
  args[0] = 16;
  EXPECT_EQ(grid(), (Sizes{3, 1, 1}));
  EXPECT_EQ(fake.launches[0].function, "k");
  args[0] = 17;
  EXPECT_EQ(grid(), (Sizes{2, 3, 1}));
  EXPECT_EQ(fake.launches[0].function, "l");
  EXPECT_EQ(fake.launches[0].threads, 128u);
  kernels[1].most_rows = 20;
  args[0] = 21;
  EXPECT_EQ(refusal(), "none of its kernels takes 21 rows");
}

TEST_F(CudaLaunchTest, DepthCoversThePositions) {
  kernels[0].position_tile = 4;
  EXPECT_EQ(grid(0), (Sizes{3, 3, 1}));
  EXPECT_EQ(grid(3), (Sizes{3, 3, 1}));
  EXPECT_EQ(grid(4), (Sizes{3, 3, 2}));
  // In a step of its own, after others.
  EXPECT_EQ(grid(40), (Sizes{3, 3, 11}));
}

TEST_F(CudaLaunchTest, GridsThatAreTooLarge) {
  kernels[0].row_tile = 1;
  args[0] = 65535;
  EXPECT_EQ(grid(), (Sizes{3, 65535, 1}));
  args[0] = 65536;
  EXPECT_EQ(refusal(),
            "kernel 'k' of module 'bigram': a grid of 3 x 65536 x 1 blocks is "
            "more than the 65535 that CUDA takes of rows and depth; run it "
            "with a smaller --chunk");
}

TEST_F(CudaLaunchTest, Parameters) {
  args = {17, -5, int64_t(0x123456789abcdef0)};
  params = {{MOERT_PARAM_ARGUMENT, 8, 2},
            {MOERT_PARAM_ARGUMENT, 4, 1},
            {MOERT_PARAM_CONSTANT, 4, int64_t(0xffffffff00000007)},
            {MOERT_PARAM_CONSTANT, 8, INT64_MIN},
            {MOERT_PARAM_SCRATCH, 8, 99}};
  fake.kernels["k"].parameterBytes = {8, 4, 4, 8, 8};
  grid();
  const FakeLaunch &launch = fake.launches[0];
  EXPECT_EQ(launch.parameter<int64_t>(0), args[2]);
  EXPECT_EQ(launch.parameter<int32_t>(1), -5);
  EXPECT_EQ(launch.parameter<int32_t>(2), 7);
  EXPECT_EQ(launch.parameter<int64_t>(3), INT64_MIN);
  const auto scratch = fake.deviceMemory.find(launch.parameter<void *>(4));
  ASSERT_NE(scratch, fake.deviceMemory.end());
  EXPECT_EQ(scratch->second, 64u);
}

TEST_F(CudaLaunchTest, LaunchesAreChecked) {
  node.launch = nullptr;
  EXPECT_EQ(refusal(), "has no launch on a device");
  node.launch = &launch;
  const std::vector<moert_kernel> good = kernels;
  kernels.clear();
  EXPECT_EQ(refusal(), "has no kernel");
  const auto refusalOf = [&](auto change) {
    kernels = good;
    change(kernels[0]);
    return refusal();
  };
  EXPECT_EQ(refusalOf([](moert_kernel &kernel) { kernel.module = 1; }),
            "kernel 'k': its module is 1 of 1");
  EXPECT_EQ(refusalOf([](moert_kernel &kernel) { kernel.threads = 0; }),
            "kernel 'k': its blocks have 0 threads, expected 1 to 1024");
  EXPECT_EQ(refusalOf([](moert_kernel &kernel) { kernel.threads = 1025; }),
            "kernel 'k': its blocks have 1025 threads, expected 1 to 1024");
  EXPECT_EQ(refusalOf([](moert_kernel &kernel) { kernel.row_tile = 0; }),
            "kernel 'k': row_tile and col_tiles must not be 0");
  EXPECT_EQ(refusalOf([](moert_kernel &kernel) { kernel.col_tiles = 0; }),
            "kernel 'k': row_tile and col_tiles must not be 0");
  EXPECT_EQ(
      refusalOf([](moert_kernel &kernel) { kernel.col_tiles = 1u << 31; }),
      "kernel 'k': it has 2147483648 column tiles, more than a grid may "
      "have");
  // The second kernel is looked at too, also if the first one takes the rows.
  kernels = good;
  kernels.push_back(good[0]);
  kernels[1].threads = 0;
  EXPECT_EQ(refusal(),
            "kernel 'k': its blocks have 0 threads, expected 1 to 1024");
}

TEST_F(CudaLaunchTest, ParametersAreChecked) {
  const auto refusalOf = [&](moert_param param) {
    params = {{MOERT_PARAM_CONSTANT, 8, 0}, param};
    return refusal();
  };
  EXPECT_EQ(refusalOf({3, 8, 0}), "parameter 1: unknown kind 3");
  EXPECT_EQ(refusalOf({MOERT_PARAM_CONSTANT, 2, 0}),
            "parameter 1: has 2 bytes, expected 4 or 8");
  EXPECT_EQ(refusalOf({MOERT_PARAM_SCRATCH, 4, 0}),
            "parameter 1: has 4 bytes, expected 8");
  EXPECT_EQ(refusalOf({MOERT_PARAM_ARGUMENT, 8, 1}),
            "parameter 1: is argument 1 of 1");
  EXPECT_EQ(refusalOf({MOERT_PARAM_ARGUMENT, 8, -1}),
            "parameter 1: is argument -1 of 1");
  args[0] = int64_t{1} << 31;
  kernels[0].row_tile = 1u << 31;
  EXPECT_EQ(refusalOf({MOERT_PARAM_ARGUMENT, 4, 0}),
            "parameter 1: is 2147483648, which 4 bytes do not hold");
}

TEST_F(CudaLaunchTest, NodesAreChecked) {
  node.rows_arg = 1;
  EXPECT_EQ(refusal(), "its extent is argument 1 of 1");
  node.rows_arg = 0;
  node.rows = 3;
  EXPECT_EQ(refusal(), "unknown kind of rows 3");
}

} // namespace
