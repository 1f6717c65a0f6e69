//===- Translation.cpp - moe-translate --import-checkpoint ----------------===//

#include "frontend/Translation.h"

#include "frontend/Import.h"

#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace moec;
using namespace mlir;

static OwningOpRef<Operation *>
importFile(llvm::SourceMgr &sources, MLIRContext *context, bool configOnly) {
  // What is wanted is the folder; a translation is given a file.
  StringRef path =
      sources.getMemoryBuffer(sources.getMainFileID())->getBufferIdentifier();
  StringRef folder = llvm::sys::path::parent_path(path);
  ImportOptions options;
  options.configOnly = configOnly;
  options.config = llvm::sys::path::filename(path);
  auto module =
      importCheckpoint(*context, folder.empty() ? "." : folder.str(), options);
  if (module.ok())
    return OwningOpRef<Operation *>(module->release());
  emitError(UnknownLoc::get(context)) << module.message();
  return {};
}

void moec::registerImportTranslation() {
  static llvm::cl::opt<bool> configOnly(
      "config-only",
      llvm::cl::desc("Import a checkpoint from its configuration alone"));
  static TranslateToMLIRRegistration registration(
      "import-checkpoint", "import the checkpoint whose config.json is given",
      [](llvm::SourceMgr &sources, MLIRContext *context) {
        return importFile(sources, context, configOnly);
      });
}
