//===- Fatbin.h - Reads fat binaries and cubins ---------------------------===//
//
// A module as the driver API receives it: a fat binary (PTX texts and cubins for
// several architectures), one PTX text, or one cubin. The simulator executes
// PTX; from the cubin of the same compilation it takes what only ptxas knows
// (registers, static shared memory, layout of the parameters). Whatever the
// bytes say is checked against their end before it is used.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_DRIVER_FATBIN_H
#define MOEC_SIMULATOR_DRIVER_FATBIN_H

#include "support/Status.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moec::cudasim {

/// sm_90a: 90 and 'a'. The suffix is 'a' (this architecture alone), 'f' (its
/// family) or 0.
struct Architecture {
  unsigned number = 0;
  char suffix = 0;

  unsigned major() const { return number / 10; }
  unsigned minor() const { return number % 10; }
  std::string text() const; // "sm_90a"
  /// "sm_90a" or "compute_90a"; number 0 if it is none.
  static Architecture parse(std::string_view text);
  bool operator==(const Architecture &) const = default;
};

/// What the cubin says of one kernel. Zero or empty: the cubin does not say.
struct KernelResources {
  struct Parameter {
    uint32_t offset = 0, bytes = 0;
  };
  uint32_t registers = 0;
  uint32_t sharedBytes = 0; // static
  uint32_t localBytes = 0;  // stack frame of a thread
  uint32_t parameterBytes = 0;
  std::vector<Parameter> parameters; // by ordinal
  uint32_t maxThreads[3] = {};       // of .maxntid
  uint32_t requiredThreads[3] = {};  // of .reqntid
};

struct Cubin {
  Architecture architecture;
  std::map<std::string, KernelResources, std::less<>> kernels;
};

struct FatbinEntry {
  enum class Kind { Ptx, Cubin } kind;
  /// Its number alone: the suffix is in the payload.
  Architecture architecture;
  std::span<const std::byte> payload;
};

/// Bytes of the image at `data`, which the driver API passes without a size:
/// from its header (fat binary, ELF) or its terminating zero (PTX). Zero if it
/// is none of the three or larger than 1 GiB.
uint64_t imageBytes(const void *data);

/// Entries of a fat binary. Compressed payloads are an error.
Result<std::vector<FatbinEntry>> readFatbin(std::span<const std::byte> image);

Result<Cubin> readCubin(std::span<const std::byte> image);

/// `.target` of a PTX text; number 0 if it has none.
Architecture ptxTarget(std::string_view text);

/// Whether a driver would compile PTX for `target` on a device of architecture
/// `device`: an older or equal target without suffix; of the family with 'f';
/// exactly this one with 'a'.
bool ptxRunsOn(Architecture target, Architecture device);

/// The PTX that runs on `device` out of an image of any of the three kinds, and
/// the cubin of the same compilation if there is one.
struct SelectedImage {
  std::string ptx;
  Architecture target;
  Cubin cubin; // empty when there is none
};
struct Selection {
  /// What cuModuleLoadData answers.
  enum class Outcome { Found, NoBinary, InvalidImage, InvalidPtx } outcome;
  SelectedImage image; // when found
  std::string message; // otherwise: why, for stderr
};
Selection selectImage(std::span<const std::byte> image, Architecture device);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_DRIVER_FATBIN_H
