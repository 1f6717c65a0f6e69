//===- Synth.cpp - moec synth -----------------------------------------------===//
//
// A checkpoint of random weights from a configuration alone, to measure and
// test with models of any size. It is written beside its final name and
// imported once before it gets it.
//
//===----------------------------------------------------------------------===//

#include "tools/moec/Synth.h"

#include "frontend/Import.h"
#include "frontend/Synthesize.h"
#include "tools/moec/OutputFile.h"
#include "tools/moec/ProgressBar.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <CLI/CLI.hpp>

#include <csignal>
#include <memory>
#include <unistd.h>

using namespace llvm;

namespace moec {
namespace {

struct SynthOptions {
  std::string source;
  std::string output;
  std::string dtype = "bf16";
  uint64_t seed = 0;
};

volatile std::sig_atomic_t interrupted = 0;

/// The first signal ends the work in order, the second the process.
void handleInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  for (int signal : {SIGINT, SIGTERM, SIGHUP})
    sigaction(signal, &action, nullptr);
}

/// A folder that is deleted again unless it gets its final name.
class TemporaryFolder {
public:
  static Result<std::unique_ptr<TemporaryFolder>>
  create(const std::string &finalName) {
    // An empty folder may be replaced.
    std::error_code error;
    bool isEmpty = sys::fs::is_directory(finalName) &&
                   sys::fs::directory_iterator(finalName, error) ==
                       sys::fs::directory_iterator();
    if (sys::fs::exists(finalName) && (!isEmpty || error))
      return Status::error("'" + finalName +
                           "' is there already: expected a new folder");
    StringRef name(finalName);
    while (name.consume_back("/"))
      ;
    std::string path = temporaryName(name.str());
    error = sys::fs::create_directory(path, /*IgnoreExisting=*/false,
                                      sys::fs::all_all);
    if (error)
      return Status::error("cannot create '" + path + "': " + error.message());
    return std::unique_ptr<TemporaryFolder>(
        new TemporaryFolder(finalName, path));
  }
  ~TemporaryFolder() { sys::fs::remove_directories(path); }

  const std::string &getPath() const { return path; }
  Status keep() {
    if (std::error_code error = sys::fs::rename(path, finalName))
      return Status::error("cannot rename '" + path + "' to '" + finalName +
                           "': " + error.message());
    return Status::success();
  }

private:
  TemporaryFolder(const std::string &finalName, const std::string &path)
      : finalName(finalName), path(path) {}

  std::string finalName, path;
};

Status synthesize(const SynthOptions &options) {
  SmallString<128> config(options.source);
  if (sys::fs::is_directory(config))
    sys::path::append(config, "config.json");
  ImportOptions import;
  import.configOnly = true;
  import.dtype = parseDType(StringRef(options.dtype).upper());
  import.config = sys::path::filename(config).str();
  std::string folder = sys::path::parent_path(config).str();

  std::vector<RandomTensor> tensors;
  {
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    MOEC_ASSIGN_OR_RETURN(
        auto module,
        importCheckpoint(context, folder.empty() ? "." : folder, import));
    MOEC_ASSIGN_OR_RETURN(tensors, listRandomTensors(*module));
  }

  handleInterrupts();
  MOEC_ASSIGN_OR_RETURN(auto output, TemporaryFolder::create(options.output));
  const std::string &path = output->getPath();
  if (std::error_code error = sys::fs::copy_file(config, path + "/config.json"))
    return Status::error("cannot copy '" + std::string(config) + "' to '" +
                         path + "': " + error.message());
  SynthesisOptions synthesis;
  synthesis.seed = options.seed;
  auto bar = std::make_unique<ProgressBar>("writing weights");
  auto show = [&](uint64_t done, uint64_t total) {
    bar->update(done, total);
    return !interrupted;
  };
  synthesis.progress = show;
  MOEC_RETURN_IF_ERROR(writeRandomTensors(tensors, path, synthesis));
  bar.reset();

  // What was written is what the configuration demands.
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  MOEC_RETURN_IF_ERROR(importCheckpoint(context, path).status());
  return output->keep();
}

} // namespace

void addSynthCommand(CLI::App &app, Command &command) {
  auto options = std::make_shared<SynthOptions>();
  CLI::App *synth = app.add_subcommand(
      "synth", "Write a checkpoint of random weights for a configuration");
  synth->footer("Examples:\n"
                "  moec synth config.json -o random/\n"
                "  moec synth DeepSeek-V2-Lite/ -o random/ --seed 1\n"
                "  moec compile random/ -o app && ./app --ids 1,2,3 -n 16\n");
  synth
      ->add_option("config", options->source,
                   "config.json, or the folder that has it")
      ->required();
  synth->add_option("-o,--output", options->output, "Folder to write")
      ->required();
  synth
      ->add_option("--dtype", options->dtype,
                   "Type of the elements: bf16, f16 or f32")
      ->check(CLI::IsMember({"bf16", "f16", "f32"}))
      ->capture_default_str();
  synth->add_option("--seed", options->seed, "Same seed, same weights")
      ->capture_default_str();
  synth->callback([options, &command] {
    command = [options] { return synthesize(*options); };
  });
}

} // namespace moec
