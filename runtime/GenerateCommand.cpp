//===- GenerateCommand.cpp - --prompt and --ids: continuing ---------------===//

#include "runtime/Assets.h"
#include "runtime/Commands.h"
#include "runtime/Generate.h"

#include <cstdio>

using namespace moec;

namespace {

/// Where the ids come from and where they go.
class Dialogue {
public:
  virtual ~Dialogue() = default;
  virtual void print(int32_t id) = 0;
  virtual void finish() = 0;
};

class TextDialogue : public Dialogue {
public:
  /// The decoder reads the prompt too: whether a token begins with a space can
  /// depend on what stands before it.
  TextDialogue(const Tokenizer &tokenizer, const std::vector<int32_t> &prompt)
      : decoder(tokenizer, /*skipSpecial=*/true) {
    for (int32_t id : prompt)
      decoder.push(id);
  }
  void print(int32_t id) override { write(decoder.push(id)); }
  void finish() override { write(decoder.finish() + "\n"); }

private:
  void write(const std::string &text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
  StreamDecoder decoder;
};

class IdDialogue : public Dialogue {
public:
  void print(int32_t id) override {
    std::printf("%s%d", separator, id);
    std::fflush(stdout);
    separator = ",";
  }
  void finish() override { std::printf("\n"); }

private:
  const char *separator = "";
};

} // namespace

static SamplerOptions samplerOptions(const CommandLine &line,
                                     const GenerationDefaults &defaults) {
  SamplerOptions sampling;
  if (line.command != Command::Ids)
    sampling = defaults.sampling;
  // Who asks for --top-k, --top-p or --min-p wants to sample.
  if (sampling.temperature == 0 && (line.topK || line.topP || line.minP))
    sampling.temperature = 1;
  sampling.temperature = line.temperature.value_or(sampling.temperature);
  sampling.topK = line.topK.value_or(sampling.topK);
  sampling.topP = line.topP.value_or(sampling.topP);
  sampling.minP = line.minP.value_or(sampling.minP);
  sampling.repetitionPenalty =
      line.repetitionPenalty.value_or(sampling.repetitionPenalty);
  sampling.seed = line.seed;
  return sampling;
}

Result<GenerateOptions>
moec::generateOptions(const CommandLine &line, const ModelFiles &files,
                      std::optional<Tokenizer> &tokenizer) {
  MOEC_ASSIGN_OR_RETURN(GenerationDefaults defaults,
                        loadGenerationDefaults(files));
  GenerateOptions options;
  options.maxNewTokens = line.maxNewTokens;
  options.chunk = line.chunk;
  options.sampling = samplerOptions(line, defaults);
  if (line.ignoreEos)
    return options;
  options.stopIds = defaults.eosIds;
  if (!options.stopIds.empty())
    return options;
  // Reading a tokenizer takes longer than a small model's answer: only if it is
  // needed.
  if (!tokenizer && files.find("tokenizer.json")) {
    MOEC_ASSIGN_OR_RETURN(tokenizer, loadTokenizer(files));
  }
  if (tokenizer && tokenizer->eosId() >= 0)
    options.stopIds.push_back(tokenizer->eosId());
  return options;
}

static Result<std::vector<int32_t>> encodePrompt(const std::string &text,
                                                 const Tokenizer &tokenizer) {
  Result<std::vector<int32_t>> ids = tokenizer.encode(text, /*special=*/true);
  if (!ids.ok())
    return ids.status().withContext("--prompt");
  if (ids->empty())
    return Status::error("--prompt: the text is empty and the model has no "
                         "token that begins a text");
  return ids;
}

static Result<std::vector<int32_t>> checkIds(const std::vector<int64_t> &ids,
                                             const moert_model &model) {
  for (int64_t id : ids)
    if (id < 0 || id >= model.vocab)
      return Status::error("--ids: id " + std::to_string(id) +
                           " is not in the vocabulary, expected 0 to " +
                           std::to_string(model.vocab - 1));
  return std::vector<int32_t>(ids.begin(), ids.end());
}

static void printStats(const GenerateStats &stats, const moert_model &model) {
  const auto tokens = [](int64_t count) {
    return std::to_string(count) + (count == 1 ? " token" : " tokens");
  };
  const auto rate = [](int64_t count, double seconds) {
    char text[48];
    std::snprintf(text, sizeof text, "%.*f tokens/s",
                  count / seconds < 10 ? 2 : 0, count / seconds);
    return std::string(text);
  };
  if (stats.reason == StopReason::ContextFull)
    std::fprintf(stderr, "stopped: the context of %lld positions is full\n",
                 static_cast<long long>(model.max_context));
  std::string text = tokens(stats.newTokens);
  // The first token comes out of the step that reads the end of the prompt.
  if (stats.newTokens > 1) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, " in %.2f s: ", stats.decodeSeconds);
    text += seconds + rate(stats.newTokens - 1, stats.decodeSeconds);
  }
  text += " (prompt " + tokens(stats.promptTokens);
  if (stats.newTokens > 0)
    text += ", " + rate(stats.promptTokens, stats.promptSeconds);
  std::fprintf(stderr, "%s)\n", text.c_str());
}

/// Beside a trace: what kept the device from its work.
static void printWaiting(const GenerateStats &stats, const Session &session) {
  if (const unsigned threads = session.device().threads())
    std::fprintf(
        stderr, "decode: threads waited %.1f%% of the time\n",
        stats.newTokens > 1
            ? 100 * waitingShare(stats.decode, stats.decodeSeconds, threads)
            : 0.0);
  else
    std::fprintf(stderr, "decode: %.0f launches a step\n",
                 stats.decode.steps
                     ? static_cast<double>(stats.decode.launches) /
                           static_cast<double>(stats.decode.steps)
                     : 0.0);
  std::fprintf(stderr, "joins of each graph: %s\n",
               describeJoins(session).c_str());
}

Result<int> moec::runGenerate(const CommandLine &line,
                              const moert_model &model) {
  const bool isText = line.command == Command::Prompt;
  MOEC_ASSIGN_OR_RETURN(auto session, openSession(line, model));
  const ModelFiles &files = session->files();
  std::optional<Tokenizer> tokenizer;
  if (isText) {
    MOEC_ASSIGN_OR_RETURN(tokenizer, loadTokenizer(files));
  }
  MOEC_ASSIGN_OR_RETURN(GenerateOptions options,
                        generateOptions(line, files, tokenizer));
  MOEC_ASSIGN_OR_RETURN(std::vector<int32_t> prompt,
                        isText ? encodePrompt(line.prompt, *tokenizer)
                               : checkIds(line.ids, model));

  std::unique_ptr<Dialogue> dialogue;
  if (isText)
    dialogue = std::make_unique<TextDialogue>(*tokenizer, prompt);
  else
    dialogue = std::make_unique<IdDialogue>();
  handleInterrupts();
  bool printed = false;
  Result<GenerateStats> stats =
      generate(*session, prompt, options, [&](int32_t id) {
        dialogue->print(id);
        printed = true;
        return !wasInterrupted() && !std::ferror(stdout);
      });
  // Also after an error: what was printed so far is a line.
  if (stats.ok() || printed)
    dialogue->finish();
  MOEC_RETURN_IF_ERROR(stats.status());
  printStats(*stats, model);
  if (session->trace()) {
    MOEC_RETURN_IF_ERROR(finishTrace(line, *session));
    printWaiting(*stats, *session);
  }
  return wasInterrupted() ? exitInterrupted : 0;
}
