//===- Session.cpp - An open model ----------------------------------------===//

#include "runtime/Session.h"
#include "runtime/Cpu.h"

#include <limits>
#include <string>

using namespace moec;

//===------------------------------------------------------------------------===//
// Opening
//===------------------------------------------------------------------------===//

Result<std::unique_ptr<Session>> Session::open(const moert_model &model,
                                               const moert_options &options) {
  // Before anything else is read: the layout of the rest depends on it.
  if (model.abi_version != MOERT_ABI_VERSION)
    return Status::error("the model was compiled for version " +
                         std::to_string(model.abi_version) +
                         " of the runtime interface, this is version " +
                         std::to_string(MOERT_ABI_VERSION));
  MOEC_RETURN_IF_ERROR(checkCpuFeatures(model.features, model.target));

  int64_t rows = 0;
  if (__builtin_mul_overflow(model.max_sequences, model.max_context, &rows) ||
      rows > std::numeric_limits<int32_t>::max())
    return Status::error(std::to_string(model.max_sequences) +
                         " sequences of " + std::to_string(model.max_context) +
                         " positions are more cache rows than 32 bits count");

  std::unique_ptr<Session> session(new Session(model));
  MOEC_ASSIGN_OR_RETURN(session->modelFiles, ModelFiles::open(model, options));
  for (uint32_t i = 0; i < model.num_weights; ++i) {
    const moert_weight &weight = model.weights[i];
    if (weight.offset < 0 || weight.bytes < 0 ||
        weight.offset > model.weights_bytes - weight.bytes)
      return Status::error(std::string("weight '") + weight.name +
                           "': lies outside the weights section");
  }
  MOEC_ASSIGN_OR_RETURN(
      session->target,
      openDevice(model, session->modelFiles.weights(), options));
  session->filled.assign(static_cast<size_t>(model.max_sequences), 0);
  session->next.assign(static_cast<size_t>(model.max_sequences), -1);
  return session;
}

//===------------------------------------------------------------------------===//
// Steps
//===------------------------------------------------------------------------===//

static Status outOfRange(const std::string &what, int64_t value, int64_t first,
                         int64_t last) {
  return Status::error(what + " is " + std::to_string(value) + ", expected " +
                       std::to_string(first) + " to " + std::to_string(last));
}

/// Ids in the vocabulary, positions in the context and without a gap, cache
/// rows that agree with them.
Status Session::checkToken(const moert_batch &batch, int64_t index) {
  auto name = [&](const char *what) {
    return std::string(what) + " of token " + std::to_string(index);
  };
  int64_t token = batch.tokens[index];
  int64_t position = batch.positions[index];
  int64_t row = batch.cache_rows[index];
  const int64_t context = description.max_context;
  const int64_t rows = description.max_sequences * context;
  if (token < 0 || token >= description.vocab)
    return outOfRange(name("the id"), token, 0, description.vocab - 1);
  if (position < 0 || position >= context)
    return outOfRange(name("the position"), position, 0, context - 1);
  if (row < 0 || row >= rows)
    return outOfRange(name("the cache row"), row, 0, rows - 1);
  if (row % context != position)
    return Status::error(name("the cache row") + " is " + std::to_string(row) +
                         ", which is not at position " +
                         std::to_string(position) + " of a slot");
  const int64_t slot = row / context;
  // Later tokens of a sequence follow each other; the first may step back,
  // which forgets what came after it.
  const bool isFirst = next[slot] < 0;
  if (isFirst ? position > filled[slot] : position != next[slot])
    return Status::error(name("the position") + " is " +
                         std::to_string(position) + ", but slot " +
                         std::to_string(slot) + " continues at position " +
                         std::to_string(isFirst ? filled[slot] : next[slot]));
  if (isFirst)
    touched.push_back(slot);
  next[slot] = position + 1;
  return Status::success();
}

Status Session::checkTokens(const moert_batch &batch) {
  for (int64_t i = 0; i < batch.num_tokens; ++i)
    MOEC_RETURN_IF_ERROR(checkToken(batch, i));
  for (int64_t i = 0; i < batch.num_outputs; ++i)
    if (batch.output_rows[i] < 0 || batch.output_rows[i] >= batch.num_tokens)
      return outOfRange("output row " + std::to_string(i), batch.output_rows[i],
                        0, batch.num_tokens - 1);
  return Status::success();
}

Status Session::checkBatch(const moert_batch &batch) {
  if (batch.num_tokens < 1 || batch.num_tokens > description.max_tokens)
    return outOfRange("the number of tokens", batch.num_tokens, 1,
                      description.max_tokens);
  if (batch.num_outputs < 0 || batch.num_outputs > batch.num_tokens)
    return outOfRange("the number of outputs", batch.num_outputs, 0,
                      batch.num_tokens);
  Status status = checkTokens(batch);
  // What a step that is refused did not write stays as it was.
  for (int64_t slot : touched) {
    if (status.ok())
      filled[slot] = next[slot];
    next[slot] = -1;
  }
  touched.clear();
  return status;
}

Status Session::startTrace(const std::string &path) {
  MOEC_ASSIGN_OR_RETURN(Trace trace, Trace::create(path, target->lanes().count,
                                                   target->lanes().name));
  recording = std::make_unique<Trace>(std::move(trace));
  target->setTrace(recording.get());
  return Status::success();
}

Status Session::step(const moert_batch &batch, float *logits) {
  MOEC_RETURN_IF_ERROR(checkBatch(batch).withContext("batch"));
  const auto begin = TraceBuffer::Clock::now();
  Status status = target->step(batch, logits);
  if (recording) {
    TraceBuffer &steps = recording->steps();
    TraceRecord record;
    record.kind = TraceKind::Step;
    record.begin = steps.at(begin);
    record.end = steps.at(TraceBuffer::Clock::now());
    record.row = static_cast<int32_t>(batch.num_tokens);
    record.column = static_cast<int32_t>(batch.num_outputs);
    steps.add(record);
  }
  return status.withContext("step");
}
