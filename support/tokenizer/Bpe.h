//===- Bpe.h - Byte-pair encoding -----------------------------------------===//
//
// A piece starts as its characters; of all neighbours that the merge list
// knows, the pair that stands first in the list is joined (the leftmost of
// equals), until none is left. A heap over the candidate pairs and a linked
// list over the symbols make that O(n log n), so a megabyte without a space is
// no attack.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TOKENIZER_BPE_H
#define MOEC_SUPPORT_TOKENIZER_BPE_H

#include "support/Json.h"
#include "support/Status.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moec {

class Bpe {
public:
  /// `json` is the member "model".
  static Result<Bpe> fromJson(const Json &json, const std::string &where);
  Bpe(Bpe &&) = default;
  Bpe &operator=(Bpe &&) = default;

  /// Appends the ids of a piece, which is valid UTF-8.
  void encode(std::string_view piece, std::vector<int32_t> &ids) const;

  /// -1 when there is none.
  int32_t idOf(std::string_view token) const;
  /// Null when there is none.
  const std::string *tokenOf(int32_t id) const;
  /// Greatest id + 1.
  int64_t size() const { return int64_t(tokens.size()); }

private:
  struct Merge {
    uint32_t rank;
    int32_t id;
  };
  struct Symbol {
    int32_t id;
    int32_t previous;
    int32_t next;
  };

  Bpe() = default;
  Status addVocabulary(const Json &vocabulary, const std::string &where);
  Status addMerges(const Json &merges, const std::string &where);

  static uint64_t pairKey(int32_t left, int32_t right) {
    return uint64_t(uint32_t(left)) << 32 | uint32_t(right);
  }
  const Merge *findMerge(int32_t left, int32_t right) const;
  std::vector<Symbol> symbolsOf(std::string_view piece) const;
  void mergeAll(std::vector<Symbol> &symbols) const;

  /// By id; an empty one is a gap.
  std::vector<std::string> tokens;
  /// Keys point into `tokens`.
  std::unordered_map<std::string_view, int32_t> ids;
  std::unordered_map<uint64_t, Merge> merges;
  /// Ids of <0x00>…<0xFF> with byte_fallback, -1 where one is missing.
  std::array<int32_t, 256> byteTokens;
  int32_t unknownId = -1;
  bool byteFallback = false;
  bool fuseUnknown = false;
  bool ignoreMerges = false;
};

} // namespace moec

#endif // MOEC_SUPPORT_TOKENIZER_BPE_H
