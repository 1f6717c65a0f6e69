//===- ByteLevel.cpp - GPT-2's spelling of bytes as characters ------------===//
#include "support/tokenizer/ByteLevel.h"

#include "support/Utf8.h"

#include <array>

using namespace moec;

namespace {

constexpr char32_t firstSubstitute = 0x100;
constexpr size_t numSubstitutes = 68;

struct Tables {
  std::array<std::string, 256> characterOf;
  /// By character; -1 for those that stand for no byte.
  std::array<int16_t, firstSubstitute + numSubstitutes> byteOf;

  Tables() {
    byteOf.fill(-1);
    char32_t substitute = firstSubstitute;
    for (int byte = 0; byte < 256; ++byte) {
      bool isPrintable = (byte >= '!' && byte <= '~') ||
                         (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
      char32_t character = isPrintable ? char32_t(byte) : substitute++;
      appendUtf8(characterOf[byte], character);
      byteOf[character] = int16_t(byte);
    }
  }
};

const Tables &tables() {
  static const Tables instance;
  return instance;
}

} // namespace

void moec::appendByteLevel(std::string &text, uint8_t byte) {
  text += tables().characterOf[byte];
}

std::optional<std::string> moec::bytesOfByteLevel(std::string_view token) {
  const auto &byteOf = tables().byteOf;
  std::string bytes;
  while (!token.empty()) {
    char32_t character = decodeUtf8(token);
    if (character >= byteOf.size() || byteOf[character] < 0)
      return std::nullopt;
    bytes += char(byteOf[character]);
    token.remove_prefix(utf8Length(token[0]));
  }
  return bytes;
}
