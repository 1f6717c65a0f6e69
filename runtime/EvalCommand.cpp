//===- EvalCommand.cpp - --eval: ids in, logits out -----------------------===//

#include "runtime/Commands.h"
#include "runtime/Forward.h"
#include "support/Progress.h"
#include "support/SafeTensors.h"

#include <cstring>

using namespace moec;

/// Rows of `input_ids` [B,T] as sequences.
static Result<std::vector<std::vector<int32_t>>>
readInput(const std::string &path, const moert_model &model) {
  MOEC_ASSIGN_OR_RETURN(SafeTensorsFile file, SafeTensorsFile::open(path));
  const TensorView *tensor = file.find("input_ids");
  if (!tensor)
    return Status::error(path + ": has no tensor 'input_ids'");
  if (tensor->shape.size() != 2)
    return Status::error(path + ": 'input_ids' has rank " +
                         std::to_string(tensor->shape.size()) +
                         ", expected [sequences, tokens]");
  MOEC_ASSIGN_OR_RETURN(std::vector<int64_t> ids, readInts(*tensor));
  const int64_t numSequences = tensor->shape[0], length = tensor->shape[1];
  if (ids.empty())
    return Status::error(path + ": 'input_ids' is empty");
  std::vector<std::vector<int32_t>> sequences(numSequences);
  for (int64_t i = 0; i < numSequences; ++i)
    for (int64_t t = 0; t < length; ++t) {
      int64_t id = ids[i * length + t];
      if (id < 0 || id >= model.vocab)
        return Status::error(path + ": input_ids[" + std::to_string(i) + "," +
                             std::to_string(t) + "] is " + std::to_string(id) +
                             ", expected 0 to " +
                             std::to_string(model.vocab - 1));
      sequences[i].push_back(static_cast<int32_t>(id));
    }
  return sequences;
}

Status moec::runEval(const CommandLine &line, const moert_model &model) {
  MOEC_ASSIGN_OR_RETURN(auto sequences, readInput(line.evalInput, model));
  const auto numSequences = static_cast<int64_t>(sequences.size());
  const auto length = static_cast<int64_t>(sequences[0].size());
  int64_t bytes = 0;
  if (__builtin_mul_overflow(numSequences * length,
                             model.vocab * int64_t(sizeof(float)), &bytes))
    return Status::error(line.evalInput + ": the logits overflow 64 bits");

  MOEC_ASSIGN_OR_RETURN(auto session,
                        Session::open(model, sessionOptions(line)));
  TensorData logits;
  logits.dtype = DType::F32;
  logits.shape = {numSequences, length, model.vocab};
  logits.data.resize(static_cast<size_t>(bytes));
  const size_t rowBytes = static_cast<size_t>(model.vocab) * sizeof(float);
  {
    Progress progress(static_cast<size_t>(numSequences * length), "tokens");
    size_t done = 0;
    MOEC_RETURN_IF_ERROR(
        forward(*session, sequences, {line.chunk, line.batch},
                [&](size_t sequence, int64_t position, const float *row) {
                  std::memcpy(logits.data.data() +
                                  (sequence * length + position) * rowBytes,
                              row, rowBytes);
                  progress.update(++done);
                }));
  }
  return writeSafeTensors(line.evalOutput, {{"logits", std::move(logits)}});
}
