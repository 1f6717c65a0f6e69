//===- Compiler.cpp - From a checkpoint to an executable ----------------------===//

#include "tools/moec/Compiler.h"

#include "codegen/host/EmitObject.h"
#include "codegen/host/Link.h"
#include "frontend/Import.h"
#include "frontend/ModelFiles.h"
#include "frontend/Weights.h"
#include "tools/moec/ProgressBar.h"
#include "tools/moec/OutputFile.h"
#include "tools/moec/WriteModule.h"

#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA1.h"

using namespace mlir;
using namespace moec;

/// Weights go inside the executable below this size.
static constexpr int64_t kMostBytesInside = int64_t(1) << 30;

/// What an executable takes on the disk at most, without its weights.
static constexpr uint64_t kExecutableBytes = uint64_t(1) << 23;

//===--------------------------------------------------------------------------===//
// Loading
//===--------------------------------------------------------------------------===//

Status Compiler::load() {
  if (llvm::sys::fs::is_directory(options.source)) {
    ImportOptions import;
    import.configOnly = !hasWeights();
    MOEC_ASSIGN_OR_RETURN(module,
                          importCheckpoint(context, options.source, import));
    setPhase(*module, Phase::Import);
    return dump(Phase::Import);
  }
  if (!llvm::sys::fs::exists(options.source))
    return Status::error("cannot find '" + options.source +
                         "': expected a checkpoint folder or a .mlir file");
  module = parseSourceFile<ModuleOp>(options.source, &context);
  if (!module)
    return Status::error("cannot read '" + options.source +
                         "' as a module; a checkpoint is given by its folder");
  return Status::success();
}

/// The folder that the packer reads.
Status Compiler::openCheckpoint() {
  bool isFolder = llvm::sys::fs::is_directory(options.source);
  const std::string &folder = isFolder ? options.source : options.checkpoint;
  if (folder.empty())
    return Status::error("'" + options.source +
                         "' has no weights: name their folder with "
                         "--checkpoint, or give --weights none");
  MOEC_ASSIGN_OR_RETURN(tensors, SafeTensorsFolder::open(folder));
  return Status::success();
}

//===--------------------------------------------------------------------------===//
// Phases
//===--------------------------------------------------------------------------===//

Status Compiler::dump(Phase phase) {
  if (options.dumpFolder.empty())
    return Status::success();
  if (std::error_code error =
          llvm::sys::fs::create_directories(options.dumpFolder))
    return Status::error("cannot create '" + options.dumpFolder +
                         "': " + error.message());
  std::string path = llvm::formatv("{0}/{1,0+2}-{2}.mlir", options.dumpFolder,
                                   int(phase), getPhaseInfo(phase).name)
                         .str();
  return writeModule(*module, path);
}

Status Compiler::runPhase(Phase phase) {
  if (phase == Phase::Lower && tensors)
    setWeightsId();
  PassManager manager(&context);
  PipelineOptions pipeline = options.pipeline;
  if (!options.dumpFolder.empty())
    pipeline.kernelDumpFolder = options.dumpFolder + "/kernels";
  buildPhase(manager, phase, pipeline);
  std::optional<PassValidator> validator;
  if (options.validatePasses && phase <= Phase::Optimize) {
    validator.emplace(*tensors);
    MOEC_RETURN_IF_ERROR(validator->attach(manager, *module));
  }
  if (failed(manager.run(*module)))
    return Status::error("phase '" + getPhaseInfo(phase).name.str() +
                         "' failed for '" + options.source + "'");
  if (validator)
    MOEC_RETURN_IF_ERROR(validator->verdict());
  return dump(phase);
}

Status Compiler::run() {
  MOEC_RETURN_IF_ERROR(load());
  if (options.validatePasses && !hasWeights())
    return Status::error("--validate-passes interprets the model: give its "
                         "weights");
  if (options.validatePasses || (hasWeights() && options.last >= Phase::Lower))
    MOEC_RETURN_IF_ERROR(openCheckpoint());
  Phase done = getPhase(*module);
  for (const PhaseInfo &info : getPhases())
    if (info.phase > done && info.phase <= options.last &&
        info.phase != Phase::Link)
      MOEC_RETURN_IF_ERROR(runPhase(info.phase));
  if (options.last == Phase::Link)
    return link();
  if (options.output.empty())
    return Status::success();
  return writeModule(*module, options.output);
}

/// The id that ties an executable to its weights: a hash of the plan of the
/// weight file and of a sample of each tensor.
void Compiler::setWeightsId() {
  llvm::SHA1 hash;
  for (auto weight : module->getOps<moe::WeightOp>()) {
    std::string text;
    llvm::raw_string_ostream(text) << weight;
    hash.update(text);
  }
  for (const auto &[name, tensor] : tensors->tensors()) {
    size_t sample = std::min<uint64_t>(tensor.bytes, 256);
    hash.update(name);
    hash.update(ArrayRef(tensor.data, sample));
    hash.update(ArrayRef(tensor.data + tensor.bytes - sample, sample));
  }
  NamedAttrList model(
      (*module)->getAttrOfType<DictionaryAttr>(moe::kModelAttr));
  model.set("id", StringAttr::get(&context, llvm::toHex(hash.final(), true)));
  (*module)->setAttr(moe::kModelAttr, model.getDictionary(&context));
}

//===--------------------------------------------------------------------------===//
// Linking
//===--------------------------------------------------------------------------===//

static int64_t countWeightBytes(ModuleOp module) {
  int64_t bytes = 0;
  for (auto weight : module.getOps<moe::WeightOp>())
    bytes += packedBytes(weight);
  return bytes;
}

Status Compiler::pack(BundleWriter &writer) {
  ProgressBar bar("packing weights");
  return packWeights(
      *module, *tensors, writer,
      [&](uint64_t done, uint64_t total) { bar.update(done, total); });
}

Status Compiler::writeSections(const std::string &executable,
                               const std::string &weightsFile) {
  auto model = (*module)->getAttrOfType<DictionaryAttr>(moe::kModelAttr);
  auto idAttr = model ? model.getAs<StringAttr>("id") : StringAttr();
  std::string id = idAttr ? idAttr.str() : "";
  MOEC_ASSIGN_OR_RETURN(auto writer, BundleWriter::append(executable));
  bool isFolder = llvm::sys::fs::is_directory(options.source);
  const std::string &folder = isFolder ? options.source : options.checkpoint;
  if (!folder.empty()) {
    MOEC_ASSIGN_OR_RETURN(auto files, readModelFiles(folder));
    for (const auto &[name, text] : files) {
      MOEC_RETURN_IF_ERROR(writer.beginSection(name));
      MOEC_RETURN_IF_ERROR(writer.write(text.data(), text.size()));
    }
  }
  if (hasWeights() && weightsFile.empty())
    MOEC_RETURN_IF_ERROR(pack(writer));
  MOEC_RETURN_IF_ERROR(writer.finish(id));
  if (!hasWeights() || weightsFile.empty())
    return Status::success();
  MOEC_ASSIGN_OR_RETURN(auto beside, BundleWriter::append(weightsFile));
  MOEC_RETURN_IF_ERROR(pack(beside));
  return beside.finish(id);
}

/// The linker writes to a mapping of its output, which ends the process when the
/// disk is full; so that is looked at before.
static Status expectRoomForExecutable(const std::string &output) {
  llvm::SmallString<128> folder(output);
  llvm::sys::path::remove_filename(folder);
  if (folder.empty())
    folder = ".";
  llvm::ErrorOr<llvm::sys::fs::space_info> space =
      llvm::sys::fs::disk_space(folder);
  if (!space || space->available >= kExecutableBytes)
    return Status::success();
  return Status::error(output + ": no space left on its file system: " +
                       std::to_string(kExecutableBytes) +
                       " bytes are needed, " +
                       std::to_string(space->available) + " are free");
}

Status Compiler::link() {
  MOEC_RETURN_IF_ERROR(expectRoomForExecutable(options.output));
  WeightsPlace place = options.weights;
  if (place == WeightsPlace::Auto)
    place = countWeightBytes(*module) < kMostBytesInside ? WeightsPlace::Inside
                                                         : WeightsPlace::Beside;
  OutputFile object(options.output + ".o");
  OutputFile executable(options.output);
  OutputFile weights(options.output + ".weights");
  if (failed(host::emitObject(*module, object.getPath())))
    return Status::error("cannot generate code for '" + options.source + "'");
  MOEC_RETURN_IF_ERROR(host::linkExecutable(
      object.getPath(), executable.getPath(), host::findRuntimeFolder()));
  bool beside = place == WeightsPlace::Beside;
  MOEC_RETURN_IF_ERROR(
      writeSections(executable.getPath(), beside ? weights.getPath() : ""));
  if (beside)
    MOEC_RETURN_IF_ERROR(weights.keep());
  return executable.keep();
}
