//===- panels.cuh - Weight matrices in panels (#moe.panels) -------------------===//
//
// A matrix of `panels` panels of 16 output columns, each of K steps; matrices of experts or heads follow one another. With two
// parts (gate and up) the panels alternate: output panel p of part q is panel 2p + q.
//
//   Panels        a step is 16 elements: element (k, n) of a panel stands at 16 k + n
//   ScaledPanels  blocks of Block steps: 16 scales, then the elements; of 4 bits in words of 32: the word (k / 8, n) holds
//                 elements k to k + 7 of column n, the first in the lowest bits. The last block is padded with zeros.
//                 An element is round_f32(q d).
//
// `element` reads one element. GEMMs read whole stages of a panel (stage.cuh).
//
//===------------------------------------------------------------------------===//
#pragma once
#include "moec/types.cuh"

namespace moec {

constexpr int panel_width = 16;

template <class StoredType>
struct Panels {
  using Stored = StoredType;
  static constexpr bool scaled = false;

  const void *data;
  int k;
  /// Of one matrix, of all parts.
  int panels;

  __device__ int panel_bytes() const {
    return k * panel_width * int(sizeof(Stored));
  }
  __device__ const u8 *panel(int matrix, int panel) const {
    return static_cast<const u8 *>(data) +
           (i64(matrix) * panels + panel) * panel_bytes();
  }
  __device__ float element(int matrix, int panel, int step, int lane) const {
    auto *elements =
        reinterpret_cast<const Stored *>(this->panel(matrix, panel));
    return to_float(elements[step * panel_width + lane]);
  }
};

template <class StoredType, class ScaleType, int BlockSteps>
struct ScaledPanels {
  using Stored = StoredType;
  using Scale = ScaleType;
  static constexpr bool scaled = true;
  static constexpr int block = BlockSteps;
  static constexpr int scale_bytes = panel_width * int(sizeof(Scale));
  static constexpr int block_bytes =
      scale_bytes + block * panel_width * bits_of<Stored>() / 8;

  const void *data;
  int k;
  /// Of one matrix, of all parts.
  int panels;

  __device__ int panel_bytes() const {
    return ceil_div(k, block) * block_bytes;
  }
  __device__ const u8 *panel(int matrix, int panel) const {
    return static_cast<const u8 *>(data) +
           (i64(matrix) * panels + panel) * panel_bytes();
  }
  __device__ float element(int matrix, int panel, int step, int lane) const {
    const u8 *at = this->panel(matrix, panel) + step / block * block_bytes;
    float scale = to_float(reinterpret_cast<const Scale *>(at)[lane]);
    at += scale_bytes;
    int inside = step % block;
    if constexpr (bits_of<Stored>() == 4) {
      u32 word = load4(at + (inside / 8 * panel_width + lane) * 4);
      return to_float(i4{}, word, inside % 8) * scale;
    } else {
      auto *elements = reinterpret_cast<const Stored *>(at);
      return to_float(elements[inside * panel_width + lane]) * scale;
    }
  }
};

} // namespace moec
