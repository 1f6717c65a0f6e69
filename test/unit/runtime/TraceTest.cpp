//===- TraceTest.cpp - What a trace says of the tasks that were run -------===//

#include "runtime/Trace.h"
#include "TestFiles.h"
#include "runtime/Executor.h"
#include "support/Json.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <thread>

using namespace moec;
using namespace moec::test;

namespace {

/// Two kernels of 3 x 2 and 1 x 4 tiles; the second waits for the first.
struct TwoNodes {
  moert_wait wait = {0, MOERT_WAIT_ALL};
  moert_node nodes[2] = {};
  moert_graph graph = {"pair", 2, 1, nodes};

  TwoNodes() {
    nodes[0].name = "pair.0.first";
    nodes[0].fn = [](const int64_t *, int64_t, int64_t, void *) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    };
    nodes[0].rows = MOERT_ROWS_EXTENT;
    nodes[0].row_tile = 4;
    nodes[0].col_tiles = 2;
    nodes[1].name = "pair.1.second";
    nodes[1].fn = [](const int64_t *, int64_t, int64_t, void *) {};
    nodes[1].rows = MOERT_ROWS_ONE;
    nodes[1].row_tile = 1;
    nodes[1].col_tiles = 4;
    nodes[1].num_waits = 1;
    nodes[1].waits = &wait;
  }
};

class TraceTest : public testing::Test {
protected:
  /// Runs two graphs of ten rows on two threads and returns the file.
  Json record() {
    auto executor = Executor::create(2, 0);
    EXPECT_TRUE(executor.ok());
    auto trace = Trace::create(path, 2);
    EXPECT_TRUE(trace.ok()) << trace.message();
    (*executor)->setTrace(&*trace);
    (*executor)->beginStep();
    int64_t extent = 10;
    for (int i = 0; i < 2; ++i)
      EXPECT_TRUE((*executor)->submit(pair.graph, &extent).ok());
    (*executor)->finishStep();
    (*executor)->setTrace(nullptr);
    counters = (*executor)->counters();
    EXPECT_EQ((*executor)->graphs().size(), 1u);
    EXPECT_EQ((*executor)->graphs()[0].submissions, 2u);
    EXPECT_EQ((*executor)->graphs()[0].allWaits, 1u);
    Status written = trace->write();
    EXPECT_TRUE(written.ok()) << written.message();
    auto json = readJsonFile(path);
    EXPECT_TRUE(json.ok()) << json.message();
    return json.ok() ? *json : Json();
  }

  TemporaryFolder folder;
  const std::string path = folder / "trace.json";
  TwoNodes pair;
  moert_counters counters = {};
};

TEST_F(TraceTest, EveryTaskIsThereOnce) {
  const Json trace = record();
  std::map<std::string, std::multiset<std::pair<int, int>>> tiles;
  std::map<int, std::set<double>> begins;
  double waited = 0, lastFirst = 0;
  for (const Json &event : trace["traceEvents"]) {
    if (event["ph"] != "X")
      continue;
    const double begin = event["ts"], end = begin + double(event["dur"]);
    EXPECT_GE(double(event["dur"]), 0);
    // No two events of a thread begin together.
    EXPECT_TRUE(begins[event["tid"]].insert(begin).second);
    if (event["cat"] == "wait") {
      waited += double(event["dur"]) * 1e-6;
      continue;
    }
    const int row = event["args"]["row_tile"];
    const int column = event["args"]["col_tile"];
    tiles[event["name"]].insert({row, column});
    if (event["name"] == "pair.0.first") {
      EXPECT_GE(double(event["dur"]), 2000);
      lastFirst = std::max(lastFirst, end);
    }
  }
  std::multiset<std::pair<int, int>> first, second;
  for (int graph = 0; graph < 2; ++graph) {
    for (int row = 0; row < 3; ++row)
      for (int column = 0; column < 2; ++column)
        first.insert({row, column});
    for (int column = 0; column < 4; ++column)
      second.insert({0, column});
  }
  EXPECT_EQ(tiles.size(), 2u);
  EXPECT_EQ(tiles["pair.0.first"], first);
  EXPECT_EQ(tiles["pair.1.second"], second);
  EXPECT_GT(lastFirst, 0);
  // The trace and the counters agree, to the rounding of the file.
  EXPECT_NEAR(waited, double(counters.wait_ns) * 1e-9, 1e-6);
  EXPECT_EQ(counters.all_waits, 2u);
}

TEST_F(TraceTest, AWaitNamesWhatItIsFor) {
  // While one thread runs the last tile of the first kernel, the other waits.
  pair.nodes[0].col_tiles = 1;
  pair.nodes[0].rows = MOERT_ROWS_ONE;
  bool found = false;
  for (int attempt = 0; attempt < 50 && !found; ++attempt) {
    const Json trace = record();
    for (const Json &event : trace["traceEvents"])
      if (event["name"] == "wait for tiles") {
        EXPECT_EQ(event["args"]["node"], "pair.1.second");
        EXPECT_EQ(event["args"]["for"], "pair.0.first");
        found = true;
      }
  }
  EXPECT_TRUE(found);
}

TEST_F(TraceTest, UnwritableAndUnfinishedFiles) {
  auto refused = Trace::create(folder / "no/such/trace.json", 1);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.message(),
            (folder / "no/such/trace.json") +
                ": cannot create: No such file or directory");
  {
    auto dropped = Trace::create(path, 1);
  }
  EXPECT_TRUE(
      std::filesystem::is_empty(std::filesystem::path(path).parent_path()));
}

TEST_F(TraceTest, MemoryIsBounded) {
  auto buffer = TraceBuffer::create({});
  ASSERT_TRUE(buffer.ok()) << buffer.message();
  for (uint64_t i = 0; i < TraceBuffer::capacity + 3; ++i) {
    TraceRecord record;
    record.row = static_cast<int32_t>(i);
    buffer->add(record);
  }
  EXPECT_EQ(buffer->size(), TraceBuffer::capacity);
  EXPECT_EQ(buffer->dropped(), 3u);
  // The first ones are kept.
  EXPECT_EQ(buffer->end()[-1].row, int32_t(TraceBuffer::capacity) - 1);
}

} // namespace
