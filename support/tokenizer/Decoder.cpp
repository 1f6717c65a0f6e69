//===- Decoder.cpp - From tokens back to text -----------------------------===//
#include "support/tokenizer/Decoder.h"

#include "support/Utf8.h"
#include "support/tokenizer/ByteLevel.h"
#include "support/tokenizer/Replace.h"

#include <cstdlib>
#include <optional>

using namespace moec;

namespace {

constexpr size_t maxSteps = 8;

constexpr const char *replacementCharacter = "\xef\xbf\xbd"; // U+FFFD

/// A DecodeStep that is copied as it is.
template <typename Derived>
class StepBase : public DecodeStep {
public:
  std::unique_ptr<DecodeStep> clone() const override {
    return std::make_unique<Derived>(static_cast<const Derived &>(*this));
  }
};

/// Byte-level characters to bytes; tokens that spell no bytes stand for
/// themselves. What is no UTF-8 becomes U+FFFD, one for each maximal part of a
/// character.
class ByteLevelStep : public StepBase<ByteLevelStep> {
public:
  void push(std::string token, std::vector<std::string> &out) override {
    std::optional<std::string> bytes = bytesOfByteLevel(token);
    pending += bytes ? *bytes : token;
    flush(/*isLast=*/false, out);
  }
  void finish(std::vector<std::string> &out) override {
    flush(/*isLast=*/true, out);
  }

private:
  void flush(bool isLast, std::vector<std::string> &out) {
    std::string text;
    std::string_view rest = pending;
    while (!rest.empty()) {
      Utf8Unit unit = firstUtf8(rest);
      if (unit.kind == Utf8Unit::Incomplete && !isLast)
        break;
      if (unit.kind == Utf8Unit::Character)
        text += rest.substr(0, unit.bytes);
      else
        text += replacementCharacter;
      rest.remove_prefix(unit.bytes);
    }
    pending = std::string(rest);
    out.push_back(std::move(text));
  }

  std::string pending;
};

/// A run of <0xNN> tokens to their characters; if the run is no UTF-8, each of
/// them to U+FFFD.
class ByteFallbackStep : public StepBase<ByteFallbackStep> {
public:
  void push(std::string token, std::vector<std::string> &out) override {
    if (std::optional<char> byte = byteOf(token)) {
      run += *byte;
      return;
    }
    finish(out);
    out.push_back(std::move(token));
  }
  void finish(std::vector<std::string> &out) override {
    if (findInvalidUtf8(run))
      out.insert(out.end(), run.size(), replacementCharacter);
    else if (!run.empty())
      out.push_back(run);
    run.clear();
  }

private:
  static std::optional<char> byteOf(const std::string &token) {
    if (token.size() != 6 || token.compare(0, 3, "<0x") != 0 ||
        token[5] != '>' ||
        !std::isxdigit(static_cast<unsigned char>(token[3])) ||
        !std::isxdigit(static_cast<unsigned char>(token[4])))
      return std::nullopt;
    return char(std::strtoul(token.c_str() + 3, nullptr, 16));
  }

  std::string run;
};

class ReplaceStep : public StepBase<ReplaceStep> {
public:
  explicit ReplaceStep(Replace replace) : replace(std::move(replace)) {}
  void push(std::string token, std::vector<std::string> &out) override {
    out.push_back(replace.apply(token));
  }

private:
  Replace replace;
};

/// Takes up to `count` leading `content` from every token, or, behind a step
/// that fuses, from the one token there is.
class StripStep : public StepBase<StripStep> {
public:
  StripStep(std::string content, int64_t count, bool isFused)
      : content(std::move(content)), count(count), left(count),
        isFused(isFused) {}
  void push(std::string token, std::vector<std::string> &out) override {
    if (!isFused)
      left = count;
    size_t at = 0;
    for (; left > 0 && token.compare(at, content.size(), content) == 0; --left)
      at += content.size();
    if (at < token.size())
      left = 0;
    out.push_back(token.substr(at));
  }

private:
  std::string content;
  int64_t count;
  int64_t left;
  bool isFused;
};

/// `replacement` to a space; those of the first token vanish where the
/// tokenizer has put one there.
class MetaspaceStep : public StepBase<MetaspaceStep> {
public:
  MetaspaceStep(std::string replacement, bool dropsFirst)
      : later{replacement, " "},
        first{std::move(replacement), dropsFirst ? "" : " "} {}
  void push(std::string token, std::vector<std::string> &out) override {
    out.push_back((isFirst ? first : later).apply(token));
    isFirst = false;
  }

private:
  Replace later;
  Replace first;
  bool isFirst = true;
};

} // namespace

Status Decoder::add(const Json &json, const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(auto type, getMember<std::string>(json, "type", where));
  if (type == "Sequence") {
    MOEC_ASSIGN_OR_RETURN(const Json *members,
                          getArray(json, "decoders", where));
    for (const Json &member : *members)
      MOEC_RETURN_IF_ERROR(add(member, where));
    return Status::success();
  }
  if (steps.size() == maxSteps)
    return Status::error(where + ": more than " + std::to_string(maxSteps) +
                         " decoders");
  // Behind Fuse there is one token, but it comes in fragments: only Strip knows
  // how to deal with them.
  if (isFused && type != "Strip")
    return Status::error(where + ": '" + type + "' is not supported behind '" +
                         "Fuse' or 'ByteLevel'");
  if (type == "ByteLevel") {
    steps.push_back(std::make_unique<ByteLevelStep>());
    isFused = true;
  } else if (type == "Fuse") {
    isFused = true;
  } else if (type == "ByteFallback") {
    steps.push_back(std::make_unique<ByteFallbackStep>());
  } else if (type == "Replace") {
    MOEC_ASSIGN_OR_RETURN(auto replace, Replace::fromJson(json, where));
    // Steps in a row could make gigabytes of a token.
    if (replace.content.size() > replace.pattern.size())
      return Status::error(where +
                           ": a Replace that lengthens is not supported");
    steps.push_back(std::make_unique<ReplaceStep>(std::move(replace)));
  } else if (type == "Strip") {
    MOEC_ASSIGN_OR_RETURN(auto content,
                          getMember<std::string>(json, "content", where));
    MOEC_ASSIGN_OR_RETURN(auto start, getMember<int64_t>(json, "start", where));
    MOEC_ASSIGN_OR_RETURN(auto stop, getMember<int64_t>(json, "stop", where));
    if (!isOneCharacter(content))
      return Status::error(
          where + ": expected one character to strip, found '" + content + "'");
    if (start < 0 || stop != 0)
      return Status::error(where + ": Strip from the end is not supported");
    steps.push_back(
        std::make_unique<StripStep>(std::move(content), start, isFused));
  } else if (type == "Metaspace") {
    MOEC_ASSIGN_OR_RETURN(auto replacement,
                          getMember<std::string>(json, "replacement", where));
    MOEC_ASSIGN_OR_RETURN(
        auto scheme,
        getMemberOr<std::string>(json, "prepend_scheme", "always", where));
    if (!isOneCharacter(replacement))
      return Status::error(where +
                           ": expected one character for a space, found '" +
                           replacement + "'");
    steps.push_back(std::make_unique<MetaspaceStep>(std::move(replacement),
                                                    scheme != "never"));
  } else {
    return Status::error(where + ": '" + type + "' is not supported");
  }
  return Status::success();
}

Result<Decoder> Decoder::fromJson(const Json &json, const std::string &where) {
  Decoder decoder;
  MOEC_RETURN_IF_ERROR(decoder.add(json, where));
  return decoder;
}

Decoder::Stream Decoder::begin() const {
  Stream stream;
  for (const auto &step : steps)
    stream.steps.push_back(step->clone());
  return stream;
}

std::string Decoder::Stream::run(std::vector<std::string> tokens, bool isLast) {
  for (const auto &step : steps) {
    std::vector<std::string> next;
    for (std::string &token : tokens)
      step->push(std::move(token), next);
    if (isLast)
      step->finish(next);
    tokens = std::move(next);
  }
  std::string text;
  for (const std::string &token : tokens)
    text += token;
  return text;
}

std::string Decoder::Stream::push(const std::string &token) {
  return run({token}, /*isLast=*/false);
}

std::string Decoder::Stream::finish() { return run({}, /*isLast=*/true); }
