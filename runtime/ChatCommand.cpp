//===- ChatCommand.cpp - --chat: a conversation ---------------------------===//

#include "runtime/Commands.h"
#include "runtime/Conversation.h"

#include <csignal>
#include <cstdio>
#include <iostream>
#include <unistd.h>

using namespace moec;

/// A message: a line, and the next one too where it ends with a backslash.
/// Nothing at the end of input. Marks where to type if `isTerminal`.
static std::optional<std::string> readMessage(bool isTerminal) {
  std::string message;
  for (bool isFirst = true;; isFirst = false) {
    if (isTerminal) {
      std::fputs(isFirst ? "> " : ". ", stdout);
      std::fflush(stdout);
    }
    std::string line;
    if (!std::getline(std::cin, line))
      return isFirst ? std::nullopt : std::optional(message);
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    const bool goesOn = !line.empty() && line.back() == '\\';
    if (goesOn)
      line.back() = '\n';
    message += line;
    if (!goesOn)
      return message;
  }
}

Result<int> moec::runChat(const CommandLine &line, const moert_model &model) {
  MOEC_ASSIGN_OR_RETURN(auto session, openSession(line, model));
  const ModelFiles &files = session->files();
  MOEC_ASSIGN_OR_RETURN(ChatFormat format, loadChatFormat(files));
  std::optional<Tokenizer> tokenizer;
  MOEC_ASSIGN_OR_RETURN(tokenizer, loadTokenizer(files));
  MOEC_ASSIGN_OR_RETURN(GenerateOptions options,
                        generateOptions(line, files, tokenizer));
  Conversation conversation(*session, *tokenizer, format, options, line.system);

  const bool isTerminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  long long turns = 0, read = 0, written = 0;
  while (auto message = readMessage(isTerminal)) {
    if (*message == "/exit")
      break;
    if (message->empty())
      continue;
    handleInterrupts();
    bool printed = false;
    Result<GenerateStats> stats =
        conversation.answer(*message, [&](const std::string &text) {
          std::fwrite(text.data(), 1, text.size(), stdout);
          std::fflush(stdout);
          printed = true;
          return !wasInterrupted() && !std::ferror(stdout);
        });
    // Also after an error: what was printed so far is a line.
    if (printed)
      std::fputs("\n", stdout);
    MOEC_RETURN_IF_ERROR(stats.status());
    MOEC_RETURN_IF_ERROR(flushOutput());
    ++turns;
    read += stats->promptTokens;
    written += stats->newTokens;
    if (stats->reason == StopReason::ContextFull)
      return Status::error("the conversation fills the context of " +
                           std::to_string(model.max_context) +
                           " positions: start a new one");
    // At a terminal ^C ends the answer, not the conversation.
    if (wasInterrupted() && !isTerminal)
      return exitInterrupted;
    std::signal(SIGINT, SIG_DFL);
  }
  if (isTerminal)
    std::fputs("\n", stdout);
  std::fprintf(stderr, "%lld turns: %lld tokens read, %lld written\n", turns,
               read, written);
  MOEC_RETURN_IF_ERROR(finishTrace(line, *session));
  return 0;
}
