//===- Attention.cpp - Positions, caches and attention --------------------===//

#include "reference/Ops.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moec::reference {

//===----------------------------------------------------------------------===//
// Rotary position embedding
//===----------------------------------------------------------------------===//

Tensor ropeTable(moe::RopeAttr rope, const Batch &batch) {
  llvm::SmallVector<float> frequencies = rope.getFrequencies();
  float factor = rope.getAttentionFactor();
  int64_t half = frequencies.size();
  Tensor result({batch.size(), 2 * half});
  for (int64_t t = 0; t < batch.size(); ++t)
    for (int64_t i = 0; i < half; ++i) {
      float angle = float(batch.positions[t]) * frequencies[i];
      result(t, i) = factor * float(std::cos(double(angle)));
      result(t, half + i) = factor * float(std::sin(double(angle)));
    }
  return result;
}

Tensor rope(moe::RopePairs pairs, const Tensor &input, const Tensor &table,
            int64_t heads, int64_t begin) {
  Tensor result = input;
  int64_t width = input.size(1) / heads, half = table.size(1) / 2;
  bool interleaved = pairs == moe::RopePairs::Interleaved;
  for (int64_t t = 0; t < input.size(0); ++t)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < half; ++i) {
        int64_t first = h * width + begin + (interleaved ? 2 * i : i);
        int64_t second = first + (interleaved ? 1 : half);
        double x = input(t, first), y = input(t, second);
        double cos = table(t, i), sin = table(t, half + i);
        result(t, first) = x * cos - y * sin;
        result(t, second) = y * cos + x * sin;
      }
  return result;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

Cache cacheAppend(Cache cache, mlir::ArrayRef<const Tensor *> parts,
                  const Batch &batch) {
  for (int64_t t = 0; t < batch.size(); ++t) {
    std::vector<float> row;
    for (const Tensor *part : parts)
      for (int64_t i = 0; i < part->size(1); ++i)
        row.push_back((*part)(t, i));
    cache.rows[{batch.slots[t], batch.positions[t]}] = std::move(row);
  }
  return cache;
}

/// Softmax of the scores, in place.
static void softmax(std::vector<double> &scores) {
  double max = *std::max_element(scores.begin(), scores.end());
  for (double &score : scores)
    score = std::exp(score - max);
  double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
  for (double &score : scores)
    score /= sum;
}

static double dot(mlir::ArrayRef<float> a, mlir::ArrayRef<float> b) {
  double sum = 0;
  for (auto [x, y] : llvm::zip_equal(a, b))
    sum += double(x) * y;
  return sum;
}

/// One head of one token: Σ_j softmax_j(scale query·keys[j]) values[j].
static void attend(mlir::ArrayRef<float> query,
                   mlir::ArrayRef<mlir::ArrayRef<float>> keys,
                   mlir::ArrayRef<mlir::ArrayRef<float>> values, double scale,
                   mlir::MutableArrayRef<float> result) {
  std::vector<double> weights;
  for (mlir::ArrayRef<float> key : keys)
    weights.push_back(scale * dot(query, key));
  softmax(weights);
  for (auto [i, element] : llvm::enumerate(result)) {
    double sum = 0;
    for (auto [weight, value] : llvm::zip_equal(weights, values))
      sum += weight * value[i];
    element = sum;
  }
}

static mlir::ArrayRef<float> head(const Tensor &rows, int64_t t, int64_t h,
                                  int64_t width) {
  return mlir::ArrayRef(rows.data).slice(t * rows.size(1) + h * width, width);
}

static mlir::MutableArrayRef<float> head(Tensor &rows, int64_t t, int64_t h,
                                         int64_t width) {
  return mlir::MutableArrayRef(rows.data).slice(t * rows.size(1) + h * width,
                                                width);
}

Tensor attention(const Tensor &query, const Cache &cache, const Batch &batch,
                 const AttentionShape &shape) {
  auto partBegin = [&](int64_t part) {
    return std::accumulate(cache.parts.begin(), cache.parts.begin() + part,
                           int64_t(0));
  };
  int64_t keyWidth = partBegin(shape.keyParts) / shape.kvHeads;
  int64_t valueWidth = cache.parts[shape.valuePart] / shape.kvHeads;
  int64_t valueBegin = partBegin(shape.valuePart);
  Tensor result({batch.size(), shape.heads * valueWidth});
  for (int64_t t = 0; t < batch.size(); ++t)
    for (int64_t h = 0; h < shape.heads; ++h) {
      int64_t kvHead = h / (shape.heads / shape.kvHeads);
      std::vector<mlir::ArrayRef<float>> keys, values;
      for (int64_t j = 0; j <= batch.positions[t]; ++j) {
        mlir::ArrayRef<float> row = cache.rows.at({batch.slots[t], j});
        keys.push_back(row.slice(kvHead * keyWidth, keyWidth));
        values.push_back(
            row.slice(valueBegin + kvHead * valueWidth, valueWidth));
      }
      attend(head(query, t, h, keyWidth), keys, values, shape.scale,
             head(result, t, h, valueWidth));
    }
  return result;
}

/// `matrix[h] vector`, in f32 as kv_b's output is.
static void appendProduct(std::vector<float> &to, const Tensor &matrix,
                          int64_t h, mlir::ArrayRef<float> vector) {
  int64_t rows = matrix.size(1), columns = matrix.size(2);
  mlir::ArrayRef<float> data(matrix.data);
  for (int64_t i = 0; i < rows; ++i)
    to.push_back(dot(data.slice((h * rows + i) * columns, columns), vector));
}

/// Expanded: the keys and values of every head are made from the latents, then
/// attended to as usual. The latents of a position are expanded once per step,
/// for all tokens that see it.
Tensor mla(const Tensor &query, const Cache &cache, const Tensor &wUk,
           const Tensor &wUv, const Batch &batch, double scale) {
  int64_t heads = wUk.size(0), latent = wUk.size(2), valueWidth = wUv.size(1);
  int64_t keyWidth = wUk.size(1) + cache.parts[1];
  Tensor result({batch.size(), heads * valueWidth});
  for (int64_t h = 0; h < heads; ++h) {
    Cache expanded{{keyWidth, valueWidth}, {}};
    for (const auto &[place, row] : cache.rows) {
      mlir::ArrayRef<float> c = mlir::ArrayRef(row).take_front(latent);
      mlir::ArrayRef<float> kr = mlir::ArrayRef(row).drop_front(latent);
      std::vector<float> &keyAndValue = expanded.rows[place];
      appendProduct(keyAndValue, wUk, h, c);
      keyAndValue.insert(keyAndValue.end(), kr.begin(), kr.end());
      appendProduct(keyAndValue, wUv, h, c);
    }
    Tensor headQuery = slice(query, h * keyWidth, keyWidth, 1);
    Tensor headResult = attention(headQuery, expanded, batch,
                                  {/*heads=*/1, /*kvHeads=*/1, /*keyParts=*/1,
                                   /*valuePart=*/1, scale});
    for (int64_t t = 0; t < batch.size(); ++t)
      llvm::copy(head(std::as_const(headResult), t, 0, valueWidth),
                 head(result, t, h, valueWidth).begin());
  }
  return result;
}

} // namespace moec::reference
