//===- Main.cpp - moec --------------------------------------------------------===//

#include "tools/moec/Compile.h"
#include "tools/moec/Families.h"
#include "tools/moec/Inspect.h"
#include "tools/moec/Run.h"
#include "tools/moec/Synth.h"
#include "tools/moec/Tokenize.h"
#include "tools/moec/Verify.h"

#include "llvm/Support/WithColor.h"

#include <CLI/CLI.hpp>

int main(int argc, char **argv) {
  CLI::App app("moec: a compiler for Mixture-of-Experts transformers", "moec");
  app.set_version_flag("--version", "moec " MOEC_VERSION);
  app.require_subcommand(1);
  moec::Command command;
  moec::addCompileCommand(app, command);
  moec::addRunCommand(app, command);
  moec::addFamiliesCommand(app, command);
  moec::addInspectCommand(app, command);
  moec::addSynthCommand(app, command);
  moec::addTokenizeCommand(app, command);
  moec::addVerifyCommand(app, command);
  CLI11_PARSE(app, argc, argv);

  moec::Status status = command();
  if (!status.ok())
    llvm::WithColor::error(llvm::errs(), "moec") << status.message() << '\n';
  return status.ok() ? 0 : 1;
}
