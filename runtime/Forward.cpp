//===- Forward.cpp - Logits of given sequences, step by step --------------===//

#include "runtime/Forward.h"
#include "runtime/StepBatch.h"

#include <algorithm>
#include <string>

using namespace moec;

Result<int64_t> moec::stepTokens(const moert_model &model, int64_t chunk) {
  if (chunk < 0 || chunk > model.max_tokens)
    return Status::error("--chunk is " + std::to_string(chunk) +
                         ", expected 1 to " + std::to_string(model.max_tokens) +
                         ", the model's limit of tokens in a step");
  return chunk ? chunk : model.max_tokens;
}

Status moec::checkSequence(const moert_model &model,
                           const std::vector<int32_t> &tokens,
                           const std::string &name) {
  if (tokens.empty())
    return Status::error(name + ": has no tokens");
  if (static_cast<int64_t>(tokens.size()) > model.max_context)
    return Status::error(name + ": has " + std::to_string(tokens.size()) +
                         " tokens, the model's context holds " +
                         std::to_string(model.max_context));
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= model.vocab)
      return Status::error(name + ": token " + std::to_string(i) + " has id " +
                           std::to_string(tokens[i]) + ", expected 0 to " +
                           std::to_string(model.vocab - 1));
  return Status::success();
}

namespace {

/// Some sequences, one in each slot, on their way through the model together.
class Group {
public:
  Group(Session &session, const std::vector<std::vector<int32_t>> &sequences,
        size_t first, size_t count, std::vector<float> &logits)
      : session(session), sequences(sequences), first(first),
        positions(count, 0), batch(session.model()), logits(logits) {}

  /// Advances each sequence by at most `share` tokens; false when all have
  /// ended.
  Result<bool> advance(int64_t share, const LogitsCallback &callback) {
    batch.clear();
    rows.clear();
    for (size_t slot = 0; slot < positions.size(); ++slot) {
      const std::vector<int32_t> &tokens = sequences[first + slot];
      int64_t end = std::min<int64_t>(positions[slot] + share,
                                      static_cast<int64_t>(tokens.size()));
      for (int64_t &position = positions[slot]; position < end; ++position) {
        batch.add(static_cast<int64_t>(slot), position, tokens[position], true);
        rows.push_back({first + slot, position});
      }
    }
    if (rows.empty())
      return false;
    const int64_t vocab = session.model().vocab;
    logits.resize(rows.size() * static_cast<size_t>(vocab));
    MOEC_RETURN_IF_ERROR(session.step(batch.view(), logits.data()));
    for (size_t i = 0; i < rows.size(); ++i)
      callback(rows[i].sequence, rows[i].position, logits.data() + i * vocab);
    return true;
  }

private:
  struct Row {
    size_t sequence;
    int64_t position;
  };

  Session &session;
  const std::vector<std::vector<int32_t>> &sequences;
  size_t first;
  std::vector<int64_t> positions;
  StepBatch batch;
  std::vector<Row> rows;
  std::vector<float> &logits;
};

} // namespace

Status moec::forward(Session &session,
                     const std::vector<std::vector<int32_t>> &sequences,
                     const ForwardOptions &options,
                     const LogitsCallback &callback) {
  const moert_model &model = session.model();
  MOEC_ASSIGN_OR_RETURN(int64_t budget, stepTokens(model, options.chunk));
  int64_t limit = std::min(budget, model.max_sequences);
  if (options.batch < 1 || options.batch > limit)
    return Status::error(
        "--batch is " + std::to_string(options.batch) + ", expected 1 to " +
        std::to_string(limit) + "; the model takes " +
        std::to_string(model.max_sequences) + " sequences and a step " +
        std::to_string(budget) + " tokens");
  for (size_t i = 0; i < sequences.size(); ++i)
    MOEC_RETURN_IF_ERROR(
        checkSequence(model, sequences[i], "sequence " + std::to_string(i)));

  std::vector<float> logits;
  for (size_t first = 0; first < sequences.size(); first += options.batch) {
    size_t count = std::min<size_t>(options.batch, sequences.size() - first);
    Group group(session, sequences, first, count, logits);
    for (bool more = true; more;) {
      MOEC_ASSIGN_OR_RETURN(more, group.advance(budget / count, callback));
    }
  }
  return Status::success();
}
