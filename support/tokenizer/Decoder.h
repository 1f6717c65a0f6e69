//===- Decoder.h - From tokens back to text -------------------------------===//
//
// A chain of steps, each of which takes tokens one at a time and passes on what
// has become certain. Decoding all at once is the same chain run to its end, so
// streaming cannot differ from it.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SUPPORT_TOKENIZER_DECODER_H
#define MOEC_SUPPORT_TOKENIZER_DECODER_H

#include "support/Json.h"
#include "support/Status.h"

#include <memory>
#include <string>
#include <vector>

namespace moec {

/// One step with its state in a text.
class DecodeStep {
public:
  virtual ~DecodeStep() = default;
  virtual std::unique_ptr<DecodeStep> clone() const = 0;
  /// Takes a token and appends the tokens that it makes certain.
  virtual void push(std::string token, std::vector<std::string> &out) = 0;
  /// There are no more tokens.
  virtual void finish(std::vector<std::string> &out) {}
};

/// Sequence, ByteLevel, ByteFallback, Fuse, Strip, Replace of a string,
/// Metaspace. Anything else is refused.
class Decoder {
public:
  static Result<Decoder> fromJson(const Json &json, const std::string &where);

  /// A text being decoded.
  class Stream {
  public:
    /// The text that `token` makes certain, whole characters only.
    std::string push(const std::string &token);
    /// The rest.
    std::string finish();

  private:
    friend class Decoder;
    std::string run(std::vector<std::string> tokens, bool isLast);
    std::vector<std::unique_ptr<DecodeStep>> steps;
  };
  Stream begin() const;

private:
  Status add(const Json &json, const std::string &where);

  /// In the state of an empty text.
  std::vector<std::unique_ptr<DecodeStep>> steps;
  /// Whether the steps so far make one token of all: what follows sees
  /// fragments of it.
  bool isFused = false;
};

} // namespace moec

#endif // MOEC_SUPPORT_TOKENIZER_DECODER_H
