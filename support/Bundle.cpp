//===- Bundle.cpp - Named sections behind an executable or in a file ------===//
#include "support/Bundle.h"

#include "support/Json.h"
#include "support/Utf8.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
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
  FILE *file = nullptr;
  uint64_t offset = 0;
  /// Name, offset and bytes; the last one is open.
  struct Section {
    std::string name;
    uint64_t offset;
    uint64_t bytes;
  };
  std::vector<Section> sections;

  ~Impl() {
    if (file)
      std::fclose(file);
  }

  Status failed(const char *what) const {
    return Status::error(path + ": " + what + ": " + std::strerror(errno));
  }
  Status put(const void *data, uint64_t bytes) {
    if (bytes != 0 && std::fwrite(data, 1, bytes, file) != bytes)
      return failed("cannot write");
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
  impl->file = std::fopen(path.c_str(), "ab");
  if (!impl->file)
    return impl->failed("cannot open for appending");
  if (std::fseek(impl->file, 0, SEEK_END) != 0)
    return impl->failed("cannot seek");
  impl->offset = uint64_t(std::ftell(impl->file));
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
  if (std::fflush(impl->file) != 0 || ::fsync(::fileno(impl->file)) != 0)
    return impl->failed("cannot write");
  if (std::fclose(std::exchange(impl->file, nullptr)) != 0)
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
