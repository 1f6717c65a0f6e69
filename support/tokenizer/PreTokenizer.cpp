//===- PreTokenizer.cpp - Cutting a text into pieces ----------------------===//
#include "support/tokenizer/PreTokenizer.h"

#include "support/Utf8.h"
#include "support/tokenizer/ByteLevel.h"
#include "support/tokenizer/Replace.h"

#include <algorithm>
#include <functional>

using namespace moec;

namespace {

constexpr size_t maxSteps = 32;

/// What ByteLevel splits by unless `use_regex` is false.
constexpr const char *gpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// A match, or what is between two.
struct Part {
  Span span;
  bool isMatch;
};

std::vector<Part> cut(std::string_view text, const std::vector<Span> &matches,
                      bool invert) {
  std::vector<Part> parts;
  size_t at = 0;
  for (const Span &match : matches) {
    if (at != match.begin)
      parts.push_back({{at, match.begin}, invert});
    parts.push_back({match, !invert});
    at = match.end;
  }
  if (at != text.size())
    parts.push_back({{at, text.size()}, invert});
  return parts;
}

/// Joins parts that are neighbours in [first, last), which runs forwards or
/// backwards, when `joins(this, before)` holds for whether they are matches.
/// The result is in the order of the range.
template <typename Iterator, typename Joins>
std::vector<Part> joinParts(Iterator first, Iterator last, Joins joins) {
  std::vector<Part> joined;
  bool before = false;
  for (; first != last; ++first) {
    if (!joined.empty() && joins(first->isMatch, before)) {
      Span &span = joined.back().span;
      span = {std::min(span.begin, first->span.begin),
              std::max(span.end, first->span.end)};
    } else {
      joined.push_back(*first);
    }
    before = first->isMatch;
  }
  return joined;
}

/// Each piece through `rewrite(piece, index, out)`, which appends what it
/// becomes.
template <typename Rewrite>
void rewritePieces(Pieces &pieces, Rewrite rewrite) {
  Pieces result;
  result.text.reserve(pieces.text.size() * 2);
  result.spans.reserve(pieces.spans.size());
  for (size_t i = 0; i < pieces.spans.size(); ++i) {
    size_t begin = result.text.size();
    rewrite(pieces[i], i, result.text);
    result.spans.push_back({begin, result.text.size()});
  }
  pieces = std::move(result);
}

} // namespace

Status PreTokenizer::add(const Json &json, const std::string &where) {
  if (steps.size() >= maxSteps)
    return Status::error(where + ": more than " + std::to_string(maxSteps) +
                         " steps");
  MOEC_ASSIGN_OR_RETURN(auto type, getMember<std::string>(json, "type", where));
  if (type == "Sequence") {
    MOEC_ASSIGN_OR_RETURN(const Json *members,
                          getArray(json, "pretokenizers", where));
    for (const Json &member : *members)
      MOEC_RETURN_IF_ERROR(add(member, where));
  } else if (type == "Split") {
    static const std::pair<const char *, Behavior> behaviors[] = {
        {"Removed", Behavior::Removed},
        {"Isolated", Behavior::Isolated},
        {"MergedWithPrevious", Behavior::MergedWithPrevious},
        {"MergedWithNext", Behavior::MergedWithNext},
        {"Contiguous", Behavior::Contiguous}};
    MOEC_ASSIGN_OR_RETURN(auto pattern, Regex::fromJson(json, where));
    MOEC_ASSIGN_OR_RETURN(auto name,
                          getMember<std::string>(json, "behavior", where));
    MOEC_ASSIGN_OR_RETURN(auto invert,
                          getMemberOr(json, "invert", false, where));
    auto *behavior =
        std::find_if(std::begin(behaviors), std::end(behaviors),
                     [&](const auto &entry) { return entry.first == name; });
    if (behavior == std::end(behaviors))
      return Status::error(where + ": unknown behavior '" + name + "'");
    steps.push_back(Split{std::move(pattern), behavior->second, invert});
  } else if (type == "Digits") {
    MOEC_ASSIGN_OR_RETURN(auto individual,
                          getMemberOr(json, "individual_digits", false, where));
    MOEC_ASSIGN_OR_RETURN(
        auto pattern,
        Regex::compile(individual ? R"(\p{N})" : R"(\p{N}+)", where));
    steps.push_back(Split{std::move(pattern), Behavior::Isolated, false});
  } else if (type == "ByteLevel") {
    MOEC_ASSIGN_OR_RETURN(auto addSpace,
                          getMemberOr(json, "add_prefix_space", true, where));
    MOEC_ASSIGN_OR_RETURN(auto useRegex,
                          getMemberOr(json, "use_regex", true, where));
    if (addSpace)
      steps.push_back(AddSpace{" ", /*onlyAtStart=*/false});
    if (useRegex) {
      MOEC_ASSIGN_OR_RETURN(auto pattern, Regex::compile(gpt2Pattern, where));
      steps.push_back(Split{std::move(pattern), Behavior::Isolated, false});
    }
    steps.push_back(ByteLevel{});
  } else if (type == "Metaspace") {
    MOEC_ASSIGN_OR_RETURN(auto replacement,
                          getMember<std::string>(json, "replacement", where));
    MOEC_ASSIGN_OR_RETURN(
        auto scheme,
        getMemberOr<std::string>(json, "prepend_scheme", "always", where));
    MOEC_ASSIGN_OR_RETURN(auto split, getMemberOr(json, "split", true, where));
    if (!isOneCharacter(replacement))
      return Status::error(where +
                           ": expected one character for a space, found '" +
                           replacement + "'");
    if (scheme != "always" && scheme != "first" && scheme != "never")
      return Status::error(where + ": unknown prepend_scheme '" + scheme + "'");
    MOEC_ASSIGN_OR_RETURN(
        auto pattern,
        Regex::fromJson({{"pattern", {{"String", replacement}}}}, where));
    steps.push_back(ReplaceSpace{replacement});
    if (scheme != "never")
      steps.push_back(AddSpace{replacement, scheme == "first"});
    if (split)
      steps.push_back(
          Split{std::move(pattern), Behavior::MergedWithNext, false});
  } else {
    return Status::error(where + ": '" + type + "' is not supported");
  }
  return Status::success();
}

Result<PreTokenizer> PreTokenizer::fromJson(const Json &json,
                                            const std::string &where) {
  PreTokenizer preTokenizer;
  if (!json.is_null())
    MOEC_RETURN_IF_ERROR(preTokenizer.add(json, where));
  return preTokenizer;
}

Status PreTokenizer::run(const Split &split, Pieces &pieces) {
  std::vector<Span> spans, matches;
  for (size_t i = 0; i < pieces.spans.size(); ++i) {
    matches.clear();
    MOEC_RETURN_IF_ERROR(split.pattern.findAll(pieces[i], matches));
    std::vector<Part> parts = cut(pieces[i], matches, split.invert);
    auto joinsNonMatch = [](bool isMatch, bool before) {
      return isMatch && !before;
    };
    switch (split.behavior) {
    case Behavior::Isolated:
    case Behavior::Removed:
      break;
    case Behavior::MergedWithPrevious:
      parts = joinParts(parts.begin(), parts.end(), joinsNonMatch);
      break;
    case Behavior::MergedWithNext:
      parts = joinParts(parts.rbegin(), parts.rend(), joinsNonMatch);
      std::reverse(parts.begin(), parts.end());
      break;
    case Behavior::Contiguous:
      parts = joinParts(parts.begin(), parts.end(), std::equal_to<bool>());
      break;
    }
    size_t offset = pieces.spans[i].begin;
    for (const Part &part : parts) {
      bool removed = split.behavior == Behavior::Removed && part.isMatch;
      if (!removed && part.span.begin != part.span.end)
        spans.push_back({offset + part.span.begin, offset + part.span.end});
    }
  }
  pieces.spans = std::move(spans);
  return Status::success();
}

Result<Pieces> PreTokenizer::apply(std::string text, bool atStart) const {
  Pieces pieces;
  pieces.text = std::move(text);
  if (!pieces.text.empty())
    pieces.spans.push_back({0, pieces.text.size()});
  for (const Step &step : steps) {
    if (auto *split = std::get_if<Split>(&step)) {
      MOEC_RETURN_IF_ERROR(run(*split, pieces));
    } else if (auto *addSpace = std::get_if<AddSpace>(&step)) {
      const std::string &space = addSpace->space;
      rewritePieces(
          pieces, [&](std::string_view piece, size_t i, std::string &out) {
            bool allowed = !addSpace->onlyAtStart || (atStart && i == 0);
            if (allowed && piece.substr(0, space.size()) != space)
              out += space;
            out += piece;
          });
    } else if (auto *replaceSpace = std::get_if<ReplaceSpace>(&step)) {
      Replace replace{" ", replaceSpace->replacement};
      rewritePieces(pieces,
                    [&](std::string_view piece, size_t, std::string &out) {
                      out += replace.apply(piece);
                    });
    } else {
      rewritePieces(pieces,
                    [](std::string_view piece, size_t, std::string &out) {
                      for (char byte : piece)
                        appendByteLevel(out, uint8_t(byte));
                    });
    }
  }
  return pieces;
}
