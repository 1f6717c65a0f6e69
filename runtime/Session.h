//===- Session.h - An open model ------------------------------------------===//
//
// Owns what a model needs to run: its files and its device. Everything that
// comes from outside is checked here, once, so that generated code need not
// check anything.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_SESSION_H
#define MOEC_RUNTIME_SESSION_H

#include "runtime/Device.h"
#include "runtime/ModelFiles.h"
#include "runtime/moert.h"
#include "support/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace moec {

class Session {
public:
  /// `model` lives longer than the session.
  static Result<std::unique_ptr<Session>> open(const moert_model &model,
                                               const moert_options &options);

  const moert_model &model() const { return description; }
  const ModelFiles &files() const { return modelFiles; }
  Device &device() { return *target; }
  const Device &device() const { return *target; }
  moert_counters counters() const { return target->counters(); }

  /// Records what the device does from now on, for the file `path`.
  Status startTrace(const std::string &path);
  /// Null unless one was started.
  Trace *trace() const { return recording.get(); }

  /// Checks the batch and runs it. `logits` is [num_outputs, vocab].
  Status step(const moert_batch &batch, float *logits);

private:
  explicit Session(const moert_model &model) : description(model) {}
  Status checkBatch(const moert_batch &batch);
  Status checkTokens(const moert_batch &batch);
  Status checkToken(const moert_batch &batch, int64_t index);

  const moert_model &description;
  ModelFiles modelFiles;
  std::unique_ptr<Device> target;
  std::unique_ptr<Trace> recording;
  /// Positions of each slot that the caches hold.
  std::vector<int64_t> filled;
  /// Slots of the batch that is being checked, and their next positions.
  std::vector<int64_t> touched;
  std::vector<int64_t> next;
};

} // namespace moec

#endif // MOEC_RUNTIME_SESSION_H
