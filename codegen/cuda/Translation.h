//===- Translation.h - moe-translate --kernel-to-cuda -------------------------===//

#ifndef MOEC_CODEGEN_CUDA_TRANSLATION_H
#define MOEC_CODEGEN_CUDA_TRANSLATION_H

namespace moec::cuda {

/// Registers the translation of a module whose kernels have launches to its CUDA C++.
void registerCudaTranslation();

} // namespace moec::cuda

#endif // MOEC_CODEGEN_CUDA_TRANSLATION_H
