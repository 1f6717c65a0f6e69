//===- PerplexityCommand.cpp - --perplexity: how well a text is predicted -===//
//
// The text is encoded without special tokens and cut into windows of N tokens;
// what does not fill a window is dropped. Each window is a sequence of its own:
// BOS and its first N-1 tokens go in, its N tokens are predicted.
//
//===------------------------------------------------------------------------===//

#include "runtime/Assets.h"
#include "runtime/Commands.h"
#include "runtime/Forward.h"
#include "runtime/Progress.h"
#include "support/MappedFile.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace moec;

/// -log of the probability that the logits give to `target`.
static double negativeLogLikelihood(const float *logits, int64_t vocab,
                                    int32_t target) {
  const double greatest = *std::max_element(logits, logits + vocab);
  double sum = 0;
  for (int64_t i = 0; i < vocab; ++i)
    sum += std::exp(logits[i] - greatest);
  return std::log(sum) + greatest - logits[target];
}

static Result<std::vector<int32_t>> readText(const std::string &path,
                                             const Tokenizer &tokenizer,
                                             const moert_model &model) {
  MOEC_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
  Result<std::vector<int32_t>> tokens =
      tokenizer.encode(file->text(), /*special=*/false);
  if (!tokens.ok())
    return tokens.status().withContext(path);
  for (int32_t id : *tokens)
    if (id >= model.vocab)
      return Status::error(path + ": the tokenizer gives id " +
                           std::to_string(id) + ", the model has " +
                           std::to_string(model.vocab));
  return tokens;
}

Status moec::runPerplexity(const CommandLine &line, const moert_model &model) {
  const int64_t window =
      line.window ? line.window : std::min<int64_t>(256, model.max_context);
  if (window > model.max_context)
    return Status::error("--window is " + std::to_string(window) +
                         ", the model's context holds " +
                         std::to_string(model.max_context));
  MOEC_ASSIGN_OR_RETURN(auto session,
                        Session::open(model, sessionOptions(line)));
  MOEC_ASSIGN_OR_RETURN(Tokenizer tokenizer, loadTokenizer(session->files()));
  if (tokenizer.bosId() < 0)
    return Status::error(
        "--perplexity: the tokenizer has no BOS token to begin a window with");
  MOEC_ASSIGN_OR_RETURN(std::vector<int32_t> tokens,
                        readText(line.perplexityText, tokenizer, model));
  const size_t numWindows = tokens.size() / static_cast<size_t>(window);
  if (numWindows == 0)
    return Status::error(line.perplexityText + ": has " +
                         std::to_string(tokens.size()) +
                         " tokens, a window takes " + std::to_string(window));

  std::vector<std::vector<int32_t>> inputs(numWindows);
  for (size_t i = 0; i < numWindows; ++i) {
    auto first = tokens.begin() + static_cast<ptrdiff_t>(i) * window;
    inputs[i].push_back(tokenizer.bosId());
    inputs[i].insert(inputs[i].end(), first, first + window - 1);
  }
  // In order of text, whatever the order of steps: a sum of rounded numbers
  // depends on it.
  std::vector<double> losses(numWindows * static_cast<size_t>(window));
  {
    Progress progress(losses.size(), "tokens");
    size_t done = 0;
    MOEC_RETURN_IF_ERROR(
        forward(*session, inputs, {line.chunk, line.batch},
                [&](size_t sequence, int64_t position, const float *logits) {
                  size_t index = sequence * window + position;
                  losses[index] =
                      negativeLogLikelihood(logits, model.vocab, tokens[index]);
                  progress.update(++done);
                }));
  }
  double sum = 0;
  for (double loss : losses)
    sum += loss;
  const double mean = sum / static_cast<double>(losses.size());
  if (std::isnan(mean))
    return Status::error(line.perplexityText + ": the logits hold NaN");
  std::printf("windows      %zu of BOS and %lld tokens\n"
              "tokens       %zu\n"
              "nats/token   %.6f\n"
              "perplexity   %.4f\n",
              numWindows, static_cast<long long>(window), losses.size(), mean,
              std::exp(mean));
  return Status::success();
}
