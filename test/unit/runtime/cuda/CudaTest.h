//===- CudaTest.h - A model on a fake GPU ---------------------------------===//
#ifndef MOEC_TEST_UNIT_RUNTIME_CUDA_CUDATEST_H
#define MOEC_TEST_UNIT_RUNTIME_CUDA_CUDATEST_H

#include "CudaBigramModel.h"
#include "FakeDriver.h"
#include "TestFiles.h"
#include "runtime/Session.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <dlfcn.h>
#include <memory>
#include <string>
#include <vector>

namespace moec::test {

/// A batch whose logits are wanted for every token.
struct CudaBatch {
  std::vector<int32_t> tokens, positions, cacheRows, outputRows;
  std::vector<float> logits;

  CudaBatch &add(int32_t token, int32_t position, int32_t slot = 0) {
    outputRows.push_back(int32_t(tokens.size()));
    tokens.push_back(token);
    positions.push_back(position);
    cacheRows.push_back(int32_t(slot * bigramMaxContext + position));
    return *this;
  }

  /// The message of an error, or nothing.
  std::string run(Session &session) {
    logits.assign(outputRows.size() * bigramVocab, -1);
    return session
        .step({int64_t(tokens.size()), int64_t(outputRows.size()),
               tokens.data(), positions.data(), cacheRows.data(),
               outputRows.data()},
              logits.data())
        .message();
  }

  /// Whether row `output` holds the logits after `sequence[position]`.
  void expectRow(size_t output, const std::vector<int32_t> &sequence,
                 size_t position) const {
    for (int64_t v = 0; v < bigramVocab; ++v)
      ASSERT_EQ(logits[output * bigramVocab + v],
                bigramLogit(sequence, position, v))
          << "output " << output << ", logit " << v;
  }
};

/// Sets what the environment says for one test.
class Environment {
public:
  ~Environment() {
    for (const std::string &name : names)
      unsetenv(name.c_str());
  }
  void set(const std::string &name, const std::string &value) {
    names.push_back(name);
    setenv(name.c_str(), value.c_str(), 1);
  }

private:
  std::vector<std::string> names;
};

class CudaTest : public testing::Test {
protected:
  CudaTest() : fake(*load(MOEC_FAKE_CUDA)(true)) {
    environment.set("MOEC_CUDA_DRIVER", MOEC_FAKE_CUDA);
    for (const char *name :
         {"MOEC_CUDA_DEVICE", "CUDA_LAUNCH_BLOCKING", "CUDA_VISIBLE_DEVICES"})
      unsetenv(name);
    weights = folder / "weights";
    appendBundle(weights, bigramId, {{"weights", bigramWeightsSection()}});
    options.weights_path = weights.c_str();
  }

  using GetFake = FakeDriver *(*)(bool reset);
  static GetFake load(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return reinterpret_cast<GetFake>(dlsym(library, "fakeDriver"));
  }

  std::string refusal(const moert_model &model) {
    return Session::open(model, options).message();
  }
  std::unique_ptr<Session> open(const moert_model &model) {
    Result<std::unique_ptr<Session>> session = Session::open(model, options);
    EXPECT_TRUE(session.ok()) << session.message();
    return session.ok() ? std::move(*session) : nullptr;
  }

  Environment environment;
  FakeDriver &fake;
  TemporaryFolder folder;
  std::string weights;
  moert_options options = {};
};

} // namespace moec::test

#endif // MOEC_TEST_UNIT_RUNTIME_CUDA_CUDATEST_H
