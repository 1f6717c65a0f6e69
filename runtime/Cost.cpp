//===- Cost.cpp - What a step reads and computes --------------------------===//

#include "runtime/Cost.h"

#include <cmath>

using namespace moec;

Cost moec::stepCost(const moert_model &model, int64_t tokens, int64_t first,
                    int64_t outputs) {
  Cost cost;
  for (uint32_t i = 0; i < model.num_costs; ++i) {
    const moert_cost &use = model.costs[i];
    const auto rows =
        static_cast<double>(use.rows == MOERT_COST_OUTPUTS ? outputs : tokens);
    const double share =
        static_cast<double>(use.chosen) / static_cast<double>(use.choices);
    const double touched = rows == 0 ? 0 : 1 - std::pow(1 - share, rows);
    cost.bytes += touched * static_cast<double>(use.bytes);
    cost.operations += 2 * rows * static_cast<double>(use.multiply_adds);
  }
  // Token i attends to first + i + 1 positions.
  const auto count = static_cast<double>(tokens);
  const auto begin = static_cast<double>(first);
  const double pairs = count * begin + count * (count + 1) / 2;
  cost.operations +=
      2 * pairs * static_cast<double>(model.attention_multiply_adds);
  cost.bytes += (begin + count) * static_cast<double>(model.attention_bytes);
  return cost;
}
