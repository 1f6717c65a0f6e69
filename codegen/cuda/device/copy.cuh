//===- copy.cuh - Shared memory, asynchronous copies, matrix instructions -----===//
//
// The PTX that has no name in the language, one function each.
//
//===------------------------------------------------------------------------===//
#pragma once
#include "moec/types.cuh"

namespace moec {

/// The 32-bit address that PTX takes for shared memory.
__device__ inline u32 shared_address(const void *at) {
  return u32(__cvta_generic_to_shared(at));
}

//===--- asynchronous copies from global memory, by groups of a thread ---===//

/// Chunks of 16 bytes at `From`, `From` + `Distance` … below `To`, from both addresses on.
template <int From, int To, int Distance>
__device__ inline void copy_chunks(u32 to, const u8 *from) {
  if constexpr (From < To) {
    asm volatile(
        "cp.async.cg.shared.global.L2::128B [%0 + %2], [%1 + %2], 16;" ::"r"(
            to),
        "l"(from), "n"(From)
        : "memory");
    copy_chunks<From + Distance, To, Distance>(to, from);
  }
}
/// Zeros instead of what stands at `from` unless `exists`; `from` is a valid address either way.
__device__ inline void copy_chunk(u32 to, const u8 *from, bool exists) {
  asm volatile(
      "cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to),
      "l"(from), "r"(exists ? 16 : 0)
      : "memory");
}
/// The same of 4 bytes.
__device__ inline void copy_word(u32 to, const void *from, bool exists) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to),
               "l"(from), "r"(exists ? 4 : 0)
               : "memory");
}
__device__ inline void end_copy_group() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
/// Waits until at most `Pending` of this thread's latest groups are under way.
template <int Pending>
__device__ inline void wait_copy_groups() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

/// Waits for `Threads` threads, whole warps, that name the same barrier; 0 is that of __syncthreads.
template <int Threads>
__device__ inline void sync_warps(int barrier) {
  if constexpr (Threads == 32)
    __syncwarp();
  else
    asm volatile("bar.sync %0, %1;" ::"r"(barrier), "n"(Threads) : "memory");
}

//===--- matrices of 8 x 8 elements of 16 bits ---===//
// Lane l = 4 g + t. Lanes 8 i to 8 i + 7 name the eight rows (16 bytes) of matrix i; register i gets its elements
// (g, 2t), (g, 2t + 1), transposed (2t, g), (2t + 1, g).

/// `Offset` is added to the address of each row.
template <int Offset = 0>
__device__ inline void load_matrices(u32 row, u32 (&out)[4]) {
  asm volatile(
      "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4 + %5];"
      : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
      : "r"(row), "n"(Offset)
      : "memory");
}
template <int Offset = 0>
__device__ inline void load_transposed(u32 row, u32 (&out)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, "
               "%3}, [%4 + %5];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(row), "n"(Offset)
               : "memory");
}

/// d[16 x 8] += a[16 x 16] b[16 x 8] of bf16. Elements of lane 4 g + t:
///   a  (g, 2t..), (g + 8, 2t..), (g, 2t + 8..), (g + 8, 2t + 8..)     pairs along k
///   b  (2t.., g), (2t + 8.., g)                                       pairs along k
///   d  (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
__device__ inline void multiply_add(float (&d)[4], const u32 (&a)[4], u32 b0,
                                    u32 b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
/// a b + c of pairs of bf16, rounded once.
__device__ inline u32 fma_pair(u32 a, u32 b, u32 c) {
  u32 d;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}

} // namespace moec
