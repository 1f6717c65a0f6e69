//===- async.cuh - Copies from global to shared memory, tickets ---------------===//
#pragma once
#include "moec/types.cuh"

namespace moec {

//===--- cp.async: copies of 16 or 4 bytes; what is not `wanted` becomes zero and is not read ---===//

__device__ inline u32 shared_address(const void *at) { return u32(__cvta_generic_to_shared(at)); }

__device__ inline void copy_async16(void *to, const void *from, bool wanted) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(wanted ? 16 : 0)
               : "memory");
}
__device__ inline void copy_async4(void *to, const void *from, bool wanted) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(to)), "l"(from), "r"(wanted ? 4 : 0)
               : "memory");
}
/// The copies of this thread since the last commit are a group.
__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most `Pending` groups of this thread are under way.
template <int Pending>
__device__ inline void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

//===--- tickets ---===//

/// Counts the blocks that arrive at `ticket`. In the last one of `count` it is true for all threads, which then see what all
/// threads of the others wrote before; the ticket is zero again.
__device__ inline bool is_last_block(u32 *ticket, u32 count) {
  __shared__ u32 arrived;
  __syncthreads();
  if (threadIdx.x == 0) {
    asm volatile("atom.add.acq_rel.gpu.global.u32 %0, [%1], 1;" : "=r"(arrived) : "l"(__cvta_generic_to_global(ticket)) : "memory");
    if (arrived + 1 == count)
      *ticket = 0;
  }
  __syncthreads();
  return arrived + 1 == count;
}

} // namespace moec
