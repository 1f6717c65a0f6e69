//===- Experts.cpp - Routing and experts ----------------------------------===//

#include "reference/Ops.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <limits>
#include <numeric>

namespace moec::reference {

//===----------------------------------------------------------------------===//
// Routing
//===----------------------------------------------------------------------===//

static std::vector<float> scores(const Tensor &logits, int64_t t,
                                 moe::Score score) {
  int64_t experts = logits.size(1);
  std::vector<float> result(experts);
  switch (score) {
  case moe::Score::Sigmoid:
    for (int64_t e = 0; e < experts; ++e)
      result[e] = 1 / (1 + std::exp(-double(logits(t, e))));
    return result;
  case moe::Score::Softmax: {
    double max = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t e = 0; e < experts; ++e)
      max = std::max(max, double(logits(t, e)));
    for (int64_t e = 0; e < experts; ++e)
      sum += std::exp(logits(t, e) - max);
    for (int64_t e = 0; e < experts; ++e)
      result[e] = std::exp(logits(t, e) - max) / sum;
    return result;
  }
  }
  llvm_unreachable("all scores are handled");
}

/// The indices of the `count` greatest values, greatest first: ties to the
/// lowest index, NaN below everything.
static std::vector<int64_t> greatest(mlir::ArrayRef<float> values,
                                     int64_t count) {
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order, [&](int64_t a, int64_t b) {
    return values[a] > values[b] ||
           (!std::isnan(values[a]) && std::isnan(values[b]));
  });
  order.resize(count);
  return order;
}

static float groupScore(mlir::ArrayRef<float> group, moe::GroupScore by) {
  switch (by) {
  case moe::GroupScore::Max:
    return group[greatest(group, 1)[0]];
  case moe::GroupScore::Top2Sum: {
    std::vector<int64_t> best = greatest(group, 2);
    return group[best[0]] + group[best[1]];
  }
  }
  llvm_unreachable("all group scores are handled");
}

/// Sets the experts outside the kept groups to -inf.
static void keepGroups(std::vector<float> &choice, moe::GroupsAttr groups) {
  int64_t size = choice.size() / groups.getCount();
  std::vector<float> ofGroup;
  for (int64_t g = 0; g < groups.getCount(); ++g)
    ofGroup.push_back(groupScore(mlir::ArrayRef(choice).slice(g * size, size),
                                 groups.getBy()));
  std::vector<int64_t> kept = greatest(ofGroup, groups.getKeep());
  for (int64_t e = 0; e < int64_t(choice.size()); ++e)
    if (!llvm::is_contained(kept, e / size))
      choice[e] = -std::numeric_limits<float>::infinity();
}

Routing route(const Tensor &logits, const Tensor *bias, int64_t topK,
              const RouteRule &rule) {
  int64_t experts = logits.size(1);
  std::vector<int64_t> chosen;
  std::vector<float> weights;
  for (int64_t t = 0; t < logits.size(0); ++t) {
    std::vector<float> score = scores(logits, t, rule.score);
    std::vector<float> choice = score;
    if (bias)
      for (int64_t e = 0; e < experts; ++e)
        choice[e] += (*bias)(e);
    if (rule.groups)
      keepGroups(choice, *rule.groups);

    std::vector<int64_t> best = greatest(choice, topK);
    double sum = 0;
    for (int64_t e : best)
      sum += score[e];
    for (int64_t e : best) {
      float weight = score[e];
      if (rule.renormalize)
        weight = weight / (sum + 1e-20);
      chosen.push_back(e);
      weights.push_back(weight * float(rule.scale));
    }
  }
  return Routing(experts, topK, std::move(chosen), std::move(weights));
}

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

Tensor dispatch(const Tensor &input, const Routing &routing) {
  int64_t rows = routing.rows().size(), width = input.size(1);
  Tensor result({rows, width});
  for (auto [row, choice] : llvm::enumerate(routing.rows()))
    for (int64_t i = 0; i < width; ++i)
      result(row, i) = input(routing.token(choice), i);
  return result;
}

Tensor expertLinear(const Tensor &input, const Tensor &weight,
                    const Routing &routing) {
  int64_t n = weight.size(1), k = weight.size(2);
  Tensor result({input.size(0), n});
  for (auto [row, choice] : llvm::enumerate(routing.rows())) {
    int64_t expert = routing.expert(choice);
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t i = 0; i < k; ++i)
        sum += double(input(row, i)) * weight(expert, j, i);
      result(row, j) = sum;
    }
  }
  return result;
}

namespace {
/// What an expert contributes to one element of a token.
struct Term {
  int64_t expert;
  float value;
};
} // namespace

/// Adds the terms of the experts in [begin, end), sorted and not empty, along
/// the tree that halves the range.
static float addAlongTree(mlir::ArrayRef<Term> terms, int64_t begin,
                          int64_t end) {
  if (terms.size() == 1)
    return terms.front().value;
  int64_t middle = begin + (end - begin) / 2;
  auto isLeft = [&](const Term &term) { return term.expert < middle; };
  mlir::ArrayRef<Term> left = terms.take_while(isLeft);
  mlir::ArrayRef<Term> right = terms.drop_while(isLeft);
  if (right.empty())
    return addAlongTree(left, begin, middle);
  if (left.empty())
    return addAlongTree(right, middle, end);
  return addAlongTree(left, begin, middle) + addAlongTree(right, middle, end);
}

Tensor combine(const Tensor &input, const Routing &routing) {
  int64_t width = input.size(1);
  std::vector<int64_t> rowOfChoice(routing.rows().size());
  for (auto [row, choice] : llvm::enumerate(routing.rows()))
    rowOfChoice[choice] = row;

  Tensor result({routing.tokens(), width});
  for (int64_t t = 0; t < routing.tokens(); ++t)
    for (int64_t i = 0; i < width; ++i) {
      std::vector<Term> terms;
      for (int64_t c = t * routing.topK(); c < (t + 1) * routing.topK(); ++c)
        terms.push_back(
            {routing.expert(c), routing.weight(c) * input(rowOfChoice[c], i)});
      result(t, i) = addAlongTree(terms, 0, routing.experts());
    }
  return result;
}

} // namespace moec::reference
