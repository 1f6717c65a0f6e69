//===- Regex.cpp - The regular expressions of tokenizer.json --------------===//
#define PCRE2_CODE_UNIT_WIDTH 8
#include "support/tokenizer/Regex.h"

#include "support/Utf8.h"

#include <cctype>
#include <cstring>
#include <pcre2.h>

using namespace moec;

namespace {

constexpr size_t maxPatternBytes = 1 << 16;
constexpr size_t maxJitStackBytes = 8 << 20;
/// Backtracking steps per match. A tokenizer's alternatives take at most a few
/// per byte of the match.
constexpr uint32_t matchLimit = 50'000'000;

/// White_Space as the inside of a class. PCRE2's own \s has U+180E too.
constexpr const char *whiteSpace = R"(\p{Z}\t-\r\x{85})";

/// From Oniguruma's dialect to PCRE2's.
Result<std::string> translate(std::string_view pattern,
                              const std::string &where) {
  auto refuse = [&](const std::string &construct) {
    return Status::error(where + ": " + construct +
                         " in a pattern: " + std::string(pattern));
  };
  std::string out;
  bool inClass = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (c == '\\') {
      if (++i == pattern.size())
        return refuse("a trailing backslash");
      char escaped = pattern[i];
      if (escaped == 's' || escaped == 'S') {
        if (inClass && escaped == 'S')
          return refuse("\\S in a class is not supported");
        out += inClass ? whiteSpace
                       : std::string(escaped == 's' ? "[" : "[^") + whiteSpace +
                             "]";
        continue;
      }
      bool isWord = std::isalnum(static_cast<unsigned char>(escaped));
      if (isWord && !std::strchr("pPdDrnt", escaped))
        return refuse(std::string("the escape \\") + escaped +
                      " is not supported");
      out += c;
      out += escaped;
      continue;
    }
    if (inClass) {
      if (c == '[' || pattern.substr(i, 2) == "&&")
        return refuse("a set operation in a class is not supported");
      inClass = c != ']';
    } else if (c == '[') {
      inClass = true;
    }
    out += c;
  }
  return out;
}

/// What a match writes into, one per thread: a JIT stack is too dear to make
/// for every piece of text.
struct Scratch {
  pcre2_match_data *data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context *context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack *stack =
      pcre2_jit_stack_create(32 << 10, maxJitStackBytes, nullptr);

  Scratch() {
    pcre2_set_match_limit(context, matchLimit);
    pcre2_set_heap_limit(context, maxJitStackBytes >> 10);
    pcre2_jit_stack_assign(context, nullptr, stack);
  }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;
  ~Scratch() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    pcre2_jit_stack_free(stack);
  }
};

std::string errorText(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof(text));
  return reinterpret_cast<const char *>(text);
}

} // namespace

Result<Regex> Regex::build(const std::string &pattern, uint32_t options,
                           const std::string &where) {
  if (pattern.empty() || pattern.size() > maxPatternBytes)
    return Status::error(where + ": a pattern of " +
                         std::to_string(pattern.size()) + " bytes");
  int error;
  PCRE2_SIZE offset;
  std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)>
      context(pcre2_compile_context_create(nullptr),
              pcre2_compile_context_free);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_code *code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()),
                                   pattern.size(), options | PCRE2_UTF, &error,
                                   &offset, context.get());
  if (!code)
    return Status::error(where + ": " + errorText(error) + " at byte " +
                         std::to_string(offset) + " of the pattern " + pattern);
  // Without a JIT for this machine the interpreter runs instead, with the same
  // result.
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  Regex regex;
  regex.code = std::shared_ptr<void>(
      code, [](void *p) { pcre2_code_free(static_cast<pcre2_code *>(p)); });
  return regex;
}

Result<Regex> Regex::compile(const std::string &pattern,
                             const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(std::string translated, translate(pattern, where));
  // ^ and $ are those of a line in Oniguruma.
  return build(translated,
               PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, where);
}

Result<Regex> Regex::fromJson(const Json &component, const std::string &where) {
  MOEC_ASSIGN_OR_RETURN(const Json *pattern,
                        getObject(component, "pattern", where));
  if (findMember(*pattern, "String")) {
    MOEC_ASSIGN_OR_RETURN(auto text,
                          getMember<std::string>(*pattern, "String", where));
    return build(text, PCRE2_LITERAL, where);
  }
  MOEC_ASSIGN_OR_RETURN(auto text,
                        getMember<std::string>(*pattern, "Regex", where));
  return compile(text, where);
}

Status Regex::findAll(std::string_view text, std::vector<Span> &matches) const {
  static thread_local Scratch scratch;
  auto *compiled = static_cast<const pcre2_code *>(code.get());
  auto *subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  for (size_t at = 0; at <= text.size();) {
    // The text was checked once; checking it again for every match would be
    // quadratic.
    int count = pcre2_match(compiled, subject, text.size(), at,
                            PCRE2_NO_UTF_CHECK, scratch.data, scratch.context);
    if (count == PCRE2_ERROR_NOMATCH)
      break;
    if (count < 0)
      return Status::error("cannot split the text at byte " +
                           std::to_string(at) + ": " + errorText(count));
    const PCRE2_SIZE *range = pcre2_get_ovector_pointer(scratch.data);
    Span match{range[0], range[1]};
    matches.push_back(match);
    at = match.end;
    if (match.begin == match.end) // go on behind the next character
      at += at < text.size() ? utf8Length(text[at]) : 1;
  }
  return Status::success();
}
