//===- CommandLineTest.cpp - A compiled executable from its user's side ---===//
//
// Runs the hand-written model as a program, with a bundle behind it as `moec
// compile` would leave it.
//
//===------------------------------------------------------------------------===//

#include "BigramModel.h"
#include "TestFiles.h"
#include "support/Json.h"
#include "support/SafeTensors.h"
#include "support/Tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <numeric>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace moec;
using namespace moec::test;

namespace {

const std::string modelFolder =
    std::string(MOEC_TEST_DATA) + "/models/stories260K-hf/";

/// What a program left behind.
struct Outcome {
  std::string out, err;
  int status = -1;
};

class CommandLineTest : public testing::Test {
protected:
  /// The program with a tokenizer of 512 ids and the given
  /// generation_config.json.
  void SetUp() override { install(R"({"eos_token_id": 2})", true); }

  void install(const std::string &generationConfig, bool tokenizer) {
    app = folder / "app";
    std::filesystem::copy_file(
        MOEC_BIGRAM_APP, app,
        std::filesystem::copy_options::overwrite_existing);
    Sections sections = {{"weights", bigramWeightsSection()},
                         {"generation_config.json", generationConfig}};
    if (tokenizer)
      for (const char *name : {"tokenizer.json", "tokenizer_config.json"})
        sections[name] = readText(modelFolder + name);
    appendBundle(app, bigramId, sections);
  }

  /// Runs `app ARGUMENTS`, a line for the shell.
  Outcome run(const std::string &arguments, const std::string &prefix = "") {
    const std::string out = folder / "stdout", err = folder / "stderr";
    const std::string command =
        prefix + app + " " + arguments + " >" + out + " 2>" + err;
    int status = std::system(command.c_str());
    return {readText(out), readText(err),
            WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)};
  }

  /// The message of a command that must fail without printing anything.
  std::string refusal(const std::string &arguments) {
    Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.status, 1) << arguments;
    EXPECT_EQ(outcome.out, "") << arguments;
    return outcome.err;
  }

  Tokenizer loadTokenizer() {
    auto tokenizer = Tokenizer::fromJson(
        readText(modelFolder + "tokenizer.json"),
        readText(modelFolder + "tokenizer_config.json"), "tokenizer.json");
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.message();
    return std::move(*tokenizer);
  }

  TemporaryFolder folder;
  std::string app;
};

TEST_F(CommandLineTest, IdsPrintsTheNewIds) {
  Outcome outcome = run("--ids 7,300,20 -n 5");
  EXPECT_EQ(outcome.out, "21,22,23,24,25\n");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("5 tokens in "), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find(" (prompt 3 tokens, "), std::string::npos);
}

TEST_F(CommandLineTest, EosEndsUnlessIgnored) {
  EXPECT_EQ(run("--ids 510 -n 6").out, "511,0,1,2\n");
  EXPECT_EQ(run("--ids 510 -n 6 --ignore-eos").out, "511,0,1,2,3,4\n");
  install(R"({"eos_token_id": [400, 0]})", true);
  EXPECT_EQ(run("--ids 510 -n 6").out, "511,0\n");
  // Without a word in the generation config it is the tokenizer's, which is 2;
  // without a tokenizer there is none.
  install("{}", true);
  EXPECT_EQ(run("--ids 510 -n 6").out, "511,0,1,2\n");
  install("{}", false);
  EXPECT_EQ(run("--ids 510 -n 6").out, "511,0,1,2,3,4\n");
}

TEST_F(CommandLineTest, SamplingDefaultsAreTheModelsForTextOnly) {
  install(R"({"do_sample": true, "temperature": 50.0, "eos_token_id": 2})",
          true);
  Outcome greedy = run("--prompt hello -n 12 --temperature 0");
  Outcome sampled = run("--prompt hello -n 12");
  EXPECT_EQ(sampled.status, 0) << sampled.err;
  EXPECT_NE(greedy.out, sampled.out);
  EXPECT_EQ(run("--prompt hello -n 12 --threads 1 --chunk 1").out, sampled.out);
  EXPECT_NE(run("--prompt hello -n 12 --seed 1").out, sampled.out);
  EXPECT_EQ(run("--prompt hello -n 12 --top-k 1").out, greedy.out);
  EXPECT_EQ(run("--ids 20 -n 3").out, "21,22,23\n");
  EXPECT_NE(run("--ids 20 -n 3 --temperature 50").out, "21,22,23\n");
  EXPECT_EQ(run("--ids 20 -n 3 --temperature 50 --top-k 1").out, "21,22,23\n");
}

TEST_F(CommandLineTest, PromptPrintsWhatFollows) {
  Tokenizer tokenizer = loadTokenizer();
  const std::string prompt = "Once upon";
  auto ids = tokenizer.encode(prompt, true);
  ASSERT_TRUE(ids.ok()) << ids.message();
  const std::string before = tokenizer.decode(*ids, true);
  for (int i = 0; i < 20; ++i)
    ids->push_back((ids->back() + 1) % int32_t(bigramVocab));
  Outcome outcome = run("--prompt '" + prompt + "' -n 20 --ignore-eos");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            tokenizer.decode(*ids, true).substr(before.size()) + "\n");
}

TEST_F(CommandLineTest, AnswersAtOnce) {
  auto start = std::chrono::steady_clock::now();
  Outcome outcome = run("--prompt hello -n 1");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  // Generous for a slow machine with sanitizers; what it guards against is a
  // start that reads all weights.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST_F(CommandLineTest, ContextThatFillsUpIsSaid) {
  Outcome outcome = run("--ids 10 -n 100 --ignore-eos");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), ','), 63);
  EXPECT_EQ(outcome.err.rfind("stopped: the context of 64 positions is full\n"),
            0u)
      << outcome.err;
}

TEST_F(CommandLineTest, GenerationErrors) {
  EXPECT_EQ(refusal("--ids 512 -n 1"), "error: --ids: id 512 is not in the "
                                       "vocabulary, expected 0 to 511\n");
  EXPECT_EQ(refusal("--ids 99999999999 -n 1"),
            "error: --ids: id 99999999999 is not in the vocabulary, expected 0 "
            "to 511\n");
  for (const char *tail : {"x", "", "2 3", "2,,3", "0x3"})
    EXPECT_EQ(refusal(std::string("--ids '1,") + tail + "'")
                  .rfind("error: --ids: expected integers separated by commas "
                         "at '",
                         0),
              0u)
        << tail;
  std::string ids = "1";
  for (int i = 0; i < 64; ++i)
    ids += ",1";
  EXPECT_EQ(run("--ids " + ids).err,
            "error: the prompt: has 65 tokens, the model's context holds 64\n");
  EXPECT_NE(refusal("--prompt 'caf\xc3'").find("error: --prompt: "),
            std::string::npos);
  install("{}", false);
  EXPECT_EQ(refusal("--prompt hello"),
            "error: " + app +
                ": has no section 'tokenizer.json', which text needs; token "
                "ids need none (--ids)\n");
  install("{", true);
  EXPECT_EQ(
      refusal("--prompt hello").rfind("error: generation_config.json:", 0), 0u);
}

TEST_F(CommandLineTest, AnEmptyPromptBeginsWithBos) {
  EXPECT_EQ(run("--prompt '' -n 3").status, 0);
  // The same tokenizer without a template that adds BOS.
  std::string json = readText(modelFolder + "tokenizer.json");
  Json tokenizer = Json::parse(json);
  tokenizer["post_processor"] = nullptr;
  std::filesystem::copy_file(MOEC_BIGRAM_APP, app,
                             std::filesystem::copy_options::overwrite_existing);
  appendBundle(app, bigramId,
               {{"weights", bigramWeightsSection()},
                {"tokenizer.json", tokenizer.dump()}});
  EXPECT_EQ(refusal("--prompt ''"),
            "error: --prompt: the text is empty and the "
            "model has no token that begins a text\n");
}

TEST_F(CommandLineTest, OptionsAreChecked) {
  EXPECT_EQ(refusal(""),
            "error: nothing to do; try --prompt TEXT, or --help\n");
  EXPECT_EQ(refusal("--info --ids 1"),
            "error: --ids and --info exclude each other\n");
  EXPECT_EQ(refusal("--ids 1 --window 3"),
            "error: --window has no effect with --ids\n");
  EXPECT_EQ(refusal("--ids 1 --system x"),
            "error: --system has no effect with --ids\n");
  EXPECT_EQ(refusal("--chat --prompt x"),
            "error: --prompt and --chat exclude each other\n");
  EXPECT_EQ(refusal("--info --temperature 1"),
            "error: --temperature has no effect with --info\n");
  EXPECT_EQ(refusal("--eval in.safetensors"),
            "error: --eval needs --out FILE for the logits\n");
  for (const char *arguments :
       {"--ids 1 --temperature -1", "--ids 1 --temperature nan",
        "--ids 1 --top-p 0", "--ids 1 --top-p 1.5", "--ids 1 --top-k -1",
        "--ids 1 -n -1", "--ids 1 -n many", "--ids 1 --threads 0",
        "--ids 1 --threads 5000", "--ids 1 --chunk 0", "--ids 1 --seed -1",
        "--ids 1 --min-p 1.5", "--ids 1 --repetition-penalty 0", "--frobnicate",
        "stray", "--prompt"})
    EXPECT_EQ(refusal(arguments).rfind("error: ", 0), 0u) << arguments;
  EXPECT_EQ(refusal("--ids 1 --chunk 17"),
            "error: --chunk is 17, expected 1 to 16, the model's limit of "
            "tokens in a step\n");
  EXPECT_EQ(run("--ids 1 -n 0").out, "\n");
}

TEST_F(CommandLineTest, HelpAndVersion) {
  Outcome help = run("--help");
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.err, "");
  for (const char *text :
       {"--prompt TEXT", "--ids N,N,...", "--eval FILE", "--perplexity FILE",
        "--info", "--bench pp=N,tg=N", "--json", "--repetitions N",
        "--trace FILE", "--temperature X", "--top-k K", "--top-p P", "--seed N",
        "--threads N", "--chunk N", "--weights FILE", "--ignore-eos",
        "Examples:", "tiny-bigram"})
    EXPECT_NE(help.out.find(text), std::string::npos) << text << help.out;
  EXPECT_NE(run("--version").out.find("model tiny-bigram"), std::string::npos);
}

TEST_F(CommandLineTest, InfoWorksWithoutWeights) {
  Outcome outcome = run("--info");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("model        tiny-bigram (bigram)\n"),
            std::string::npos)
      << outcome.out;
  EXPECT_NE(outcome.out.find("weights      1.0 MiB in " + app + "\n"),
            std::string::npos)
      << outcome.out;
  EXPECT_NE(outcome.out.find("caches       4 B a position, 768 B when full\n"),
            std::string::npos);
  // A row of 2 KiB for the token, two for its logits.
  EXPECT_NE(outcome.out.find(
                "token        reads 6.0 KiB of weights and does 2.1 k "
                "operations\n             each position before it: 4 B and 0 "
                "operations\n"),
            std::string::npos)
      << outcome.out;
  std::filesystem::copy_file(MOEC_BIGRAM_APP, app,
                             std::filesystem::copy_options::overwrite_existing);
  outcome = run("--info");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("weights      1.0 MiB; cannot load the weights: "),
            std::string::npos)
      << outcome.out;
  EXPECT_EQ(refusal("--ids 1").rfind("error: cannot load the weights: ", 0),
            0u);
}

TEST_F(CommandLineTest, BenchPrintsRatesBesideTheLimit) {
  Outcome outcome =
      run("--bench pp=20,tg=4 --repetitions 3 --threads 2 --json");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const Json bench = Json::parse(outcome.out);
  EXPECT_EQ(bench["model"], "tiny-bigram");
  EXPECT_EQ(bench["threads"], 2);
  const Json &machine = bench["machine"];
  EXPECT_GT(double(machine["bytes_per_second"]), 1e8);
  EXPECT_GE(double(machine["bytes_per_second"]),
            double(machine["before"]["bytes_per_second"]));
  EXPECT_GE(double(machine["bytes_per_second"]),
            double(machine["after"]["bytes_per_second"]));
  EXPECT_EQ(machine["vector_unit"], "not measured");
  ASSERT_EQ(bench["phases"].size(), 2u);
  const Json &prefill = bench["phases"][0], &decode = bench["phases"][1];
  EXPECT_EQ(prefill["name"], "pp20");
  EXPECT_EQ(decode["name"], "tg4");
  // 20 tokens are steps of 16 and 4.
  EXPECT_EQ(prefill["steps"], 2);
  EXPECT_EQ(decode["steps"], 4);
  EXPECT_EQ(prefill["seconds"].size(), 3u);
  // A row of 2 KiB for a token, two for an output; 4 bytes for each position.
  EXPECT_DOUBLE_EQ(double(decode["bytes_per_token"]), 3 * 2048 + 4 * 2.5);
  EXPECT_DOUBLE_EQ(double(decode["operations_per_token"]), 2 * (1000 + 50));
  // One output in 20 tokens.
  EXPECT_DOUBLE_EQ(double(prefill["operations_per_token"]),
                   2 * (1000 + 50 / 20.0));
  EXPECT_EQ(decode["limited_by"], "bytes");
  for (const Json &phase : bench["phases"]) {
    EXPECT_NEAR(double(phase["fraction_of_limit"]),
                double(phase["tokens_per_second"]) *
                    double(phase["bytes_per_token"]) /
                    double(machine["bytes_per_second"]),
                1e-9);
    EXPECT_GE(double(phase["tokens_per_second"]),
              double(phase["tokens_per_second_median"]));
    EXPECT_EQ(phase["graphs_per_step"], 1);
    // Its end and two waits for all tiles.
    EXPECT_EQ(phase["joins_per_step"], 3);
  }
  EXPECT_EQ(bench["graphs"][0]["name"], "bigram");
  EXPECT_EQ(bench["graphs"][0]["joins"], 3);
}

TEST_F(CommandLineTest, BenchTableIsForPeople) {
  Outcome outcome = run("--bench tg=2 --repetitions 1 --threads 1");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  for (const char *text : {"tiny-bigram, cpu generic, 1 thread\n",
                           "machine: reads ", "tg2 ", "6.0 KiB", "2.1 k",
                           "tg2: limited by reading; 1 graphs, 6 tasks and 3 "
                           "joins a step",
                           "joins of each graph: bigram 3\n"})
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << outcome.out;
  EXPECT_EQ(outcome.out.find("pp"), std::string::npos);
}

TEST_F(CommandLineTest, BenchErrors) {
  EXPECT_EQ(refusal("--bench pp=65"),
            "error: --bench: 65 tokens do not fit the "
            "context of 64 positions\n");
  EXPECT_EQ(refusal("--bench pp=x"),
            "error: --bench: expected pp=TOKENS,tg=TOKENS or one of them, got "
            "'pp=x'\n");
  EXPECT_EQ(refusal("--ids 1 --json"),
            "error: --json has no effect with --ids\n");
  EXPECT_EQ(refusal("--ids 1 --repetitions 2"),
            "error: --repetitions has no effect with --ids\n");
  EXPECT_EQ(refusal("--bench tg=1 --chunk 2"),
            "error: --chunk has no effect with --bench\n");
  EXPECT_EQ(refusal("--bench tg=1 --repetitions 0").rfind("error: ", 0), 0u);
}

TEST_F(CommandLineTest, TraceShowsEveryTask) {
  const std::string trace = folder / "trace.json";
  Outcome outcome = run("--ids 7,8,9 -n 4 --threads 2 --trace " + trace);
  EXPECT_EQ(outcome.out, "10,11,12,13\n");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("events in " + trace), std::string::npos);
  EXPECT_NE(outcome.err.find("decode: threads waited "), std::string::npos);
  EXPECT_NE(outcome.err.find("joins of each graph: bigram 3\n"),
            std::string::npos);
  std::map<std::string, int> counts;
  std::vector<std::pair<int, int>> steps;
  const Json json = Json::parse(readText(trace));
  for (const Json &event : json["traceEvents"]) {
    if (event["ph"] == "X")
      ++counts[event["name"]];
    if (event["name"] == "step")
      steps.push_back({event["args"]["tokens"], event["args"]["outputs"]});
  }
  // The prompt is one step; 3 of the 4 new tokens are read again.
  EXPECT_EQ(steps,
            (std::vector<std::pair<int, int>>{{3, 1}, {1, 1}, {1, 1}, {1, 1}}));
  EXPECT_EQ(counts["write_cache"], 4);
  EXPECT_EQ(counts["read_cache"], 4);
  EXPECT_EQ(counts["logits"], 4 * bigramVocab / 128);
}

TEST_F(CommandLineTest, TraceErrors) {
  EXPECT_EQ(refusal("--ids 1 --trace " + (folder / "no/trace.json")),
            "error: --trace: " + (folder / "no/trace.json") +
                ": cannot create: No such file or directory\n");
  EXPECT_EQ(refusal("--info --trace x"),
            "error: --trace has no effect with --info\n");
}

class ScoringTest : public CommandLineTest {
protected:
  std::string writeIds(const std::vector<int64_t> &shape,
                       const std::vector<int64_t> &ids) {
    const std::string path = folder / "in.safetensors";
    Status status = writeSafeTensors(
        path, {{"input_ids", TensorData::fromInts(shape, ids)}});
    EXPECT_TRUE(status.ok()) << status.message();
    return path;
  }

  std::vector<float> readLogits(const std::string &path,
                                const std::vector<int64_t> &shape) {
    auto file = SafeTensorsFile::open(path);
    EXPECT_TRUE(file.ok()) << file.message();
    if (!file.ok() || !file->find("logits"))
      return {};
    EXPECT_EQ(file->find("logits")->shape, shape);
    return *readFloats(*file->find("logits"));
  }
};

TEST_F(ScoringTest, EvalWritesTheLogitsOfEveryPosition) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < 4 * 30; ++i)
    ids.push_back(i * i * 37 % bigramVocab);
  const std::string input = writeIds({4, 30}, ids);
  const std::string output = folder / "out.safetensors";
  for (const char *how : {"", "--chunk 7", "--batch 3", "--batch 2 --chunk 5",
                          "--threads 1 --chunk 1"}) {
    Outcome outcome = run("--eval " + input + " --out " + output + " " + how);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    std::vector<float> logits = readLogits(output, {4, 30, bigramVocab});
    ASSERT_EQ(logits.size(), 4u * 30 * bigramVocab);
    for (size_t b = 0; b < 4; ++b) {
      std::vector<int32_t> row(ids.begin() + b * 30, ids.begin() + b * 30 + 30);
      for (size_t t = 0; t < 30; ++t)
        for (int64_t v = 0; v < bigramVocab; ++v)
          ASSERT_EQ(logits[(b * 30 + t) * bigramVocab + v],
                    bigramLogit(row, t, v));
    }
    std::filesystem::remove(output);
  }
}

TEST_F(ScoringTest, EvalErrorsLeaveNothing) {
  const std::string output = folder / "out.safetensors";
  auto refused = [&](const std::string &input, const std::string &more = "") {
    std::string message =
        refusal("--eval " + input + " --out " + output + " " + more);
    EXPECT_FALSE(std::filesystem::exists(output));
    return message;
  };
  std::string input = writeIds({1, 2}, {5, 512});
  EXPECT_EQ(refused(input),
            "error: " + input + ": input_ids[0,1] is 512, expected 0 to 511\n");
  input = writeIds({2}, {5, 6});
  EXPECT_EQ(refused(input), "error: " + input +
                                ": 'input_ids' has rank 1, expected "
                                "[sequences, tokens]\n");
  input = writeIds({0, 4}, {});
  EXPECT_EQ(refused(input), "error: " + input + ": 'input_ids' is empty\n");
  input = writeIds({1, 65}, std::vector<int64_t>(65, 1));
  EXPECT_EQ(refused(input), "error: sequence 0: has 65 tokens, the model's "
                            "context holds 64\n");
  input = writeIds({1, 2}, {5, 6});
  EXPECT_EQ(refused(input, "--batch 4"),
            "error: --batch is 4, expected 1 to 3; the model takes 3 sequences "
            "and a step 16 tokens\n");
  EXPECT_NE(refusal("--eval " + input + " --out " + folder.operator/("no") +
                    "/such/out.safetensors"),
            "");
  EXPECT_NE(refused(folder / "missing").find("missing"), std::string::npos);
  Status status =
      writeSafeTensors(input, {{"ids", TensorData::fromInts({1, 1}, {1})}});
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(refused(input),
            "error: " + input + ": has no tensor 'input_ids'\n");
}

TEST_F(ScoringTest, PerplexityFollowsTheDefinition) {
  const std::string path = folder / "text.txt";
  std::string text;
  for (int i = 0; i < 40; ++i)
    text += "One day a girl named Lily saw " + std::to_string(i) + " cats.\n";
  writeText(path, text);
  Tokenizer tokenizer = loadTokenizer();
  auto tokens = tokenizer.encode(text, false);
  ASSERT_TRUE(tokens.ok());
  constexpr size_t window = 20;
  const size_t numWindows = tokens->size() / window;
  ASSERT_GT(numWindows, 10u);
  double sum = 0;
  for (size_t k = 0; k < numWindows; ++k) {
    std::vector<int32_t> sequence = {tokenizer.bosId()};
    for (size_t i = 0; i < window; ++i) {
      double total = 0;
      for (int64_t v = 0; v < bigramVocab; ++v)
        total += std::exp(double(bigramLogit(sequence, i, v)));
      int32_t target = (*tokens)[k * window + i];
      sum += std::log(total) - double(bigramLogit(sequence, i, target));
      sequence.push_back(target);
    }
  }
  const double mean = sum / double(numWindows * window);
  char expected[200];
  std::snprintf(expected, sizeof expected,
                "windows      %zu of BOS and 20 tokens\ntokens       %zu\n"
                "nats/token   %.6f\nperplexity   %.4f\n",
                numWindows, numWindows * window, mean, std::exp(mean));
  for (const char *how : {"", "--batch 3", "--chunk 9"}) {
    Outcome outcome = run("--perplexity " + path + " --window 20 " + how);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, expected);
    EXPECT_EQ(outcome.err, "");
  }
  // The default window is the context where that is below 256.
  EXPECT_NE(run("--perplexity " + path).out.find("of BOS and 64 tokens"),
            std::string::npos);
}

TEST_F(ScoringTest, PerplexityErrors) {
  const std::string path = folder / "text.txt";
  writeText(path, "Hi");
  EXPECT_NE(refusal("--perplexity " + path).find("a window takes 64"),
            std::string::npos);
  EXPECT_EQ(refusal("--perplexity " + path + " --window 65"),
            "error: --window is 65, the model's context holds 64\n");
  EXPECT_NE(refusal("--perplexity " + (folder / "missing")), "");
  writeText(path, "caf\xff");
  EXPECT_NE(refusal("--perplexity " + path).find(path), std::string::npos);
}

TEST_F(CommandLineTest, AClosedPipeEndsQuietly) {
  const std::string err = folder / "stderr";
  // The reader is gone before the first token, and the parent ignores the
  // signal as some do.
  const std::string command = "(trap '' PIPE; sleep 0.2; " + app +
                              " --ids 5 -n 60 --ignore-eos 2>" + err +
                              ") | true";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(readText(err), "");
}

/// Whether a process has a handler for ^C.
bool handlesInterrupts(pid_t process) {
  std::istringstream status(
      readText("/proc/" + std::to_string(process) + "/status"));
  for (std::string line; std::getline(status, line);)
    if (line.rfind("SigCgt:", 0) == 0)
      return std::stoull(line.substr(7), nullptr, 16) >> (SIGINT - 1) & 1;
  return false;
}

TEST_F(CommandLineTest, AnInterruptEndsAfterTheTokenAtHand) {
  // A pipe that is full holds the program at its first token.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  std::string filler(1 << 16, '#');
  size_t filled = 0;
  for (ssize_t written = 0; written >= 0;) {
    filled += size_t(written);
    written = write(ends[1], filler.data(), 4096);
  }
  fcntl(ends[1], F_SETFL, 0);
  const std::string err = folder / "stderr";
  pid_t process = fork();
  ASSERT_GE(process, 0);
  if (process == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(open(err.c_str(), O_CREAT | O_WRONLY, 0600), STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    execl(app.c_str(), app.c_str(), "--ids", "5", "-n", "50", nullptr);
    _exit(99);
  }
  close(ends[1]);
  while (!handlesInterrupts(process) && waitpid(process, nullptr, WNOHANG) == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(kill(process, SIGINT), 0);
  std::string out;
  for (ssize_t count;
       (count = read(ends[0], filler.data(), filler.size())) > 0;)
    out.append(filler, 0, size_t(count));
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(process, &status, 0), process);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_EQ(out.substr(filled), "6\n");
  EXPECT_EQ(readText(err).rfind("1 token (prompt 1 token, ", 0), 0u)
      << readText(err);
}

TEST_F(CommandLineTest, AFullDiskIsAnError) {
  if (!std::filesystem::exists("/dev/full"))
    GTEST_SKIP() << "no /dev/full here";
  const std::string err = folder / "stderr";
  EXPECT_NE(std::system((app + " --ids 5 -n 3 >/dev/full 2>" + err).c_str()),
            0);
  EXPECT_NE(readText(err).find("error: cannot write to standard output"),
            std::string::npos)
      << readText(err);
}

} // namespace
