//===- Tokenize.cpp - moec tokenize ---------------------------------------===//

#include "tools/moec/Tokenize.h"

#include "frontend/ModelFiles.h"
#include "support/Json.h"
#include "support/Tokenizer.h"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

using namespace moec;

namespace {

struct TokenizeOptions {
  std::string source;
  bool decode = false;
  bool special = false;
  bool skipSpecial = false;
};

Result<Tokenizer> loadTokenizer(const std::string &folder) {
  MOEC_ASSIGN_OR_RETURN(auto files, readModelFiles(folder));
  auto json = files.find("tokenizer.json");
  if (json == files.end())
    return Status::error("cannot find '" + folder +
                         "/tokenizer.json': expected a checkpoint folder");
  return Tokenizer::fromJson(json->second, files["tokenizer_config.json"],
                             folder + "/tokenizer.json");
}

Result<Json> encodeLine(const Json &line, const Tokenizer &tokenizer,
                        const TokenizeOptions &options) {
  if (!line.is_string())
    return Status::error(std::string("expected a string, found ") +
                         line.type_name());
  MOEC_ASSIGN_OR_RETURN(
      auto ids,
      tokenizer.encode(line.get_ref<const std::string &>(), options.special));
  return Json(ids);
}

Result<Json> decodeLine(const Json &line, const Tokenizer &tokenizer,
                        const TokenizeOptions &options) {
  if (!line.is_array())
    return Status::error(std::string("expected a list of ids, found ") +
                         line.type_name());
  std::vector<int32_t> ids;
  for (const Json &id : line) {
    if (!id.is_number_unsigned() ||
        id.get<uint64_t>() >= uint64_t(tokenizer.vocabSize()))
      return Status::error("id " + id.dump() +
                           " is not in the vocabulary, expected 0 to " +
                           std::to_string(tokenizer.vocabSize() - 1));
    ids.push_back(id.get<int32_t>());
  }
  return Json(tokenizer.decode(ids, options.skipSpecial));
}

Status tokenize(const TokenizeOptions &options) {
  MOEC_ASSIGN_OR_RETURN(Tokenizer tokenizer, loadTokenizer(options.source));
  std::string text;
  for (size_t number = 1; std::getline(std::cin, text); ++number) {
    const std::string where = "standard input, line " + std::to_string(number);
    MOEC_ASSIGN_OR_RETURN(Json line, parseJson(text, where));
    Result<Json> result = options.decode ? decodeLine(line, tokenizer, options)
                                         : encodeLine(line, tokenizer, options);
    if (!result.ok())
      return result.status().withContext(where);
    std::cout << result->dump() << '\n';
  }
  if (!std::cout.flush())
    return Status::error("cannot write to standard output");
  return Status::success();
}

} // namespace

void moec::addTokenizeCommand(CLI::App &app, Command &command) {
  auto options = std::make_shared<TokenizeOptions>();
  CLI::App *tokenizeApp = app.add_subcommand(
      "tokenize", "Texts to token ids or back, a line of JSON each");
  tokenizeApp->footer("echo '\"Once upon a time\"' | moec tokenize DIR\n"
                      "echo '[403, 407]' | moec tokenize DIR --decode");
  tokenizeApp
      ->add_option("source", options->source,
                   "Checkpoint folder with a tokenizer.json")
      ->required();
  CLI::Option *decode =
      tokenizeApp->add_flag("--decode", options->decode, "From ids to a text");
  tokenizeApp
      ->add_flag("--special", options->special,
                 "Add the tokens that the tokenizer puts around a prompt")
      ->excludes(decode);
  tokenizeApp
      ->add_flag("--skip-special", options->skipSpecial,
                 "Leave special tokens out of the text")
      ->needs(decode);
  tokenizeApp->callback([options, &command] {
    command = [options] { return tokenize(*options); };
  });
}
