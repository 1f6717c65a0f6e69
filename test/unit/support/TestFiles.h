//===- TestFiles.h - Files for the tests of support/ ----------------------===//
#ifndef MOEC_TEST_UNIT_SUPPORT_TESTFILES_H
#define MOEC_TEST_UNIT_SUPPORT_TESTFILES_H

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace moec::test {

/// A folder that goes with the test.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = testing::TempDir() + "/moec-support-XXXXXX";
    folder = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(folder); }

  std::string path(const std::string &name) const {
    return folder + "/" + name;
  }
  const std::string &path() const { return folder; }
  /// Writes a file and returns its path.
  std::string write(const std::string &name, const std::string &bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

private:
  std::string folder;
};

inline std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string littleEndian(uint64_t value) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i)
    bytes[i] = char(value >> 8 * i);
  return bytes;
}

} // namespace moec::test

/// `result` (a Status or a Result) is an error whose message contains `part`.
#define EXPECT_ERROR(result, part)                                             \
  do {                                                                         \
    const auto &moecResult = (result);                                         \
    EXPECT_FALSE(moecResult.ok());                                             \
    EXPECT_NE(moecResult.message().find(part), std::string::npos)              \
        << moecResult.message();                                               \
  } while (false)

#endif // MOEC_TEST_UNIT_SUPPORT_TESTFILES_H
