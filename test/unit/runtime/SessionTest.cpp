//===- SessionTest.cpp - The C API: opening a model, running steps --------===//

#include "BigramModel.h"
#include "TestFiles.h"
#include "runtime/moert.h"

#include <gtest/gtest.h>

#include <memory>

using namespace moec::test;

namespace {

struct Destroy {
  void operator()(moert_session *session) const {
    moert_session_destroy(session);
  }
};
using SessionPtr = std::unique_ptr<moert_session, Destroy>;

class SessionTest : public testing::Test {
protected:
  SessionTest() { options.threads = 2; }

  /// A bundle with the model's weights at `path`.
  void writeWeights(const std::string &path, const std::string &id = bigramId) {
    appendBundle(path, id, {{"weights", bigramWeightsSection()}});
  }

  SessionPtr open(const moert_model &model) {
    moert_session *session = nullptr;
    code = moert_session_create(&model, &options, &session);
    EXPECT_EQ(code == 0, session != nullptr);
    return SessionPtr(session);
  }

  std::string refusal(const moert_model &model) {
    SessionPtr session = open(model);
    return session ? "" : moert_last_error();
  }

  /// The model with its weights in place.
  SessionPtr openBigram() {
    path = folder / "app";
    writeWeights(path);
    options.executable_path = path.c_str();
    SessionPtr session = open(moec_model);
    EXPECT_EQ(code, 0) << moert_last_error();
    return session;
  }

  TemporaryFolder folder;
  std::string path;
  moert_options options = {};
  int32_t code = 0;
};

/// A batch whose logits are wanted for every token.
struct Batch {
  std::vector<int32_t> tokens, positions, cacheRows, outputRows;

  Batch &add(int32_t token, int32_t position, int32_t slot = 0) {
    outputRows.push_back(int32_t(tokens.size()));
    tokens.push_back(token);
    positions.push_back(position);
    cacheRows.push_back(int32_t(slot * bigramMaxContext + position));
    return *this;
  }

  std::string run(moert_session *session) {
    moert_batch batch = {int64_t(tokens.size()), int64_t(outputRows.size()),
                         tokens.data(),          positions.data(),
                         cacheRows.data(),       outputRows.data()};
    logits.assign(outputRows.size() * bigramVocab, -1);
    return moert_step(session, &batch, logits.data()) ? moert_last_error() : "";
  }

  std::vector<float> logits;
};

TEST_F(SessionTest, StepsContinueFromTheCaches) {
  SessionPtr session = openBigram();
  const std::vector<int32_t> a = {7, 400, 12, 3}, b = {99, 5};
  Batch first;
  first.add(a[0], 0).add(a[1], 1).add(b[0], 0, 2);
  ASSERT_EQ(first.run(session.get()), "");
  Batch second;
  second.add(b[1], 1, 2).add(a[2], 2).add(a[3], 3);
  ASSERT_EQ(second.run(session.get()), "");
  for (int64_t v = 0; v < bigramVocab; ++v) {
    EXPECT_EQ(first.logits[1 * bigramVocab + v], bigramLogit(a, 1, v));
    EXPECT_EQ(first.logits[2 * bigramVocab + v], bigramLogit(b, 0, v));
    EXPECT_EQ(second.logits[0 * bigramVocab + v], bigramLogit(b, 1, v));
    EXPECT_EQ(second.logits[1 * bigramVocab + v], bigramLogit(a, 2, v));
    EXPECT_EQ(second.logits[2 * bigramVocab + v], bigramLogit(a, 3, v));
  }
  moert_counters counters;
  moert_session_counters(session.get(), &counters);
  // 3 tokens: one tile written, one read, one row tile of four column tiles of
  // logits.
  EXPECT_EQ(counters.tasks, 2u * (1 + 1 + 4));
  EXPECT_EQ(counters.waits, 2u * (1 + 4));
  EXPECT_EQ(counters.graphs, 2u);
  EXPECT_EQ(counters.joins, 2u);
}

TEST_F(SessionTest, OnlyTheRowsThatAreWanted) {
  SessionPtr session = openBigram();
  Batch batch;
  batch.add(1, 0).add(2, 1).add(3, 2);
  batch.outputRows = {1};
  ASSERT_EQ(batch.run(session.get()), "");
  EXPECT_EQ(batch.logits[3], bigramLogit({1, 2, 3}, 1, 3));
  Batch none;
  none.add(4, 3);
  none.outputRows.clear();
  EXPECT_EQ(none.run(session.get()), "");
}

TEST_F(SessionTest, BatchesAreChecked) {
  SessionPtr session = openBigram();
  auto refused = [&](Batch batch) { return batch.run(session.get()); };
  EXPECT_EQ(refused(Batch()),
            "batch: the number of tokens is 0, expected 1 to 16");
  Batch large;
  for (int i = 0; i < 17; ++i)
    large.add(1, i);
  EXPECT_EQ(refused(large),
            "batch: the number of tokens is 17, expected 1 to 16");
  EXPECT_EQ(refused(Batch().add(512, 0)),
            "batch: the id of token 0 is 512, expected 0 to 511");
  EXPECT_EQ(refused(Batch().add(0, 0).add(-1, 1)),
            "batch: the id of token 1 is -1, expected 0 to 511");
  EXPECT_EQ(refused(Batch().add(0, 64)),
            "batch: the position of token 0 is 64, expected 0 to 63");
  EXPECT_EQ(refused(Batch().add(0, -1)),
            "batch: the position of token 0 is -1, expected 0 to 63");
  EXPECT_EQ(refused(Batch().add(0, 0, 3)),
            "batch: the cache row of token 0 is 192, expected 0 to 191");
  Batch shifted;
  shifted.add(0, 0).cacheRows[0] = 1;
  EXPECT_EQ(refused(shifted), "batch: the cache row of token 0 is 1, which is "
                              "not at position 0 of a slot");
  EXPECT_EQ(refused(Batch().add(0, 1)),
            "batch: the position of token 0 is 1, but slot 0 continues at "
            "position 0");
  EXPECT_EQ(refused(Batch().add(0, 0).add(0, 2)),
            "batch: the position of token 1 is 2, but slot 0 continues at "
            "position 1");
  EXPECT_EQ(refused(Batch().add(0, 0).add(0, 0)),
            "batch: the position of token 1 is 0, but slot 0 continues at "
            "position 1");
  Batch outside;
  outside.add(0, 0).outputRows[0] = 1;
  EXPECT_EQ(refused(outside), "batch: output row 0 is 1, expected 0 to 0");
  Batch many;
  many.add(0, 0).outputRows = {0, 0};
  EXPECT_EQ(refused(many),
            "batch: the number of outputs is 2, expected 0 to 1");
  // Nothing of all that has moved slot 0 on.
  EXPECT_EQ(refused(Batch().add(0, 1)),
            "batch: the position of token 0 is 1, but slot 0 continues at "
            "position 0");
}

TEST_F(SessionTest, ASequenceMayStepBack) {
  SessionPtr session = openBigram();
  EXPECT_EQ(Batch().add(1, 0).add(2, 1).add(3, 2).run(session.get()), "");
  Batch back;
  ASSERT_EQ(back.add(9, 1).run(session.get()), "");
  EXPECT_EQ(back.logits[5], bigramLogit({1, 9}, 1, 5));
  // What came after it is forgotten.
  EXPECT_NE(Batch().add(4, 3).run(session.get()), "");
}

TEST_F(SessionTest, RefusesAnotherInterface) {
  moert_model model = moec_model;
  model.abi_version = 77;
  EXPECT_EQ(refusal(model), "the model was compiled for version 77 of the "
                            "runtime interface, this is version 3");
}

TEST_F(SessionTest, RefusesCpuFeaturesItDoesNotHave) {
  moert_model model = moec_model;
  model.target = "cpu imaginary";
  model.features = "sse4.2,quantum";
  EXPECT_EQ(refusal(model),
            "compiled for 'cpu imaginary', which uses the CPU feature "
            "'quantum' that this runtime does not know");
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx512vpopcntdq")) {
    model.features = "avx512vpopcntdq";
    EXPECT_NE(refusal(model).find("that this machine lacks"),
              std::string::npos);
  }
#endif
}

TEST_F(SessionTest, FindsWeightsBesideTheExecutable) {
  path = folder / "app";
  appendBundle(path, bigramId, {{"note", "hello"}});
  writeWeights(path + ".weights");
  options.executable_path = path.c_str();
  SessionPtr session = open(moec_model);
  ASSERT_EQ(code, 0) << moert_last_error();
  const void *data = nullptr;
  uint64_t bytes = 0;
  ASSERT_EQ(moert_session_section(session.get(), "note", &data, &bytes), 0);
  EXPECT_EQ(std::string(static_cast<const char *>(data), bytes), "hello");
  EXPECT_NE(moert_session_section(session.get(), "poem", &data, &bytes), 0);
  EXPECT_EQ(moert_last_error(), path + ": has no section 'poem'");
  EXPECT_EQ(data, nullptr);
}

TEST_F(SessionTest, TakesTheWeightsItIsTold) {
  // An embedding program has no bundle of its own.
  path = folder / "elsewhere";
  writeWeights(path);
  options.weights_path = path.c_str();
  SessionPtr session = open(moec_model);
  ASSERT_EQ(code, 0) << moert_last_error();
  Batch batch;
  ASSERT_EQ(batch.add(3, 0).run(session.get()), "");
  EXPECT_EQ(batch.logits[8], bigramLogit({3}, 0, 8));
  const void *data = nullptr;
  uint64_t bytes = 0;
  EXPECT_NE(moert_session_section(session.get(), "note", &data, &bytes), 0);
}

TEST_F(SessionTest, RefusesWeightsOfAnotherCompilation) {
  path = folder / "old";
  writeWeights(path, "bigram-0");
  options.weights_path = path.c_str();
  const std::string expected =
      path + ": belongs to another compilation: its id is 'bigram-0', the "
             "code's is 'bigram-1'";
  EXPECT_EQ(refusal(moec_model), expected);
  options.weights_path = nullptr;
  options.executable_path = path.c_str();
  EXPECT_EQ(refusal(moec_model), expected);
}

TEST_F(SessionTest, RefusesWeightsOfWrongSize) {
  path = folder / "short";
  appendBundle(path, bigramId, {{"weights", "abc"}});
  options.weights_path = path.c_str();
  EXPECT_EQ(refusal(moec_model),
            path + ": the section 'weights' has 3 bytes, expected 1048576");
}

TEST_F(SessionTest, RefusesABundleWithoutWeights) {
  path = folder / "none";
  appendBundle(path, bigramId, {{"note", "x"}});
  options.weights_path = path.c_str();
  EXPECT_EQ(refusal(moec_model), path + ": has no section 'weights'");
  options.weights_path = nullptr;
  options.executable_path = path.c_str();
  EXPECT_NE(
      refusal(moec_model).find("cannot load the weights: " + path + ".weights"),
      std::string::npos)
      << moert_last_error();
}

TEST_F(SessionTest, RefusesSizesThatOverflow) {
  path = folder / "app";
  writeWeights(path);
  options.executable_path = path.c_str();
  moert_model model = moec_model;
  model.max_sequences = 1 << 20;
  model.max_context = 1 << 20;
  EXPECT_EQ(refusal(model), "1048576 sequences of 1048576 positions are more "
                            "cache rows than 32 bits count");
  const moert_cache huge = {"huge", INT64_MAX / 4};
  model = moec_model;
  model.caches = &huge;
  EXPECT_EQ(refusal(model), "cache 'huge': its size overflows 64 bits");
  const moert_weight outside = {"table", 64, moec_model.weights_bytes};
  model = moec_model;
  model.weights = &outside;
  EXPECT_EQ(refusal(model), "weight 'table': lies outside the weights section");
  model = moec_model;
  model.arena_bytes = INT64_MAX / 2;
  EXPECT_NE(refusal(model).find("arena: cannot reserve"), std::string::npos);
}

TEST_F(SessionTest, AStepThatFailsIsAnError) {
  path = folder / "app";
  writeWeights(path);
  options.executable_path = path.c_str();
  moert_model model = moec_model;
  model.step = [](moert_context *context, const moert_batch *, void *,
                  void *const *, const void *const *, float *) -> int32_t {
    static const moert_node nodes[] = {
        {"broken", nullptr, MOERT_ROWS_ONE, 0, 0, 0, 0, 0, nullptr, nullptr}};
    static const moert_graph graph = {"g", 1, 0, nodes};
    return moert_graph_submit(context, &graph, nullptr);
  };
  SessionPtr session = open(model);
  ASSERT_EQ(code, 0);
  EXPECT_EQ(Batch().add(1, 0).run(session.get()),
            "step: graph 'g', node 0 'broken': row_tile and col_tiles must not "
            "be 0");
}

} // namespace
