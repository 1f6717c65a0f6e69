//===- ConfigFuzz.cpp - config.json becomes a module ----------------------===//

#include "frontend/Import.h"
#include "frontend/Summary.h"
#include "support/Json.h"
#include "test/fuzz/MemoryFile.h"

#include <string_view>

using namespace moec;

/// Equal layers add nothing but time.
static bool isDeep(std::string_view text) {
  Result<Json> json = parseJson(text, "config.json");
  if (!json.ok())
    return false;
  const Json *layers = findMember(*json, "num_hidden_layers");
  return layers && layers->is_number() && layers->get<double>() > 8;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (isDeep({reinterpret_cast<const char *>(data), size}))
    return 0;
  fuzz::MemoryFile input(data, size);
  ImportOptions options;
  options.configOnly = true;
  options.config = input.name();
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = importCheckpoint(context, fuzz::MemoryFile::folder(), options);
  if (module.ok() && !summarize(**module).ok())
    std::abort();
  return 0;
}
