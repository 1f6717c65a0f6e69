//===- Tokenizer.cpp - Text to token ids and back -------------------------===//
#include "support/Tokenizer.h"

#include "support/Json.h"
#include "support/Utf8.h"
#include "support/tokenizer/AddedTokens.h"
#include "support/tokenizer/Bpe.h"
#include "support/tokenizer/Decoder.h"
#include "support/tokenizer/Limits.h"
#include "support/tokenizer/Normalizer.h"
#include "support/tokenizer/PostProcessor.h"
#include "support/tokenizer/PreTokenizer.h"

#include <algorithm>

using namespace moec;

struct Tokenizer::Impl {
  Normalizer normalizer;
  AddedTokens addedTokens;
  PreTokenizer preTokenizer;
  Bpe bpe;
  PostProcessor postProcessor;
  Decoder decoder;
  int32_t bosId = -1;
  int32_t eosId = -1;

  int32_t idOf(std::string_view token) const {
    const AddedToken *added = addedTokens.find(token);
    return added ? added->id : bpe.idOf(token);
  }
  /// Null for an id without text, and for a special one when those are skipped.
  const std::string *textOf(int32_t id, bool skipSpecial) const {
    const AddedToken *added = addedTokens.find(id);
    if (!added)
      return bpe.tokenOf(id);
    return added->special && skipSpecial ? nullptr : &added->text;
  }

  Status applyConfig(std::string_view json, const std::string &where);

  /// Encodes a part of the text without added tokens, normalised.
  Status encodePlain(std::string text, bool atStart,
                     std::vector<int32_t> &ids) const {
    MOEC_ASSIGN_OR_RETURN(Pieces pieces,
                          preTokenizer.apply(std::move(text), atStart));
    for (size_t i = 0; i < pieces.spans.size(); ++i)
      bpe.encode(pieces[i], ids);
    return Status::success();
  }
};

namespace {

/// An added token must be at its place in the vocabulary, or beside it.
Status checkAgainstVocabulary(const AddedTokens &added, const Bpe &bpe,
                              const std::string &where) {
  for (const AddedToken &token : added.tokens()) {
    int32_t id = bpe.idOf(token.content);
    const std::string *content = bpe.tokenOf(token.id);
    if ((id >= 0 && id != token.id) || (content && *content != token.content))
      return Status::error(where + ": '" + token.content + "' has id " +
                           std::to_string(token.id) +
                           ", the vocabulary disagrees");
  }
  return Status::success();
}

} // namespace

Result<std::string> moec::specialTokenText(const Json &config, const char *key,
                                           const std::string &where) {
  const Json *token = findMember(config, key);
  if (token && token->is_object())
    return getMember<std::string>(*token, "content", where + ": " + key);
  return getMemberOr<std::string>(config, key, "", where);
}

/// tokenizer_config.json names BOS and EOS. Where it says whether they are
/// added, it replaces the post-processor, as transformers does: the files of
/// DeepSeek-V3 add BOS only here.
Status Tokenizer::Impl::applyConfig(std::string_view json,
                                    const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(Json config, parseJson(json, where));
  auto resolve = [&](const char *key, int32_t &id) -> Status {
    MOEC_ASSIGN_OR_RETURN(auto text, specialTokenText(config, key, where));
    id = text.empty() ? -1 : idOf(text);
    if (!text.empty() && id < 0)
      return Status::error(where + ": the vocabulary lacks " + key + " '" +
                           text + "'");
    return Status::success();
  };
  MOEC_RETURN_IF_ERROR(resolve("bos_token", bosId));
  MOEC_RETURN_IF_ERROR(resolve("eos_token", eosId));

  if (!findMember(config, "add_bos_token") &&
      !findMember(config, "add_eos_token"))
    return Status::success();
  MOEC_ASSIGN_OR_RETURN(auto addBos,
                        getMemberOr(config, "add_bos_token", false, where));
  MOEC_ASSIGN_OR_RETURN(auto addEos,
                        getMemberOr(config, "add_eos_token", false, where));
  if ((addBos && bosId < 0) || (addEos && eosId < 0))
    return Status::error(where + ": add_bos_token or add_eos_token without "
                                 "bos_token or eos_token");
  postProcessor = {};
  if (addBos)
    postProcessor.prefix = {bosId};
  if (addEos)
    postProcessor.suffix = {eosId};
  return Status::success();
}

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer &&) = default;
Tokenizer &Tokenizer::operator=(Tokenizer &&) = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::fromJson(std::string_view json,
                                      std::string_view configJson,
                                      const std::string &name) {
  MOEC_ASSIGN_OR_RETURN(const Json root, parseJson(json, name));
  if (!root.is_object())
    return Status::error(name + ": expected an object, found " +
                         root.type_name());
  auto member = [&root](const char *key) { return root.value(key, Json()); };
  MOEC_ASSIGN_OR_RETURN(
      auto normalizer,
      Normalizer::fromJson(member("normalizer"), name + ": normalizer"));
  MOEC_ASSIGN_OR_RETURN(auto addedTokens,
                        AddedTokens::fromJson(member("added_tokens"),
                                              normalizer,
                                              name + ": added_tokens"));
  MOEC_ASSIGN_OR_RETURN(auto preTokenizer,
                        PreTokenizer::fromJson(member("pre_tokenizer"),
                                               name + ": pre_tokenizer"));
  MOEC_ASSIGN_OR_RETURN(const Json *model, getObject(root, "model", name));
  MOEC_ASSIGN_OR_RETURN(auto bpe, Bpe::fromJson(*model, name + ": model"));
  MOEC_ASSIGN_OR_RETURN(auto postProcessor,
                        PostProcessor::fromJson(member("post_processor"),
                                                name + ": post_processor"));
  MOEC_ASSIGN_OR_RETURN(
      auto decoder, Decoder::fromJson(member("decoder"), name + ": decoder"));
  MOEC_RETURN_IF_ERROR(
      checkAgainstVocabulary(addedTokens, bpe, name + ": added_tokens"));
  auto impl = std::make_unique<Impl>(Impl{
      std::move(normalizer), std::move(addedTokens), std::move(preTokenizer),
      std::move(bpe), std::move(postProcessor), std::move(decoder)});
  if (!configJson.empty())
    MOEC_RETURN_IF_ERROR(
        impl->applyConfig(configJson, name + ": configuration"));
  for (const auto *added :
       {&impl->postProcessor.prefix, &impl->postProcessor.suffix})
    for (int32_t id : *added)
      if (!impl->textOf(id, /*skipSpecial=*/false))
        return Status::error(name + ": post_processor: adds the id " +
                             std::to_string(id) + ", which no token has");
  return Tokenizer(std::move(impl));
}

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                               bool special) const {
  if (text.size() > maxTextBytes)
    return Status::error("a text of " + std::to_string(text.size()) +
                         " bytes, the limit is " +
                         std::to_string(maxTextBytes));
  if (std::optional<size_t> invalid = findInvalidUtf8(text))
    return Status::error("the text is not UTF-8 at byte " +
                         std::to_string(*invalid));
  std::vector<int32_t> ids;
  if (special)
    ids = impl->postProcessor.prefix;
  for (const Segment &segment : impl->addedTokens.split(text)) {
    if (segment.id >= 0) {
      ids.push_back(segment.id);
      continue;
    }
    MOEC_ASSIGN_OR_RETURN(
        std::string normalized,
        impl->normalizer.apply(std::string(text.substr(
            segment.span.begin, segment.span.end - segment.span.begin))));
    for (const Segment &part : impl->addedTokens.splitNormalized(normalized)) {
      if (part.id >= 0)
        ids.push_back(part.id);
      else
        MOEC_RETURN_IF_ERROR(impl->encodePlain(
            normalized.substr(part.span.begin, part.span.end - part.span.begin),
            segment.span.begin == 0 && part.span.begin == 0, ids));
    }
  }
  if (special)
    ids.insert(ids.end(), impl->postProcessor.suffix.begin(),
               impl->postProcessor.suffix.end());
  return ids;
}

std::string Tokenizer::decode(const std::vector<int32_t> &ids,
                              bool skipSpecial) const {
  StreamDecoder stream(*this, skipSpecial);
  std::string text;
  for (int32_t id : ids)
    text += stream.push(id);
  return text + stream.finish();
}

int64_t Tokenizer::vocabSize() const {
  int64_t size = impl->bpe.size();
  for (const AddedToken &token : impl->addedTokens.tokens())
    size = std::max(size, int64_t(token.id) + 1);
  return size;
}

int32_t Tokenizer::bosId() const { return impl->bosId; }
int32_t Tokenizer::eosId() const { return impl->eosId; }
int32_t Tokenizer::idOf(std::string_view token) const {
  return impl->idOf(token);
}

//===- StreamDecoder ------------------------------------------------------===//

struct StreamDecoder::Impl {
  const Tokenizer::Impl &tokenizer;
  bool skipSpecial;
  Decoder::Stream stream;
};

StreamDecoder::StreamDecoder(const Tokenizer &tokenizer, bool skipSpecial)
    : impl(new Impl{tokenizer.getImpl(), skipSpecial,
                    tokenizer.getImpl().decoder.begin()}) {}
StreamDecoder::StreamDecoder(StreamDecoder &&) = default;
StreamDecoder &StreamDecoder::operator=(StreamDecoder &&) = default;
StreamDecoder::~StreamDecoder() = default;

std::string StreamDecoder::push(int32_t id) {
  const std::string *token = impl->tokenizer.textOf(id, impl->skipSpecial);
  return token ? impl->stream.push(*token) : "";
}

std::string StreamDecoder::finish() { return impl->stream.finish(); }
