//===- CommandLine.cpp - What the user asked a compiled executable to do --===//

#include "runtime/CommandLine.h"
#include "runtime/Executor.h"

#include <CLI/CLI.hpp>

#include <charconv>
#include <limits>
#include <string>

using namespace moec;

namespace {

/// Sets of commands, as bits.
constexpr unsigned only(Command command) { return 1u << unsigned(command); }
constexpr unsigned generating =
    only(Command::Prompt) | only(Command::Chat) | only(Command::Ids);
constexpr unsigned scoring = only(Command::Eval) | only(Command::Perplexity);
constexpr unsigned running = generating | scoring | only(Command::Bench);
constexpr unsigned chunked = generating | scoring;

/// The options and which commands they belong to: an option without effect is a
/// misunderstanding and refused.
class Parser {
public:
  Parser(CommandLine &result, const std::string &program,
         const char *modelName);
  /// True when help or version was printed.
  Result<bool> parse(int argc, const char *const *argv);

private:
  void addCommands();
  void addOptions();
  template <typename T>
  CLI::Option *add(const char *name, T &value, const char *help,
                   unsigned commands, const char *group) {
    CLI::Option *option = app.add_option(name, value, help)->group(group);
    options.push_back({option, commands});
    return option;
  }
  Status checkChoice();
  Status readIds();
  Status readBenchPhases();

  struct Entry {
    CLI::Option *option;
    unsigned commands;
  };

  CommandLine &result;
  std::string idList;
  std::string benchPhases = "pp=512,tg=64";
  CLI::App app;
  std::vector<CLI::Option *> commands;
  std::vector<Entry> options;
};

/// A number between the two, which NaN is not. Unlike CLI::Range it lets --help
/// say what the number is for instead of what its bounds are.
template <typename T>
CLI::Validator between(T least, T greatest, const std::string &expected) {
  return CLI::Validator(
      [=](std::string &text) {
        T value = 0;
        bool fits = CLI::detail::lexical_cast(text, value) && value >= least &&
                    value <= greatest;
        return fits ? std::string() : "is '" + text + "', expected " + expected;
      },
      "");
}

std::string examples(const std::string &program) {
  std::string text = "Examples:\n";
  const char *lines[][2] = {
      {"--prompt \"Once upon a time\"",
       "continue a text with the model's own sampling settings"},
      {"--prompt \"2 + 2 =\" -n 4 --temperature 0",
       "4 tokens, always the likeliest one"},
      {"--prompt \"A poem\" --top-k 40 --seed 7", "another seed, another poem"},
      {"--chat --system \"Be brief.\"", "a conversation, a line a turn"},
      {"--ids 1,2,3 -n 16", "token ids in, the 16 new ids out"},
      {"--eval in.safetensors --out out.safetensors",
       "logits of every position of input_ids"},
      {"--perplexity text.txt --window 256", "how well it predicts a text"},
      {"--bench pp=512,tg=64", "its speed here beside the machine's limit"},
      {"--ids 1,2,3 -n 16 --trace trace.json",
       "what each thread did, for ui.perfetto.dev"},
      {"--info", "what was compiled, and the memory it needs"},
  };
  for (auto &line : lines)
    text += "  " + program + " " + line[0] + "\n      " + line[1] + "\n";
  return text;
}

Parser::Parser(CommandLine &result, const std::string &program,
               const char *modelName)
    : result(result), app(std::string("Runs the model '") + modelName +
                              "' that is compiled into this program.",
                          program) {
  app.footer(examples(program));
  app.set_version_flag("--version", std::string("moec ") + MOEC_VERSION +
                                        ", model " + modelName + "\n");
  app.get_formatter()->column_width(22);
  addCommands();
  addOptions();
}

void Parser::addCommands() {
  const char *group = "What to do (one of)";
  // In the order of Command.
  commands = {
      app.add_option("--prompt", result.prompt,
                     "Continue TEXT and print what follows it as it comes")
          ->type_name("TEXT"),
      app.add_flag("--chat")->description(
          "Answer what is typed, a line a turn ('\\' at its end goes on\n"
          "in the next), until /exit or the end of input"),
      app.add_option("--ids", idList,
                     "Continue these token ids and print the new ones")
          ->type_name("N,N,..."),
      app.add_option(
             "--eval", result.evalInput,
             "Read input_ids [B,T] from FILE and write logits [B,T,V] to\n"
             "--out; each row is a sequence of its own")
          ->type_name("FILE"),
      app.add_option(
             "--perplexity", result.perplexityText,
             "How well the text in FILE is predicted, in full windows of\n"
             "BOS and N tokens")
          ->type_name("FILE"),
      app.add_option("--bench", benchPhases,
                     "Rates of reading a prompt (pp) and of generating (tg),\n"
                     "beside what this machine could do")
          ->type_name("pp=N,tg=N"),
      app.add_flag("--info")->description("Model, target, limits and memory"),
  };
  for (CLI::Option *option : commands)
    option->group(group);
}

void Parser::addOptions() {
  const auto maxInt = std::numeric_limits<int64_t>::max();
  const auto maxFloat = std::numeric_limits<float>::max();
  const auto minFloat = std::numeric_limits<float>::min();
  const CLI::Validator count =
      between<int64_t>(0, maxInt, "an integer that is not negative");
  const CLI::Validator positive =
      between<int64_t>(1, maxInt, "an integer above 0");
  const char *group = "Generating (--prompt, --chat, --ids)";
  add("--system", result.system, "What --chat tells the model beforehand",
      only(Command::Chat), group)
      ->type_name("TEXT");
  add("-n", result.maxNewTokens,
      "New tokens at most, in each answer; fewer when the model ends its text "
      "or\n"
      "the context is full (default 256)",
      generating, group)
      ->check(count)
      ->type_name("N");
  add("--temperature", result.temperature,
      "0 takes the likeliest token, higher is more varied\n"
      "(default: the model's own, for --ids 0)",
      generating, group)
      ->check(between(0.0f, maxFloat, "a number that is not negative"))
      ->type_name("X");
  add("--top-k", result.topK,
      "Draw from the K likeliest tokens, 0 for all (default: the\n"
      "model's own, for --ids all)",
      generating, group)
      ->check(count)
      ->type_name("K");
  add("--top-p", result.topP,
      "Draw from the likeliest tokens that sum to P, 1 for all\n"
      "(default: as for --top-k)",
      generating, group)
      ->check(between(minFloat, 1.0f, "a number above 0 and at most 1"))
      ->type_name("P");
  add("--min-p", result.minP,
      "Draw from tokens at least P times as likely as the\n"
      "likeliest, 0 for all (default: as for --top-k)",
      generating, group)
      ->check(between(0.0f, 1.0f, "a number from 0 to 1"))
      ->type_name("P");
  add("--repetition-penalty", result.repetitionPenalty,
      "Make tokens that occurred less likely, 1 for not (default:\n"
      "the model's own, for --ids 1)",
      generating, group)
      ->check(between(minFloat, maxFloat, "a number above 0"))
      ->type_name("X");
  add("--seed", result.seed,
      "Same seed, same text, on any number of threads (default 0)", generating,
      group)
      ->check(count)
      ->type_name("N");
  options.push_back({app.add_flag("--ignore-eos", result.ignoreEos,
                                  "Go on when the model ends its text")
                         ->group(group),
                     generating});

  group = "Scoring (--eval, --perplexity)";
  add("--out", result.evalOutput, "Where --eval writes the logits",
      only(Command::Eval), group)
      ->type_name("FILE");
  add("--window", result.window,
      "Tokens of a --perplexity window (default 256, or the\n"
      "context if that is less)",
      only(Command::Perplexity), group)
      ->check(positive)
      ->type_name("N");
  add("--batch", result.batch, "Sequences that share a step (default 1)",
      scoring, group)
      ->check(positive)
      ->type_name("N");

  group = "Measuring";
  add("--repetitions", result.bench.repetitions,
      "Runs of each --bench phase after a first one that does not\n"
      "count (default 5)",
      only(Command::Bench), group)
      ->check(between<int64_t>(1, 1000000, "1 to 1000000"))
      ->type_name("N");
  add("--trace", result.trace,
      "Write what each thread did and when, for ui.perfetto.dev\n"
      "(--prompt, --ids, --bench)",
      generating | only(Command::Bench), group)
      ->type_name("FILE");
  options.push_back(
      {app.add_flag("--json", result.json, "--bench prints a JSON object")
           ->group(group),
       only(Command::Bench)});

  group = "Running";
  add("--chunk", result.chunk,
      "Tokens of a step at most; changes the speed, never the\n"
      "result (default: the model's limit)",
      chunked, group)
      ->check(positive)
      ->type_name("N");
  add("--threads", result.threads,
      "Threads that compute (default: one for each core this\n"
      "process may use)",
      running, group)
      ->check(between<int64_t>(1, Executor::maxThreads,
                               "1 to " + std::to_string(Executor::maxThreads)))
      ->type_name("N");
  add("--device", result.device,
      "The GPU to run on, for a model that was compiled for one\n"
      "(default: MOEC_CUDA_DEVICE, or 0)",
      running | only(Command::Info), group)
      ->check(between<int64_t>(0, std::numeric_limits<int32_t>::max(),
                               "the number of a GPU"))
      ->type_name("N");
  add("--weights", result.weights,
      "The weights file (default: in this program, or beside it\n"
      "with '.weights' after its name)",
      running | only(Command::Info), group)
      ->type_name("FILE");
}

Status Parser::checkChoice() {
  const CLI::Option *chosen = nullptr;
  for (size_t i = 0; i < commands.size(); ++i) {
    if (commands[i]->count() == 0)
      continue;
    if (chosen)
      return Status::error(chosen->get_name() + " and " +
                           commands[i]->get_name() + " exclude each other");
    chosen = commands[i];
    result.command = static_cast<Command>(i);
  }
  if (!chosen)
    return Status::error("nothing to do; try --prompt TEXT, or --help");
  for (const Entry &entry : options)
    if (entry.option->count() && !(entry.commands & only(result.command)))
      return Status::error(entry.option->get_name() + " has no effect with " +
                           chosen->get_name());
  if (result.command == Command::Eval && result.evalOutput.empty())
    return Status::error("--eval needs --out FILE for the logits");
  return Status::success();
}

Status Parser::readIds() {
  const char *end = idList.data() + idList.size();
  for (const char *at = idList.data();; ++at) {
    int64_t id = 0;
    auto [rest, error] = std::from_chars(at, end, id);
    if (error != std::errc() || (rest != end && *rest != ','))
      return Status::error("--ids: expected integers separated by commas at '" +
                           std::string(at, end) + "'");
    result.ids.push_back(id);
    if (rest == end)
      return Status::success();
    at = rest;
  }
}

Status Parser::readBenchPhases() {
  Result<BenchOptions> phases = parseBenchPhases(benchPhases);
  if (!phases.ok())
    return phases.status().withContext("--bench");
  phases->repetitions = result.bench.repetitions;
  result.bench = *phases;
  return Status::success();
}

Result<bool> Parser::parse(int argc, const char *const *argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &success) {
    app.exit(success);
    return true;
  } catch (const CLI::Error &error) {
    return Status::error(error.what());
  }
  MOEC_RETURN_IF_ERROR(checkChoice());
  if (result.command == Command::Ids)
    MOEC_RETURN_IF_ERROR(readIds());
  if (result.command == Command::Bench)
    MOEC_RETURN_IF_ERROR(readBenchPhases());
  return false;
}

} // namespace

Result<std::optional<CommandLine>>
moec::parseCommandLine(int argc, const char *const *argv,
                       const char *modelName) {
  std::string program = argc > 0 ? argv[0] : "app";
  CommandLine result;
  Parser parser(result, program, modelName);
  MOEC_ASSIGN_OR_RETURN(bool answered, parser.parse(argc, argv));
  if (answered)
    return std::optional<CommandLine>();
  return std::optional<CommandLine>(std::move(result));
}
