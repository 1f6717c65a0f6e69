//===- Rows.cpp - Operations on rows of activations -----------------------===//

#include "reference/Ops.h"

#include "llvm/ADT/APFloat.h"

#include <cmath>

namespace moec::reference {

Tensor embedding(const Tensor &table, const Batch &batch) {
  int64_t width = table.size(1);
  Tensor result({batch.size(), width});
  for (int64_t t = 0; t < batch.size(); ++t)
    for (int64_t i = 0; i < width; ++i)
      result(t, i) = table(batch.tokens[t], i);
  return result;
}

Tensor outputRows(const Tensor &input, const Batch &batch) {
  int64_t rows = batch.outputs.size(), width = input.size(1);
  Tensor result({rows, width});
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < width; ++i)
      result(r, i) = input(batch.outputs[r], i);
  return result;
}

Tensor rmsNorm(const Tensor &input, const Tensor &weight, double eps,
               int64_t heads) {
  Tensor result(input.shape);
  int64_t width = input.size(1) / heads;
  for (int64_t t = 0; t < input.size(0); ++t)
    for (int64_t h = 0; h < heads; ++h) {
      double squares = 0;
      for (int64_t i = 0; i < width; ++i) {
        double x = input(t, h * width + i);
        squares += x * x;
      }
      double norm = 1 / std::sqrt(squares / width + eps);
      for (int64_t i = 0; i < width; ++i)
        result(t, h * width + i) =
            weight(i) * float(input(t, h * width + i) * norm);
    }
  return result;
}

static std::vector<float> round(const std::vector<float> &values) {
  std::vector<float> rounded;
  for (float x : values) {
    llvm::APFloat value(x);
    bool losesInfo;
    value.convert(llvm::APFloat::BFloat(), llvm::APFloat::rmNearestTiesToEven,
                  &losesInfo);
    rounded.push_back(value.convertToFloat());
  }
  return rounded;
}

Tensor round(const Tensor &input) {
  Tensor result(input.shape);
  result.data = round(input.data);
  return result;
}

Cache round(const Cache &cache) {
  Cache result = cache;
  for (auto &[place, row] : result.rows)
    row = round(row);
  return result;
}

Tensor linear(const Tensor &input, const Tensor &weight, const Tensor *bias) {
  int64_t n = weight.size(0), k = weight.size(1);
  Tensor result({input.size(0), n});
  for (int64_t t = 0; t < input.size(0); ++t)
    for (int64_t j = 0; j < n; ++j) {
      double sum = bias ? (*bias)(j) : 0;
      for (int64_t i = 0; i < k; ++i)
        sum += double(input(t, i)) * weight(j, i);
      result(t, j) = sum;
    }
  return result;
}

Tensor headLinear(const Tensor &input, const Tensor &weight, bool transposed) {
  int64_t heads = weight.size(0);
  int64_t n = weight.size(transposed ? 2 : 1);
  int64_t k = weight.size(transposed ? 1 : 2);
  Tensor result({input.size(0), heads * n});
  for (int64_t t = 0; t < input.size(0); ++t)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t i = 0; i < k; ++i)
          sum += double(input(t, h * k + i)) *
                 (transposed ? weight(h, i, j) : weight(h, j, i));
        result(t, h * n + j) = sum;
      }
  return result;
}

static float activate(moe::Activation activation, float x) {
  switch (activation) {
  case moe::Activation::Silu:
    return x / (1 + std::exp(-double(x)));
  }
  llvm_unreachable("all activations are handled");
}

Tensor glu(moe::Activation activation, const Tensor &input) {
  int64_t width = input.size(1) / 2;
  Tensor result({input.size(0), width});
  for (int64_t t = 0; t < input.size(0); ++t)
    for (int64_t i = 0; i < width; ++i)
      result(t, i) = activate(activation, input(t, i)) * input(t, width + i);
  return result;
}

Tensor add(const Tensor &lhs, const Tensor &rhs) {
  Tensor result(lhs.shape);
  for (size_t i = 0; i < result.data.size(); ++i)
    result.data[i] = lhs.data[i] + rhs.data[i];
  return result;
}

Tensor sigmoidGate(const Tensor &input, const Tensor &gate) {
  Tensor result(input.shape);
  for (int64_t t = 0; t < input.size(0); ++t)
    for (int64_t i = 0; i < input.size(1); ++i) {
      double g = gate(t, gate.size(1) == 1 ? 0 : i);
      result(t, i) = input(t, i) * float(1 / (1 + std::exp(-g)));
    }
  return result;
}

Tensor slice(const Tensor &input, int64_t begin, int64_t width, int64_t heads) {
  int64_t from = input.size(1) / heads, to = width / heads;
  Tensor result({input.size(0), width});
  for (int64_t t = 0; t < input.size(0); ++t)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < to; ++i)
        result(t, h * to + i) = input(t, h * from + begin + i);
  return result;
}

Tensor concat(const Tensor &lhs, const Tensor &rhs, int64_t heads) {
  int64_t left = lhs.size(1) / heads, right = rhs.size(1) / heads;
  int64_t width = left + right;
  Tensor result({lhs.size(0), heads * width});
  for (int64_t t = 0; t < lhs.size(0); ++t)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < width; ++i)
        result(t, h * width + i) =
            i < left ? lhs(t, h * left + i) : rhs(t, h * right + i - left);
  return result;
}

} // namespace moec::reference
