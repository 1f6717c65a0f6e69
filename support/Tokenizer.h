//===- Tokenizer.h - Text to token ids and back ---------------------------===//
//
// Executes a Hugging Face `tokenizer.json`: added tokens, normalizer,
// pre-tokenizer, BPE model, post-processor, decoder. A component it does not
// know is an error when the tokenizer is loaded, never ignored. Results are
// those of the Hugging Face tokenizers library; the clean-up of decoded text
// that transformers can add (clean_up_tokenization_spaces) is left out.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TOKENIZER_H
#define MOEC_SUPPORT_TOKENIZER_H

#include "support/Json.h"
#include "support/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moec {

class Tokenizer {
public:
  /// `json` is the text of tokenizer.json, `configJson` that of
  /// tokenizer_config.json (may be empty): it names BOS and EOS and says
  /// whether BOS is put before a prompt. `name` is used in messages.
  static Result<Tokenizer> fromJson(std::string_view json,
                                    std::string_view configJson,
                                    const std::string &name);
  Tokenizer(Tokenizer &&);
  Tokenizer &operator=(Tokenizer &&);
  ~Tokenizer();

  /// Ids of a text. With `special`, the tokens that the tokenizer puts around a
  /// prompt (BOS) are added. Added tokens that stand in the text are always
  /// recognised. Invalid UTF-8 is an error that names the byte.
  Result<std::vector<int32_t>> encode(std::string_view text,
                                      bool special) const;

  /// Text of ids; special tokens are left out when `skipSpecial`. Bytes that
  /// are no UTF-8 become U+FFFD.
  std::string decode(const std::vector<int32_t> &ids, bool skipSpecial) const;

  /// Greatest id + 1.
  int64_t vocabSize() const;
  /// -1 when there is none.
  int32_t bosId() const;
  int32_t eosId() const;
  int32_t idOf(std::string_view token) const;

  struct Impl;
  const Impl &getImpl() const { return *impl; }

private:
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// Decodes ids one at a time for a terminal: `push` returns the text that has
/// become certain, which never ends inside a UTF-8 character and, joined with
/// `finish`, equals Tokenizer::decode of all ids.
class StreamDecoder {
public:
  /// The tokenizer must outlive this.
  StreamDecoder(const Tokenizer &tokenizer, bool skipSpecial);
  StreamDecoder(StreamDecoder &&);
  StreamDecoder &operator=(StreamDecoder &&);
  ~StreamDecoder();

  std::string push(int32_t id);
  std::string finish();

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// The text of a special token of tokenizer_config.json: a string, or an object
/// with the string inside; "" when absent. `where` is used in messages.
Result<std::string> specialTokenText(const Json &config, const char *key,
                                     const std::string &where);

} // namespace moec

#endif // MOEC_SUPPORT_TOKENIZER_H
