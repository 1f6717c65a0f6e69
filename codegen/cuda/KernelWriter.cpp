//===- KernelWriter.cpp - Writing one CUDA kernel -----------------------------===//

#include "codegen/cuda/KernelWriter.h"

#include "dialects/moe/Moe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moec;
using namespace moec::cuda;
using namespace moec::kernel;

KernelWriter::KernelWriter(TaskInterface op, const GraphArguments &arguments)
    : op(op), arguments(arguments) {}

//===--------------------------------------------------------------------------===//
// Parameters
//===--------------------------------------------------------------------------===//

/// Parameters that are made of the same thing are one; equal numbers only in the same role, since others are not equal in every
/// kernel of this text. A role that is taken gets a number.
std::string KernelWriter::parameter(StringRef type, StringRef role,
                                    ParameterKind kind, int64_t value,
                                    int64_t bytes) {
  auto attr = ParameterAttr::get(op->getContext(), kind, value, bytes);
  for (auto [known, declared] :
       llvm::zip_equal(kernel.parameters, declarations))
    if (known == attr && declared.type == type &&
        (kind != ParameterKind::Constant || declared.role == role))
      return declared.name;
  int count = names[role]++;
  std::string name = role.str() + (count ? std::to_string(count + 1) : "");
  kernel.parameters.push_back(attr);
  declarations.push_back({type.str(), role.str(), name});
  return name;
}

/// An array beside the kernel: what the host has in its own memory, the device cannot read.
std::string KernelWriter::table(memref::GlobalOp global, StringRef role) {
  auto values = cast<DenseElementsAttr>(*global.getInitialValue());
  std::string name = "$NAME_" + role.str();
  if (int count = names[role]++)
    name += std::to_string(count + 1);
  kernel.tables += llvm::formatv("__device__ const {0} {1}[{2}] = {{",
                                 typeName(values.getElementType()), name,
                                 values.getNumElements());
  // Nine digits tell every f32 from all others.
  for (auto [i, value] : llvm::enumerate(values.getValues<APFloat>())) {
    kernel.tables += i % 8 ? ", " : i ? ",\n    " : "\n    ";
    kernel.tables += llvm::formatv("{0:e8}f", value.convertToDouble());
  }
  kernel.tables += "};\n";
  return name;
}

std::string KernelWriter::pointer(Value buffer, StringRef role,
                                  StringRef elements) {
  if (auto get = buffer.getDefiningOp<memref::GetGlobalOp>())
    return table(SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
                     get, get.getNameAttr()),
                 role);
  bool isWritten = llvm::any_of(op.getMemoryAccesses(), [&](MemoryAccess a) {
    return a.isWrite && a.buffer == buffer;
  });
  std::string type =
      elements.empty()
          ? typeName(cast<MemRefType>(buffer.getType()).getElementType())
          : elements.str();
  // What is only read does not overlap what is written: the arena is planned so.
  type = isWritten ? type + " *" : "const " + type + " *__restrict__";
  return parameter(type, role, ParameterKind::Argument,
                   arguments.slotOf(buffer), 8);
}

std::string KernelWriter::extent(Value buffer, StringRef role) {
  auto type = cast<MemRefType>(buffer.getType());
  if (!hasDynamicExtent(type))
    return number(type.getDimSize(0), role);
  return parameter("i32", role, ParameterKind::Argument,
                   arguments.extentSlotOf(buffer), 4);
}

std::string KernelWriter::number(int64_t value, StringRef role) {
  return parameter("i32", role, ParameterKind::Constant, value, 4);
}

std::string KernelWriter::real(double value, StringRef role) {
  if (value == 0 || value == 1 || value == -1)
    return llvm::formatv("{0:f1}f", value);
  return parameter("float", role, ParameterKind::Constant,
                   llvm::bit_cast<uint32_t>(float(value)), 4);
}

std::string KernelWriter::scratch(int64_t bytes) {
  kernel.scratchBytes = std::max(kernel.scratchBytes, bytes);
  return parameter("void *", "scratch", ParameterKind::Scratch, 0, 8);
}

//===--------------------------------------------------------------------------===//
// Lines
//===--------------------------------------------------------------------------===//

static void indent(std::string &text, unsigned depth, const Twine &line) {
  if (!llvm::StringRef(line.str()).starts_with("#"))
    text.append(2 * depth, ' ');
  text += line.str();
  text += '\n';
}

void KernelWriter::line(const Twine &text) {
  assert(own.empty() && "lines behind the first entry");
  indent(common, depth, text);
}

void KernelWriter::open(const Twine &text) {
  line(text + " {");
  ++depth;
}

void KernelWriter::close(const Twine &text) {
  --depth;
  line(text);
}

void KernelWriter::include(StringRef header) {
  if (!llvm::is_contained(kernel.headers, header))
    kernel.headers.push_back(header.str());
}

void KernelWriter::entry(const EntryPlan &plan, ArrayRef<std::string> lines) {
  std::string &text = own.emplace_back();
  for (const std::string &line : lines)
    indent(text, depth, line);
  kernel.entries.push_back(plan);
}

KernelText KernelWriter::finish() && {
  std::string parameters;
  for (const Declaration &declaration : declarations) {
    parameters += parameters.empty() ? "\n    " : ",\n    ";
    parameters += declaration.type;
    if (!StringRef(declaration.type).ends_with("*"))
      parameters += ' ';
    parameters += declaration.name;
  }
  for (auto [plan, text] : llvm::zip_equal(kernel.entries, own)) {
    std::string bounds = std::to_string(plan.threads);
    if (plan.blocks)
      bounds += ", " + std::to_string(plan.blocks);
    kernel.functions.push_back(
        llvm::formatv("extern \"C\" __global__ void "
                      "__launch_bounds__({0})\n$NAME{1}({2})\n{{\n"
                      "{3}{4}}\n\n",
                      bounds, plan.suffix, parameters, common, text));
  }
  return std::move(kernel);
}

//===--------------------------------------------------------------------------===//
// Elements
//===--------------------------------------------------------------------------===//

std::string KernelWriter::typeName(Type type) {
  if (type.isF32())
    return "float";
  if (type.isF64())
    return "double";
  if (type.isBF16())
    return "bf16";
  if (type.isF16())
    return "f16";
  if (isa<Float8E4M3FNType>(type))
    return "f8e4m3";
  if (type.isInteger(1))
    return "bool";
  if (type.isInteger(4))
    return "i4";
  if (type.isInteger(8))
    return "i8";
  if (type.isInteger(32))
    return "i32";
  return "i64";
}

/// Names, literals and calls bind tighter than anything.
static std::string parenthesized(const std::string &text) {
  bool isSimple = llvm::all_of(
      text, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
  bool isCast =
      StringRef(text).starts_with("i64(") && text.find(')') == text.size() - 1;
  return isSimple || isCast ? text : "(" + text + ")";
}

std::string KernelWriter::element(Value buffer, StringRef pointer,
                                  ArrayRef<std::string> indices) {
  auto type = cast<MemRefType>(buffer.getType());
  // 64 bits, as caches and weights may have more than 2^31 elements.
  std::string offset = "i64(" + indices.front() + ")";
  for (auto [index, size] :
       llvm::zip_equal(indices.drop_front(), type.getShape().drop_front()))
    offset = parenthesized(offset) + " * " + number(size, "width") +
             (index == "0" ? "" : " + " + index);
  return (pointer + "[" + (indices.size() == 1 ? indices.front() : offset) +
          "]")
      .str();
}

std::string KernelWriter::affine(AffineExpr expr,
                                 ArrayRef<std::string> dimensions,
                                 ArrayRef<std::string> symbols) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dimensions[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    // Strides of one and two, and the width of a panel, by which is divided, stay visible.
    int64_t value = constant.getValue();
    bool isLiteral = (value >= 0 && value <= 2) || value == 16;
    return isLiteral ? std::to_string(value) : number(value, "offset");
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::string lhs = affine(binary.getLHS(), dimensions, symbols);
  std::string rhs = affine(binary.getRHS(), dimensions, symbols);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return rhs == "0" ? lhs : lhs + " + " + rhs;
  case AffineExprKind::Mul:
    return parenthesized(lhs) + " * " + parenthesized(rhs);
  // Indices are not negative, so that C's division is the floor.
  case AffineExprKind::FloorDiv:
    return parenthesized(lhs) + " / " + parenthesized(rhs);
  case AffineExprKind::Mod:
    return parenthesized(lhs) + " % " + parenthesized(rhs);
  default:
    llvm_unreachable("maps of kernels have no other expressions");
  }
}

//===--------------------------------------------------------------------------===//
// Regions
//===--------------------------------------------------------------------------===//

/// A conversion between types of elements.
static std::string convert(Type from, Type to, const std::string &value) {
  if (from == to)
    return value;
  bool isNarrow = from.isBF16() || from.isF16() || isa<Float8E4M3FNType>(from);
  if (isNarrow && to.isF32())
    return "to_float(" + value + ")";
  if (from.isF32() && (to.isBF16() || to.isF16()))
    return "from_float<" + KernelWriter::typeName(to) + ">(" + value + ")";
  return KernelWriter::typeName(to) + "(" + value + ")";
}

FailureOr<std::string> KernelWriter::operation(Operation &op,
                                               ArrayRef<std::string> v) {
  auto binary = [&](StringRef symbol) {
    return v[0] + " " + symbol.str() + " " + v[1];
  };
  auto call = [&](StringRef name) {
    return name.str() + "(" + llvm::join(v, ", ") + ")";
  };
  auto cast = [&] {
    return convert(op.getOperand(0).getType(), op.getResult(0).getType(), v[0]);
  };
  return llvm::TypeSwitch<Operation *, FailureOr<std::string>>(&op)
      .Case([&](arith::AddFOp) { return binary("+"); })
      .Case([&](arith::SubFOp) { return binary("-"); })
      .Case([&](arith::MulFOp) { return binary("*"); })
      // IEEE division and square root: NVRTC's defaults.
      .Case([&](arith::DivFOp) { return binary("/"); })
      .Case([&](arith::NegFOp) { return "-" + v[0]; })
      .Case([&](arith::MaximumFOp) { return call("maximum"); })
      .Case([&](arith::ExtFOp) { return cast(); })
      .Case([&](arith::TruncFOp) { return cast(); })
      .Case([&](arith::SIToFPOp) { return cast(); })
      .Case([&](math::SqrtOp) { return call("sqrt"); })
      .Case([&](math::ExpOp) { return call("exp"); })
      .Case([&](math::SinOp) { return call("sin"); })
      .Case([&](math::CosOp) { return call("cos"); })
      .Case([&](math::FmaOp) { return call("fmaf"); })
      .Default([&](Operation *) -> FailureOr<std::string> {
        return op.emitOpError("has no CUDA form");
      });
}

FailureOr<SmallVector<std::string>>
KernelWriter::region(Region &region, ArrayRef<std::string> arguments,
                     StringRef what) {
  include("math.cuh");
  if (region.empty())
    return SmallVector<std::string>(arguments);
  Block &block = region.front();
  DenseMap<Value, std::string> spelled;
  for (auto [argument, name] : llvm::zip_equal(block.getArguments(), arguments))
    spelled[argument] = name;
  SmallVector<std::string> results;
  bool marked = false;
  for (Operation &op : block) {
    SmallVector<std::string> operands;
    for (Value operand : op.getOperands())
      operands.push_back(spelled.lookup(operand));
    if (isa<YieldOp>(op)) {
      results = operands;
      break;
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto value = dyn_cast<FloatAttr>(constant.getValue());
      if (!value || !value.getType().isF32())
        return op.emitOpError("has no CUDA form: expected a constant of f32");
      spelled[constant] = real(value.getValueAsDouble(), "constant");
      continue;
    }
    FailureOr<std::string> text = operation(op, operands);
    if (failed(text))
      return failure();
    // Findings in device code are traced to the operations of the region, in its order.
    if (!marked)
      line("#line 1 \"$OP/" + what + "\"");
    marked = true;
    std::string name = "v" + std::to_string(values++);
    line("const " + typeName(op.getResult(0).getType()) + " " + name + " = " +
         *text + ";");
    spelled[op.getResult(0)] = name;
  }
  if (marked)
    line("#line $HERE");
  return results;
}
