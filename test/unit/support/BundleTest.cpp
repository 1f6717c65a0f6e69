//===- BundleTest.cpp - Named sections behind an executable or in a file --===//
#include "support/Bundle.h"
#include "test/unit/support/TestFiles.h"

using namespace moec;
using namespace moec::test;

namespace {

class BundleTest : public testing::Test {
protected:
  TemporaryFolder folder;
  std::string path = folder.path("app");

  Status writeTwoSections() {
    MOEC_ASSIGN_OR_RETURN(auto writer, BundleWriter::append(path));
    MOEC_RETURN_IF_ERROR(writer.beginSection("weights"));
    MOEC_RETURN_IF_ERROR(writer.write("abc", 3));
    MOEC_RETURN_IF_ERROR(writer.write("def", 3));
    MOEC_RETURN_IF_ERROR(writer.beginSection("empty"));
    MOEC_RETURN_IF_ERROR(writer.beginSection("tokenizer"));
    std::string large(5000, 'x');
    MOEC_RETURN_IF_ERROR(writer.write(large.data(), large.size()));
    return writer.finish("model-1");
  }

  /// A bundle with this index, behind `payload`.
  Result<Bundle> openIndex(const std::string &index,
                           const std::string &payload = std::string(8192,
                                                                    'p')) {
    folder.write("app", payload + index + littleEndian(payload.size()) +
                            littleEndian(index.size()) + "MOECPACK");
    return Bundle::open(path);
  }
};

std::string textOf(const Bundle &bundle, const std::string &name) {
  const BundleSection *section = bundle.find(name);
  return section ? std::string(reinterpret_cast<const char *>(section->data),
                               section->bytes)
                 : "no section";
}

TEST_F(BundleTest, AFileOfItsOwn) {
  Status written = writeTwoSections();
  ASSERT_TRUE(written.ok()) << written.message();
  auto bundle = Bundle::open(path);
  ASSERT_TRUE(bundle.ok()) << bundle.message();
  EXPECT_EQ(bundle->id(), "model-1");
  EXPECT_EQ(textOf(*bundle, "weights"), "abcdef");
  EXPECT_EQ(textOf(*bundle, "empty"), "");
  EXPECT_EQ(textOf(*bundle, "tokenizer"), std::string(5000, 'x'));
  EXPECT_EQ(bundle->find("none"), nullptr);
}

TEST_F(BundleTest, BehindAnExecutable) {
  std::string program(6001, 'e');
  folder.write("app", program);
  ASSERT_TRUE(writeTwoSections().ok());
  auto bundle = Bundle::open(path);
  ASSERT_TRUE(bundle.ok()) << bundle.message();
  EXPECT_EQ(textOf(*bundle, "weights"), "abcdef");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bundle->find("weights")->data) % 4096,
            0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bundle->find("tokenizer")->data) % 4096,
            0u);
  std::string bytes = readFile(path);
  EXPECT_EQ(bytes.substr(0, program.size()), program);
  EXPECT_EQ(bytes.substr(bytes.size() - 8), "MOECPACK");
}

TEST_F(BundleTest, AnIndexWrittenByHand) {
  auto bundle = openIndex(
      R"({"format":1,"id":"x","sections":{"a":[0,4096],"b":[4096,2]}})");
  ASSERT_TRUE(bundle.ok()) << bundle.message();
  EXPECT_EQ(textOf(*bundle, "b"), "pp");
}

TEST_F(BundleTest, RefusesMisuse) {
  auto writer = BundleWriter::append(path);
  ASSERT_TRUE(writer.ok());
  EXPECT_ERROR(writer->write("a", 1), "data before the first section");
  EXPECT_ERROR(writer->beginSection(""), "not a name for a section");
  EXPECT_ERROR(writer->beginSection("\xff"), "not a name for a section");
  ASSERT_TRUE(writer->beginSection("a").ok());
  EXPECT_ERROR(writer->beginSection("a"), "section 'a' is begun twice");
  EXPECT_ERROR(writer->finish("\xff"), "the id is not UTF-8");
  EXPECT_ERROR(BundleWriter::append(folder.path("none/x")),
               "cannot open for appending");
}

TEST_F(BundleTest, FillsAReservedSectionInAnyOrder) {
  auto writer = BundleWriter::append(path);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->beginSection("first").ok());
  ASSERT_TRUE(writer->write("abc", 3).ok());
  ASSERT_TRUE(writer->reserveSection("weights", 6).ok());
  ASSERT_TRUE(writer->writeAt(4, "ef", 2).ok());
  ASSERT_TRUE(writer->writeAt(0, "ab", 2).ok());
  EXPECT_ERROR(writer->writeAt(5, "xy", 2),
               "data beyond the 6 reserved bytes of section 'weights'");
  EXPECT_ERROR(writer->writeAt(~uint64_t(0), "xy", 2), "beyond");
  ASSERT_TRUE(writer->reserveSection("none", 0).ok());
  ASSERT_TRUE(writer->beginSection("last").ok());
  ASSERT_TRUE(writer->write("z", 1).ok());
  ASSERT_TRUE(writer->finish("x").ok());
  auto bundle = Bundle::open(path);
  ASSERT_TRUE(bundle.ok()) << bundle.message();
  EXPECT_EQ(textOf(*bundle, "first"), "abc");
  EXPECT_EQ(textOf(*bundle, "weights"), std::string("ab\0\0ef", 6));
  EXPECT_EQ(textOf(*bundle, "none"), "");
  EXPECT_EQ(textOf(*bundle, "last"), "z");
}

TEST_F(BundleTest, ReservesNoMoreThanIsFree) {
  auto writer = BundleWriter::append(path);
  ASSERT_TRUE(writer.ok());
  EXPECT_ERROR(writer->writeAt(0, "a", 1), "data before the first section");
  EXPECT_ERROR(writer->reserveSection("a", uint64_t(1) << 60),
               "no space left on its file system: 1152921504606846976 bytes "
               "are needed, ");
  EXPECT_ERROR(writer->reserveSection("b", ~uint64_t(0)), "no space left");
  EXPECT_EQ(std::filesystem::file_size(path), 0u);
}

TEST_F(BundleTest, ReportsAFullDisk) {
  if (!std::filesystem::exists("/dev/full"))
    GTEST_SKIP();
  auto writer = BundleWriter::append("/dev/full");
  ASSERT_TRUE(writer.ok()) << writer.message();
  ASSERT_TRUE(writer->beginSection("a").ok());
  std::string large(1 << 20, 'x');
  EXPECT_ERROR(writer->write(large.data(), large.size()),
               "no space left on its file system: 1048576 bytes are needed");
}

TEST_F(BundleTest, RefusesWhatIsNoBundle) {
  folder.write("app", "short");
  EXPECT_ERROR(Bundle::open(path), "expected MOECPACK at its end");
  ASSERT_TRUE(writeTwoSections().ok());
  std::string bytes = readFile(path);
  folder.write("app", bytes.substr(0, bytes.size() - 1));
  EXPECT_ERROR(Bundle::open(path), "expected MOECPACK at its end");
}

TEST_F(BundleTest, RefusesABrokenTrailer) {
  auto trailer = [&](uint64_t offset, uint64_t bytes) {
    folder.write("app", std::string(100, ' ') + littleEndian(offset) +
                            littleEndian(bytes) + "MOECPACK");
    return Bundle::open(path);
  };
  EXPECT_ERROR(trailer(101, 0), "does not end at the trailer");
  EXPECT_ERROR(trailer(~uint64_t(0), 101), "does not end at the trailer");
  EXPECT_ERROR(trailer(50, 49), "does not end at the trailer");
  EXPECT_ERROR(trailer(50, ~uint64_t(0)), "does not end at the trailer");
}

TEST_F(BundleTest, RefusesABrokenIndex) {
  auto section = [&](const std::string &extent) {
    return openIndex(R"({"format":1,"id":"x","sections":{"a":)" + extent +
                     "}}");
  };
  EXPECT_TRUE(section("[4096,4096]").ok());
  EXPECT_ERROR(openIndex("{"), "bundle index:1:");
  EXPECT_ERROR(openIndex(R"({"format":2,"id":"x","sections":{}})"),
               "expected format 1, found 2");
  EXPECT_ERROR(openIndex(R"({"format":1,"sections":{}})"), "\"id\" is missing");
  EXPECT_ERROR(openIndex(R"({"format":1,"id":"x"})"),
               "\"sections\" is missing");
  EXPECT_ERROR(section("[4096]"), "section 'a': expected [offset, bytes]");
  EXPECT_ERROR(section("[-4096,1]"), "expected [offset, bytes]");
  EXPECT_ERROR(section("[4095,1]"),
               "is unaligned or does not lie before the index");
  EXPECT_ERROR(section("[4096,4097]"), "does not lie before the index");
  EXPECT_ERROR(section("[12288,0]"), "does not lie before the index");
  EXPECT_ERROR(section("[4096,18446744073709551615]"),
               "does not lie before the index");
  EXPECT_ERROR(
      openIndex(
          R"({"format":1,"id":"x","sections":{"a":[0,4097],"b":[4096,1]}})"),
      "sections overlap at byte 4096");
}

} // namespace
