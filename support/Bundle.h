//===- Bundle.h - Named sections behind an executable or in a file --------===//
//
// What an executable needs beside its code: tokenizer, generation defaults and
// packed weights. A bundle is appended to the ELF file (the loader ignores what
// follows the last segment) or stands alone as `APP.weights`:
//
//   <whatever was there before>, padding to 4096
//   section, padding to 4096, section, …          each section starts at a
//   multiple of 4096 of the file index: JSON {"format":1, "id":"…",
//   "sections":{"name":[offset, bytes], …}} trailer, 24 bytes: u64 index
//   offset, u64 index bytes, "MOECPACK"
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_BUNDLE_H
#define MOEC_SUPPORT_BUNDLE_H

#include "support/MappedFile.h"
#include "support/Status.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace moec {

/// Appends sections to a file, streaming: begin, write…, begin, write…, finish;
/// or a section whose size is known at any place in it: reserve, writeAt….
/// The caller owns the file's name (it writes to a temporary one and renames
/// after `finish`).
class BundleWriter {
public:
  /// Opens `path` for appending, creating it when it does not exist.
  static Result<BundleWriter> append(const std::string &path);
  BundleWriter(BundleWriter &&);
  BundleWriter &operator=(BundleWriter &&);
  ~BundleWriter();

  Status beginSection(const std::string &name);
  Status write(const void *data, uint64_t bytes);
  /// Begins a section of `bytes` zeros, to be filled by writeAt. Its room on the
  /// disk is taken at once, or the error tells how much is needed and free.
  Status reserveSection(const std::string &name, uint64_t bytes);
  /// Writes at `offset` of the section that was reserved last; several threads
  /// may do so at once.
  Status writeAt(uint64_t offset, const void *data, uint64_t bytes) const;
  /// Writes the index and the trailer, and flushes to the disk.
  Status finish(const std::string &id);

private:
  struct Impl;
  explicit BundleWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// A section of an open bundle.
struct BundleSection {
  const uint8_t *data = nullptr;
  uint64_t bytes = 0;
};

/// A mapped bundle.
class Bundle {
public:
  static Result<Bundle> open(const std::string &path);

  const std::string &id() const { return bundleId; }
  const BundleSection *find(const std::string &name) const;

private:
  std::shared_ptr<MappedFile> mapping;
  std::string bundleId;
  std::map<std::string, BundleSection> sections;
};

} // namespace moec

#endif // MOEC_SUPPORT_BUNDLE_H
