//===- TestFolder.h - A folder that goes with the test --------------------===//
#ifndef MOEC_TEST_UNIT_FRONTEND_TESTFOLDER_H
#define MOEC_TEST_UNIT_FRONTEND_TESTFOLDER_H

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace moec::test {

class TestFolder {
public:
  TestFolder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "moec-frontend-XXXXXX")
            .string();
    root = mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(root); }

  std::string path() const { return root.string(); }
  std::string operator/(const std::string &name) const {
    return (root / name).string();
  }
  void write(const std::string &name, const std::string &text) const {
    std::ofstream(root / name, std::ios::binary) << text;
  }

private:
  std::filesystem::path root;
};

} // namespace moec::test

#endif // MOEC_TEST_UNIT_FRONTEND_TESTFOLDER_H
