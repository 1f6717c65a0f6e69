//===- Oracle.h - What device code computes, element by element in its orders --===//
//
// Written from docs/numerics.md, "Orders of the CUDA target": plain loops over scalars, so that device code can be compared bit by
// bit. Compiled without contraction.
//
//===------------------------------------------------------------------------===//

#ifndef MOEC_TEST_UNIT_DEVICE_ORACLE_H
#define MOEC_TEST_UNIT_DEVICE_ORACLE_H

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace moec::oracle {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// math.exp of the CPU target.
inline float exp(float x) {
  if (x < -87.8f)
    x = -87.8f;
  if (x > 88.8f)
    x = 88.8f;
  if (std::isnan(x))
    return x;
  float n = std::min(std::floor(std::fma(x, 1.44269502f, 0.5f)), 127.0f);
  float r = std::fma(2.12194442e-4f, n, std::fma(-0.693359375f, n, x));
  float p = 1.98756912e-4f;
  for (float c :
       {1.39819994e-3f, 8.33345205e-3f, 4.16657962e-2f, 0.166666657f, 0.5f})
    p = std::fma(p, r, c);
  float square = r * r;
  float result = std::fma(p, square, r) + 1.0f;
  return result * std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
}

/// The greater one; NaN if there is one.
inline float maximum(float a, float b) {
  return std::isnan(a) || std::isnan(b)
             ? std::numeric_limits<float>::quiet_NaN()
             : std::max(a, b);
}

/// 32 values by halves.
inline float addByHalves(std::vector<float> lanes) {
  for (size_t half = 16; half; half /= 2)
    for (size_t i = 0; i < half; ++i)
      lanes[i] = lanes[i] + lanes[i + half];
  return lanes[0];
}

inline float sumSquares(const float *x, int width) {
  std::vector<float> lanes(32);
  for (int i = 0; i < width; ++i)
    lanes[i % 32] = std::fma(x[i], x[i], lanes[i % 32]);
  return addByHalves(lanes);
}

//===--- routing ---===//

struct RouteRule {
  bool softmax;
  int experts, topK, groups, keep;
  bool top2, renormalize;
  float scale;
};

/// Indices of the `count` greatest: ties to the lowest index, NaN below everything.
inline std::vector<int> greatest(const std::vector<float> &values, int count) {
  std::vector<int> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return values[a] > values[b] ||
           (!std::isnan(values[a]) && std::isnan(values[b]));
  });
  order.resize(count);
  return order;
}

inline void route(const RouteRule &rule, const float *logits, const float *bias,
                  int32_t *experts, float *weights) {
  std::vector<float> scores(logits, logits + rule.experts);
  if (rule.softmax) {
    float most = -kInfinity;
    for (float x : scores)
      most = maximum(most, x);
    std::vector<float> lanes(32);
    for (int e = 0; e < rule.experts; ++e) {
      scores[e] = exp(scores[e] - most);
      lanes[e % 32] += scores[e];
    }
    float sum = addByHalves(lanes);
    for (float &x : scores)
      x = x / sum;
  } else {
    for (float &x : scores)
      x = 1.0f / (1.0f + exp(-x));
  }
  std::vector<float> choice = scores;
  for (int e = 0; bias && e < rule.experts; ++e)
    choice[e] += bias[e];
  if (rule.groups) {
    int size = rule.experts / rule.groups;
    std::vector<float> ranks;
    for (int g = 0; g < rule.groups; ++g) {
      std::vector<float> group(choice.begin() + g * size,
                               choice.begin() + (g + 1) * size);
      std::vector<int> best = greatest(group, rule.top2 ? 2 : 1);
      ranks.push_back(rule.top2 ? group[best[0]] + group[best[1]]
                                : group[best[0]]);
    }
    std::vector<int> kept = greatest(ranks, rule.keep);
    for (int e = 0; e < rule.experts; ++e)
      if (std::find(kept.begin(), kept.end(), e / size) == kept.end())
        choice[e] = -kInfinity;
  }
  std::vector<int> chosen = greatest(choice, rule.topK);
  std::sort(chosen.begin(), chosen.end());
  float sum = 0;
  for (int e : chosen)
    sum += scores[e];
  for (int i = 0; i < rule.topK; ++i) {
    float weight = scores[chosen[i]];
    experts[i] = chosen[i];
    weights[i] =
        (rule.renormalize ? weight / (sum + 1.0e-20f) : weight) * rule.scale;
  }
}

//===--- groups and sums of experts ---===//

/// The rows of (expert, token) in order; `places` by token and choice.
struct Grouped {
  std::vector<int32_t> rows, places, tiles;
  std::vector<float> weights;
};

inline Grouped group(const std::vector<int32_t> &chosen,
                     const std::vector<float> &weights, int topK, int rowTile) {
  std::vector<int> order(chosen.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return chosen[a] < chosen[b]; });
  Grouped result;
  result.places.resize(chosen.size());
  for (size_t place = 0; place < order.size(); ++place) {
    result.rows.push_back(order[place] / topK);
    result.weights.push_back(weights[order[place]]);
    result.places[order[place]] = static_cast<int32_t>(place);
    int expert = chosen[order[place]];
    bool isNew = place == 0 || chosen[order[place - 1]] != expert;
    if (isNew || result.tiles.back() == rowTile)
      result.tiles.insert(result.tiles.end(),
                          {expert, static_cast<int32_t>(place), 0});
    ++result.tiles.back();
  }
  result.tiles.resize(3 * chosen.size());
  return result;
}

/// Of an element: the values of some experts, ascending, along the tree that halves [begin, end).
inline float addAlongTree(const std::vector<std::pair<int, float>> &terms,
                          int begin, int end) {
  if (terms.size() == 1)
    return terms[0].second;
  int middle = begin + (end - begin) / 2;
  std::vector<std::pair<int, float>> left, right;
  for (auto term : terms)
    (term.first < middle ? left : right).push_back(term);
  if (right.empty())
    return addAlongTree(left, begin, middle);
  if (left.empty())
    return addAlongTree(right, middle, end);
  return addAlongTree(left, begin, middle) + addAlongTree(right, middle, end);
}

//===--- attention ---===//

struct AttentionShape {
  int heads, kvHeads, key, value, keyBegin, valueBegin, row;
  float scale;
};

/// One head of one token whose position is `last`; `cache` points at its sequence's first row.
inline void attend(const AttentionShape &shape, const float *query,
                   const float *cache, int kvHead, int last, float *result) {
  constexpr int splitKeys = 256, blockKeys = 32;
  struct State {
    float most = -kInfinity, sum = 0;
    std::vector<float> values;
  };
  auto base = [](float most) { return most == -kInfinity ? 0.0f : most; };
  State whole;
  for (int split = 0; split <= last; split += splitKeys) {
    State state;
    state.values.assign(shape.value, 0);
    for (int block = split; block <= last && block < split + splitKeys;
         block += blockKeys) {
      std::vector<float> scores(blockKeys, -kInfinity);
      float most = state.most;
      for (int j = 0; j < blockKeys && block + j <= last; ++j) {
        const float *key = cache + int64_t(block + j) * shape.row +
                           shape.keyBegin + kvHead * shape.key;
        float score = 0;
        for (int k = 0; k < shape.key; ++k)
          score = std::fma(query[k], key[k], score);
        scores[j] = score * shape.scale;
        most = maximum(most, scores[j]);
      }
      float keep = exp(state.most - base(most));
      for (float &x : scores)
        x = exp(x - base(most));
      state.sum = state.sum * keep + addByHalves(scores);
      state.most = most;
      for (float &v : state.values)
        v = v * keep;
      for (int j = 0; j < blockKeys && block + j <= last; ++j) {
        const float *value = cache + int64_t(block + j) * shape.row +
                             shape.valueBegin + kvHead * shape.value;
        for (int i = 0; i < shape.value; ++i)
          state.values[i] = std::fma(scores[j], value[i], state.values[i]);
      }
    }
    if (split == 0) {
      whole = state;
      continue;
    }
    float next = maximum(whole.most, state.most);
    float keep = exp(whole.most - base(next)),
          take = exp(state.most - base(next));
    whole.sum = whole.sum * keep + state.sum * take;
    whole.most = next;
    for (int i = 0; i < shape.value; ++i)
      whole.values[i] = whole.values[i] * keep + state.values[i] * take;
  }
  float inverse = 1.0f / whole.sum;
  for (int i = 0; i < shape.value; ++i)
    result[i] = whole.values[i] * inverse;
}

} // namespace moec::oracle

#endif // MOEC_TEST_UNIT_DEVICE_ORACLE_H
