//===- PostProcessor.cpp - Tokens around a prompt -------------------------===//
#include "support/tokenizer/PostProcessor.h"

#include "support/tokenizer/Limits.h"

using namespace moec;

namespace {

/// Appends the ids of the special token `name` of a template.
Status appendSpecial(const Json &specials, const std::string &name,
                     std::vector<int32_t> &out, const std::string &where) {
  const Json *special = findMember(specials, name);
  if (!special)
    return Status::error(where + ": the template lacks the special token '" +
                         name + "'");
  MOEC_ASSIGN_OR_RETURN(const Json *ids, getArray(*special, "ids", where));
  for (const Json &id : *ids) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > uint64_t(maxTokenId))
      return Status::error(where + ": special token '" + name +
                           "' has the id " + id.dump());
    out.push_back(id.get<int32_t>());
  }
  return Status::success();
}

/// "single": a list of {"SpecialToken": {"id"}} and, once, {"Sequence":
/// {"id"}}.
Result<PostProcessor> parseTemplate(const Json &json,
                                    const std::string &where) {
  PostProcessor result;
  MOEC_ASSIGN_OR_RETURN(const Json *single, getArray(json, "single", where));
  MOEC_ASSIGN_OR_RETURN(const Json *specials,
                        getObject(json, "special_tokens", where));
  bool seenText = false;
  for (const Json &item : *single) {
    if (const Json *special = findMember(item, "SpecialToken")) {
      MOEC_ASSIGN_OR_RETURN(auto name,
                            getMember<std::string>(*special, "id", where));
      MOEC_RETURN_IF_ERROR(appendSpecial(
          *specials, name, seenText ? result.suffix : result.prefix, where));
    } else if (findMember(item, "Sequence") && !seenText) {
      seenText = true;
    } else {
      return Status::error(where +
                           ": unexpected item of a template: " + item.dump());
    }
  }
  if (!seenText)
    return Status::error(where + ": the template lacks the text");
  return result;
}

} // namespace

Result<PostProcessor> PostProcessor::fromJson(const Json &json,
                                              const std::string &where) {
  PostProcessor result;
  if (json.is_null())
    return result;
  MOEC_ASSIGN_OR_RETURN(auto type, getMember<std::string>(json, "type", where));
  if (type == "ByteLevel")
    return result;
  if (type == "TemplateProcessing")
    return parseTemplate(json, where);
  if (type != "Sequence")
    return Status::error(where + ": '" + type + "' is not supported");
  MOEC_ASSIGN_OR_RETURN(const Json *members,
                        getArray(json, "processors", where));
  for (const Json &member : *members) {
    MOEC_ASSIGN_OR_RETURN(PostProcessor next, fromJson(member, where));
    bool adds = !next.prefix.empty() || !next.suffix.empty();
    if (adds && (!result.prefix.empty() || !result.suffix.empty()))
      return Status::error(where + ": more than one template is not supported");
    if (adds)
      result = std::move(next);
  }
  return result;
}
