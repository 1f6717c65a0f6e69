//===- FatbinFuzz.cpp - Fat binaries, cubins and PTX of modules -----------===//

#include "simulator/driver/Fatbin.h"

#include <cstdlib>

using namespace moec::cudasim;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span<const std::byte> image(reinterpret_cast<const std::byte *>(data),
                                   size);
  for (Architecture device : {Architecture{80, 0}, Architecture{90, 'a'}}) {
    Selection selection = selectImage(image, device);
    bool found = selection.outcome == Selection::Outcome::Found;
    if (found == !selection.message.empty())
      std::abort();
    if (found && !ptxRunsOn(selection.image.target, device))
      std::abort();
  }
  return 0;
}
