//===- QuantizationCost.h - What quantised weights change -----------------------===//
#ifndef MOEC_TOOLS_MOEC_QUANTIZATIONCOST_H
#define MOEC_TOOLS_MOEC_QUANTIZATIONCOST_H

#include "support/SafeTensors.h"
#include "support/Status.h"

#include <string>
#include <vector>

namespace moec {

/// The logits of all tokens of the golden file's `input_ids`, of the interpreted
/// model with its weights quantised to `bits`; 0: as they are.
Result<std::vector<float>> interpretLogits(const std::string &folder,
                                           int64_t bits,
                                           const SafeTensorsFile &golden);

/// Interprets the model in `folder` with its weights as they are and quantised to
/// `bits`, on the `input_ids` of the golden file, and prints what that costs:
/// perplexity of both, the differences of logits, and how often the most likely
/// token stays the same.
Status reportQuantizationCost(const std::string &folder, int64_t bits,
                              const SafeTensorsFile &golden);

} // namespace moec

#endif // MOEC_TOOLS_MOEC_QUANTIZATIONCOST_H
