//===- Utf8Test.cpp - Walking through UTF-8 -------------------------------===//
#include "support/Utf8.h"

#include <gtest/gtest.h>

using namespace moec;

namespace {

TEST(Utf8, AcceptsTheBordersOfEachLength) {
  for (const char *text :
       {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_FALSE(findInvalidUtf8(text)) << text;
}

TEST(Utf8, RefusesWhatIsNoCharacter) {
  // Stray tail, overlong forms, a surrogate, beyond U+10FFFF, cut off.
  for (const char *text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
        "\xe4\xb8", "\xf0\x9f\x98"})
    EXPECT_EQ(findInvalidUtf8(std::string("ab") + text), 2u) << text;
}

TEST(Utf8, ReplacesMaximalParts) {
  // The example of Unicode 15, table 3-11: the parts are E1 80 | E2 | F0 91 92
  // | F1 BF.
  std::string_view text = "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41";
  for (size_t bytes : {2, 1, 3, 2}) {
    Utf8Unit unit = firstUtf8(text);
    EXPECT_EQ(unit.kind, Utf8Unit::Invalid);
    EXPECT_EQ(unit.bytes, bytes);
    text.remove_prefix(unit.bytes);
  }
  EXPECT_EQ(firstUtf8(text).kind, Utf8Unit::Character);
}

TEST(Utf8, TellsWhatMayBecomeACharacter) {
  EXPECT_EQ(firstUtf8("\xf0\x9f\x98").kind, Utf8Unit::Incomplete);
  EXPECT_EQ(firstUtf8("\xf0\x9f\x98").bytes, 3u);
  EXPECT_EQ(firstUtf8("\xed\xa0").kind, Utf8Unit::Invalid);
}

TEST(Utf8, DecodesAndAppends) {
  for (char32_t c : {U'A', U'\u00e9', U'\u4e2d', U'\U0001f600'}) {
    std::string text = "x";
    appendUtf8(text, c);
    EXPECT_EQ(lastUtf8(text), 1u);
    EXPECT_EQ(decodeUtf8(text.substr(1)), c);
    EXPECT_EQ(utf8Length(text[1]), text.size() - 1);
  }
}

TEST(Utf8, WhiteSpaceIsTheProperty) {
  for (char32_t c :
       {0x9, 0xd, 0x20, 0x85, 0xa0, 0x1680, 0x2003, 0x2029, 0x3000})
    EXPECT_TRUE(isWhiteSpace(c)) << uint32_t(c);
  for (char32_t c : {0x8, 0x1c, 0x180e, 0x200b, 0x2060, 0xfeff})
    EXPECT_FALSE(isWhiteSpace(c)) << uint32_t(c);
}

} // namespace
