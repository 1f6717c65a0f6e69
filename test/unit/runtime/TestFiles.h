//===- TestFiles.h - Temporary folders and bundles for runtime tests ------===//
#ifndef MOEC_TEST_UNIT_RUNTIME_TESTFILES_H
#define MOEC_TEST_UNIT_RUNTIME_TESTFILES_H

#include "BigramModel.h"
#include "support/Bundle.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace moec::test {

using Sections = std::map<std::string, std::string>;

/// A folder that goes with the test.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "moert-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string &name) const {
    return (path / name).string();
  }

private:
  std::filesystem::path path;
};

inline std::string readText(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void writeText(const std::string &path, const std::string &text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// Appends a bundle to `path`, which need not exist.
inline void appendBundle(const std::string &path, const std::string &id,
                         const Sections &sections) {
  Result<BundleWriter> writer = BundleWriter::append(path);
  ASSERT_TRUE(writer.ok()) << writer.message();
  for (const auto &[name, text] : sections) {
    ASSERT_TRUE(writer->beginSection(name).ok());
    ASSERT_TRUE(writer->write(text.data(), text.size()).ok());
  }
  Status finished = writer->finish(id);
  ASSERT_TRUE(finished.ok()) << finished.message();
}

inline std::string bigramWeightsSection() {
  std::vector<float> table = bigramWeights();
  return std::string(reinterpret_cast<const char *>(table.data()),
                     table.size() * sizeof(float));
}

} // namespace moec::test

#endif // MOEC_TEST_UNIT_RUNTIME_TESTFILES_H
