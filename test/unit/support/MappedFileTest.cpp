//===- MappedFileTest.cpp - A whole file, read-only, in memory ------------===//
#include "support/MappedFile.h"
#include "test/unit/support/TestFiles.h"

#include <sys/stat.h>
#include <unistd.h>

using namespace moec;
using namespace moec::test;

namespace {

TEST(MappedFile, MapsTheBytes) {
  TemporaryFolder folder;
  auto file = MappedFile::open(folder.write("a", std::string("x\0y", 3)));
  ASSERT_TRUE(file.ok()) << file.message();
  EXPECT_EQ((*file)->text(), std::string_view("x\0y", 3));
  EXPECT_EQ((*file)->path(), folder.path("a"));
}

TEST(MappedFile, NamesWhatIsWrong) {
  TemporaryFolder folder;
  EXPECT_ERROR(MappedFile::open(folder.path("none")),
               folder.path("none") + ": cannot open: No such file");
  EXPECT_ERROR(MappedFile::open(folder.path()), "found a directory");
  EXPECT_ERROR(MappedFile::open(folder.write("empty", "")),
               "the file is empty");
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_ERROR(MappedFile::open(folder.path("pipe")),
               "expected a regular file");
}

TEST(MappedFile, NeedsPermission) {
  if (::geteuid() == 0)
    GTEST_SKIP() << "root may read everything";
  TemporaryFolder folder;
  std::string path = folder.write("secret", "x");
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  EXPECT_ERROR(MappedFile::open(path), "cannot open: Permission denied");
}

} // namespace
