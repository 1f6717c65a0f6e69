//===- ModelFiles.h - The files beside a checkpoint's weights -------------===//
#ifndef MOEC_FRONTEND_MODELFILES_H
#define MOEC_FRONTEND_MODELFILES_H

#include "support/Status.h"

#include <map>
#include <string>

namespace moec {

/// The texts of tokenizer.json, tokenizer_config.json, generation_config.json
/// and chat_template.jinja, by these names: those that the folder has. An
/// executable carries them as they are.
Result<std::map<std::string, std::string>>
readModelFiles(const std::string &folder);

} // namespace moec

#endif // MOEC_FRONTEND_MODELFILES_H
