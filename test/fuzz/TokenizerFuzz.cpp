//===- tokenizer_fuzz.cpp - Tokenizers from strangers ---------------------===//
//
// The input is a tokenizer.json, a zero byte, and a text.
//
//===----------------------------------------------------------------------===//

#include "support/Tokenizer.h"
#include "support/Utf8.h"

#include <cstdlib>

using namespace moec;

static void require(bool holds) {
  if (!holds)
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view input(reinterpret_cast<const char *>(data), size);
  const size_t end = std::min(input.find('\0'), size);
  const std::string_view text = input.substr(std::min(end + 1, size));
  auto tokenizer = Tokenizer::fromJson(input.substr(0, end), "", "t");
  if (!tokenizer.ok())
    return 0;
  auto ids = tokenizer->encode(text, /*special=*/true);
  require(ids.ok() || ids.message().size() > 0);
  if (!ids.ok())
    return 0;
  StreamDecoder stream(*tokenizer, /*skipSpecial=*/false);
  std::string streamed;
  for (int32_t id : *ids) {
    require(id >= 0 && id < tokenizer->vocabSize());
    streamed += stream.push(id);
    require(!findInvalidUtf8(streamed));
  }
  streamed += stream.finish();
  require(streamed == tokenizer->decode(*ids, /*skipSpecial=*/false));
  // Ids that no token has are as if they were not there.
  ids->push_back(-1);
  ids->push_back(int32_t(tokenizer->vocabSize()));
  require(streamed == tokenizer->decode(*ids, /*skipSpecial=*/false));
  return 0;
}
