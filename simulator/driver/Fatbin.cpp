//===- Fatbin.cpp - Reads fat binaries and cubins -------------------------===//
#include "simulator/driver/Fatbin.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

using namespace moec;
using namespace moec::cudasim;

namespace {

using Bytes = std::span<const std::byte>;

constexpr uint64_t kMaxImageBytes = uint64_t(1) << 30;
constexpr uint32_t kFatbinMagic = 0xba55ed50;
constexpr size_t kMaxEntries = 4096;
constexpr size_t kMaxParameters = 4096;
/// Blocks of sm_90 and later give the first KiB of their shared memory to the
/// system; ptxas counts it as static.
constexpr uint32_t kReservedShared = 1024;

/// A little-endian value at `offset`, or nothing past the end.
template <typename T>
std::optional<T> read(Bytes bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T))
    return std::nullopt;
  T value;
  memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::optional<Bytes> slice(Bytes bytes, uint64_t offset, uint64_t count) {
  if (offset > bytes.size() || bytes.size() - offset < count)
    return std::nullopt;
  return bytes.subspan(offset, count);
}

bool startsWith(const unsigned char *data, uint32_t magic) {
  // A byte at a time: a text may end before four bytes.
  for (unsigned i = 0; i < 4; ++i)
    if (data[i] != (magic >> 8 * i & 0xff))
      return false;
  return true;
}

constexpr uint32_t kElfMagic = 0x464c457f;

bool isElf(Bytes image) { return read<uint32_t>(image, 0) == kElfMagic; }

std::string_view asText(Bytes bytes) {
  std::string_view text(reinterpret_cast<const char *>(bytes.data()),
                        bytes.size());
  return text.substr(0, text.find('\0'));
}

/// The name that starts at `offset` of a string table, if it ends in it.
std::optional<std::string_view> nameAt(Bytes table, uint64_t offset) {
  if (offset >= table.size())
    return std::nullopt;
  std::string_view rest(reinterpret_cast<const char *>(table.data()) + offset,
                        table.size() - offset);
  size_t end = rest.find('\0');
  if (end == std::string_view::npos)
    return std::nullopt;
  return rest.substr(0, end);
}

/// Sections and symbols of a 64-bit little-endian ELF.
class ElfReader {
public:
  struct Section {
    std::string_view name;
    uint32_t type = 0, link = 0;
    uint64_t bytes = 0;
    Bytes contents; // empty for SHT_NOBITS
  };

  static Result<ElfReader> open(Bytes image) {
    ElfReader reader;
    if (!isElf(image) || image.size() < 64 || read<uint8_t>(image, 4) != 2 ||
        read<uint8_t>(image, 5) != 1)
      return Status::error("not a 64-bit little-endian ELF file");
    if (read<uint16_t>(image, 18) != kMachineCuda)
      return Status::error("an ELF file for machine " +
                           std::to_string(*read<uint16_t>(image, 18)) +
                           ", a cubin has 190");
    uint32_t flags = *read<uint32_t>(image, 48);
    // Version 8 of the ABI moved the number of the architecture up a byte.
    bool recent = *read<uint8_t>(image, 8) >= 8;
    reader.architecture.number = recent ? flags >> 8 & 0xffff : flags & 0xff;

    uint64_t offset = *read<uint64_t>(image, 40);
    uint16_t entryBytes = *read<uint16_t>(image, 58);
    uint16_t count = *read<uint16_t>(image, 60);
    uint16_t names = *read<uint16_t>(image, 62);
    if (count && entryBytes != 64)
      return Status::error("section headers of " + std::to_string(entryBytes) +
                           " bytes, expected 64");
    auto headers = slice(image, offset, uint64_t(count) * 64);
    if (!headers)
      return Status::error("the section headers run past the end of the file");
    std::vector<uint32_t> nameOffsets;
    for (unsigned i = 0; i < count; ++i) {
      Bytes header = headers->subspan(i * 64, 64);
      Section section;
      nameOffsets.push_back(*read<uint32_t>(header, 0));
      section.type = *read<uint32_t>(header, 4);
      section.bytes = *read<uint64_t>(header, 32);
      section.link = *read<uint32_t>(header, 40);
      if (section.type != kNoBits && section.type != 0) {
        auto contents =
            slice(image, *read<uint64_t>(header, 24), section.bytes);
        if (!contents)
          return Status::error("section " + std::to_string(i) +
                               " runs past the end of the file");
        section.contents = *contents;
      }
      reader.sections.push_back(section);
    }
    if (count && names >= count)
      return Status::error("the section of the section names is missing");
    for (unsigned i = 0; i < count; ++i) {
      auto name = nameAt(reader.sections[names].contents, nameOffsets[i]);
      if (!name)
        return Status::error("the name of section " + std::to_string(i) +
                             " is not in the table of names");
      reader.sections[i].name = *name;
      reader.byName.emplace(*name, i);
    }
    return reader;
  }

  const Section *find(std::string_view name) const {
    auto found = byName.find(name);
    return found == byName.end() ? nullptr : &sections[found->second];
  }

  /// The name of a symbol of .symtab.
  std::optional<std::string_view> symbol(uint32_t index) const {
    const Section *symbols = find(".symtab");
    if (!symbols || symbols->link >= sections.size())
      return std::nullopt;
    auto name = read<uint32_t>(symbols->contents, uint64_t(index) * 24);
    if (!name)
      return std::nullopt;
    return nameAt(sections[symbols->link].contents, *name);
  }

  Architecture architecture;
  std::vector<Section> sections;

private:
  static constexpr uint16_t kMachineCuda = 190;
  static constexpr uint32_t kNoBits = 8;
  std::map<std::string_view, unsigned> byName;
};

/// One record of .nv.info: a payload, or a value of 16 bits.
struct InfoRecord {
  uint8_t attribute;
  uint16_t value;
  Bytes payload;
};

enum InfoAttribute : uint8_t {
  kMaxThreads = 0x05,
  kRequiredThreads = 0x10,
  kFrameSize = 0x11,
  kParameterInfo = 0x17,
  kParameterBytes = 0x19,
  kRegisterCount = 0x2f,
};

template <typename Visitor>
Status forEachRecord(const ElfReader::Section &section, Visitor &&visit) {
  Bytes rest = section.contents;
  auto malformed = [&] {
    return Status::error("section " + std::string(section.name) +
                         " ends inside a record");
  };
  while (!rest.empty()) {
    if (rest.size() < 4)
      return malformed();
    auto format = *read<uint8_t>(rest, 0);
    InfoRecord record{*read<uint8_t>(rest, 1), *read<uint16_t>(rest, 2), {}};
    rest = rest.subspan(4);
    if (format == 4) {
      if (rest.size() < record.value)
        return malformed();
      record.payload = rest.first(record.value);
      rest = rest.subspan(record.value);
    }
    MOEC_RETURN_IF_ERROR(visit(record));
  }
  return Status::success();
}

Status tooShort(const ElfReader::Section &section, const InfoRecord &record) {
  return Status::error("attribute " + std::to_string(record.attribute) +
                       " of section " + std::string(section.name) + " has " +
                       std::to_string(record.payload.size()) +
                       " bytes, which is too short");
}

Status readKernelInfo(const ElfReader::Section &section,
                      KernelResources &kernel) {
  std::map<uint16_t, KernelResources::Parameter> parameters;
  MOEC_RETURN_IF_ERROR(forEachRecord(section, [&](const InfoRecord &record) {
    Bytes payload = record.payload;
    switch (record.attribute) {
    case kMaxThreads:
    case kRequiredThreads: {
      if (payload.size() < 12)
        return tooShort(section, record);
      uint32_t *threads = record.attribute == kMaxThreads
                              ? kernel.maxThreads
                              : kernel.requiredThreads;
      memcpy(threads, payload.data(), 12);
      break;
    }
    case kParameterBytes:
      kernel.parameterBytes = record.value;
      break;
    case kParameterInfo: {
      if (payload.size() < 12)
        return tooShort(section, record);
      uint32_t flags = *read<uint32_t>(payload, 8);
      parameters[*read<uint16_t>(payload, 4)] = {*read<uint16_t>(payload, 6),
                                                 flags >> 18};
      break;
    }
    default:
      break;
    }
    return Status::success();
  }));
  if (parameters.size() > kMaxParameters)
    return Status::error(std::to_string(parameters.size()) + " parameters");
  for (auto &[ordinal, parameter] : parameters) {
    if (ordinal != kernel.parameters.size())
      return Status::error(
          "parameter " + std::to_string(kernel.parameters.size()) +
          " is missing in section " + std::string(section.name));
    kernel.parameters.push_back(parameter);
  }
  return Status::success();
}

/// The suffix of the architecture, out of the command line that ptxas leaves in
/// a note.
char suffixOf(const ElfReader &elf) {
  const ElfReader::Section *note = elf.find(".note.nv.tkinfo");
  if (!note)
    return 0;
  std::string_view text(reinterpret_cast<const char *>(note->contents.data()),
                        note->contents.size());
  std::string name = "sm_" + std::to_string(elf.architecture.number);
  size_t at = text.find(name);
  if (at == std::string_view::npos || at + name.size() >= text.size())
    return 0;
  char suffix = text[at + name.size()];
  return suffix == 'a' || suffix == 'f' ? suffix : '\0';
}

/// A cubin runs on its own major version, from its minor version on; with 'a'
/// only on its own architecture.
bool cubinRunsOn(Architecture cubin, Architecture device) {
  return cubin.number == device.number ||
         (cubin.suffix != 'a' && cubin.major() == device.major() &&
          cubin.minor() <= device.minor());
}

std::string hexByte(std::byte value) {
  const char *digits = "0123456789abcdef";
  auto byte = static_cast<unsigned>(value);
  return {'0', 'x', digits[byte >> 4], digits[byte & 15]};
}

} // namespace

std::string Architecture::text() const {
  std::string text = "sm_" + std::to_string(number);
  if (suffix)
    text += suffix;
  return text;
}

Architecture Architecture::parse(std::string_view text) {
  for (std::string_view prefix : {"sm_", "compute_"}) {
    if (!text.starts_with(prefix))
      continue;
    text.remove_prefix(prefix.size());
    Architecture result;
    auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), result.number);
    if (error != std::errc() || result.number > 9999)
      return {};
    std::string_view rest = text.substr(end - text.data());
    if (rest == "a" || rest == "f")
      result.suffix = rest[0];
    else if (!rest.empty())
      return {};
    return result;
  }
  return {};
}

uint64_t cudasim::imageBytes(const void *data) {
  const auto *bytes = static_cast<const unsigned char *>(data);
  auto bounded = [](uint64_t size) { return size > kMaxImageBytes ? 0 : size; };
  if (startsWith(bytes, kFatbinMagic)) {
    uint16_t header;
    uint64_t entries;
    memcpy(&header, bytes + 6, sizeof(header));
    memcpy(&entries, bytes + 8, sizeof(entries));
    return entries > kMaxImageBytes ? 0 : bounded(header + entries);
  }
  if (startsWith(bytes, kElfMagic)) {
    uint64_t sectionOffset, programOffset;
    uint16_t programBytes, programCount, sectionBytes, sectionCount;
    memcpy(&programOffset, bytes + 32, 8);
    memcpy(&sectionOffset, bytes + 40, 8);
    memcpy(&programBytes, bytes + 54, 2);
    memcpy(&programCount, bytes + 56, 2);
    memcpy(&sectionBytes, bytes + 58, 2);
    memcpy(&sectionCount, bytes + 60, 2);
    if (sectionOffset > kMaxImageBytes || programOffset > kMaxImageBytes ||
        sectionBytes != 64)
      return 0;
    uint64_t end = std::max(
        {uint64_t(64), sectionOffset + uint64_t(sectionCount) * sectionBytes,
         programOffset + uint64_t(programCount) * programBytes});
    for (unsigned i = 0; i < sectionCount; ++i) {
      const unsigned char *header = bytes + sectionOffset + i * 64;
      uint32_t type;
      uint64_t offset, size;
      memcpy(&type, header + 4, 4);
      memcpy(&offset, header + 24, 8);
      memcpy(&size, header + 32, 8);
      if (type == 0 || type == 8)
        continue;
      if (offset > kMaxImageBytes || size > kMaxImageBytes)
        return 0;
      end = std::max(end, offset + size);
    }
    return bounded(end);
  }
  return strnlen(static_cast<const char *>(data), kMaxImageBytes + 1) %
         (kMaxImageBytes + 1);
}

Result<std::vector<FatbinEntry>> cudasim::readFatbin(Bytes image) {
  auto magic = read<uint32_t>(image, 0);
  auto headerBytes = read<uint16_t>(image, 6);
  auto entryBytes = read<uint64_t>(image, 8);
  if (magic != kFatbinMagic || !entryBytes)
    return Status::error("not a fat binary");
  if (*read<uint16_t>(image, 4) != 1 || *headerBytes < 16)
    return Status::error("a fat binary of version " +
                         std::to_string(*read<uint16_t>(image, 4)) +
                         ", expected 1");
  auto entries = slice(image, *headerBytes, *entryBytes);
  if (!entries)
    return Status::error("the entries of the fat binary take " +
                         std::to_string(*entryBytes) +
                         " bytes, which is past its end");

  std::vector<FatbinEntry> result;
  Bytes rest = *entries;
  while (!rest.empty()) {
    std::string which = "entry " + std::to_string(result.size());
    if (result.size() == kMaxEntries)
      return Status::error("the fat binary has more than " +
                           std::to_string(kMaxEntries) + " entries");
    auto kind = read<uint16_t>(rest, 0);
    auto header = read<uint32_t>(rest, 4);
    auto payloadBytes = read<uint64_t>(rest, 8);
    auto architecture = read<uint32_t>(rest, 28);
    auto flags = read<uint64_t>(rest, 40);
    if (!flags || *header < 48 || *header > rest.size())
      return Status::error(which + " of the fat binary has no whole header");
    auto payload = slice(rest, *header, *payloadBytes);
    if (!payload)
      return Status::error(which + " of the fat binary takes " +
                           std::to_string(*payloadBytes) +
                           " bytes, which is past its end");
    rest = rest.subspan(*header + *payloadBytes);
    // Others (link-time intermediate code) are nothing to run.
    if (*kind != 1 && *kind != 2)
      continue;
    constexpr uint64_t compressedLz4 = 0x2000, compressedZstd = 0x8000;
    if (*flags & (compressedLz4 | compressedZstd))
      return Status::error(which + " of the fat binary is compressed; make it "
                                   "with `fatbinary --compress=false` or "
                                   "`nvcc --no-compress`");
    result.push_back(
        {*kind == 1 ? FatbinEntry::Kind::Ptx : FatbinEntry::Kind::Cubin,
         Architecture{*architecture, 0}, *payload});
  }
  return result;
}

Result<Cubin> cudasim::readCubin(Bytes image) {
  MOEC_ASSIGN_OR_RETURN(ElfReader elf, ElfReader::open(image));
  Cubin cubin;
  cubin.architecture = elf.architecture;
  cubin.architecture.suffix = suffixOf(elf);

  for (const ElfReader::Section &section : elf.sections) {
    constexpr std::string_view text = ".text.", shared = ".nv.shared.",
                               info = ".nv.info.";
    if (section.name.starts_with(info)) {
      std::string kernel(section.name.substr(info.size()));
      // Device functions that were not inlined have one too.
      if (elf.find(std::string(text) + kernel))
        MOEC_RETURN_IF_ERROR(readKernelInfo(section, cubin.kernels[kernel]));
    } else if (section.name.starts_with(shared)) {
      std::string kernel(section.name.substr(shared.size()));
      if (!elf.find(std::string(text) + kernel))
        continue;
      uint64_t bytes = section.bytes;
      if (cubin.architecture.number >= 90 && bytes >= kReservedShared)
        bytes -= kReservedShared;
      if (bytes > UINT32_MAX)
        return Status::error("section " + std::string(section.name) + " has " +
                             std::to_string(bytes) + " bytes");
      cubin.kernels[kernel].sharedBytes = static_cast<uint32_t>(bytes);
    }
  }

  if (const ElfReader::Section *info = elf.find(".nv.info"))
    MOEC_RETURN_IF_ERROR(forEachRecord(*info, [&](const InfoRecord &record) {
      if (record.attribute != kRegisterCount && record.attribute != kFrameSize)
        return Status::success();
      if (record.payload.size() < 8)
        return tooShort(*info, record);
      auto name = elf.symbol(*read<uint32_t>(record.payload, 0));
      if (!name)
        return Status::error("attribute " + std::to_string(record.attribute) +
                             " of section .nv.info names no symbol");
      auto kernel = cubin.kernels.find(*name);
      if (kernel == cubin.kernels.end())
        return Status::success();
      uint32_t value = *read<uint32_t>(record.payload, 4);
      (record.attribute == kRegisterCount ? kernel->second.registers
                                          : kernel->second.localBytes) = value;
      return Status::success();
    }));
  return cubin;
}

Architecture cudasim::ptxTarget(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (text.substr(at, 2) == "//") {
      at = std::min(text.find('\n', at), text.size());
    } else if (text.substr(at, 2) == "/*") {
      size_t end = text.find("*/", at + 2);
      at = end == std::string_view::npos ? text.size() : end + 2;
    } else if (text.substr(at).starts_with(".target")) {
      size_t first = text.find_first_not_of(" \t\r\n", at + 7);
      if (first == std::string_view::npos)
        return {};
      size_t last = text.find_first_of(" \t\r\n,;/", first);
      return Architecture::parse(text.substr(first, last - first));
    } else if (text[at] == '{') {
      return {}; // a body: .target comes before
    } else {
      ++at;
    }
  }
  return {};
}

bool cudasim::ptxRunsOn(Architecture target, Architecture device) {
  switch (target.suffix) {
  case 'a':
    return target.number == device.number;
  case 'f':
    return target.major() == device.major() && target.minor() <= device.minor();
  default:
    return target.number && target.number <= device.number;
  }
}

Selection cudasim::selectImage(Bytes image, Architecture device) {
  using Outcome = Selection::Outcome;
  if (image.empty())
    return {Outcome::InvalidImage, {}, "the image is empty"};
  if (isElf(image)) {
    auto cubin = readCubin(image);
    if (!cubin.ok())
      return {Outcome::InvalidImage, {}, cubin.message()};
    return {Outcome::NoBinary,
            {},
            "the image is a cubin for " + cubin->architecture.text() +
                " without PTX; the simulator executes PTX: pass the PTX text "
                "or a fat binary that holds both"};
  }

  bool isFatbin = read<uint32_t>(image, 0) == kFatbinMagic;
  if (!isFatbin) {
    std::string_view text = asText(image);
    if (text.find(".version") == std::string_view::npos)
      return {Outcome::InvalidImage,
              {},
              "the image is neither a fat binary nor a cubin nor PTX; it "
              "starts with the byte " +
                  hexByte(image[0])};
    Architecture target = ptxTarget(text);
    if (!target.number)
      return {Outcome::InvalidPtx, {}, "the PTX text has no .target"};
    if (!ptxRunsOn(target, device))
      return {Outcome::NoBinary,
              {},
              "the PTX text is for " + target.text() + ", the device is " +
                  device.text()};
    return {Outcome::Found, {std::string(text), target, {}}, {}};
  }

  auto entries = readFatbin(image);
  if (!entries.ok())
    return {Outcome::InvalidImage, {}, entries.message()};

  Selection best{Outcome::NoBinary, {}, {}};
  auto rank = [](Architecture target) {
    return target.number * 4 + (target.suffix == 'a'   ? 2
                                : target.suffix == 'f' ? 1
                                                       : 0);
  };
  std::string found;
  for (const FatbinEntry &entry : *entries) {
    found += found.empty() ? "" : ", ";
    if (entry.kind == FatbinEntry::Kind::Cubin) {
      found += "a cubin for sm_" + std::to_string(entry.architecture.number);
      continue;
    }
    std::string_view text = asText(entry.payload);
    Architecture target = ptxTarget(text);
    found += "PTX for " + target.text();
    if (ptxRunsOn(target, device) && (best.outcome != Outcome::Found ||
                                      rank(target) > rank(best.image.target)))
      best = {Outcome::Found, {std::string(text), target, {}}, {}};
  }
  if (best.outcome != Outcome::Found) {
    best.message = "no PTX of the fat binary runs on " + device.text() +
                   "; it holds " + (found.empty() ? "nothing" : found);
    return best;
  }

  Architecture chosen{};
  for (const FatbinEntry &entry : *entries) {
    if (entry.kind != FatbinEntry::Kind::Cubin)
      continue;
    auto cubin = readCubin(entry.payload);
    if (!cubin.ok())
      return {Outcome::InvalidImage, {}, "a cubin of it: " + cubin.message()};
    // What the device itself would load; its limits are the honest ones.
    if (cubinRunsOn(cubin->architecture, device) &&
        rank(cubin->architecture) >= rank(chosen)) {
      chosen = cubin->architecture;
      best.image.cubin = std::move(*cubin);
    }
  }
  return best;
}
