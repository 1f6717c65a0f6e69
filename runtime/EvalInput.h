//===- EvalInput.h - The token ids that --eval reads ----------------------===//
#ifndef MOEC_RUNTIME_EVALINPUT_H
#define MOEC_RUNTIME_EVALINPUT_H

#include "support/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace moec {

/// The rows of the tensor `input_ids` [sequences, tokens] of a safetensors
/// file: at least one, of one length that is not 0, of ids below `vocab`.
Result<std::vector<std::vector<int32_t>>> readEvalInput(const std::string &path,
                                                        int64_t vocab);

} // namespace moec

#endif // MOEC_RUNTIME_EVALINPUT_H
