//===- Compile.cpp - moec compile ---------------------------------------------===//

#include "tools/moec/Compile.h"

#include "tools/Register.h"
#include "tools/moec/Compiler.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

#include <CLI/CLI.hpp>

#include <map>
#include <memory>

using namespace moec;

Status moec::compile(const CompileOptions &options) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  return Compiler(context, options).run();
}

/// "cpu", or "cuda:" and architectures between commas.
static void parseTarget(const std::string &text,
                        std::vector<std::string> &architectures) {
  architectures.clear();
  llvm::StringRef target(text);
  if (target == "cpu")
    return;
  if (!target.consume_front("cuda:") || target.empty())
    throw CLI::ValidationError(
        "--target", "expected cpu, or cuda: and the architecture of the GPU, "
                    "for example cuda:sm_90a, got '" +
                        text + "'");
  for (llvm::StringRef arch : llvm::split(target, ','))
    architectures.push_back(arch.str());
}

void moec::addPipelineOptions(CLI::App &command, CompileOptions &options) {
  command.add_option_function<std::string>(
      "--target",
      [&options](const std::string &text) {
        parseTarget(text, options.pipeline.cuda);
      },
      "What to compile for: cpu (the default), or cuda:sm_90a, with further "
      "architectures behind commas");
  command
      .add_option("--activations", options.pipeline.activations,
                  "What matrices multiply: f32, or bf16 for tensor cores "
                  "(default: f32 on the CPU, bf16 with CUDA)")
      ->check(CLI::IsMember({"f32", "bf16"}));
  command
      .add_option("--cpu", options.pipeline.cpu,
                  "CPU to compile for, as LLVM names it (native: this one)")
      ->capture_default_str();
  command
      .add_option("--max-context", options.pipeline.maxContext,
                  "Positions of a sequence at most (default: the model's, up "
                  "to 4096); caches are allocated for them")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--max-tokens", options.pipeline.maxTokens,
                  "Tokens in a step at most; longer prompts are split")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      .add_option("--max-sequences", options.pipeline.maxSequences,
                  "Sequences in a step at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  addQuantizeOption(command, options.pipeline.quantizeBits);
}

void moec::addQuantizeOption(CLI::App &command, int64_t &bits) {
  static const std::map<std::string, int64_t> kinds{{"q8", 8}, {"q4", 4}};
  command
      .add_option("--quantize", bits,
                  "Weights of 8 or 4 bits with a scale for each 32, made from "
                  "those of the checkpoint (q4: the head has 8)")
      ->transform(CLI::CheckedTransformer(kinds));
}

static std::string describePhases() {
  std::string text = "Phases:\n";
  for (const PhaseInfo &info : getPhases()) {
    std::string name = info.name.str();
    name.resize(12, ' ');
    text += "  " + name + info.description.str() + "\n";
  }
  return text +
         "\nExamples:\n"
         "  moec compile DeepSeek-V3/ -o chat && ./chat --prompt 'Once'\n"
         "  moec compile DIR -o app --dump-phases out/\n"
         "  moec compile out/03-fuse.mlir --checkpoint DIR -o app\n";
}

void moec::addCompileCommand(CLI::App &app, Command &command) {
  auto options = std::make_shared<CompileOptions>();
  CLI::App *compileApp =
      app.add_subcommand("compile", "Compile a checkpoint to an executable");
  compileApp->footer(describePhases());
  compileApp
      ->add_option("source", options->source,
                   "Checkpoint folder (config.json, safetensors), or the dump "
                   "of a phase (.mlir)")
      ->required();
  compileApp->add_option("-o,--output", options->output,
                         "Executable to write (default: the folder's name)");
  compileApp->add_option("--checkpoint", options->checkpoint,
                         "Folder of the weights when the source is a dump");
  addPipelineOptions(*compileApp, *options);
  static const std::map<std::string, WeightsPlace> places{
      {"auto", WeightsPlace::Auto},
      {"inside", WeightsPlace::Inside},
      {"beside", WeightsPlace::Beside},
      {"none", WeightsPlace::None}};
  compileApp
      ->add_option("--weights", options->weights,
                   "Where weights go: inside the executable, beside it as "
                   "OUTPUT.weights, or auto: inside below 1 GiB")
      ->transform(CLI::CheckedTransformer(places));
  compileApp->add_flag_callback(
      "--no-weights", [options] { options->weights = WeightsPlace::None; },
      "Compile from config.json alone; the executable then needs --weights");
  compileApp->add_option("--dump-phases", options->dumpFolder,
                         "Folder for the module after each phase");
  compileApp->add_flag("--validate-passes", options->validatePasses,
                       "Interpret the model on random tokens before and after "
                       "each pass up to 'optimize' and compare (for small "
                       "models)");
  std::map<std::string, Phase> phases;
  for (const PhaseInfo &info : getPhases())
    phases[info.name.str()] = info.phase;
  compileApp
      ->add_option("--compile-to", options->last,
                   "Stop after this phase; -o then names a .mlir file")
      ->transform(CLI::CheckedTransformer(phases));
  compileApp->callback([options, &command] {
    command = [options]() -> Status {
      if (options->output.empty() && options->last == Phase::Link) {
        llvm::StringRef source(options->source);
        source.consume_back("/");
        options->output = llvm::sys::path::stem(source).str() + ".out";
      }
      return compile(*options);
    };
  });
}
