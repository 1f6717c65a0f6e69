//===- PreTokenizer.h - Cutting a text into pieces ------------------------===//
//
// No merge of the BPE model crosses a piece. The steps run one after another,
// each on every piece of the step before as a text of its own: a look-ahead
// sees the piece's end, not the next piece.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TOKENIZER_PRETOKENIZER_H
#define MOEC_SUPPORT_TOKENIZER_PRETOKENIZER_H

#include "support/Json.h"
#include "support/Status.h"
#include "support/tokenizer/Regex.h"

#include <string>
#include <variant>
#include <vector>

namespace moec {

/// A text and the parts of it that are pieces, in order; none is empty.
struct Pieces {
  std::string text;
  std::vector<Span> spans;

  std::string_view operator[](size_t i) const {
    return std::string_view(text).substr(spans[i].begin,
                                         spans[i].end - spans[i].begin);
  }
};

/// Sequence, Split, ByteLevel, Digits, Metaspace. Anything else is refused.
class PreTokenizer {
public:
  /// `json` may be null: the text is one piece then.
  static Result<PreTokenizer> fromJson(const Json &json,
                                       const std::string &where);

  /// `atStart` says that `text` is the start of what was to be encoded, no
  /// added token is before it.
  Result<Pieces> apply(std::string text, bool atStart) const;

private:
  /// What becomes of the matches.
  enum class Behavior {
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous
  };
  struct Split {
    Regex pattern;
    Behavior behavior;
    bool invert;
  };
  /// Spells each byte as its character.
  struct ByteLevel {};
  /// Begins every piece that does not begin with `space` with it.
  struct AddSpace {
    std::string space;
    bool onlyAtStart;
  };
  /// Spells U+0020 as `replacement`.
  struct ReplaceSpace {
    std::string replacement;
  };
  using Step = std::variant<Split, ByteLevel, AddSpace, ReplaceSpace>;

  Status add(const Json &json, const std::string &where);
  static Status run(const Split &split, Pieces &pieces);

  std::vector<Step> steps;
};

} // namespace moec

#endif // MOEC_SUPPORT_TOKENIZER_PRETOKENIZER_H
