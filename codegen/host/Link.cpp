//===- Link.cpp - Linking the executable --------------------------------------===//

#include "codegen/host/Link.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <vector>

LLD_HAS_DRIVER(elf)

using namespace moec;

std::string host::findRuntimeFolder() {
  llvm::SmallString<256> folder(
      llvm::sys::fs::getMainExecutable(nullptr, nullptr));
  llvm::sys::path::remove_filename(folder);
  llvm::sys::path::append(folder, "..", "lib", "moec");
  llvm::sys::path::remove_dots(folder, /*remove_dot_dot=*/true);
  return std::string(folder);
}

Status host::linkExecutable(const std::string &object,
                            const std::string &output,
                            const std::string &runtimeFolder) {
  auto file = [&](const char *name) { return runtimeFolder + "/" + name; };
  std::vector<std::string> arguments{"ld.lld",
                                     "-pie",
                                     "--gc-sections",
                                     "--build-id=none",
                                     "--eh-frame-hdr", // or a throw aborts
                                     "--as-needed",
                                     "-dynamic-linker",
                                     "/lib64/ld-linux-x86-64.so.2",
                                     "-o",
                                     output,
                                     file("Scrt1.o"),
                                     file("crti.o"),
                                     file("crtbeginS.o"),
                                     file("libasan.so"),
                                     file("libubsan.so"),
                                     object,
                                     "--start-group",
                                     file("libmoert_main.a"),
                                     file("libmoert.a"),
                                     file("libmoec-support.a"),
                                     file("libpcre2-8.a"),
                                     file("libutf8proc.a"),
                                     file("libstdc++.a"),
                                     file("libgcc.a"),
                                     file("libgcc_eh.a"),
                                     file("libc.so.6"),
                                     file("libm.so.6"),
                                     file("libc_nonshared.a"),
                                     file("ld-linux-x86-64.so.2"),
                                     "--end-group",
                                     file("crtendS.o"),
                                     file("crtn.o")};
  // The runtime was built without it, or without sanitizers.
  auto isOptional = [&](const std::string &path) {
    return path == file("libutf8proc.a") || path == file("libasan.so") ||
           path == file("libubsan.so");
  };
  std::vector<const char *> argv;
  for (const std::string &argument : arguments) {
    bool isInput = argument.rfind(runtimeFolder, 0) == 0;
    if (!isInput || llvm::sys::fs::exists(argument))
      argv.push_back(argument.c_str());
    else if (!isOptional(argument))
      return Status::error("cannot find '" + argument +
                           "', a part of moec's runtime; install moec with its "
                           "folder lib/moec");
  }
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  lld::Result result =
      lld::lldMain(argv, llvm::nulls(), stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return Status::error("cannot link '" + output + "': " + messages);
  return Status::success();
}
