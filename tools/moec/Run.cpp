//===- Run.cpp - moec run -----------------------------------------------------===//
//
// Compiles into a cache and runs the executable. The cache key covers the
// checkpoint's files (name, size, time of change), the options and the compiler
// itself.
//
//===------------------------------------------------------------------------===//

#include "tools/moec/Run.h"

#include "tools/moec/Compile.h"
#include "tools/moec/Compiler.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA1.h"

#include <CLI/CLI.hpp>

#include <cstring>
#include <memory>
#include <unistd.h>

using namespace moec;

namespace {

/// Hashes what a file is without reading it.
void addFile(llvm::SHA1 &hash, const std::string &path) {
  llvm::sys::fs::file_status status;
  if (llvm::sys::fs::status(path, status))
    return;
  auto time = status.getLastModificationTime().time_since_epoch().count();
  hash.update(path + ":" + std::to_string(status.getSize()) + ":" +
              std::to_string(time) + "\n");
}

std::string cacheKey(const CompileOptions &options) {
  llvm::SHA1 hash;
  addFile(hash, llvm::sys::fs::getMainExecutable(nullptr, nullptr));
  std::vector<std::string> files;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(options.source, error), end;
       it != end && !error; it.increment(error))
    files.push_back(it->path());
  llvm::sort(files);
  for (const std::string &file : files)
    addFile(hash, file);
  const PipelineOptions &pipeline = options.pipeline;
  for (const std::string &arch : pipeline.cuda)
    hash.update(arch + ":");
  hash.update(pipeline.activations + ":" + pipeline.cpu + ":" + std::to_string(pipeline.maxTokens) + ":" +
              std::to_string(pipeline.maxSequences) + ":" +
              std::to_string(pipeline.maxContext) + ":" +
              std::to_string(pipeline.quantizeBits));
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

/// $XDG_CACHE_HOME/moec or ~/.cache/moec.
Status findCacheFolder(std::string &folder) {
  llvm::SmallString<128> path;
  if (!llvm::sys::path::cache_directory(path))
    return Status::error("cannot find a cache folder: set HOME or "
                         "XDG_CACHE_HOME");
  llvm::sys::path::append(path, "moec");
  if (std::error_code error = llvm::sys::fs::create_directories(path))
    return Status::error("cannot create '" + std::string(path) +
                         "': " + error.message());
  folder = std::string(path);
  return Status::success();
}

Status runModel(CompileOptions &options, std::vector<std::string> arguments) {
  if (!llvm::sys::fs::is_directory(options.source))
    return Status::error("cannot find the checkpoint folder '" +
                         options.source + "'");
  llvm::SmallString<128> source(options.source);
  llvm::sys::fs::make_absolute(source);
  options.source = std::string(source);
  std::string folder;
  MOEC_RETURN_IF_ERROR(findCacheFolder(folder));
  options.output = folder + "/" + cacheKey(options);
  if (!llvm::sys::fs::exists(options.output))
    MOEC_RETURN_IF_ERROR(compile(options));

  std::vector<char *> argv{options.output.data()};
  for (std::string &argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(options.output.c_str(), argv.data());
  return Status::error("cannot run '" + options.output +
                       "': " + std::strerror(errno));
}

} // namespace

void moec::addRunCommand(CLI::App &app, Command &command) {
  auto options = std::make_shared<CompileOptions>();
  CLI::App *run = app.add_subcommand(
      "run", "Compile a checkpoint into a cache, then run it");
  run->footer("What follows the folder goes to the executable:\n"
              "  moec run DIR --prompt 'Once upon a time' -n 64");
  run->add_option("source", options->source, "Checkpoint folder")->required();
  addPipelineOptions(*run, *options);
  // The executable's own options are unknown here.
  run->prefix_command();
  run->callback([options, run, &command] {
    command = [options, arguments = run->remaining()] {
      return runModel(*options, arguments);
    };
  });
}
