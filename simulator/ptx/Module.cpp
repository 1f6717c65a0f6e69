//===- Module.cpp ---------------------------------------------------------===//
#include "simulator/ptx/Module.h"

namespace moec::cudasim::ptx {

namespace {
struct TypeRow {
  Type type;
  std::string_view name;
  unsigned bits;
};
constexpr TypeRow types[] = {
    {Type::Pred, "pred", 1},      {Type::B8, "b8", 8},
    {Type::B16, "b16", 16},       {Type::B32, "b32", 32},
    {Type::B64, "b64", 64},       {Type::B128, "b128", 128},
    {Type::U8, "u8", 8},          {Type::U16, "u16", 16},
    {Type::U32, "u32", 32},       {Type::U64, "u64", 64},
    {Type::S8, "s8", 8},          {Type::S16, "s16", 16},
    {Type::S32, "s32", 32},       {Type::S64, "s64", 64},
    {Type::F16, "f16", 16},       {Type::F16x2, "f16x2", 32},
    {Type::BF16, "bf16", 16},     {Type::BF16x2, "bf16x2", 32},
    {Type::TF32, "tf32", 32},     {Type::F32, "f32", 32},
    {Type::F64, "f64", 64},       {Type::E4M3, "e4m3", 8},
    {Type::E5M2, "e5m2", 8},      {Type::E4M3x2, "e4m3x2", 16},
    {Type::E5M2x2, "e5m2x2", 16}, {Type::U16x2, "u16x2", 32},
    {Type::S16x2, "s16x2", 32},   {Type::S4, "s4", 4},
    {Type::U4, "u4", 4},          {Type::B1, "b1", 1},
};
} // namespace

unsigned bitsOf(Type type) {
  for (const TypeRow &row : types)
    if (row.type == type)
      return row.bits;
  return 0;
}

std::string_view nameOf(Type type) {
  for (const TypeRow &row : types)
    if (row.type == type)
      return row.name;
  return "none";
}

Type parseType(std::string_view name) {
  for (const TypeRow &row : types)
    if (row.name == name)
      return row.type;
  return Type::None;
}

bool isSigned(Type type) {
  switch (type) {
  case Type::S8:
  case Type::S16:
  case Type::S32:
  case Type::S64:
  case Type::S16x2:
  case Type::S4:
    return true;
  default:
    return false;
  }
}

bool isFloat(Type type) {
  switch (type) {
  case Type::F16:
  case Type::F16x2:
  case Type::BF16:
  case Type::BF16x2:
  case Type::TF32:
  case Type::F32:
  case Type::F64:
  case Type::E4M3:
  case Type::E5M2:
  case Type::E4M3x2:
  case Type::E5M2x2:
    return true;
  default:
    return false;
  }
}

const Function *Module::findFunction(std::string_view wanted) const {
  // A definition comes before its declarations.
  const Function *found = nullptr;
  for (const Function &function : functions)
    if (function.name == wanted && (!found || function.hasBody))
      found = &function;
  return found;
}

const Variable *Module::findVariable(std::string_view wanted) const {
  const Variable *found = nullptr;
  for (const Variable &variable : variables)
    if (variable.name == wanted && (!found || !variable.isExtern))
      found = &variable;
  return found;
}

std::string Module::describe(Location location) const {
  if (!location.file)
    return "";
  auto file = files.find(location.file);
  return (file == files.end() ? "file " + std::to_string(location.file)
                              : file->second) +
         ":" + std::to_string(location.line);
}

} // namespace moec::cudasim::ptx
