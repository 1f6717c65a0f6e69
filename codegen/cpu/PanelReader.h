//===- PanelReader.h - Packed weights as vectors of f32 ------------------------===//
//
// A panel (moe.panels) is read along K in blocks: the elements that share scales, or a few steps where there are no scales. A
// step is one k: kLanes elements, one of each column of the panel. Whatever the stored type, a step is the same vector of f32
// on every instruction set.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_CODEGEN_CPU_PANELREADER_H
#define MOEC_CODEGEN_CPU_PANELREADER_H

#include "codegen/cpu/TaskBuilder.h"

namespace moec::cpu {

class PanelReader {
public:
  /// Reads the panels of `op`'s weight.
  PanelReader(TaskBuilder &b, kernel::GemmOp op);

  /// Steps of a block, a multiple of getChunkSteps(). Panels with scales hold whole blocks, others end with K.
  int64_t getBlockSteps() const { return blockSteps; }
  /// Bytes of a number of whole blocks.
  int64_t getBytes(int64_t steps) const {
    return steps / blockSteps * blockBytes;
  }
  /// Steps that are decoded together.
  int64_t getChunkSteps() const { return chunkSteps; }
  /// Whether the steps of a chunk stand in words, which keep registers while they are decoded.
  bool hasWords() const { return stored.isInteger(4); }

  /// Byte offset of a panel; `matrix` is the expert or head, null for a plain matrix.
  mlir::Value panelOffset(mlir::Value matrix, mlir::Value panel);
  /// Byte offset of a block of the panel at `panelOffset`.
  mlir::Value blockOffset(mlir::Value panelOffset, mlir::Value block);
  /// The scales of a block, null for elements without.
  mlir::Value loadScales(mlir::Value blockOffset);
  /// Steps that are decoded together, still as they are stored.
  struct Chunk {
    mlir::Value offset, words, scales;
  };
  Chunk loadChunk(mlir::Value blockOffset, mlir::Value chunk,
                  mlir::Value scales);
  /// Step `i` of a chunk; asked for where it is used, lest all steps of a chunk want registers.
  mlir::Value decodeStep(const Chunk &chunk, int64_t i);
  /// Asks for the bytes that stand `distance` behind the chunk.
  void prefetch(mlir::Value blockOffset, mlir::Value chunk, int64_t distance);
  /// Asks for the cache line at `offset`, not nearer than the second-level cache.
  void prefetchLine(mlir::Value offset);

private:
  mlir::Value chunkOffset(mlir::Value blockOffset, mlir::Value chunk);
  mlir::Value loadBytes(mlir::Value offset, int64_t count, mlir::Type element);
  mlir::Value decodeFloat8(mlir::Value bytes);
  mlir::Value decodeInt4(mlir::Value words, int64_t nibble, mlir::Value scales);

  TaskBuilder &b;
  mlir::Value bytes;
  mlir::Type stored, scale;
  int64_t blockSteps, chunkSteps, blockBytes, panelBytes, matrixPanels;
};

} // namespace moec::cpu

#endif // MOEC_CODEGEN_CPU_PANELREADER_H
