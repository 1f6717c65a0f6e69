//===- MutantsTest.cpp - Seeded bugs are reported -------------------------===//
//
// Kernels of test/data/simulator/mutants (the .cu beside each .ptx says what it does and clang made the .ptx of it) are right and clean under every
// seed. A mutant is such a text with some edits; each must be noticed, most of them although their results are right by luck.
//
//===----------------------------------------------------------------------===//
#include "RunPtx.h"

#include "simulator/arithmetic/Formats.h"

#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <sstream>

namespace moec::cudasim {
namespace {

using test::Simulation;

/// What came of a run.
struct Outcome {
  /// Of the diagnosis; "deadlock" when nobody can go on; "result" when it is only wrong; "" when all is well.
  std::string kind, text;
  Events events;
};

/// Copies inputs, runs, compares.
using Scenario = std::function<bool(Simulation &, Grid::State &)>;

/// Runs, and compares what is at `out` with `want`.
template <class T>
bool gives(Simulation &simulation, Grid::State &state, const std::string &name,
           const Simulation::Shape &shape, std::vector<uint64_t> arguments,
           uint64_t out, const std::vector<T> &want) {
  state = simulation.run(name, shape, arguments);
  return simulation.download<T>(out, want.size()) == want;
}

std::vector<int> numbers(size_t count, int modulus) {
  std::mt19937 random(3);
  std::vector<int> result(count);
  for (int &x : result)
    x = int(random() % unsigned(modulus)) + 1;
  return result;
}

std::vector<float> floats(const std::vector<int> &from) {
  return {from.begin(), from.end()};
}

const std::map<std::string, Scenario> scenarios = {
    {"reduce",
     [](Simulation &simulation, Grid::State &state) {
       unsigned columns = 600;
       auto in = floats(numbers(2 * columns, 9));
       std::vector<float> want(in.size());
       for (unsigned row = 0; row < 2; ++row) {
         float sum = 0; // exact
         for (unsigned i = 0; i < columns; ++i)
           sum += in[row * columns + i];
         for (unsigned i = 0; i < columns; ++i)
           want[row * columns + i] = in[row * columns + i] / sum;
       }
       uint64_t out = simulation.allocate(4 * in.size());
       return gives(simulation, state, "reduce",
                    {.grid = {2, 1, 1}, .block = {256, 1, 1}},
                    {simulation.upload(in), out, columns}, out, want);
     }},
    {"transpose",
     [](Simulation &simulation, Grid::State &state) {
       unsigned rows = 40, columns = 70;
       auto in = floats(numbers(rows * columns, 1000));
       std::vector<float> want(in.size());
       for (unsigned y = 0; y < rows; ++y)
         for (unsigned x = 0; x < columns; ++x)
           want[x * rows + y] = in[y * columns + x];
       uint64_t out = simulation.allocate(4 * in.size());
       return gives(simulation, state, "transpose",
                    {.grid = {3, 2, 1}, .block = {32, 8, 1}},
                    {simulation.upload(in), out, rows, columns}, out, want);
     }},
    {"warp",
     [](Simulation &simulation, Grid::State &state) {
       auto in = numbers(64, 100);
       std::vector<int> want(in);
       for (int &x : want)
         ++x;
       uint64_t out = simulation.allocate(256);
       return gives(simulation, state, "warp", {.block = {64, 1, 1}},
                    {simulation.upload(in), out}, out, want);
     }},
    {"gemm",
     [](Simulation &simulation, Grid::State &state) {
       unsigned rows = 100, k = 160;
       auto a = numbers(rows * k, 4), b = numbers(64 * k, 3);
       std::vector<float> want(rows * 64);
       for (unsigned m = 0; m < rows; ++m)
         for (unsigned n = 0; n < 64; ++n)
           for (unsigned i = 0; i < k; ++i)
             want[m * 64 + n] += float(a[m * k + i] * b[n * k + i]);
       auto halves = [](const std::vector<int> &from) {
         std::vector<uint16_t> result;
         for (int x : from)
           result.push_back(toBF16(float(x)));
         return result;
       };
       uint64_t out = simulation.allocate(4 * want.size());
       return gives(simulation, state, "gemm",
                    {.grid = {2, 1, 1}, .block = {128, 1, 1}},
                    {simulation.upload(halves(a)), simulation.upload(halves(b)),
                     out, rows, k},
                    out, want);
     }},
    {"pipeline",
     [](Simulation &simulation, Grid::State &state) {
       unsigned steps = 7;
       auto in = numbers(steps * 64, 1000);
       std::vector<int> want(64);
       for (unsigned step = 0; step < steps; ++step)
         for (unsigned i = 0; i < 64; ++i)
           want[i] += in[step * 64 + i / 32 * 32 + 31 - i % 32];
       uint64_t out = simulation.allocate(256);
       return gives(simulation, state, "pipeline", {.block = {96, 1, 1}},
                    {simulation.upload(in), out, steps}, out, want);
     }},
    {"ticket",
     [](Simulation &simulation, Grid::State &state) {
       unsigned blocks = 6;
       auto in = numbers(blocks * 64, 1000);
       int sum = 0;
       for (int x : in)
         sum += x;
       uint64_t out = simulation.allocate(4),
                partial = simulation.allocate(4 * blocks);
       uint64_t count = simulation.upload(std::vector<uint32_t>{0});
       return gives(simulation, state, "ticket",
                    {.grid = {blocks, 1, 1}, .block = {64, 1, 1}},
                    {simulation.upload(in), partial, count, out}, out,
                    std::vector<int>{sum});
     }},
    {"message",
     [](Simulation &simulation, Grid::State &state) {
       auto in = numbers(32, 1000);
       std::vector<int> want;
       for (unsigned i = 0; i < 32; ++i)
         want.push_back(2 * in[31 - i]);
       uint64_t out = simulation.allocate(128), data = simulation.allocate(128);
       uint64_t flag = simulation.upload(std::vector<uint32_t>{0});
       return gives(simulation, state, "message", {.grid = {2, 1, 1}},
                    {simulation.upload(in), data, flag, out}, out, want);
     }},
};

std::string read(const std::string &kernel) {
  std::ifstream file(std::string(MOEC_TEST_DATA) + "/simulator/mutants/" +
                     kernel + ".ptx");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Outcome run(const std::string &kernel, const std::string &text, uint64_t seed) {
  Simulation simulation;
  simulation.options.seed = seed;
  simulation.options.lateCopies = seed % 2;
  simulation.options.checkGlobalRaces = true;
  if (!simulation.load(text))
    return {"refused", simulation.error, {}};
  Grid::State state;
  bool right = scenarios.at(kernel)(simulation, state);
  Outcome outcome{simulation.failureKind(), simulation.failure(), {}};
  if (state == Grid::State::Blocked)
    outcome = {"deadlock", simulation.grid->blockedReport(), {}};
  else if (state == Grid::State::Finished && !right)
    outcome.kind = "result";
  for (const Counts &counts : simulation.grid->counters().instructions())
    outcome.events += counts.events;
  return outcome;
}

double conflicts(const Traffic &traffic) {
  return double(traffic.used) / double(traffic.ideal);
}

TEST(SimulatorMutants, OriginalsAreRightAndClean) {
  for (auto &[kernel, scenario] : scenarios)
    for (uint64_t seed = 0; seed < 5; ++seed) {
      Outcome outcome = run(kernel, read(kernel), seed);
      EXPECT_EQ(outcome.kind, "")
          << kernel << " with seed " << seed << ": " << outcome.text;
    }
}

/// Replaces the `which`-th occurrence (from 1) of a text; 0: the only one.
struct Edit {
  std::string find, replace;
  unsigned which = 0;
};

struct Mutant {
  std::string kernel, bug;
  std::vector<Edit> edits;
  /// Kinds of diagnosis one of which must come.
  std::vector<std::string> expected;
};

std::string apply(std::string text, const Edit &edit, const std::string &bug) {
  std::vector<size_t> found;
  for (size_t at = text.find(edit.find); at != std::string::npos;
       at = text.find(edit.find, at + 1))
    found.push_back(at);
  if (edit.which == 0)
    EXPECT_EQ(found.size(), 1u) << bug << ": " << edit.find;
  size_t index = edit.which ? edit.which - 1 : 0;
  if (index >= found.size()) {
    ADD_FAILURE() << bug << ": no occurrence " << index + 1 << " of "
                  << edit.find;
    return text;
  }
  return text.replace(found[index], edit.find.size(), edit.replace);
}

const std::vector<std::string> Touched = {"race", "uninitialised"};

const std::vector<Edit> withoutSwizzle = {
    {"xor.b32 \t%r45, %r209, %r210", "mov.b32 %r45, %r210"},
    {"xor.b32 \t%r59, %r214, %r215", "mov.b32 %r59, %r215"},
    {"xor.b32 \t%r91, %r223, %r224", "mov.b32 %r91, %r224"},
    {"xor.b32 \t%r74, %r66, %r67", "mov.b32 %r74, %r66"},
    {"xor.b32 \t%r75, %r72, %r67", "mov.b32 %r75, %r72"},
    {"xor.b32 \t%r77, %r76, %r67", "mov.b32 %r77, %r76"},
    {"xor.b32 \t%r79, %r78, %r67", "mov.b32 %r79, %r78"}};

const Mutant mutants[] = {
    {"reduce",
     "no barrier before partial sums are read",
     {{"bar.sync \t0;", "", 1}},
     Touched},
    {"reduce",
     "no barrier before the total is read",
     {{"bar.sync \t0;", "", 2}},
     Touched},
    {"reduce",
     "one warp alone stores its sum",
     {{"setp.eq.b32 \t%p3, %r18", "setp.eq.b32 \t%p3, %r32"}},
     {"uninitialised"}},
    {"reduce",
     "a column too many",
     {{"setp.lt.u32 \t%p2, %r29, %r6", "setp.le.u32 \t%p2, %r29, %r6"}},
     {"out-of-bounds"}},
    {"reduce",
     "a column too many is written",
     {{"setp.lt.u32 \t%p7, %r32, %r6", "setp.le.u32 \t%p7, %r32, %r6"}},
     {"out-of-bounds", "race"}},
    {"reduce",
     "half a warp in the mask",
     {{"%r30, 16, 31, -1", "%r30, 16, 31, 65535"}},
     {"warp-sync"}},
    {"reduce",
     "a barrier for half of the threads",
     {{"bar.sync \t0;", "bar.sync \t0, 128;", 1}},
     {"race", "uninitialised", "barrier", "deadlock"}},
    {"transpose", "no barrier", {{"bar.sync \t0;", ""}}, Touched},
    {"transpose",
     "a row too many is read",
     {{"setp.ge.u32 \t%p5, %r24", "setp.gt.u32 \t%p5, %r24"},
      {"setp.ge.u32 \t%p4, %r22", "setp.gt.u32 \t%p4, %r22"}},
     {"out-of-bounds"}},
    {"transpose",
     "a column too many is written",
     {{"setp.ge.u32 \t%p7, %r8", "setp.gt.u32 \t%p7, %r8"}},
     {"uninitialised", "out-of-bounds", "race"}},
    {"warp",
     "no __syncwarp before the first read",
     {{"bar.warp.sync \t-1;", "", 1}},
     Touched},
    {"warp",
     "no __syncwarp before the second write",
     {{"bar.warp.sync \t-1;", "", 2}},
     {"race"}},
    {"warp",
     "no __syncwarp before the second read",
     {{"bar.warp.sync \t-1;", "", 3}},
     {"race"}},
    {"gemm",
     "no barrier",
     {{"bar.sync \t0;", ""}},
     {"race", "async-copy", "uninitialised"}},
    {"gemm",
     "one group too few is waited for",
     {{"cp.async.wait_group 1;", "cp.async.wait_group 2;"}},
     {"async-copy"}},
    {"gemm", "no wait", {{"cp.async.wait_group 1;", ""}}, {"async-copy"}},
    {"gemm",
     "the first stage is not committed",
     {{"cp.async.commit_group;", "", 1}},
     {"async-copy"}},
    {"gemm",
     "stages are not committed in the loop",
     {{"cp.async.commit_group;", "", 3}},
     {"async-copy"}},
    {"gemm",
     "the barrier before the wait",
     {{"bar.sync \t0;", ""},
      {"cp.async.wait_group 1;", "bar.sync 0; cp.async.wait_group 1;"}},
     {"race", "async-copy"}},
    {"gemm",
     "rows beyond the matrix are read",
     {{"selp.b32 \t%r42, 16, 0, %p6", "mov.b32 %r42, 16"},
      {"selp.b32 \t%r49, %r48, 0, %p6", "mov.b32 %r49, %r48"}},
     {"out-of-bounds"}},
    {"gemm",
     "a row beyond the matrix is written",
     {{"setp.lt.u32 \t%p16, %r31, %r35", "setp.le.u32 \t%p16, %r31, %r35"}},
     {"out-of-bounds"}},
    {"gemm",
     "swizzle only where tiles are written",
     {withoutSwizzle[3], withoutSwizzle[5]},
     {"result"}},
    {"gemm",
     "a misaligned tile",
     {{"add.s32 \t%r43, %r41, 4096", "add.s32 \t%r43, %r41, 4104"}},
     {"misaligned"}},
    {"pipeline",
     "no barrier after the initialisation",
     {{"bar.sync \t0;", ""}},
     {"race", "mbarrier", "uninitialised"}},
    {"pipeline",
     "one arrival too few is expected",
     {{"mov.b32 \t%r4, 32", "mov.b32 \t%r4, 31"}},
     {"mbarrier", "race", "uninitialised"}},
    {"pipeline",
     "one arrival too many is expected",
     {{"mov.b32 \t%r4, 32", "mov.b32 \t%r4, 33"}},
     {"deadlock"}},
    {"pipeline",
     "one of two consumers frees a buffer",
     {{"mov.b32 \t%r6, 64", "mov.b32 \t%r6, 32"}},
     {"race", "mbarrier", "deadlock"}},
    {"pipeline",
     "the producer does not wait",
     {{"@!p bra L;", "", 1}},
     {"race", "mbarrier"}},
    {"pipeline", "the consumers do not wait", {{"@!p bra L;", "", 2}}, Touched},
    {"pipeline",
     "the consumers wait for another parity",
     {{"bfe.u32 \t%r13, %r30, 1, 1", "bfe.u32 \t%r13, %r30, 0, 1"}},
     {"race", "uninitialised", "deadlock"}},
    {"pipeline",
     "the producer's first parity",
     {{"not.b32 \t%r25, %r29", "mov.b32 \t%r25, %r29"}},
     {"deadlock"}},
    {"pipeline",
     "the producer does not arrive",
     {{"mbarrier.arrive.shared::cta.b64 _, [%r21];", ""}},
     {"deadlock"}},
    {"pipeline",
     "the consumers do not arrive",
     {{"mbarrier.arrive.shared::cta.b64 _, [%r14];", ""}},
     {"deadlock"}},
    {"ticket",
     "no barrier before the warps' sums are read",
     {{"bar.sync \t0;", "", 1}},
     Touched},
    {"ticket",
     "no barrier before the place is read",
     {{"bar.sync \t0;", "", 2}},
     Touched},
    {"ticket", "no fence before the ticket", {{"membar.gl;", "", 1}}, {"race"}},
    {"ticket", "no fence after the ticket", {{"membar.gl;", "", 2}}, {"race"}},
    {"ticket",
     "a fence of the block before the ticket",
     {{"membar.gl;", "membar.cta;", 1}},
     {"race"}},
    {"ticket",
     "a fence of the block after the ticket",
     {{"membar.gl;", "membar.cta;", 2}},
     {"race"}},
    {"ticket",
     "an atomic of the block",
     {{"atom.global.add.u32", "atom.global.cta.add.u32"}},
     {"race"}},
    {"message",
     "a relaxed store",
     {{"st.release.gpu", "st.relaxed.gpu"}},
     {"race"}},
    {"message",
     "a relaxed load",
     {{"ld.acquire.gpu", "ld.relaxed.gpu"}},
     {"race"}},
    {"message",
     "a volatile load",
     {{"ld.acquire.gpu.global", "ld.volatile.global"}},
     {"race"}},
    {"message",
     "a release in the block",
     {{"st.release.gpu", "st.release.cta"}},
     {"race"}},
    {"message",
     "a plain store",
     {{"st.release.gpu.global", "st.global"}},
     {"race"}},
    {"message",
     "the warp is not released by its lane",
     {{"bar.warp.sync \t-1;", "", 2}},
     {"race"}},
    {"message",
     "the warp does not know what its lane acquired",
     {{"bar.warp.sync \t-1;", "", 1}},
     {"race", "uninitialised"}},
};

TEST(SimulatorMutants, AreReported) {
  for (const Mutant &mutant : mutants) {
    std::string text = read(mutant.kernel);
    for (const Edit &edit : mutant.edits)
      text = apply(text, edit, mutant.bug);
    for (uint64_t seed : {0, 1}) {
      Outcome outcome = run(mutant.kernel, text, seed);
      bool expected = std::find(mutant.expected.begin(), mutant.expected.end(),
                                outcome.kind) != mutant.expected.end();
      EXPECT_TRUE(expected)
          << mutant.kernel << ", " << mutant.bug << ", seed " << seed << ": "
          << outcome.kind << " " << outcome.text;
    }
  }
}

// A source that is overwritten before the wait: what is copied depends on when.
TEST(SimulatorMutants, CopiesMayBeLate) {
  const char *body = ".visible .entry k(.param .u64 p) {\n.reg .b64 %a; .reg "
                     ".b32 %r<4>; .shared .align 16 .b8 s[16];\n"
                     "ld.param.u64 %a, [p]; mov.u32 %r0, s;\n"
                     "cp.async.ca.shared.global [%r0], [%a], 4;\n"
                     "mov.u32 %r1, 7; st.global.u32 [%a], %r1;\n"
                     "cp.async.wait_all;\nld.shared.u32 %r2, [s]; "
                     "st.global.u32 [%a+4], %r2;\nret;\n}\n";
  for (bool late : {false, true}) {
    Simulation simulation;
    simulation.options.lateCopies = late;
    ASSERT_TRUE(simulation.load(test::module(body))) << simulation.error;
    uint64_t data = simulation.upload(std::vector<uint32_t>{5, 0});
    ASSERT_EQ(simulation.run("k", {.block = {1, 1, 1}}, {data}),
              Grid::State::Finished)
        << simulation.failure();
    EXPECT_EQ(simulation.download<uint32_t>(data, 2)[1], late ? 7u : 5u);
  }
}

// Right results and no diagnosis, but a counter.
TEST(SimulatorMutants, BankConflictsShowInCounters) {
  Outcome gemm = run("gemm", read("gemm"), 0);
  EXPECT_EQ(gemm.events.sharedLoad.used, gemm.events.sharedLoad.ideal);
  EXPECT_EQ(gemm.events.mmaFlop, 2ull * 128 * 64 * 160);
  EXPECT_EQ(gemm.events.asyncBytes, 2ull * (64 + 64) * 160 * 2);
  // Rows of A that do not exist are not read.
  EXPECT_EQ(gemm.events.globalLoad.bytes, (100ull + 2 * 64) * 160 * 2);
  std::string text = read("gemm");
  for (const Edit &edit : withoutSwizzle)
    text = apply(text, edit, "swizzle");
  Outcome plain = run("gemm", text, 0);
  EXPECT_EQ(plain.kind, "") << plain.text;
  EXPECT_EQ(conflicts(plain.events.sharedLoad),
            4.0); // 8 rows of 64 bytes over 2 rows of banks

  EXPECT_EQ(conflicts(run("transpose", read("transpose"), 0).events.sharedLoad),
            1.0);
  text = read("transpose");
  for (const Edit &edit : std::vector<Edit>{
           {"%r19, 132", "%r19, 128"},
           {"[%rd7+1056]", "[%rd7+1024]"},
           {"[%rd7+2112]", "[%rd7+2048]"},
           {"[%rd7+3168]", "[%rd7+3072]"},
           {"add.s64 \t%rd26, %rd4, %rd25", "add.s64 %rd26, %rd19, %rd25"}})
    text = apply(text, edit, "padding");
  plain = run("transpose", text, 0);
  EXPECT_EQ(plain.kind, "") << plain.text;
  EXPECT_GT(conflicts(plain.events.sharedLoad), 15.0);
}

} // namespace
} // namespace moec::cudasim
