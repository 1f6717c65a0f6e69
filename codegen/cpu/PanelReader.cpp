//===- PanelReader.cpp - Packed weights as vectors of f32 ----------------------===//

#include "codegen/cpu/PanelReader.h"

#include "dialects/moe/Moe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace moec;
using namespace moec::cpu;

/// Steps that are decoded together where nothing else decides.
static constexpr int64_t kChunkSteps = 4;
/// 4-bit elements stand in words of 32 bits.
static constexpr int64_t kWordSteps = 8;

static int64_t bytesOf(Type element, int64_t count) {
  return count * element.getIntOrFloatBitWidth() / 8;
}

PanelReader::PanelReader(TaskBuilder &b, kernel::GemmOp op)
    : b(b), bytes(b.bytes(op.getWeight())) {
  ShapedType type = op.getWeight().getType();
  ArrayRef<int64_t> shape = type.getShape();
  stored = type.getElementType();
  chunkSteps = kChunkSteps;
  blockSteps = kChunkSteps;
  if (auto scaled = dyn_cast<moe::ScaledType>(stored)) {
    stored = scaled.getStored();
    scale = scaled.getScale();
    blockSteps = scaled.getColumns();
    chunkSteps =
        stored.isInteger(4) ? kWordSteps : std::gcd(blockSteps, kChunkSteps);
  }
  blockBytes = bytesOf(stored, blockSteps * kLanes);
  if (scale)
    blockBytes += bytesOf(scale, kLanes);
  matrixPanels = shape.take_back(3)[0];
  panelBytes =
      moe::getStorageBytes(type.clone(shape.take_back(2))); // one panel
}

Value PanelReader::panelOffset(Value matrix, Value panel) {
  if (matrix)
    panel = b.add(b.mul(matrix, matrixPanels), panel);
  return b.mul(panel, panelBytes);
}

Value PanelReader::blockOffset(Value panelOffset, Value block) {
  return b.add(panelOffset, b.mul(block, blockBytes));
}

Value PanelReader::chunkOffset(Value blockOffset, Value chunk) {
  if (scale)
    blockOffset = b.add(blockOffset, bytesOf(scale, kLanes));
  return b.add(blockOffset, b.mul(chunk, bytesOf(stored, chunkSteps * kLanes)));
}

/// `count` elements as they are stored.
Value PanelReader::loadBytes(Value offset, int64_t count, Type element) {
  auto raw = VectorType::get({bytesOf(element, count)}, b.getI8Type());
  Value loaded = vector::LoadOp::create(b, raw, bytes, offset);
  if (element.isInteger(8))
    return loaded;
  return vector::BitCastOp::create(b, VectorType::get({count}, element),
                                   loaded);
}

Value PanelReader::loadScales(Value blockOffset) {
  if (!scale)
    return {};
  Value scales = b.extend(loadBytes(blockOffset, kLanes, scale));
  if (!isa<Float8E4M3FNType>(stored))
    return scales;
  // decodeFloat8 gives 1/256 of the element.
  return arith::MulFOp::create(b, scales, b.broadcast(b.floatConstant(256)));
}

/// An E4M3 number is, but for its sign, an f16 number 2^8 times as small whose exponent has a leading zero: f16 has one bit
/// more of exponent (bias 15, not 7) and seven more of mantissa. Subnormals follow. The packer lets no NaN pass.
Value PanelReader::decodeFloat8(Value bytes) {
  auto i16 = b.vectorOf(b.getIntegerType(16));
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(i16, b.getI16IntegerAttr(int16_t(value))));
  };
  Value wide = arith::ExtSIOp::create(b, i16, bytes);
  Value shifted = arith::ShLIOp::create(b, wide, constant(7));
  Value half = arith::AndIOp::create(b, shifted, constant(0xBF80));
  return b.extend(
      vector::BitCastOp::create(b, b.vectorOf(b.getF16Type()), half));
}

/// Element `nibble` of each word, a signed number q of 4 bits, times the scale d.
Value PanelReader::decodeInt4(Value words, int64_t nibble, Value scales) {
  auto i32 = b.vectorOf(b.getI32Type());
  auto constant = [&](uint32_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(i32, b.getI32IntegerAttr(int32_t(value))));
  };
  if (b.getUnit().permutes) {
    // One lookup; it takes the lowest 4 bits of each index.
    SmallVector<float> values;
    for (int i = 0; i < 16; ++i)
      values.push_back(i < 8 ? i : i - 16);
    Value table = arith::ConstantOp::create(
        b,
        DenseElementsAttr::get(b.vectorOf(b.getF32Type()), ArrayRef(values)));
    Value index =
        nibble ? arith::ShRUIOp::create(b, words, constant(4 * nibble)) : words;
    Value element = LLVM::CallIntrinsicOp::create(
                        b, b.vectorOf(b.getF32Type()),
                        b.getStringAttr("llvm.x86.avx512.permvar.sf.512"),
                        ValueRange{table, index})
                        .getResult(0);
    return arith::MulFOp::create(b, element, scales);
  }
  // Where it stands, at bit 4i, the nibble with its sign flipped, q + 8, is put into the mantissa of 2^23: that is
  // 2^23 + 16^i (q + 8). A multiply-add with d / 16^i and -d (2^23 / 16^i + 8) leaves q d. All three are exact for 1 <= i <= 4,
  // as scales have 8 bits and are neither too small nor too large (frontend/BlockQuantizer.h); other nibbles are brought
  // there by two shifts of the word.
  constexpr int64_t kFarNibbles = 4;
  int64_t place = nibble;
  if (nibble == 0) {
    place = kFarNibbles;
    words = arith::ShLIOp::create(b, words, constant(4 * kFarNibbles));
  } else if (nibble > kFarNibbles) {
    place = nibble - kFarNibbles;
    words = arith::ShRUIOp::create(b, words, constant(4 * kFarNibbles));
  }
  Value masked = arith::AndIOp::create(b, words, constant(0xFu << (4 * place)));
  Value bits = arith::XOrIOp::create(b, masked,
                                     constant(0x4B000000 | 8u << (4 * place)));
  double unit = double(int64_t(1) << (4 * place));
  auto scaled = [&](double factor) -> Value {
    return arith::MulFOp::create(b, scales,
                                 b.broadcast(b.floatConstant(factor)));
  };
  Value number = arith::BitcastOp::create(b, b.vectorOf(b.getF32Type()), bits);
  Value factor = scaled(1 / unit);
  Value offset = scaled(-((1 << 23) / unit + 8));
  return math::FmaOp::create(b, number, factor, offset);
}

PanelReader::Chunk PanelReader::loadChunk(Value blockOffset, Value chunk,
                                          Value scales) {
  Chunk loaded;
  loaded.offset = chunkOffset(blockOffset, chunk);
  loaded.scales = scales;
  if (hasWords())
    loaded.words = loadBytes(loaded.offset, kLanes, b.getI32Type());
  return loaded;
}

Value PanelReader::decodeStep(const Chunk &chunk, int64_t i) {
  if (chunk.words)
    return decodeInt4(chunk.words, i, chunk.scales);
  Value place = b.add(chunk.offset, bytesOf(stored, i * kLanes));
  Value step;
  if (isa<Float8E4M3FNType>(stored))
    step = decodeFloat8(loadBytes(place, kLanes, b.getI8Type()));
  else if (stored.isInteger(8))
    step = arith::SIToFPOp::create(b, b.vectorOf(b.getF32Type()),
                                   loadBytes(place, kLanes, stored));
  else
    step = b.extend(loadBytes(place, kLanes, stored));
  return chunk.scales ? arith::MulFOp::create(b, step, chunk.scales) : step;
}

void PanelReader::prefetch(Value blockOffset, Value chunk, int64_t distance) {
  Value offset = b.add(chunkOffset(blockOffset, chunk), distance);
  for (int64_t line = 0; line < bytesOf(stored, chunkSteps * kLanes);
       line += 64)
    memref::PrefetchOp::create(b, bytes, b.add(offset, line),
                               /*isWrite=*/false, /*localityHint=*/3,
                               /*isDataCache=*/true);
}

void PanelReader::prefetchLine(Value offset) {
  memref::PrefetchOp::create(b, bytes, offset, /*isWrite=*/false,
                             /*localityHint=*/2, /*isDataCache=*/true);
}
