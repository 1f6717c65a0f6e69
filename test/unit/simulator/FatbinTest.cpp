//===- FatbinTest.cpp - Images that the test writes itself ----------------===//
//
// Layouts are those that fatbinary and ptxas of CUDA 13.0 write.
//
//===----------------------------------------------------------------------===//
#include "simulator/driver/Fatbin.h"
#include "support/MappedFile.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace moec::cudasim;

namespace {

using Bytes = std::vector<std::byte>;

template <typename T>
void put(Bytes &bytes, size_t at, T value) {
  if (bytes.size() < at + sizeof(T))
    bytes.resize(at + sizeof(T));
  memcpy(bytes.data() + at, &value, sizeof(T));
}

void append(Bytes &bytes, const Bytes &more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

Bytes bytesOf(std::string_view text) {
  Bytes bytes(text.size());
  memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

Bytes fatbinEntry(uint16_t kind, uint32_t architecture, Bytes payload,
                  uint64_t flags = 0x11) {
  payload.resize((payload.size() + 7) / 8 * 8);
  uint32_t header = kind == 1 ? 80 : 64;
  Bytes entry(header);
  put<uint16_t>(entry, 0, kind);
  put<uint16_t>(entry, 2, 0x0101);
  put<uint32_t>(entry, 4, header);
  put<uint64_t>(entry, 8, payload.size());
  put<uint32_t>(entry, 28, architecture);
  put<uint64_t>(entry, 40, flags);
  append(entry, payload);
  return entry;
}

Bytes fatbin(const std::vector<Bytes> &entries) {
  Bytes all(16);
  for (const Bytes &entry : entries)
    append(all, entry);
  put<uint32_t>(all, 0, 0xba55ed50);
  put<uint16_t>(all, 4, 1);
  put<uint16_t>(all, 6, 16);
  put<uint64_t>(all, 8, all.size() - 16);
  return all;
}

std::string ptx(std::string_view target) {
  return ".version 9.0\n.target " + std::string(target) +
         "\n.address_size 64\n.visible .entry k()\n{\n\tret;\n}\n";
}

/// A cubin with a kernel `axpy` of 16 registers and (pointer, pointer, float).
struct CubinWriter {
  struct Section {
    std::string name;
    uint32_t type;
    uint64_t size;
    Bytes contents;
    uint32_t link = 0;
  };

  explicit CubinWriter(unsigned architecture, std::string_view suffix)
      : architecture(architecture) {
    Bytes info, kernelInfo;
    record(info, 0x2f, {1, 16});
    record(info, 0x11, {1, 24});
    parameter(kernelInfo, 2, 16, 4);
    parameter(kernelInfo, 1, 8, 8);
    parameter(kernelInfo, 0, 0, 8);
    record(kernelInfo, 0x05, {256, 1, 1});
    value(kernelInfo, 0x19, 20);
    Bytes symbols(48); // the first is null
    put<uint32_t>(symbols, 24, 1);
    sections = {
        {"", 0, 0, {}},
        {".strtab", 3, 6, bytesOf(std::string_view("\0axpy\0", 6))},
        {".symtab", 2, 48, symbols, 1},
        {".nv.info", 0x70000000, info.size(), info},
        {".nv.info.axpy", 0x70000000, kernelInfo.size(), kernelInfo},
        {".text.axpy", 1, 16, Bytes(16)},
        {".nv.shared.axpy", 8, 256u + (architecture >= 90 ? 1024 : 0), {}},
        {".note.nv.tkinfo", 7, 0,
         bytesOf("-arch sm_" + std::to_string(architecture) +
                 std::string(suffix) + " ")},
    };
  }

  static void value(Bytes &info, uint8_t attribute, uint16_t value) {
    Bytes record(4);
    record[0] = std::byte(3);
    record[1] = std::byte(attribute);
    put<uint16_t>(record, 2, value);
    append(info, record);
  }
  static void record(Bytes &info, uint8_t attribute,
                     std::vector<uint32_t> words) {
    Bytes record(4);
    record[0] = std::byte(4);
    record[1] = std::byte(attribute);
    put<uint16_t>(record, 2, static_cast<uint16_t>(4 * words.size()));
    for (uint32_t word : words)
      put<uint32_t>(record, record.size(), word);
    append(info, record);
  }
  static void parameter(Bytes &info, uint16_t ordinal, uint16_t offset,
                        uint32_t bytes) {
    record(
        info, 0x17,
        {0, uint32_t(ordinal) | uint32_t(offset) << 16, bytes << 18 | 0x1f000});
  }

  Bytes write() {
    std::string names;
    std::vector<uint32_t> nameAt;
    sections.push_back({".shstrtab", 3, 0, {}});
    for (const Section &section : sections) {
      nameAt.push_back(static_cast<uint32_t>(names.size()));
      names += section.name;
      names += '\0';
    }
    sections.back().contents = bytesOf(names);
    Bytes image(64), headers;
    for (size_t i = 0; i < sections.size(); ++i) {
      Section &section = sections[i];
      Bytes header(64);
      put<uint32_t>(header, 0, nameAt[i]);
      put<uint32_t>(header, 4, section.type);
      put<uint64_t>(header, 24, image.size());
      put<uint64_t>(header, 32,
                    section.type == 8 ? section.size : section.contents.size());
      put<uint32_t>(header, 40, section.link);
      append(headers, header);
      append(image, section.contents);
    }
    memcpy(image.data(),
           "\x7f"
           "ELF\2\1\1\x41\x08",
           9);
    put<uint16_t>(image, 18, 190);
    put<uint32_t>(image, 48, architecture << 8 | 0x06000004);
    put<uint64_t>(image, 40, image.size());
    put<uint16_t>(image, 58, 64);
    put<uint16_t>(image, 60, static_cast<uint16_t>(sections.size()));
    put<uint16_t>(image, 62, static_cast<uint16_t>(sections.size() - 1));
    append(image, headers);
    return image;
  }

  unsigned architecture;
  std::vector<Section> sections;
};

constexpr Architecture kHopper{90, 'a'};

TEST(Architecture, Names) {
  EXPECT_EQ(Architecture::parse("sm_90a"), kHopper);
  EXPECT_EQ(Architecture::parse("compute_120"), (Architecture{120, 0}));
  EXPECT_EQ(Architecture::parse("sm_100f"), (Architecture{100, 'f'}));
  for (const char *none : {"", "sm_", "sm_90b", "90a", "sm_90aa", "sm_x"})
    EXPECT_EQ(Architecture::parse(none).number, 0u) << none;
}

TEST(Architecture, WhichPtxRunsWhere) {
  auto runs = [](const char *target, const char *device) {
    return ptxRunsOn(Architecture::parse(target), Architecture::parse(device));
  };
  EXPECT_TRUE(runs("sm_80", "sm_80"));
  EXPECT_TRUE(runs("sm_80", "sm_120a"));
  EXPECT_FALSE(runs("sm_86", "sm_80"));
  EXPECT_TRUE(runs("sm_90a", "sm_90a"));
  EXPECT_FALSE(runs("sm_90a", "sm_100a"));
  EXPECT_TRUE(runs("sm_100f", "sm_103a"));
  EXPECT_FALSE(runs("sm_100f", "sm_120a"));
  EXPECT_FALSE(runs("sm_100a", "sm_103a"));
}

TEST(Ptx, Target) {
  EXPECT_EQ(ptxTarget("// .target sm_80\n.version 8.0\n.target sm_90a, debug"),
            kHopper);
  EXPECT_EQ(ptxTarget("/* .target sm_80 */ .target sm_89\n").number, 89u);
  EXPECT_EQ(ptxTarget(".version 9.0\n").number, 0u);
  EXPECT_EQ(ptxTarget("").number, 0u);
}

TEST(Fatbin, ReadsTheCubin) {
  auto cubin = readCubin(CubinWriter(90, "a").write());
  ASSERT_TRUE(cubin.ok()) << cubin.message();
  EXPECT_EQ(cubin->architecture, kHopper);
  ASSERT_EQ(cubin->kernels.size(), 1u);
  const KernelResources &kernel = cubin->kernels.at("axpy");
  EXPECT_EQ(kernel.registers, 16u);
  EXPECT_EQ(kernel.localBytes, 24u);
  EXPECT_EQ(kernel.sharedBytes, 256u); // without the reserved KiB of sm_90
  EXPECT_EQ(kernel.maxThreads[0], 256u);
  EXPECT_EQ(kernel.parameterBytes, 20u);
  ASSERT_EQ(kernel.parameters.size(), 3u);
  EXPECT_EQ(kernel.parameters[1].offset, 8u);
  EXPECT_EQ(kernel.parameters[2].bytes, 4u);
  EXPECT_EQ(
      readCubin(CubinWriter(80, "").write())->kernels.at("axpy").sharedBytes,
      256u);
}

TEST(Fatbin, ChoosesThePtxOfTheDevice) {
  Bytes image = fatbin({fatbinEntry(1, 80, bytesOf(ptx("sm_80"))),
                        fatbinEntry(2, 90, CubinWriter(90, "a").write()),
                        fatbinEntry(1, 90, bytesOf(ptx("sm_90a"))),
                        fatbinEntry(1, 100, bytesOf(ptx("sm_100a")))});
  Selection hopper = selectImage(image, kHopper);
  ASSERT_EQ(hopper.outcome, Selection::Outcome::Found) << hopper.message;
  EXPECT_EQ(hopper.image.target, kHopper);
  EXPECT_EQ(hopper.image.ptx, ptx("sm_90a"));
  EXPECT_EQ(hopper.image.cubin.kernels.at("axpy").registers, 16u);
  // No cubin runs there: registers are not known.
  Selection ada = selectImage(image, {89, 0});
  ASSERT_EQ(ada.outcome, Selection::Outcome::Found);
  EXPECT_EQ(ada.image.target.number, 80u);
  EXPECT_TRUE(ada.image.cubin.kernels.empty());
}

TEST(Fatbin, SaysWhatItHoldsWhenNothingRuns) {
  Bytes image = fatbin({fatbinEntry(2, 90, CubinWriter(90, "").write()),
                        fatbinEntry(1, 100, bytesOf(ptx("sm_100a")))});
  Selection none = selectImage(image, kHopper);
  EXPECT_EQ(none.outcome, Selection::Outcome::NoBinary);
  EXPECT_EQ(none.message, "no PTX of the fat binary runs on sm_90a; it holds a "
                          "cubin for sm_90, PTX for sm_100a");
}

TEST(Fatbin, CubinAlone) {
  Selection none = selectImage(CubinWriter(90, "a").write(), kHopper);
  EXPECT_EQ(none.outcome, Selection::Outcome::NoBinary);
  EXPECT_NE(none.message.find("a cubin for sm_90a without PTX"),
            std::string::npos);
}

TEST(Fatbin, PtxAlone) {
  EXPECT_EQ(selectImage(bytesOf(ptx("sm_80")), kHopper).image.ptx,
            ptx("sm_80"));
  Selection newer = selectImage(bytesOf(ptx("sm_120")), kHopper);
  EXPECT_EQ(newer.outcome, Selection::Outcome::NoBinary);
  EXPECT_EQ(newer.message, "the PTX text is for sm_120, the device is sm_90a");
  EXPECT_EQ(selectImage(bytesOf(".version 9.0\n"), kHopper).outcome,
            Selection::Outcome::InvalidPtx);
  EXPECT_EQ(selectImage(bytesOf("hello"), kHopper).outcome,
            Selection::Outcome::InvalidImage);
  EXPECT_EQ(selectImage({}, kHopper).outcome, Selection::Outcome::InvalidImage);
}

TEST(Fatbin, RefusesCompression) {
  Bytes image = fatbin({fatbinEntry(1, 90, Bytes(32), 0x8011)});
  Selection compressed = selectImage(image, kHopper);
  EXPECT_EQ(compressed.outcome, Selection::Outcome::InvalidImage);
  EXPECT_NE(compressed.message.find("--no-compress"), std::string::npos);
}

/// Files that fatbinary and ptxas wrote; the numbers are those of `ptxas -v`.
TEST(Fatbin, ReadsTheToolkitsFiles) {
  const std::string folder = MOEC_TEST_DATA "/../fuzz/corpus/fatbin_fuzz/axpy-";
  auto file = moec::MappedFile::open(folder + "sm90a.fatbin");
  ASSERT_TRUE(file.ok()) << file.message();
  Selection selection = selectImage(
      {reinterpret_cast<const std::byte *>((*file)->data()), (*file)->size()},
      kHopper);
  ASSERT_EQ(selection.outcome, Selection::Outcome::Found) << selection.message;
  EXPECT_EQ(selection.image.cubin.architecture, kHopper);
  const KernelResources &kernel = selection.image.cubin.kernels.at("axpy");
  EXPECT_EQ(kernel.registers, 16u);
  EXPECT_EQ(kernel.sharedBytes, 256u);
  EXPECT_EQ(kernel.maxThreads[0], 256u);
  EXPECT_EQ(kernel.parameterBytes, 24u);
  ASSERT_EQ(kernel.parameters.size(), 4u);
  EXPECT_EQ(kernel.parameters[3].offset, 20u);
  EXPECT_EQ(kernel.parameters[3].bytes, 4u);

  auto cubin = moec::MappedFile::open(folder + "sm80.cubin");
  ASSERT_TRUE(cubin.ok()) << cubin.message();
  auto ampere =
      readCubin({reinterpret_cast<const std::byte *>((*cubin)->data()),
                 (*cubin)->size()});
  ASSERT_TRUE(ampere.ok()) << ampere.message();
  EXPECT_EQ(ampere->architecture.number, 80u);
  EXPECT_EQ(ampere->kernels.at("axpy").sharedBytes, 256u);
}

/// Sizes of images without one are those that were written.
TEST(Fatbin, ImageBytes) {
  Bytes cubin = CubinWriter(90, "a").write();
  EXPECT_EQ(imageBytes(cubin.data()), cubin.size());
  Bytes image = fatbin({fatbinEntry(1, 90, bytesOf(ptx("sm_90a")))});
  EXPECT_EQ(imageBytes(image.data()), image.size());
  EXPECT_EQ(imageBytes("P"), 1u);
  EXPECT_EQ(imageBytes(""), 0u);
  EXPECT_EQ(imageBytes(ptx("sm_80").c_str()), ptx("sm_80").size());
}

/// Every prefix, and every byte replaced: an answer, never a crash (the tests
/// also run under sanitizers).
TEST(Fatbin, SurvivesDamage) {
  for (const Bytes &good :
       {CubinWriter(90, "a").write(),
        fatbin({fatbinEntry(2, 90, CubinWriter(90, "a").write()),
                fatbinEntry(1, 90, bytesOf(ptx("sm_90a")))})}) {
    for (size_t size = 0; size < good.size(); ++size) {
      Bytes part(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_NE(selectImage(part, kHopper).outcome, Selection::Outcome::Found);
    }
    for (size_t at = 0; at < good.size(); ++at)
      for (unsigned value : {0u, 0x7fu, 0xffu}) {
        Bytes changed = good;
        changed[at] = std::byte(value);
        (void)selectImage(changed, kHopper);
      }
  }
}

TEST(Fatbin, NamesWhatIsWrongInACubin) {
  auto messageOf = [](auto &&change) {
    CubinWriter writer(90, "a");
    change(writer);
    return readCubin(writer.write()).message();
  };
  EXPECT_EQ(messageOf([](CubinWriter &writer) {
              writer.sections[4].contents.pop_back();
            }),
            "section .nv.info.axpy ends inside a record");
  EXPECT_EQ(messageOf([](CubinWriter &writer) {
              Bytes info;
              CubinWriter::parameter(info, 1, 8, 8);
              writer.sections[4].contents = info;
            }),
            "parameter 0 is missing in section .nv.info.axpy");
  EXPECT_EQ(messageOf([](CubinWriter &writer) {
              Bytes info;
              CubinWriter::record(info, 0x2f, {7, 16});
              writer.sections[3].contents = info;
            }),
            "attribute 47 of section .nv.info names no symbol");
  EXPECT_EQ(messageOf([](CubinWriter &writer) {
              Bytes info;
              CubinWriter::record(info, 0x2f, {1});
              writer.sections[3].contents = info;
            }),
            "attribute 47 of section .nv.info has 4 bytes, which is too short");
}

} // namespace
