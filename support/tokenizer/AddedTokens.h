//===- AddedTokens.h - Tokens that are recognised before all else ---------===//
//
// Added tokens ("<s>", "<|im_start|>") stand outside the model: they are looked
// for in the text itself, the longest first from the left, and what lies
// between them goes through normalizer, pre-tokenizer and model. Those that are
// `normalized` are looked for in the normalised text instead.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TOKENIZER_ADDEDTOKENS_H
#define MOEC_SUPPORT_TOKENIZER_ADDEDTOKENS_H

#include "support/Json.h"
#include "support/Status.h"
#include "support/tokenizer/Normalizer.h"
#include "support/tokenizer/Regex.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moec {

struct AddedToken {
  int32_t id = -1;
  std::string content;
  /// What stands for it in a text: the content, normalised when `normalized`.
  /// The decoder, which undoes normalising, takes this.
  std::string text;
  bool singleWord = false;
  bool lstrip = false;
  bool rstrip = false;
  bool normalized = false;
  bool special = false;
};

/// A part of a text: an added token, or text between them (`id` is -1).
struct Segment {
  Span span;
  int32_t id;
};

class AddedTokens {
public:
  /// `json` is the array "added_tokens".
  static Result<AddedTokens> fromJson(const Json &json,
                                      const Normalizer &normalizer,
                                      const std::string &where);

  /// Cuts a text as it was given, or one that has been normalised.
  std::vector<Segment> split(std::string_view text) const {
    return split(text, raw);
  }
  std::vector<Segment> splitNormalized(std::string_view text) const {
    return split(text, normalized);
  }

  const std::vector<AddedToken> &tokens() const { return list; }
  /// Null when there is none.
  const AddedToken *find(int32_t id) const;
  const AddedToken *find(std::string_view content) const;

private:
  /// A trie over bytes.
  class Trie {
  public:
    void insert(std::string_view text, int32_t token);
    /// The longest entry that `text` begins with: its token and length, or {-1,
    /// 0}.
    std::pair<int32_t, size_t> longestPrefix(std::string_view text) const;

  private:
    struct Node {
      int32_t token = -1;
      std::vector<std::pair<char, uint32_t>> children;
    };
    const uint32_t *child(const Node &node, char byte) const;
    std::vector<Node> nodes = std::vector<Node>(1);
  };

  std::vector<Segment> split(std::string_view text, const Trie &trie) const;

  std::vector<AddedToken> list;
  std::unordered_map<int32_t, size_t> byId;
  std::unordered_map<std::string, size_t> byContent;
  Trie raw;
  Trie normalized;
};

} // namespace moec

#endif // MOEC_SUPPORT_TOKENIZER_ADDEDTOKENS_H
