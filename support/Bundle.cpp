//===- Bundle.cpp - Named sections behind an executable or in a file ------===//
#include "support/Bundle.h"

#include "support/Json.h"
#include "support/Utf8.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace moec;

namespace {

constexpr uint64_t alignment = 4096;
constexpr int64_t formatVersion = 1;

struct Trailer {
  uint64_t indexOffset;
  uint64_t indexBytes;
  char magic[8];
};
static_assert(sizeof(Trailer) == 24);
constexpr char magic[8] = {'M', 'O', 'E', 'C', 'P', 'A', 'C', 'K'};

} // namespace

//===- Writing ------------------------------------------------------------===//

struct BundleWriter::Impl {
  std::string path;
  int fd = -1;
  /// The end of what was written or reserved.
  uint64_t offset = 0;
  /// Name, offset and bytes; the last one is open.
  struct Section {
    std::string name;
    uint64_t offset;
    uint64_t bytes;
  };
  std::vector<Section> sections;

  ~Impl() {
    if (fd >= 0)
      ::close(fd);
  }

  Status failed(const char *what) const {
    return Status::error(path + ": " + what + ": " + std::strerror(errno));
  }
  /// Bytes that the file system can still take; none when it does not tell.
  std::optional<uint64_t> freeBytes() const {
    struct statvfs info;
    if (::fstatvfs(fd, &info) != 0)
      return std::nullopt;
    return uint64_t(info.f_bavail) * info.f_frsize;
  }
  Status tooSmall(uint64_t needed) const {
    std::optional<uint64_t> free = freeBytes();
    return Status::error(
        path + ": no space left on its file system: " + std::to_string(needed) +
        " bytes are needed" +
        (free ? ", " + std::to_string(*free) + " are free" : ""));
  }

  Status writeAt(uint64_t place, const void *data, uint64_t bytes) const {
    const char *rest = static_cast<const char *>(data);
    while (bytes != 0) {
      ssize_t written = ::pwrite(fd, rest, bytes, off_t(place));
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0 && errno == ENOSPC)
        return tooSmall(bytes);
      if (written <= 0)
        return failed("cannot write");
      rest += written;
      place += written;
      bytes -= written;
    }
    return Status::success();
  }
  Status put(const void *data, uint64_t bytes) {
    MOEC_RETURN_IF_ERROR(writeAt(offset, data, bytes));
    offset += bytes;
    return Status::success();
  }
  /// Zeros of which every byte has its place on the disk.
  Status reserve(uint64_t bytes) {
    if (bytes == 0)
      return Status::success();
    if (bytes > uint64_t(INT64_MAX) - offset)
      return tooSmall(bytes);
    // Asked first, so that a disk is not filled up to find that it is too small.
    std::optional<uint64_t> free = freeBytes();
    if (free && *free < bytes)
      return tooSmall(bytes);
    if (::fallocate(fd, 0, off_t(offset), off_t(bytes)) != 0) {
      if (errno == ENOSPC)
        return tooSmall(bytes);
      // Not every file system can promise room.
      if (errno != EOPNOTSUPP || ::ftruncate(fd, off_t(offset + bytes)) != 0)
        return failed("cannot reserve space");
    }
    offset += bytes;
    return Status::success();
  }
  Status align() {
    static const char zeros[alignment] = {};
    return put(zeros, (alignment - offset % alignment) % alignment);
  }
};

BundleWriter::BundleWriter(std::unique_ptr<Impl> impl)
    : impl(std::move(impl)) {}
BundleWriter::BundleWriter(BundleWriter &&) = default;
BundleWriter &BundleWriter::operator=(BundleWriter &&) = default;
BundleWriter::~BundleWriter() = default;

Result<BundleWriter> BundleWriter::append(const std::string &path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (impl->fd < 0)
    return impl->failed("cannot open for appending");
  off_t end = ::lseek(impl->fd, 0, SEEK_END);
  if (end < 0)
    return impl->failed("cannot seek");
  impl->offset = uint64_t(end);
  return BundleWriter(std::move(impl));
}

Status BundleWriter::beginSection(const std::string &name) {
  if (name.empty() || findInvalidUtf8(name))
    return Status::error(impl->path + ": not a name for a section: '" + name +
                         "'");
  for (const Impl::Section &section : impl->sections)
    if (section.name == name)
      return Status::error(impl->path + ": section '" + name +
                           "' is begun twice");
  MOEC_RETURN_IF_ERROR(impl->align());
  impl->sections.push_back({name, impl->offset, 0});
  return Status::success();
}

Status BundleWriter::write(const void *data, uint64_t bytes) {
  if (impl->sections.empty())
    return Status::error(impl->path + ": data before the first section");
  MOEC_RETURN_IF_ERROR(impl->put(data, bytes));
  impl->sections.back().bytes += bytes;
  return Status::success();
}

Status BundleWriter::reserveSection(const std::string &name, uint64_t bytes) {
  MOEC_RETURN_IF_ERROR(beginSection(name));
  MOEC_RETURN_IF_ERROR(impl->reserve(bytes));
  impl->sections.back().bytes = bytes;
  return Status::success();
}

Status BundleWriter::writeAt(uint64_t offset, const void *data,
                             uint64_t bytes) const {
  if (impl->sections.empty())
    return Status::error(impl->path + ": data before the first section");
  const Impl::Section &section = impl->sections.back();
  if (offset > section.bytes || bytes > section.bytes - offset)
    return Status::error(impl->path + ": data beyond the " +
                         std::to_string(section.bytes) +
                         " reserved bytes of section '" + section.name + "'");
  return impl->writeAt(section.offset + offset, data, bytes);
}

Status BundleWriter::finish(const std::string &id) {
  if (findInvalidUtf8(id))
    return Status::error(impl->path + ": the id is not UTF-8");
  Json sections = Json::object();
  for (const Impl::Section &section : impl->sections)
    sections[section.name] = {section.offset, section.bytes};
  std::string index =
      Json{{"format", formatVersion}, {"id", id}, {"sections", sections}}
          .dump();
  MOEC_RETURN_IF_ERROR(impl->align());
  Trailer trailer{impl->offset, index.size(), {}};
  std::memcpy(trailer.magic, magic, sizeof(magic));
  MOEC_RETURN_IF_ERROR(impl->put(index.data(), index.size()));
  MOEC_RETURN_IF_ERROR(impl->put(&trailer, sizeof(trailer)));
  if (::fsync(impl->fd) != 0)
    return impl->failed("cannot write");
  if (::close(std::exchange(impl->fd, -1)) != 0)
    return impl->failed("cannot close");
  return Status::success();
}

//===- Reading ------------------------------------------------------------===//

Result<Bundle> Bundle::open(const std::string &path) {
  Bundle bundle;
  MOEC_ASSIGN_OR_RETURN(bundle.mapping, MappedFile::open(path));
  const MappedFile &file = *bundle.mapping;
  Trailer trailer{};
  if (file.size() >= sizeof(trailer))
    std::memcpy(&trailer, file.data() + file.size() - sizeof(trailer),
                sizeof(trailer));
  if (std::memcmp(trailer.magic, magic, sizeof(magic)) != 0)
    return Status::error(
        path + ": not a bundle, or cut off: expected MOECPACK at its end");
  uint64_t indexEnd = file.size() - sizeof(trailer);
  if (trailer.indexOffset > indexEnd ||
      trailer.indexBytes != indexEnd - trailer.indexOffset)
    return Status::error(path + ": the bundle's index [" +
                         std::to_string(trailer.indexOffset) + ", " +
                         std::to_string(trailer.indexBytes) +
                         " bytes] does not end at the trailer");

  std::string where = path + ": bundle index";
  MOEC_ASSIGN_OR_RETURN(
      Json index,
      parseJson(file.text().substr(trailer.indexOffset, trailer.indexBytes),
                where));
  MOEC_ASSIGN_OR_RETURN(auto format,
                        getMember<int64_t>(index, "format", where));
  if (format != formatVersion)
    return Status::error(where + ": expected format " +
                         std::to_string(formatVersion) + ", found " +
                         std::to_string(format));
  MOEC_ASSIGN_OR_RETURN(bundle.bundleId,
                        getMember<std::string>(index, "id", where));
  MOEC_ASSIGN_OR_RETURN(const Json *sections,
                        getObject(index, "sections", where));

  std::vector<std::pair<uint64_t, uint64_t>> extents;
  for (const auto &[name, extent] : sections->items()) {
    if (!extent.is_array() || extent.size() != 2 ||
        !extent[0].is_number_unsigned() || !extent[1].is_number_unsigned())
      return Status::error(where + ": section '" + name +
                           "': expected [offset, bytes], found " +
                           extent.dump());
    auto offset = extent[0].get<uint64_t>();
    auto bytes = extent[1].get<uint64_t>();
    if (offset % alignment != 0 || offset > trailer.indexOffset ||
        bytes > trailer.indexOffset - offset)
      return Status::error(where + ": section '" + name +
                           "': " + extent.dump() +
                           " is unaligned or does not lie before the index");
    extents.emplace_back(offset, offset + bytes);
    bundle.sections[name] = {file.data() + offset, bytes};
  }
  std::sort(extents.begin(), extents.end());
  for (size_t i = 1; i < extents.size(); ++i)
    if (extents[i].first < extents[i - 1].second)
      return Status::error(where + ": sections overlap at byte " +
                           std::to_string(extents[i].first));
  return bundle;
}

const BundleSection *Bundle::find(const std::string &name) const {
  auto section = sections.find(name);
  return section == sections.end() ? nullptr : &section->second;
}
