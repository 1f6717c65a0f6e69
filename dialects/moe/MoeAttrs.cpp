//===- MoeAttrs.cpp - Attributes and enums of the moe dialect -----------------===//

#include "dialects/moe/Moe.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace moec::moe;

#include "dialects/moe/MoeEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/moe/MoeAttrs.cpp.inc"

void MoeDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/moe/MoeAttrs.cpp.inc"
      >();
}

LogicalResult LimitsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t tokens, int64_t sequences,
                                 int64_t positions) {
  if (tokens < 1 || sequences < 1 || positions < 1)
    return emitError() << "expected positive limits, got tokens " << tokens
                       << ", sequences " << sequences << ", positions "
                       << positions;
  constexpr int64_t mostTokens = int64_t(1) << 20;
  if (tokens > mostTokens)
    return emitError() << "expected at most " << mostTokens
                       << " tokens in a step, got " << tokens;
  // Rows of a cache are counted in 32 bits.
  if (sequences > INT32_MAX / positions)
    return emitError() << "expected sequences * positions below 2^31, got "
                       << sequences << " * " << positions;
  return success();
}

LogicalResult
CudaTargetAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                       ArrayRef<StringAttr> architectures) {
  // What the kernels are written for (codegen/cuda/device), as `mma.sync` of bf16 came with sm_80.
  static constexpr StringLiteral known[] = {
      "sm_80",  "sm_86",   "sm_87",  "sm_89",   "sm_90",  "sm_90a",
      "sm_100", "sm_100a", "sm_103", "sm_103a", "sm_120", "sm_120a"};
  if (architectures.empty())
    return emitError() << "expected an architecture, for example \"sm_90a\"";
  for (auto [i, arch] : llvm::enumerate(architectures)) {
    if (!llvm::is_contained(known, arch.getValue()))
      return emitError() << "unknown architecture '" << arch.getValue()
                         << "', expected one of " << llvm::join(ArrayRef(known), ", ");
    if (llvm::is_contained(architectures.take_front(i), arch))
      return emitError() << "architecture '" << arch.getValue()
                         << "' is named twice";
  }
  return success();
}

LogicalResult GroupsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t count, int64_t keep, GroupScore by) {
  if (keep < 1 || keep > count)
    return emitError() << "expected 1 <= keep <= count, got keep " << keep
                       << " of " << count << " groups";
  return success();
}

LogicalResult PartAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               StringRef tensor, StringAttr scale,
                               int64_t heads, int64_t begin, int64_t end) {
  if (tensor.empty())
    return emitError() << "a part needs the name of a tensor";
  if (heads < 0 || begin < 0 || (heads ? end <= begin : begin || end))
    return emitError() << "expected rows 0 <= begin < end of positive heads, "
                          "got begin "
                       << begin << ", end " << end << ", heads " << heads;
  return success();
}

//===--------------------------------------------------------------------------===//
// Panels
//===--------------------------------------------------------------------------===//

LogicalResult PanelsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t width, int64_t parts, bool transpose) {
  if (width < 1)
    return emitError() << "expected a positive panel width, got " << width;
  constexpr int64_t mostColumns = 1024;
  if (width > mostColumns)
    return emitError() << "expected a panel width of at most " << mostColumns
                       << ", got " << width;
  if (parts != 1 && parts != 2)
    return emitError() << "expected panels of 1 or 2 parts, got " << parts;
  if (parts == 2 && transpose)
    return emitError() << "transposed panels have one part";
  return success();
}

RankedTensorType PanelsAttr::getPackedType(RankedTensorType type) const {
  SmallVector<int64_t> shape(type.getShape().drop_back(2));
  int64_t rows = type.getShape().take_back(2).front();
  int64_t columns = type.getShape().back();
  if (getTranspose())
    std::swap(rows, columns);
  int64_t panelsOfPart = llvm::divideCeil(rows / getParts(), getWidth());
  shape.append({panelsOfPart * getParts(), columns, getWidth()});
  Type element = type.getElementType();
  if (auto scaled = dyn_cast<ScaledType>(element)) {
    // A transposed panel runs along the rows of a head, which need not begin where a block does.
    int64_t block = getTranspose() ? std::gcd(scaled.getRows(), columns)
                                   : scaled.getColumns();
    element = ScaledType::get(type.getContext(), scaled.getStored(), 1, block,
                              scaled.getScale());
  }
  return RankedTensorType::get(shape, element);
}

//===--------------------------------------------------------------------------===//
// Rotary position embedding
//===--------------------------------------------------------------------------===//

static bool isPositive(double number) {
  return number > 0 && std::isfinite(number);
}

static LogicalResult verifyScaling(function_ref<InFlightDiagnostic()> emitError,
                                   double theta, LinearScalingAttr scaling) {
  if (!isPositive(scaling.getFactor()))
    return emitError() << "expected a positive factor of " << scaling;
  return success();
}

static LogicalResult verifyScaling(function_ref<InFlightDiagnostic()> emitError,
                                   double theta, Llama3ScalingAttr scaling) {
  if (!isPositive(scaling.getFactor()) || !isPositive(scaling.getLow()) ||
      !isPositive(scaling.getHigh()) || scaling.getOriginal() < 1)
    return emitError() << "expected positive numbers in " << scaling;
  if (scaling.getLow() > scaling.getHigh())
    return emitError() << "expected low <= high in " << scaling;
  return success();
}

static LogicalResult verifyScaling(function_ref<InFlightDiagnostic()> emitError,
                                   double theta, YarnScalingAttr scaling) {
  if (!isPositive(scaling.getFactor()) || !isPositive(scaling.getBetaFast()) ||
      !isPositive(scaling.getBetaSlow()) ||
      !isPositive(scaling.getAttentionFactor()) || scaling.getOriginal() < 1)
    return emitError() << "expected positive numbers in " << scaling;
  // The ramp divides by the logarithm of theta.
  if (theta == 1)
    return emitError() << "expected a rope theta other than 1 for " << scaling;
  return success();
}

LogicalResult RopeAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t width, Real theta, Attribute scaling) {
  constexpr int64_t mostColumns = int64_t(1) << 20;
  if (width < 2 || width % 2)
    return emitError() << "expected an even rope width, got " << width;
  if (width > mostColumns)
    return emitError() << "expected a rope width of at most " << mostColumns
                       << ", got " << width;
  if (!isPositive(theta))
    return emitError() << "expected a positive rope theta, got " << theta;
  if (!scaling)
    return success();
  return llvm::TypeSwitch<Attribute, LogicalResult>(scaling)
      .Case<LinearScalingAttr, Llama3ScalingAttr, YarnScalingAttr>(
          [&](auto known) { return verifyScaling(emitError, theta, known); })
      .Default([&](Attribute other) {
        return emitError() << "expected a scaling of rotary frequencies, got "
                           << other;
      });
}

static float scaleLlama3(float frequency, Llama3ScalingAttr scaling) {
  double wavelength = 2 * M_PI / frequency;
  double original = scaling.getOriginal();
  if (wavelength > original / scaling.getLow())
    return frequency / scaling.getFactor();
  if (wavelength < original / scaling.getHigh())
    return frequency;
  // With low == high (Llama 4) one of the branches above was taken, unless the wavelength is exactly at the border.
  double span = scaling.getHigh() - scaling.getLow();
  double s = span ? (original / wavelength - scaling.getLow()) / span : 0;
  return (1 - s) * frequency / scaling.getFactor() + s * frequency;
}

static void scaleYarn(MutableArrayRef<float> frequencies, double theta,
                      int64_t width, YarnScalingAttr scaling) {
  auto dim = [&](double rotations) {
    return width * std::log(scaling.getOriginal() / (rotations * 2 * M_PI)) /
           (2 * std::log(theta));
  };
  double low = dim(scaling.getBetaFast()), high = dim(scaling.getBetaSlow());
  if (scaling.getTruncate()) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, double(width - 1));
  if (low == high)
    high += 0.001; // as the reference implementation avoids a division by zero
  for (auto [i, frequency] : llvm::enumerate(frequencies)) {
    double ramp = std::clamp((i - low) / (high - low), 0.0, 1.0);
    frequency = frequency / scaling.getFactor() * ramp + frequency * (1 - ramp);
  }
}

SmallVector<float> RopeAttr::getFrequencies() const {
  SmallVector<float> frequencies;
  for (int64_t i = 0; i < getWidth() / 2; ++i)
    frequencies.push_back(
        1.0 / std::pow(getTheta(), double(2 * i) / double(getWidth())));
  if (auto linear = dyn_cast_if_present<LinearScalingAttr>(getScaling()))
    for (float &frequency : frequencies)
      frequency /= linear.getFactor();
  if (auto llama3 = dyn_cast_if_present<Llama3ScalingAttr>(getScaling()))
    for (float &frequency : frequencies)
      frequency = scaleLlama3(frequency, llama3);
  if (auto yarn = dyn_cast_if_present<YarnScalingAttr>(getScaling()))
    scaleYarn(frequencies, getTheta(), getWidth(), yarn);
  return frequencies;
}

float RopeAttr::getAttentionFactor() const {
  auto yarn = dyn_cast_if_present<YarnScalingAttr>(getScaling());
  return yarn ? float(yarn.getAttentionFactor().value) : 1.0f;
}
