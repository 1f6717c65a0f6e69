//===- Kernels.h - PTX of the tests of the driver API -----------------------===//
#ifndef MOEC_TEST_UNIT_SIMULATOR_API_KERNELS_H
#define MOEC_TEST_UNIT_SIMULATOR_API_KERNELS_H

#include <string>

namespace moec::cudasim::test {

/// add(data, value): data[block * threads + thread] += value.
/// wait(flag): one thread spins until *flag is not 0.
/// raise(flag): sets *flag to 1.
/// read(from, to): *to = *from.
/// fail(): trap.
/// shared(out): out[0] = dynamic_smem_size; bounded: .maxntid 64;
/// exact: .reqntid 32; large: 40000 bytes of static shared memory.
inline const std::string kKernels = R"(
.version 8.0
.target sm_80
.address_size 64

.global .align 8 .u32 table[3] = {5, 6, 7};

.visible .entry add(.param .u64 data, .param .u32 value)
{
  .reg .b32 %r<6>;
  .reg .b64 %rd<4>;
  ld.param.u64 %rd1, [data];
  ld.param.u32 %r1, [value];
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ntid.x;
  mov.u32 %r4, %tid.x;
  mad.lo.s32 %r5, %r2, %r3, %r4;
  mul.wide.s32 %rd2, %r5, 4;
  add.s64 %rd3, %rd1, %rd2;
  ld.global.u32 %r2, [%rd3];
  add.s32 %r2, %r2, %r1;
  st.global.u32 [%rd3], %r2;
  ret;
}

.visible .entry wait(.param .u64 flag)
{
  .reg .pred %p<2>;
  .reg .b32 %r<2>;
  .reg .b64 %rd<2>;
  ld.param.u64 %rd1, [flag];
LOOP:
  ld.acquire.sys.u32 %r1, [%rd1];
  setp.eq.s32 %p1, %r1, 0;
  @%p1 bra LOOP;
  ret;
}

.visible .entry raise(.param .u64 flag)
{
  .reg .b64 %rd<2>;
  ld.param.u64 %rd1, [flag];
  st.release.sys.u32 [%rd1], 1;
  ret;
}

.visible .entry read(.param .u64 from, .param .u64 to)
{
  .reg .b32 %r<2>;
  .reg .b64 %rd<3>;
  ld.param.u64 %rd1, [from];
  ld.param.u64 %rd2, [to];
  ld.global.u32 %r1, [%rd1];
  st.global.u32 [%rd2], %r1;
  ret;
}

.visible .entry fail()
{
  trap;
}

.visible .entry misaligned(.param .u64 at)
{
  .reg .b32 %r<2>;
  .reg .b64 %rd<2>;
  ld.param.u64 %rd1, [at];
  ld.global.u32 %r1, [%rd1+2];
  st.global.u32 [%rd1], %r1;
  ret;
}

.visible .entry bounded() .maxntid 64, 1, 1
{
  ret;
}

.visible .entry exact() .reqntid 32, 1, 1
{
  ret;
}

.visible .entry large(.param .u64 out)
{
  .shared .align 4 .b8 buffer[40000];
  .reg .b32 %r<2>;
  .reg .b64 %rd<2>;
  ld.param.u64 %rd1, [out];
  mov.u32 %r1, %dynamic_smem_size;
  st.shared.u32 [buffer], %r1;
  ld.shared.u32 %r1, [buffer];
  st.global.u32 [%rd1], %r1;
  ret;
}
)";

} // namespace moec::cudasim::test

#endif // MOEC_TEST_UNIT_SIMULATOR_API_KERNELS_H
