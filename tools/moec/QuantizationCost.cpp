//===- QuantizationCost.cpp - What quantised weights change ---------------------===//

#include "tools/moec/QuantizationCost.h"

#include "tools/moec/InterpretedModel.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>

using namespace llvm;
using namespace moec;

namespace {

/// Tokens [count, length] and, after a run of a model, the logits of each.
struct Sequences {
  std::vector<int64_t> tokens;
  int64_t length;

  static Result<Sequences> read(const SafeTensorsFile &golden);
  Result<reference::Tensor> run(const std::string &folder, int64_t bits) const;
  double perplexity(const reference::Tensor &logits) const;
};

} // namespace

Result<Sequences> Sequences::read(const SafeTensorsFile &golden) {
  const TensorView *inputs = golden.find("input_ids");
  if (!inputs || inputs->shape.size() != 2 || inputs->shape[1] < 2)
    return Status::error(
        "the golden file has no sequences to predict: expected a tensor "
        "'input_ids' of shape [sequences, at least 2 tokens]");
  MOEC_ASSIGN_OR_RETURN(std::vector<int64_t> tokens, readInts(*inputs));
  return Sequences{std::move(tokens), inputs->shape[1]};
}

Result<reference::Tensor> Sequences::run(const std::string &folder,
                                         int64_t bits) const {
  MOEC_ASSIGN_OR_RETURN(std::unique_ptr<InterpretedModel> model,
                        InterpretedModel::import(folder, bits));
  reference::Batch batch;
  for (int64_t i = 0; i < int64_t(tokens.size()); ++i) {
    batch.outputs.push_back(i);
    batch.tokens.push_back(tokens[i]);
    batch.positions.push_back(i % length);
    batch.slots.push_back(i / length);
  }
  return model->step(batch);
}

static ArrayRef<float> rowOf(const reference::Tensor &logits, int64_t row) {
  int64_t width = logits.size(1);
  return ArrayRef(logits.data).slice(row * width, width);
}

/// exp of the mean of -log p(token | those before it).
double Sequences::perplexity(const reference::Tensor &logits) const {
  double loss = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < int64_t(tokens.size()); ++i) {
    if ((i + 1) % length == 0)
      continue;
    ArrayRef<float> row = rowOf(logits, i);
    double greatest = *max_element(row), sum = 0;
    for (float logit : row)
      sum += std::exp(logit - greatest);
    loss += greatest + std::log(sum) - row[tokens[i + 1]];
    ++count;
  }
  return std::exp(loss / count);
}

Result<std::vector<float>>
moec::interpretLogits(const std::string &folder, int64_t bits,
                      const SafeTensorsFile &golden) {
  MOEC_ASSIGN_OR_RETURN(Sequences sequences, Sequences::read(golden));
  MOEC_ASSIGN_OR_RETURN(reference::Tensor logits, sequences.run(folder, bits));
  return std::move(logits.data);
}

Status moec::reportQuantizationCost(const std::string &folder, int64_t bits,
                                    const SafeTensorsFile &golden) {
  MOEC_ASSIGN_OR_RETURN(Sequences sequences, Sequences::read(golden));
  MOEC_ASSIGN_OR_RETURN(reference::Tensor exact, sequences.run(folder, 0));
  MOEC_ASSIGN_OR_RETURN(reference::Tensor found, sequences.run(folder, bits));

  double greatest = 0, magnitude = 0, squares = 0;
  for (auto [x, y] : zip_equal(found.data, exact.data)) {
    double difference = std::abs(double(x) - y);
    greatest = std::max(greatest, difference);
    squares += difference * difference;
    magnitude = std::max(magnitude, std::abs(double(y)));
  }
  int64_t same = 0, rows = exact.size(0);
  for (int64_t row = 0; row < rows; ++row) {
    auto likeliest = [&](const reference::Tensor &logits) {
      return max_element(rowOf(logits, row)) - rowOf(logits, row).begin();
    };
    same += likeliest(found) == likeliest(exact);
  }
  double before = sequences.perplexity(exact);
  double after = sequences.perplexity(found);
  outs() << rows << " tokens in sequences of " << sequences.length << ", q"
         << bits << " against the weights as they are\n"
         << format("perplexity                %.4f -> %.4f (%+.2f %%)\n",
                   before, after, (after / before - 1) * 100)
         << format("max |logit difference|    %.3g of at most %.3g\n", greatest,
                   magnitude)
         << format("rms logit difference      %.3g\n",
                   std::sqrt(squares / exact.data.size()))
         << format("same most likely token    %.1f %%\n", 100.0 * same / rows);
  return Status::success();
}
