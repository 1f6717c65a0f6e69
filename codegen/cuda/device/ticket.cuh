//===- ticket.cuh - The last of several blocks --------------------------------===//
#pragma once
#include "moec/types.cuh"

namespace moec {

/// Counts the blocks that arrive at `ticket`. In the last one of `count` it is true for all threads, which then see what all
/// threads of the others wrote before; the ticket is zero again. One call in a kernel.
__device__ inline bool is_last_block(u32 *ticket, u32 count) {
  __shared__ u32 arrived;
  // Barrier, release and acquire in a row: writes of the other threads go before the ticket, their reads after it.
  __syncthreads();
  if (threadIdx.x == 0) {
    u32 before;
    asm volatile("atom.add.acq_rel.gpu.global.u32 %0, [%1], 1;"
                 : "=r"(before)
                 : "l"(__cvta_generic_to_global(ticket))
                 : "memory");
    if (before + 1 == count)
      *ticket = 0;
    arrived = before + 1;
  }
  __syncthreads();
  return arrived == count;
}

} // namespace moec
