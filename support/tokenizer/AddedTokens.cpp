//===- AddedTokens.cpp - Tokens that are recognised before all else -------===//
#include "support/tokenizer/AddedTokens.h"

#include "support/Utf8.h"
#include "support/tokenizer/Limits.h"

#include <algorithm>

using namespace moec;

namespace {

/// Bounds the cost of a search, which is the text's size times this at worst.
constexpr size_t maxAddedTokenBytes = 1024;

/// Letters, marks, digits, connectors and joiners: what \w is in Unicode.
bool isWordCharacter(std::string_view character) {
  static const Regex pattern = *Regex::compile(
      "[\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\u200c\u200d]", "word character");
  std::vector<Span> matches;
  return pattern.findAll(character, matches).ok() && !matches.empty();
}

bool beginsWithWord(std::string_view text) {
  return !text.empty() && isWordCharacter(text.substr(0, utf8Length(text[0])));
}
bool endsWithWord(std::string_view text) {
  return !text.empty() && isWordCharacter(text.substr(lastUtf8(text)));
}

size_t skipSpacesForward(std::string_view text, size_t at) {
  while (at < text.size() && isWhiteSpace(decodeUtf8(text.substr(at))))
    at += utf8Length(text[at]);
  return at;
}
size_t skipSpacesBackward(std::string_view text, size_t at, size_t limit) {
  while (at > limit) {
    size_t last = lastUtf8(text.substr(0, at));
    if (!isWhiteSpace(decodeUtf8(text.substr(last))))
      break;
    at = last;
  }
  return at;
}

Result<AddedToken> parseToken(const Json &json, const std::string &where) {
  AddedToken token;
  MOEC_ASSIGN_OR_RETURN(auto id, getMember<int64_t>(json, "id", where));
  if (id < 0 || id > maxTokenId)
    return Status::error(where + ": id " + std::to_string(id) +
                         " is not in 0.." + std::to_string(maxTokenId));
  token.id = int32_t(id);
  MOEC_ASSIGN_OR_RETURN(token.content,
                        getMember<std::string>(json, "content", where));
  if (token.content.empty() || token.content.size() > maxAddedTokenBytes)
    return Status::error(where + ": the content of id " + std::to_string(id) +
                         " has " + std::to_string(token.content.size()) +
                         " bytes, expected 1.." +
                         std::to_string(maxAddedTokenBytes));
  for (auto [key, flag] :
       {std::pair("single_word", &token.singleWord),
        std::pair("lstrip", &token.lstrip), std::pair("rstrip", &token.rstrip),
        std::pair("normalized", &token.normalized),
        std::pair("special", &token.special)}) {
    MOEC_ASSIGN_OR_RETURN(*flag, getMember<bool>(json, key, where));
  }
  return token;
}

} // namespace

//===- Trie ---------------------------------------------------------------===//

const uint32_t *AddedTokens::Trie::child(const Node &node, char byte) const {
  auto entry = std::lower_bound(
      node.children.begin(), node.children.end(), byte,
      [](const auto &child, char wanted) { return child.first < wanted; });
  return entry != node.children.end() && entry->first == byte ? &entry->second
                                                              : nullptr;
}

void AddedTokens::Trie::insert(std::string_view text, int32_t token) {
  uint32_t at = 0;
  for (char byte : text) {
    if (const uint32_t *next = child(nodes[at], byte)) {
      at = *next;
      continue;
    }
    auto &children = nodes[at].children;
    auto position = std::lower_bound(
        children.begin(), children.end(), byte,
        [](const auto &entry, char wanted) { return entry.first < wanted; });
    uint32_t fresh = uint32_t(nodes.size());
    children.insert(position, {byte, fresh});
    nodes.emplace_back();
    at = fresh;
  }
  nodes[at].token = token;
}

std::pair<int32_t, size_t>
AddedTokens::Trie::longestPrefix(std::string_view text) const {
  std::pair<int32_t, size_t> longest{-1, 0};
  const Node *node = &nodes[0];
  for (size_t i = 0; i < text.size(); ++i) {
    const uint32_t *next = child(*node, text[i]);
    if (!next)
      break;
    node = &nodes[*next];
    if (node->token >= 0)
      longest = {node->token, i + 1};
  }
  return longest;
}

//===- AddedTokens --------------------------------------------------------===//

Result<AddedTokens> AddedTokens::fromJson(const Json &json,
                                          const Normalizer &normalizer,
                                          const std::string &where) {
  AddedTokens result;
  if (!json.is_array())
    return Status::error(where + ": expected an array, found " +
                         json.type_name());
  for (const Json &entry : json) {
    MOEC_ASSIGN_OR_RETURN(auto token, parseToken(entry, where));
    size_t index = result.list.size();
    if (!result.byId.emplace(token.id, index).second ||
        !result.byContent.emplace(token.content, index).second)
      return Status::error(where + ": '" + token.content + "' or its id " +
                           std::to_string(token.id) + " occurs twice");
    if (token.normalized) {
      MOEC_ASSIGN_OR_RETURN(token.text, normalizer.apply(token.content));
      result.normalized.insert(token.text, token.id);
    } else {
      token.text = token.content;
      result.raw.insert(token.text, token.id);
    }
    result.list.push_back(std::move(token));
  }
  return result;
}

const AddedToken *AddedTokens::find(int32_t id) const {
  auto entry = byId.find(id);
  return entry == byId.end() ? nullptr : &list[entry->second];
}

const AddedToken *AddedTokens::find(std::string_view content) const {
  auto entry = byContent.find(std::string(content));
  return entry == byContent.end() ? nullptr : &list[entry->second];
}

std::vector<Segment> AddedTokens::split(std::string_view text,
                                        const Trie &trie) const {
  std::vector<Segment> segments;
  size_t covered = 0; // what the segments hold so far
  for (size_t at = 0; at < text.size();) {
    auto [id, length] = trie.longestPrefix(text.substr(at));
    if (id < 0) {
      at += utf8Length(text[at]);
      continue;
    }
    const AddedToken &token = *find(id);
    size_t begin = at, end = at + length;
    at = end;
    if (token.singleWord && (endsWithWord(text.substr(0, begin)) ||
                             beginsWithWord(text.substr(end))))
      continue;
    if (token.lstrip)
      begin = skipSpacesBackward(text, begin, covered);
    if (token.rstrip)
      at = end = skipSpacesForward(text, end);
    if (covered < begin)
      segments.push_back({{covered, begin}, -1});
    segments.push_back({{begin, end}, id});
    covered = end;
  }
  if (covered < text.size())
    segments.push_back({{covered, text.size()}, -1});
  return segments;
}
