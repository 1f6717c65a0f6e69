//===- CudaSimulatorTest.cpp - PTX on the simulated driver ----------------===//
//
// The same model by its PTX, on the simulator or whatever driver
// MOEC_TEST_CUDA_DRIVER names.
//
//===------------------------------------------------------------------------===//

#include "CudaTest.h"

#include <numeric>

using namespace moec;
using namespace moec::test;

namespace {

class CudaSimulatorTest : public CudaTest {
protected:
  void SetUp() override {
    const char *driver = std::getenv("MOEC_TEST_CUDA_DRIVER");
    environment.set("MOEC_CUDA_DRIVER", driver ? driver : MOEC_CUDASIM);
    if (!driver && !*MOEC_CUDASIM)
      GTEST_SKIP() << "the simulated CUDA driver is not built; "
                      "MOEC_TEST_CUDA_DRIVER may name another";
  }
};

TEST_F(CudaSimulatorTest, TheModelRuns) {
  std::unique_ptr<Session> session = open(cudaBigramModel());
  ASSERT_TRUE(session);
  std::vector<int32_t> ids(bigramCudaMaxTokens + 4);
  std::iota(ids.begin(), ids.end(), 100);
  CudaBatch prompt;
  for (int32_t i = 0; i < bigramCudaMaxTokens; ++i)
    prompt.add(ids[size_t(i)], i);
  ASSERT_EQ(prompt.run(*session), "");
  for (size_t i = 0; i < size_t(bigramCudaMaxTokens); ++i)
    prompt.expectRow(i, ids, i);
  for (auto i = int32_t(bigramCudaMaxTokens); i < int32_t(ids.size()); ++i) {
    CudaBatch token;
    ASSERT_EQ(token.add(ids[size_t(i)], i).run(*session), "");
    token.expectRow(0, ids, size_t(i));
  }
  EXPECT_EQ(session->counters().synchronisations, session->counters().steps);
}

TEST_F(CudaSimulatorTest, ItsTraceHasTheLaunches) {
  std::unique_ptr<Session> session = open(cudaBigramModel());
  ASSERT_TRUE(session);
  ASSERT_TRUE(session->startTrace(folder / "trace.json").ok());
  ASSERT_EQ(CudaBatch().add(8, 0).run(*session), "");
  // Two copies, three launches, the step.
  EXPECT_EQ(session->trace()->size(), 6u);
}

TEST_F(CudaSimulatorTest, AKernelOutsideItsMemoryFails) {
  moert_model model = cudaBigramModel();
  // The cache is shorter than what write_cache is told to write.
  const moert_cache cache = {"tokens", 1};
  model.caches = &cache;
  std::unique_ptr<Session> session = open(model);
  ASSERT_TRUE(session);
  CudaBatch batch;
  for (int32_t i = 0; i < bigramCudaMaxTokens; ++i)
    batch.add(1, i, 2);
  const std::string message = batch.run(*session);
  EXPECT_NE(message.find("in one of 3 launches"), std::string::npos) << message;
  EXPECT_NE(batch.run(*session).find("open the model again"),
            std::string::npos);
  session.reset();
  // Named, if every launch is waited for.
  environment.set("CUDA_LAUNCH_BLOCKING", "1");
  session = open(model);
  ASSERT_TRUE(session);
  const std::string named = batch.run(*session);
  EXPECT_EQ(named.substr(0, 60),
            "step: graph 'bigram', node 0 'write_cache': kernel 'write_ca")
      << named;
}

} // namespace
