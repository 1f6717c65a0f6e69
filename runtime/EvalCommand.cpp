//===- EvalCommand.cpp - --eval: ids in, logits out -----------------------===//

#include "runtime/Commands.h"
#include "runtime/EvalInput.h"
#include "runtime/Forward.h"
#include "runtime/Progress.h"
#include "support/SafeTensors.h"

#include <cstring>

using namespace moec;

Status moec::runEval(const CommandLine &line, const moert_model &model) {
  MOEC_ASSIGN_OR_RETURN(auto sequences,
                        readEvalInput(line.evalInput, model.vocab));
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
