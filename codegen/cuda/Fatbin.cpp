//===- Fatbin.cpp - Device code of several architectures in one image ---------===//
//
// The layout that the toolkit's `fatbinary --compress=false` writes: a header of 16 bytes, and before each image a header of 64
// bytes (machine code) or 80 bytes (PTX).
//
//===------------------------------------------------------------------------===//

#include "codegen/cuda/Fatbin.h"

#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

#include <cctype>
#include <cstdlib>

using namespace moec;
using namespace moec::cuda;
using namespace llvm::support::endian;

namespace {

enum Kind : uint16_t { kPtx = 1, kElf = 2 };
constexpr uint32_t kMagic = 0xBA55ED50;
constexpr size_t kFileHeader = 16, kElfHeader = 64, kPtxHeader = 80;
constexpr size_t kAlignment = 8;

} // namespace

static void append(std::string &image, Kind kind, const std::string &arch,
                   const std::string &payload) {
  const size_t header = kind == kPtx ? kPtxHeader : kElfHeader;
  const size_t size = llvm::alignTo(payload.size(), kAlignment);
  char entry[kPtxHeader] = {};
  write16le(entry + 0, kind);
  write16le(entry + 2, 0x0101); // version
  write32le(entry + 4, header);
  write64le(entry + 8, size);
  // "sm_90a": the suffix is a flag.
  write32le(entry + 28, std::strtoul(arch.c_str() + 3, nullptr, 10));
  const bool isSpecific = !std::isdigit(arch.back());
  write32le(entry + 40, isSpecific ? 0x00100011 : 0x00000011);
  if (kind == kElf) {
    write16le(entry + 24, 8); // version of the ELF ABI
    write16le(entry + 26, 1);
  } else {
    // ".version 9.0"
    const size_t at = payload.find(".version ");
    char *end = nullptr;
    const unsigned long major =
        at == std::string::npos ? 0 : std::strtoul(&payload[at + 9], &end, 10);
    const unsigned long minor =
        end && *end == '.' ? std::strtoul(end + 1, nullptr, 10) : 0;
    write32le(entry + 20, 64); // where the options' length stands
    write16le(entry + 24, minor);
    write16le(entry + 26, major);
    write32le(entry + 64, 72); // options: none
  }
  image.append(entry, header);
  image.append(payload);
  image.append(size - payload.size(), '\0');
}

std::string cuda::makeFatbin(
    const std::vector<std::pair<std::string, Binary>> &architectures) {
  std::string image(kFileHeader, '\0');
  for (const auto &[arch, binary] : architectures) {
    append(image, kElf, arch, binary.cubin);
    // A reader of PTX needs the zero that ends it.
    append(image, kPtx, arch, binary.ptx + '\0');
  }
  write32le(&image[0], kMagic);
  write16le(&image[4], 1); // version
  write16le(&image[6], kFileHeader);
  write64le(&image[8], image.size() - kFileHeader);
  return image;
}
