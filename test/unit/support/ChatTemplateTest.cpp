//===- ChatTemplateTest.cpp - Chat templates against Jinja ----------------===//
#include "support/ChatTemplate.h"

#include "test/unit/support/TestFiles.h"

#include <nlohmann/json.hpp>

#include <sstream>

using namespace moec;
using namespace moec::test;

namespace {

using Json = nlohmann::ordered_json;

const std::string folder = MOEC_TEST_DATA "/templates/";

/// What strftime_now takes for now: 2026-01-15 10:20:30, a Thursday.
std::tm testTime() {
  std::tm now = {};
  now.tm_year = 126;
  now.tm_mday = 15;
  now.tm_hour = 10;
  now.tm_min = 20;
  now.tm_sec = 30;
  now.tm_wday = 4;
  now.tm_yday = 14;
  return now;
}

std::vector<Json> rows(const std::string &file) {
  std::istringstream lines(readFile(folder + file));
  std::vector<Json> rows;
  for (std::string line; std::getline(lines, line);)
    rows.push_back(Json::parse(line));
  EXPECT_FALSE(rows.empty());
  return rows;
}

Result<std::string> render(const std::string &source,
                           const Json &variables = Json::object()) {
  auto parsed = ChatTemplate::parse(source, "t");
  return parsed.ok() ? parsed->render(variables, testTime())
                     : Result<std::string>(parsed.status());
}

/// Conversations through the templates of published models, as transformers
/// renders them.
TEST(ChatTemplate, TemplatesOfModelsAgreeWithTransformers) {
  size_t count = 0;
  for (const Json &row : rows("vectors.jsonl")) {
    SCOPED_TRACE(row["template"].get<std::string>() + " " +
                 row["case"].get<std::string>());
    Json variables = {{"messages", row["messages"]},
                      {"tools", nullptr},
                      {"documents", nullptr}};
    for (const auto &[name, value] : row["variables"].items())
      if (!value.is_null())
        variables[name] = value;
    auto text = render(readFile(folder + row["template"].get<std::string>()),
                       variables);
    EXPECT_TRUE(text.ok()) << text.message();
    if (text.ok()) {
      EXPECT_EQ(*text, row["rendered"].get<std::string>());
    }
    ++count;
  }
  EXPECT_EQ(count, 124u);
}

/// Single constructs, as Jinja itself renders or refuses them.
TEST(ChatTemplate, TheLanguageAgreesWithJinja) {
  Json variables;
  for (const Json &row : rows("language.jsonl")) {
    if (row.contains("variables")) {
      variables = row["variables"];
      continue;
    }
    auto source = row["template"].get<std::string>();
    SCOPED_TRACE(source);
#ifndef MOEC_HAS_UTF8PROC
    if (source.find("É") != source.npos || source.find("é") != source.npos)
      continue;
#endif
    auto text = render(source, variables);
    if (row.contains("refused")) {
      EXPECT_FALSE(text.ok()) << *text;
      continue;
    }
    EXPECT_TRUE(text.ok()) << text.message();
    if (text.ok()) {
      EXPECT_EQ(*text, row["rendered"].get<std::string>());
    }
  }
}

TEST(ChatTemplate, ErrorsNameThePlaceAndTheConstruct) {
  const Json variables = {{"messages", Json::array()}, {"s", "x"}};
  struct {
    const char *source;
    const char *message;
  } cases[] = {
      {"a\nb {{ 1 + }}", "t:2:10: expected an expression, found end of the "
                         "expression"},
      {"é{% if s %}\n{% include 'x' %}{% endif %}",
       "t:2:4: the statement 'include' is not supported here"},
      {"\n\n {% for x in s %}", "t:3:5: the statement has no end, expected '{% "
                                "endfor %}'"},
      {"{% break %}", "t:1:4: the statement 'break' is not supported here"},
      {"{% for x in s recursive %}{% endfor %}",
       "t:1:15: 'recursive' is not supported"},
      {"{{ f(*s) }}", "t:1:6: '*' before an argument is not supported"},
      {"{{ s\n | shout }}", "t:2:2: the filter 'shout' is not supported"},
      {"{{ s is loud }}", "t:1:6: the test 'loud' is not supported"},
      {"{{ nothing.role }}", "t:1:11: 'nothing' is undefined"},
      {"{{ messages[0].role }}", "t:1:15: 'item 0' is undefined"},
      {"{{ 'a' ~ (s + 1) }}", "t:1:13: '+' of a string and an integer"},
      {"{{ s.shout() }}",
       "t:1:11: 'shout' cannot be called: it is undefined or not supported"},
      {"{{ '%d' % 3 }}", "t:1:9: '%' of a string and an integer"},
      {"{{ s | tojson(nothing=1) }}", "t:1:6: there is no argument 'nothing'"},
      {"{{ raise_exception('no tools') }}",
       "t:1:19: the template refuses these messages: no tools"},
      {"{{ 9223372036854775807 + 1 }}", "t:1:24: an integer leaves 64 bits"},
      {"{{ 9223372036854775808 }}",
       "t:1:4: the number 9223372036854775808 cannot be read"},
      {"{{ '\\N{DASH}' }}", "t:1:5: the escape \\N is not supported"},
      {"{{ '\\ud83d' }}", "t:1:7: the escape stands for no character"},
      {"{{ f(a=1, a=2) }}", "t:1:5: the argument 'a' is given twice"},
      {"{{ strftime_now('%5Q') }}",
       "t:1:16: strftime_now cannot read the format '%5Q'"},
  };
  for (const auto &row : cases)
    EXPECT_EQ(render(row.source, variables).message(), row.message)
        << row.source;
  EXPECT_EQ(render("a\xff").message(),
            "t: the template is not UTF-8 at byte 1");
  EXPECT_EQ(render("{{ x }}", {{"x", UINT64_MAX}}).message(),
            "t: the integer 18446744073709551615 is out of range");
}

std::string repeat(const std::string &text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i)
    out += text;
  return out;
}

/// Nesting that would overflow the stack of a recursive parser or interpreter.
TEST(ChatTemplate, DepthIsBounded) {
  const size_t many = 50'000;
  for (const auto &[source, message] :
       std::initializer_list<std::pair<std::string, const char *>>{
           {"{{ " + repeat("(", many) + "1" + repeat(")", many) + " }}",
            "nested deeper than 200"},
           {"{{ " + repeat("[", many) + " }}", "nested deeper than 200"},
           {"{{ " + repeat("{'a':", many) + "1" + repeat("}", many) + " }}",
            "nested deeper than 200"},
           {"{{ " + repeat("-", many) + "1 }}", "nested deeper than 200"},
           {"{{ " + repeat("not ", many) + "1 }}", "nested deeper than 200"},
           {"{{ " + repeat("x[", many) + " }}", "nested deeper than 200"},
           {"{{ 1" + repeat(" + 1", many) + " }}",
            "an expression deeper than 200"},
           {"{{ 1" + repeat(" if 1 else 1", many) + " }}",
            "nested deeper than 200"},
           {"{{ 1" + repeat(" or 1", many) + " }}",
            "an expression deeper than 200"},
           {"{{ x" + repeat(".a", many) + " }}",
            "an expression deeper than 200"},
           {"{{ x" + repeat("|trim", many) + " }}",
            "an expression deeper than 200"},
           {repeat("{% if x %}", many), "nested deeper than 200"},
           {repeat("{% for x in x %}", many), "nested deeper than 200"},
           {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "expressions and macros are nested deeper than 600"},
           {"{% set n = namespace(x=1) %}{% for i in range(500) %}{% set n.x = "
            "[n.x] %}{% endfor %}",
            "lists and mappings are nested deeper than 100"},
       })
    EXPECT_ERROR(render(source), message);
  EXPECT_TRUE(
      render("{{ " + repeat("(", 90) + "1" + repeat(")", 90) + "}}").ok());
}

/// Work and memory that a few characters ask for.
TEST(ChatTemplate, WorkIsBounded) {
  const std::string slow = "takes too long";
  for (const auto &[source, message] :
       std::initializer_list<std::pair<std::string, std::string>>{
           {"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor "
            "%}{% endfor %}",
            slow},
           {"{% set n = namespace(x='x') %}{% for i in range(99) %}{% set n.x "
            "= "
            "n.x + n.x %}{% endfor %}",
            slow},
           {"{{ 'abc' * 9223372036854775807 }}", slow},
           {"{{ [1] * 9223372036854775807 }}", slow},
           {"{% for i in range(99999) %}{{ 'x' * 9999 }}{% endfor %}",
            "the text grows over 16777216 bytes"},
           {"{% set x %}{% for i in range(99999) %}{{ 'x' * 9999 }}{% endfor %}"
            "{% endset %}",
            "the text grows over 16777216 bytes"},
           {"{% set n = namespace(x=1) %}{% for i in range(90) %}{% set n.x = "
            "[n.x, n.x] %}{% endfor %}{{ n.x | tojson }}",
            slow},
           {"{% set n = namespace(x=1) %}{% for i in range(90) %}{% set n.x = "
            "[n.x, n.x] %}{% endfor %}{{ n.x == [n.x] }}{{ n.x == n.x }}",
            slow},
           {"{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif "
            "%}{% "
            "endmacro %}{{ m(60) }}",
            slow},
           {"{% set a = 'a' * 9999999 %}{{ a.replace('', a) }}", slow},
           {"{% set a = 'a' * 9999999 %}{{ a.rfind('b' + a) }}", slow},
           {"{{ [[[1]]] | tojson(indent=101) }}",
            "'indent' is expected to be an integer up to 100"},
           {"{{ strftime_now('%c' * 999) }}", "strftime_now makes nothing"},
       })
    EXPECT_ERROR(render(source), message);
  EXPECT_ERROR(render(repeat("x", (1 << 20) + 1)),
               "a template of 1048577 bytes, the limit is 1048576");
  // A search that starts again at every byte would take minutes.
  EXPECT_TRUE(
      render("{% set a = 'a' * 999999 %}{{ ('b' + a) in a + a }}").ok());
}

} // namespace
