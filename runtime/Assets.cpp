//===- Assets.cpp - Tokenizer and generation defaults of a model ----------===//

#include "runtime/Assets.h"
#include "support/Json.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

using namespace moec;

namespace {

/// The settings of one file, each optional: absent or null leaves the default.
class Settings {
public:
  Settings(const Json &json, const std::string &name)
      : json(json), name(name) {}

  /// Null if the setting is not there.
  const Json *find(const char *key) const {
    auto it = json.find(key);
    return it == json.end() || it->is_null() ? nullptr : &*it;
  }

  Status wrong(const char *key, const char *expected) const {
    return Status::error(name + ": '" + key + "' is " + json.at(key).dump() +
                         ", expected " + expected);
  }

private:
  const Json &json;
  const std::string &name;
};

bool isId(const Json &json) {
  return json.is_number_integer() &&
         (!json.is_number_unsigned() ||
          json.get<uint64_t>() <=
              uint64_t(std::numeric_limits<int32_t>::max())) &&
         json.get<int64_t>() >= std::numeric_limits<int32_t>::min();
}

Status readSampling(const Settings &settings, SamplerOptions &sampling) {
  if (const Json *penalty = settings.find("repetition_penalty")) {
    if (!penalty->is_number() || !std::isfinite(penalty->get<float>()) ||
        !(penalty->get<float>() > 0))
      return settings.wrong("repetition_penalty", "a number above 0");
    sampling.repetitionPenalty = penalty->get<float>();
  }
  if (const Json *doSample = settings.find("do_sample")) {
    if (!doSample->is_boolean())
      return settings.wrong("do_sample", "true or false");
    sampling.temperature = doSample->get<bool>() ? 1 : 0;
  }
  if (sampling.temperature == 0)
    return Status::success();
  if (const Json *temperature = settings.find("temperature")) {
    if (!temperature->is_number() ||
        !std::isfinite(temperature->get<float>()) ||
        temperature->get<float>() < 0)
      return settings.wrong("temperature", "a number that is not negative");
    sampling.temperature = temperature->get<float>();
  }
  if (const Json *topK = settings.find("top_k")) {
    if (!isId(*topK) || topK->get<int64_t>() < 0)
      return settings.wrong("top_k", "an integer that is not negative");
    sampling.topK = topK->get<int64_t>();
  }
  if (const Json *topP = settings.find("top_p")) {
    if (!topP->is_number() || !(topP->get<float>() > 0) ||
        topP->get<float>() > 1)
      return settings.wrong("top_p", "a number above 0 and at most 1");
    sampling.topP = topP->get<float>();
  }
  if (const Json *minP = settings.find("min_p")) {
    if (!minP->is_number() || !(minP->get<float>() >= 0) ||
        minP->get<float>() > 1)
      return settings.wrong("min_p", "a number from 0 to 1");
    sampling.minP = minP->get<float>();
  }
  return Status::success();
}

Status readEosIds(const Settings &settings, std::vector<int32_t> &ids) {
  const Json *eos = settings.find("eos_token_id");
  if (!eos)
    return Status::success();
  const Json list = eos->is_array() ? *eos : Json::array({*eos});
  for (const Json &id : list) {
    if (!isId(id))
      return settings.wrong("eos_token_id", "a token id or a list of them");
    ids.push_back(id.get<int32_t>());
  }
  return Status::success();
}

} // namespace

Result<GenerationDefaults>
moec::parseGenerationConfig(std::string_view text, const std::string &name) {
  MOEC_ASSIGN_OR_RETURN(const Json json, parseJson(text, name));
  if (!json.is_object())
    return Status::error(name + ": expected an object");
  Settings settings(json, name);
  GenerationDefaults defaults;
  MOEC_RETURN_IF_ERROR(readSampling(settings, defaults.sampling));
  MOEC_RETURN_IF_ERROR(readEosIds(settings, defaults.eosIds));
  return defaults;
}

Result<GenerationDefaults>
moec::loadGenerationDefaults(const ModelFiles &files) {
  if (auto text = files.find("generation_config.json"))
    return parseGenerationConfig(*text, "generation_config.json");
  return GenerationDefaults();
}

Result<Tokenizer> moec::loadTokenizer(const ModelFiles &files) {
  Result<std::string_view> json = files.section("tokenizer.json");
  if (!json.ok())
    return Status::error(json.message() +
                         ", which text needs; token ids need none (--ids)");
  return Tokenizer::fromJson(*json,
                             files.find("tokenizer_config.json").value_or(""),
                             "tokenizer.json");
}

//===----------------------------------------------------------------------===//
// Chat template
//===----------------------------------------------------------------------===//

/// The source among templates with names, "" if the configuration has none.
static Result<std::string> templateOf(const Json &config,
                                      const std::string &name) {
  const Json *value = findMember(config, "chat_template");
  if (!value)
    return std::string();
  if (value->is_string())
    return value->get<std::string>();
  const std::string where = name + ": chat_template";
  if (!value->is_array())
    return Status::error(where +
                         ": expected a string or a list of templates, "
                         "found " +
                         value->type_name());
  for (const Json &entry : *value) {
    MOEC_ASSIGN_OR_RETURN(auto title,
                          getMember<std::string>(entry, "name", where));
    if (title == "default")
      return getMember<std::string>(entry, "template", where);
  }
  return Status::error(where + ": expected one of the templates to have the "
                               "name 'default'");
}

Result<ChatFormat> moec::loadChatFormat(const ModelFiles &files) {
  const std::string configName = "tokenizer_config.json";
  Json config = Json::object();
  if (auto text = files.find(configName)) {
    MOEC_ASSIGN_OR_RETURN(config, parseJson(*text, configName));
  }
  std::string source, name = "chat_template.jinja";
  if (auto text = files.find(name)) {
    source = *text;
  } else {
    name = "chat_template of " + configName;
    MOEC_ASSIGN_OR_RETURN(source, templateOf(config, configName));
  }
  if (source.empty())
    return Status::error("the model has no chat template (neither "
                         "chat_template.jinja nor chat_template in "
                         "tokenizer_config.json), so it is not known how it "
                         "wants conversations written; use --prompt with the "
                         "whole text");
  MOEC_ASSIGN_OR_RETURN(ChatTemplate chatTemplate,
                        ChatTemplate::parse(source, name));
  nlohmann::ordered_json variables = {{"tools", nullptr},
                                      {"documents", nullptr}};
  for (const char *key : {"bos_token", "eos_token", "unk_token", "sep_token",
                          "pad_token", "cls_token", "mask_token"}) {
    MOEC_ASSIGN_OR_RETURN(auto text, specialTokenText(config, key, configName));
    if (!text.empty())
      variables[key] = text;
  }
  return ChatFormat{std::move(chatTemplate), std::move(variables)};
}
