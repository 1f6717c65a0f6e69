//===- Fatbin.h - Device code of several architectures in one image -----------===//

#ifndef MOEC_CODEGEN_CUDA_FATBIN_H
#define MOEC_CODEGEN_CUDA_FATBIN_H

#include "codegen/cuda/Nvrtc.h"

#include <string>
#include <utility>
#include <vector>

namespace moec::cuda {

/// An image that cuModuleLoadData takes: for each architecture its machine code, which a GPU of that architecture runs, and the
/// PTX, which the driver compiles for later ones. Nothing is compressed.
std::string
makeFatbin(const std::vector<std::pair<std::string, Binary>> &architectures);

} // namespace moec::cuda

#endif // MOEC_CODEGEN_CUDA_FATBIN_H
