//===- Bpe.cpp - Byte-pair encoding ---------------------------------------===//
#include "support/tokenizer/Bpe.h"

#include "support/Utf8.h"
#include "support/tokenizer/Limits.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>
#include <queue>

using namespace moec;

//===- Loading ------------------------------------------------------------===//

Status Bpe::addVocabulary(const Json &vocabulary, const std::string &where) {
  int64_t greatest = -1;
  for (const auto &[token, id] : vocabulary.items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > uint64_t(maxTokenId))
      return Status::error(where + ": the id of '" + token + "' is " +
                           id.dump() + ", expected 0.." +
                           std::to_string(maxTokenId));
    greatest = std::max(greatest, id.get<int64_t>());
  }
  tokens.resize(greatest + 1);
  ids.reserve(vocabulary.size());
  for (const auto &[token, id] : vocabulary.items()) {
    std::string &slot = tokens[id.get<size_t>()];
    if (token.empty())
      continue; // no text becomes it
    if (!slot.empty())
      return Status::error(where + ": '" + slot + "' and '" + token +
                           "' have the same id " + id.dump());
    slot = token;
    ids.emplace(slot, id.get<int32_t>());
  }
  return Status::success();
}

/// The two sides of a merge, which is "a b" or ["a", "b"].
static std::optional<std::pair<std::string_view, std::string_view>>
sidesOf(const Json &merge) {
  if (merge.is_string()) {
    std::string_view text = merge.get_ref<const std::string &>();
    size_t space = text.find(' ');
    if (space == text.npos || text.find(' ', space + 1) != text.npos)
      return std::nullopt;
    return std::make_pair(text.substr(0, space), text.substr(space + 1));
  }
  if (!merge.is_array() || merge.size() != 2 || !merge[0].is_string() ||
      !merge[1].is_string())
    return std::nullopt;
  return std::make_pair(
      std::string_view(merge[0].get_ref<const std::string &>()),
      std::string_view(merge[1].get_ref<const std::string &>()));
}

Status Bpe::addMerges(const Json &list, const std::string &where) {
  merges.reserve(list.size());
  uint32_t rank = 0;
  std::string joined;
  for (const Json &merge : list) {
    auto sides = sidesOf(merge);
    if (!sides)
      return Status::error(where + ": expected merge " + std::to_string(rank) +
                           " to have two sides, found " + merge.dump());
    joined.assign(sides->first);
    joined += sides->second;
    int32_t left = idOf(sides->first), right = idOf(sides->second);
    int32_t id = idOf(joined);
    if (left < 0 || right < 0 || id < 0)
      return Status::error(where + ": merge " + std::to_string(rank) + " " +
                           merge.dump() +
                           " is of or to a token that the "
                           "vocabulary lacks");
    merges[pairKey(left, right)] = {rank++, id};
  }
  return Status::success();
}

Result<Bpe> Bpe::fromJson(const Json &json, const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(auto type, getMember<std::string>(json, "type", where));
  if (type != "BPE")
    return Status::error(where + ": '" + type +
                         "' is not supported, expected BPE");
  for (const char *key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    MOEC_ASSIGN_OR_RETURN(auto affix,
                          getMemberOr<std::string>(json, key, "", where));
    if (!affix.empty())
      return Status::error(where + ": " + key + " is not supported");
  }
  MOEC_ASSIGN_OR_RETURN(auto dropout, getMemberOr(json, "dropout", 0.0, where));
  if (dropout != 0)
    return Status::error(where + ": dropout is not supported");

  Bpe bpe;
  MOEC_ASSIGN_OR_RETURN(bpe.byteFallback,
                        getMemberOr(json, "byte_fallback", false, where));
  MOEC_ASSIGN_OR_RETURN(bpe.fuseUnknown,
                        getMemberOr(json, "fuse_unk", false, where));
  MOEC_ASSIGN_OR_RETURN(bpe.ignoreMerges,
                        getMemberOr(json, "ignore_merges", false, where));
  MOEC_ASSIGN_OR_RETURN(const Json *vocabulary,
                        getObject(json, "vocab", where));
  MOEC_RETURN_IF_ERROR(bpe.addVocabulary(*vocabulary, where));
  MOEC_ASSIGN_OR_RETURN(const Json *merges, getArray(json, "merges", where));
  MOEC_RETURN_IF_ERROR(bpe.addMerges(*merges, where));
  MOEC_ASSIGN_OR_RETURN(auto unknown,
                        getMemberOr<std::string>(json, "unk_token", "", where));
  bpe.unknownId = bpe.idOf(unknown);
  if (!unknown.empty() && bpe.unknownId < 0)
    return Status::error(where + ": the vocabulary lacks unk_token '" +
                         unknown + "'");
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", byte);
    bpe.byteTokens[byte] = bpe.idOf(name);
  }
  return bpe;
}

//===- Encoding -----------------------------------------------------------===//

int32_t Bpe::idOf(std::string_view token) const {
  auto entry = ids.find(token);
  return entry == ids.end() ? -1 : entry->second;
}

const std::string *Bpe::tokenOf(int32_t id) const {
  bool known = id >= 0 && id < size() && !tokens[id].empty();
  return known ? &tokens[id] : nullptr;
}

const Bpe::Merge *Bpe::findMerge(int32_t left, int32_t right) const {
  auto entry = merges.find(pairKey(left, right));
  return entry == merges.end() ? nullptr : &entry->second;
}

/// One symbol for each character that the vocabulary has; else its bytes, if
/// all are tokens; else the unknown token, one for a run of them with fuse_unk.
/// A character with none of these vanishes, as in the reference implementation.
std::vector<Bpe::Symbol> Bpe::symbolsOf(std::string_view piece) const {
  std::vector<Symbol> symbols;
  symbols.reserve(piece.size());
  auto add = [&](int32_t id) {
    int32_t index = int32_t(symbols.size());
    symbols.push_back({id, index - 1, index + 1});
  };
  bool afterUnknown = false;
  for (size_t at = 0; at < piece.size();) {
    std::string_view character = piece.substr(at, utf8Length(piece[at]));
    at += character.size();
    auto byteToken = [&](char byte) { return byteTokens[uint8_t(byte)]; };
    bool hasBytes =
        byteFallback &&
        std::all_of(character.begin(), character.end(),
                    [&](char byte) { return byteToken(byte) >= 0; });
    int32_t id = idOf(character);
    bool isUnknown = id < 0 && !hasBytes;
    if (id >= 0) {
      add(id);
    } else if (hasBytes) {
      for (char byte : character)
        add(byteToken(byte));
    } else if (unknownId >= 0 && !(fuseUnknown && afterUnknown)) {
      add(unknownId);
    }
    afterUnknown = isUnknown;
  }
  if (!symbols.empty())
    symbols.back().next = -1;
  return symbols;
}

void Bpe::mergeAll(std::vector<Symbol> &symbols) const {
  // A candidate is its rank above its left symbol's index, so the smallest is
  // the next to do. One whose symbols have changed since is stale: the pair
  // that now stands there has another rank, or none.
  std::vector<uint64_t> storage;
  storage.reserve(symbols.size());
  std::priority_queue<uint64_t, std::vector<uint64_t>, std::greater<>> queue(
      std::greater<>(), std::move(storage));
  auto push = [&](int32_t left) {
    if (left < 0 || symbols[left].next < 0)
      return;
    if (const Merge *merge =
            findMerge(symbols[left].id, symbols[symbols[left].next].id))
      queue.push(uint64_t(merge->rank) << 32 | uint32_t(left));
  };
  for (size_t i = 0; i < symbols.size(); ++i)
    push(int32_t(i));

  while (!queue.empty()) {
    uint64_t candidate = queue.top();
    queue.pop();
    auto index = int32_t(candidate & 0xffffffff);
    Symbol &left = symbols[index];
    if (left.id < 0 || left.next < 0)
      continue;
    Symbol &right = symbols[left.next];
    const Merge *merge = findMerge(left.id, right.id);
    if (!merge || merge->rank != candidate >> 32)
      continue;
    left.id = merge->id;
    left.next = right.next;
    right.id = -1; // joined
    if (left.next >= 0)
      symbols[left.next].previous = index;
    push(left.previous);
    push(index);
  }
}

void Bpe::encode(std::string_view piece, std::vector<int32_t> &out) const {
  if (ignoreMerges) {
    if (int32_t id = idOf(piece); id >= 0) {
      out.push_back(id);
      return;
    }
  }
  std::vector<Symbol> symbols = symbolsOf(piece);
  mergeAll(symbols);
  for (const Symbol &symbol : symbols)
    if (symbol.id >= 0)
      out.push_back(symbol.id);
}
