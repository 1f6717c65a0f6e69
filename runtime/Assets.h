//===- Assets.h - Tokenizer and generation defaults of a model ------------===//
#ifndef MOEC_RUNTIME_ASSETS_H
#define MOEC_RUNTIME_ASSETS_H

#include "runtime/ModelFiles.h"
#include "runtime/Sampler.h"
#include "support/ChatTemplate.h"
#include "support/Status.h"
#include "support/Tokenizer.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moec {

/// What the makers of a model recommend. Settings that their file leaves out
/// are off: greedy without `do_sample`, else temperature 1, no top-k, top-p or
/// min-p; no repetition penalty.
struct GenerationDefaults {
  SamplerOptions sampling;
  /// Empty if the file names none.
  std::vector<int32_t> eosIds;
};

/// Reads the text of a generation_config.json.
Result<GenerationDefaults> parseGenerationConfig(std::string_view json,
                                                 const std::string &name);

/// From the executable's bundle. A model without a generation_config.json has
/// the defaults above.
Result<GenerationDefaults> loadGenerationDefaults(const ModelFiles &files);
Result<Tokenizer> loadTokenizer(const ModelFiles &files);

/// How a model wants conversations written.
struct ChatFormat {
  ChatTemplate chatTemplate;
  /// What the template sees beside the messages: special tokens, no tools.
  nlohmann::ordered_json variables;
};

/// chat_template.jinja, else chat_template of tokenizer_config.json: a string,
/// or the one called "default" of a list. An error if there is none.
Result<ChatFormat> loadChatFormat(const ModelFiles &files);

} // namespace moec

#endif // MOEC_RUNTIME_ASSETS_H
