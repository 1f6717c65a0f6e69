//===- Image.h - What a device module was compiled for --------------------===//
#ifndef MOEC_RUNTIME_CUDA_IMAGE_H
#define MOEC_RUNTIME_CUDA_IMAGE_H

#include <cstdint>
#include <string>

namespace moec::cuda {

/// "machine code for sm_90, PTX for sm_90 (PTX 8.7)", for messages: the driver
/// alone decides what of it runs. The image is a fat binary, PTX as text (ending
/// with a zero) or machine code; of the last the architecture is not known.
std::string describeImage(const void *image, int64_t bytes);

} // namespace moec::cuda

#endif // MOEC_RUNTIME_CUDA_IMAGE_H
