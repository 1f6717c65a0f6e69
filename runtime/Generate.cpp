//===- Generate.cpp - Continuing a sequence -------------------------------===//

#include "runtime/Generate.h"
#include "runtime/Forward.h"
#include "runtime/StepBatch.h"

#include <algorithm>
#include <chrono>

using namespace moec;

using Clock = std::chrono::steady_clock;

static double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Result<GenerateStats>
moec::generate(Session &session, const std::vector<int32_t> &prompt,
               const GenerateOptions &options,
               const std::function<bool(int32_t)> &onToken) {
  const moert_model &model = session.model();
  MOEC_ASSIGN_OR_RETURN(int64_t budget, stepTokens(model, options.chunk));
  MOEC_RETURN_IF_ERROR(checkSequence(model, prompt, "the prompt"));

  Sampler sampler(options.sampling);
  std::vector<float> logits(static_cast<size_t>(model.vocab));
  StepBatch batch(model);
  GenerateStats stats;
  const auto promptSize = static_cast<int64_t>(prompt.size());
  stats.promptTokens = promptSize - options.held;
  for (int32_t id : prompt)
    sampler.see(id);
  if (options.maxNewTokens == 0)
    return stats;

  Clock::time_point start = Clock::now();
  for (int64_t begin = options.held; begin < promptSize; begin += budget) {
    int64_t end = std::min(begin + budget, promptSize);
    batch.clear();
    for (int64_t i = begin; i < end; ++i)
      batch.add(0, i, prompt[i], i + 1 == promptSize);
    MOEC_RETURN_IF_ERROR(session.step(batch.view(), logits.data()));
  }
  stats.promptSeconds = secondsSince(start);

  start = Clock::now();
  const moert_counters before = session.counters();
  for (int64_t position = promptSize;; ++position) {
    MOEC_ASSIGN_OR_RETURN(int32_t id,
                          sampler.choose(logits.data(), model.vocab,
                                         {0, static_cast<uint64_t>(position)}));
    sampler.see(id);
    ++stats.newTokens;
    bool goOn = onToken(id);
    bool stop = std::find(options.stopIds.begin(), options.stopIds.end(), id) !=
                options.stopIds.end();
    stats.decodeSeconds = secondsSince(start);
    stats.decode = session.counters() - before;
    if (stop || !goOn || stats.newTokens == options.maxNewTokens ||
        position == model.max_context) {
      stats.reason = stop    ? StopReason::StopId
                     : !goOn ? StopReason::Callback
                     : stats.newTokens == options.maxNewTokens
                         ? StopReason::Length
                         : StopReason::ContextFull;
      return stats;
    }
    batch.clear();
    batch.add(0, position, id, true);
    MOEC_RETURN_IF_ERROR(session.step(batch.view(), logits.data()));
  }
}
