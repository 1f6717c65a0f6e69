//===- ModelFiles.cpp - The files beside a checkpoint's weights -----------===//

#include "frontend/ModelFiles.h"

#include "support/MappedFile.h"

#include <filesystem>

using namespace moec;

Result<std::map<std::string, std::string>>
moec::readModelFiles(const std::string &folder) {
  std::map<std::string, std::string> texts;
  for (const char *name : {"tokenizer.json", "tokenizer_config.json",
                           "generation_config.json", "chat_template.jinja"}) {
    std::string path = folder + "/" + name;
    std::error_code error;
    bool exists = std::filesystem::exists(path, error);
    if (error)
      return Status::error(path + ": " + error.message());
    if (!exists)
      continue;
    MOEC_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
    texts.emplace(name, file->text());
  }
  return texts;
}
