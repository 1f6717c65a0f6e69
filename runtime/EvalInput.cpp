//===- EvalInput.cpp - The token ids that --eval reads --------------------===//

#include "runtime/EvalInput.h"

#include "support/SafeTensors.h"

using namespace moec;

Result<std::vector<std::vector<int32_t>>>
moec::readEvalInput(const std::string &path, int64_t vocab) {
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
      if (id < 0 || id >= vocab)
        return Status::error(path + ": input_ids[" + std::to_string(i) + "," +
                             std::to_string(t) + "] is " + std::to_string(id) +
                             ", expected 0 to " + std::to_string(vocab - 1));
      sequences[i].push_back(static_cast<int32_t>(id));
    }
  return sequences;
}
