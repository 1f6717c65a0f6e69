//===- QuantizationCost.h - What quantised weights change -----------------------===//
#ifndef MOEC_TOOLS_MOEC_QUANTIZATIONCOST_H
#define MOEC_TOOLS_MOEC_QUANTIZATIONCOST_H

#include "support/SafeTensors.h"
#include "support/Status.h"

#include <string>

namespace moec {

/// Interprets the model in `folder` with its weights as they are and quantised to
/// `bits`, on the `input_ids` of the golden file, and prints what that costs:
/// perplexity of both, the differences of logits, and how often the most likely
/// token stays the same.
Status reportQuantizationCost(const std::string &folder, int64_t bits,
                              const SafeTensorsFile &golden);

} // namespace moec

#endif // MOEC_TOOLS_MOEC_QUANTIZATIONCOST_H
