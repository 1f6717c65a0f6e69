//===- CudaCommandLineTest.cpp - An executable for a GPU, by its user -----===//

#include "CudaTest.h"
#include "support/Json.h"

#include <sys/wait.h>

using namespace moec;
using namespace moec::test;

namespace {

struct Outcome {
  std::string out, err;
  int status = -1;
};

class CudaCommandLineTest : public CudaTest {
protected:
  CudaCommandLineTest() {
    app = folder / "app";
    std::filesystem::copy_file(MOEC_CUDA_BIGRAM_APP, app);
    appendBundle(app, bigramId, {{"weights", bigramWeightsSection()}});
  }

  /// Runs `app ARGUMENTS`, a line for the shell.
  Outcome run(const std::string &arguments, const std::string &program = "") {
    const std::string out = folder / "out", err = folder / "err";
    const std::string command = (program.empty() ? app : program) + " " +
                                arguments + " >" + out + " 2>" + err;
    const int status = std::system(command.c_str());
    return {readText(out), readText(err), WEXITSTATUS(status)};
  }

  std::string app;
};

TEST_F(CudaCommandLineTest, TokensInTokensOut) {
  Outcome outcome = run("--ids 7 -n 3");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "8,9,10\n");
  const std::string trace = folder / "trace.json";
  outcome = run("--device 0 --ids 7 -n 3 --trace " + trace);
  EXPECT_EQ(outcome.out, "8,9,10\n");
  EXPECT_NE(outcome.err.find("decode: 3 launches a step\n"
                             "joins of each graph: bigram 3\n"),
            std::string::npos)
      << outcome.err;
  EXPECT_TRUE(readJsonFile(trace).ok());
}

TEST_F(CudaCommandLineTest, Bench) {
  Outcome outcome = run("--bench pp=8,tg=4 --repetitions 2 --json");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["device"], "Fake H100 (sm_90, 132 multiprocessors, 1.0 GiB)");
  EXPECT_FALSE(json.contains("threads"));
  // A quarter of what is free, read and written in a millisecond.
  EXPECT_NEAR(double(json["machine"]["bytes_per_second"]),
              2.0 * 0.25 * (1 << 30) * 1e3, 2e9);
  // 132 multiprocessors, 4096 operations a clock, 1 GHz.
  EXPECT_DOUBLE_EQ(json["machine"]["operations_per_second"], 132 * 4096 * 1e9);
  EXPECT_EQ(json["machine"]["unit"],
            "BF16 on tensor cores at the greatest clock");
  const Json &decode = json["phases"][1];
  EXPECT_EQ(decode["launches_per_step"], 3);
  EXPECT_EQ(decode["synchronisations_per_step"], 1);
  EXPECT_EQ(decode["copied_bytes_per_step"], 4 * 16 * 4 + bigramVocab * 4);
  EXPECT_GT(double(decode["fraction_of_limit"]), 0);
  EXPECT_FALSE(decode.contains("waiting_share"));

  outcome = run("--bench tg=4 --repetitions 1");
  EXPECT_NE(outcome.out.find("tiny-bigram, cuda sm_80, Fake H100 (sm_90"),
            std::string::npos);
  EXPECT_NE(outcome.out.find("tg4: limited by reading; 1 graphs, 3 launches, 6 "
                             "blocks, 2.2 KiB copied and 1 synchronisations a "
                             "step\n"),
            std::string::npos)
      << outcome.out;
}

TEST_F(CudaCommandLineTest, ASimulatedMachineIsNotMeasured) {
  environment.set("FAKE_CUDA_NAME", "Simulated H100");
  Outcome outcome = run("--bench tg=4 --repetitions 1");
  EXPECT_NE(outcome.out.find("machine: not measured\n"), std::string::npos)
      << outcome.out;
  EXPECT_NE(outcome.out.find("\ntg4: 1 graphs, 3 launches"), std::string::npos)
      << outcome.out;
  outcome = run("--bench tg=4 --repetitions 1 --json");
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["machine"]["unit"], "simulated");
  EXPECT_FALSE(json["phases"][0].contains("fraction_of_limit"));
}

TEST_F(CudaCommandLineTest, Info) {
  Outcome outcome = run("--info");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const std::string needs =
      "GPU memory   1.0 MiB: weights 1.0 MiB, caches 768 B, arena 96 B, "
      "scratch 64 B, logits 48.0 KiB\n";
  EXPECT_NE(outcome.out.find("modules      bigram: "), std::string::npos)
      << outcome.out;
  EXPECT_NE(
      outcome.out.find(", PTX for sm_80 (PTX 9.0)\n" + needs +
                       "GPU          0: Fake H100 (sm_90, 132 "
                       "multiprocessors, 1.0 GiB), driver for CUDA 12.4\n"),
      std::string::npos)
      << outcome.out;
  EXPECT_EQ(outcome.out.find("threads"), std::string::npos);
  // Without a GPU it says so, and is none the worse for it.
  environment.set("MOEC_CUDA_DRIVER", "/nowhere");
  outcome = run("--info");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.out.find("GPU          does not run here: cannot load the "
                             "CUDA driver: /nowhere"),
            std::string::npos)
      << outcome.out;
  outcome = run("--ids 7");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err.substr(0, 36), "error: cannot load the CUDA driver: ");
}

TEST_F(CudaCommandLineTest, OptionsWithoutEffect) {
  Outcome outcome = run("--ids 7 --threads 2");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err,
            "error: --threads has no effect: the model runs on a GPU\n");
  outcome = run("--ids 7 --device 0", MOEC_BIGRAM_APP);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err,
            "error: --device has no effect: the model runs on the CPU\n");
  outcome = run("--ids 7 --device first");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err, "error: --device: is 'first', expected the number of "
                         "a GPU\n");
  outcome = run("--ids 7 --device 3");
  EXPECT_EQ(outcome.err.substr(0, 55),
            "error: the device is '3', expected the number of a GPU:");
}

} // namespace
