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

} // namespace
