//===- Families.cpp - moec families -----------------------------------------===//
//
// What can be imported, and which keys of a config.json each family
// understands.
//
//===----------------------------------------------------------------------===//

#include "tools/moec/Families.h"

#include "dialects/moe/Moe.h"
#include "frontend/FamilyKeys.h"
#include "frontend/Import.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <CLI/CLI.hpp>

#include <memory>

using namespace llvm;

namespace moec {
namespace {

struct FamiliesOptions {
  std::string type;
  bool json = false;
};

constexpr StringLiteral kindName(KeyUse::Kind kind) {
  switch (kind) {
  case KeyUse::Required:
    return "required";
  case KeyUse::Optional:
    return "optional";
  case KeyUse::Fixed:
    return "fixed";
  case KeyUse::Ignored:
    return "ignored";
  }
  llvm_unreachable("unknown kind");
}

constexpr KeyUse::Kind kKinds[] = {KeyUse::Required, KeyUse::Optional,
                                   KeyUse::Fixed, KeyUse::Ignored};

/// "  optional  a, b, …", wrapped.
void printList(StringRef title, ArrayRef<std::string> items) {
  constexpr size_t indent = 12, width = 100;
  if (items.empty())
    return;
  std::string label = ("  " + title).str(), text;
  raw_string_ostream os(text);
  os << left_justify(label, indent);
  size_t column = indent;
  for (size_t i = 0; i < items.size(); ++i) {
    std::string item = items[i] + (i + 1 < items.size() ? "," : "");
    if (column + item.size() > width && column > indent) {
      os << '\n' << left_justify("", indent);
      column = indent;
    }
    os << item << ' ';
    column += item.size() + 1;
  }
  outs() << StringRef(text).rtrim() << '\n';
}

void print(const Family &family, const std::map<std::string, KeyUse> &keys) {
  outs() << left_justify(family.modelType, 12) << family.summary << '\n';
  for (KeyUse::Kind kind : kKinds) {
    std::vector<std::string> items;
    for (const auto &[name, use] : keys)
      if (use.kind == kind)
        items.push_back(kind == KeyUse::Fixed ? name + " = " + use.value
                                              : name);
    printList(kindName(kind), items);
  }
  outs() << '\n';
}

Json toJson(const Family &family, const std::map<std::string, KeyUse> &keys) {
  Json uses = Json::object();
  for (const auto &[name, use] : keys) {
    uses[name] = {{"use", kindName(use.kind).str()}};
    if (use.kind == KeyUse::Fixed)
      uses[name]["value"] = use.value;
  }
  return {{"model_type", family.modelType.str()},
          {"summary", family.summary.str()},
          {"keys", std::move(uses)}};
}

Status listFamilies(const FamiliesOptions &options) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<moe::MoeDialect>();
  bool wantsAll = options.type.empty();
  if (!wantsAll && !findFamily(options.type))
    return Status::error("no family '" + options.type +
                         "': moec families lists those that there are");
  Json all = Json::array();
  for (const Family &family : families()) {
    if (!wantsAll && family.modelType != options.type)
      continue;
    std::map<std::string, KeyUse> keys = familyKeys(family, context);
    if (options.json)
      all.push_back(toJson(family, keys));
    else
      print(family, keys);
  }
  if (options.json) {
    outs() << all.dump(2) << '\n';
    return Status::success();
  }
  if (wantsAll) {
    std::vector<std::string> ignored(ignoredKeys().begin(),
                                     ignoredKeys().end());
    outs() << "of any model\n";
    printList("ignored", ignored);
  }
  return Status::success();
}

} // namespace

void addFamiliesCommand(CLI::App &app, Command &command) {
  auto options = std::make_shared<FamiliesOptions>();
  CLI::App *verb = app.add_subcommand(
      "families", "The families of models that can be compiled, and the keys "
                  "of config.json that each understands");
  verb->footer("required  must be there\n"
               "optional  has a default, or is needed in some cases only\n"
               "fixed     may be there with this value\n"
               "ignored   does not change what is computed\n"
               "Any other key is refused.\n");
  verb->add_option("type", options->type,
                   "Only this one (model_type in config.json)");
  verb->add_flag("--json", options->json, "The same for programs");
  verb->callback([options, &command] {
    command = [options] { return listFamilies(*options); };
  });
}

} // namespace moec
