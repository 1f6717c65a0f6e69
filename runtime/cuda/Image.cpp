//===- Image.cpp - What a device module was compiled for ------------------===//
//
// A fat binary, little endian: a header of 16 bytes (magic, version, size of the
// header, size of what follows) and entries, each of a header and a payload:
//
//   bytes 0-1   1 PTX, 2 machine code         bytes 8-15   size of the payload
//   bytes 4-7   size of this header           bytes 24-27  of PTX its version:
//   bytes 28-31 architecture, e.g. 90                      minor, major
//
//===------------------------------------------------------------------------===//

#include "runtime/cuda/Image.h"

#include <cstring>
#include <string_view>

using namespace moec;

namespace {

class Bytes {
public:
  Bytes(const void *data, int64_t size)
      : text(static_cast<const char *>(data),
             static_cast<size_t>(size > 0 ? size : 0)) {}

  template <typename T>
  T read(uint64_t offset) const {
    T value = 0;
    if (has(offset, sizeof value))
      std::memcpy(&value, text.data() + offset, sizeof value);
    return value;
  }
  bool has(uint64_t offset, uint64_t size) const {
    return offset <= text.size() && size <= text.size() - offset;
  }

  std::string_view text;
};

} // namespace

static std::string describeFatBinary(const Bytes &bytes) {
  constexpr uint64_t least = 32;
  std::string description;
  uint64_t at = bytes.read<uint16_t>(6);
  while (bytes.has(at, least)) {
    const auto header = bytes.read<uint32_t>(at + 4);
    const auto payload = bytes.read<uint64_t>(at + 8);
    if (header < least || !bytes.has(at + header, payload))
      break;
    const bool isPtx = bytes.read<uint16_t>(at) == 1;
    description += std::string(description.empty() ? "" : ", ") +
                   (isPtx ? "PTX for sm_" : "machine code for sm_") +
                   std::to_string(bytes.read<uint32_t>(at + 28));
    if (isPtx)
      description += " (PTX " + std::to_string(bytes.read<uint16_t>(at + 26)) +
                     "." + std::to_string(bytes.read<uint16_t>(at + 24)) + ")";
    at += header + payload;
  }
  return description.empty() ? "an empty fat binary" : description;
}

/// The word after a directive of PTX.
static std::string directive(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  if (at == std::string_view::npos)
    return "?";
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return std::string(text.substr(0, text.find_first_of(", \t\r\n")));
}

std::string moec::cuda::describeImage(const void *image, int64_t size) {
  const Bytes bytes(image, size);
  if (bytes.read<uint32_t>(0) == 0xBA55ED50)
    return describeFatBinary(bytes);
  if (bytes.text.substr(0, 4) == "\x7f"
                                 "ELF")
    return "machine code";
  if (bytes.text.find(".version") != std::string_view::npos)
    return "PTX for " + directive(bytes.text, ".target") + " (PTX " +
           directive(bytes.text, ".version") + ")";
  return "an image of unknown form";
}
