//===- BigramKernels.ptx.h - The kernels of CudaBigramModel, as PTX -------===//
//
// Made with `nvcc -arch=sm_80 -ptx` from:
//
//   constexpr int vocab = 512, rowTile = 4, columnTile = 128;
//
//   extern "C" __global__ void write_cache(const int *tokens, const int *cacheRows, int *cache, int numTokens) {
//     int row = blockIdx.y * rowTile + threadIdx.x;
//     if (row < numTokens)
//       cache[cacheRows[row]] = tokens[row];
//   }
//
//   extern "C" __global__ void read_cache(const int *positions, const int *cacheRows, const int *cache, int *previous,
//                                         int numTokens, int increment, int *steps) {
//     for (int row = threadIdx.x; row < numTokens; row += blockDim.x)
//       previous[row] = positions[row] > 0 ? cache[cacheRows[row] - 1] : -1;
//     if (threadIdx.x == 0)
//       steps[0] += increment;
//   }
//
//   template <int Rows>
//   static __device__ void logits(const int *tokens, const int *outputRows, const int *previous, const float *table,
//                                 float *out, int numOutputs) {
//     int v = blockIdx.x * columnTile + threadIdx.x;
//     for (int i = blockIdx.y * Rows; i < numOutputs && i < int(blockIdx.y + 1) * Rows; ++i) {
//       int row = outputRows[i];
//       float logit = table[tokens[row] * vocab + v];
//       if (previous[row] >= 0)
//         logit += 0.25f * table[previous[row] * vocab + v];
//       out[i * vocab + v] = logit;
//     }
//   }
//
//   extern "C" __global__ void logits_one(const int *tokens, const int *outputRows, const int *previous,
//                                         const float *table, float *out, int numOutputs) {
//     logits<1>(tokens, outputRows, previous, table, out, numOutputs);
//   }
//
//   extern "C" __global__ void logits_many(const int *tokens, const int *outputRows, const int *previous,
//                                          const float *table, float *out, int numOutputs) {
//     logits<rowTile>(tokens, outputRows, previous, table, out, numOutputs);
//   }
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_TEST_UNIT_RUNTIME_CUDA_BIGRAMKERNELS_H
#define MOEC_TEST_UNIT_RUNTIME_CUDA_BIGRAMKERNELS_H

namespace moec::test {

inline constexpr char bigramPtx[] = R"ptx(

.version 9.0
.target sm_80
.address_size 64

.visible .entry write_cache(
	.param .u64 write_cache_param_0,
	.param .u64 write_cache_param_1,
	.param .u64 write_cache_param_2,
	.param .u32 write_cache_param_3
)
{
	.reg .pred 	%p<2>;
	.reg .b32 	%r<8>;
	.reg .b64 	%rd<12>;

	ld.param.u64 	%rd1, [write_cache_param_0];
	ld.param.u64 	%rd2, [write_cache_param_1];
	ld.param.u64 	%rd3, [write_cache_param_2];
	ld.param.u32 	%r2, [write_cache_param_3];
	mov.u32 	%r3, %ctaid.y;
	shl.b32 	%r4, %r3, 2;
	mov.u32 	%r5, %tid.x;
	add.s32 	%r1, %r4, %r5;
	setp.ge.s32 	%p1, %r1, %r2;
	@%p1 bra 	$L__BB0_2;

	cvta.to.global.u64 	%rd4, %rd1;
	mul.wide.s32 	%rd5, %r1, 4;
	add.s64 	%rd6, %rd4, %rd5;
	ld.global.u32 	%r6, [%rd6];
	cvta.to.global.u64 	%rd7, %rd2;
	add.s64 	%rd8, %rd7, %rd5;
	ld.global.u32 	%r7, [%rd8];
	cvta.to.global.u64 	%rd9, %rd3;
	mul.wide.s32 	%rd10, %r7, 4;
	add.s64 	%rd11, %rd9, %rd10;
	st.global.u32 	[%rd11], %r6;

$L__BB0_2:
	ret;

}
.visible .entry read_cache(
	.param .u64 read_cache_param_0,
	.param .u64 read_cache_param_1,
	.param .u64 read_cache_param_2,
	.param .u64 read_cache_param_3,
	.param .u32 read_cache_param_4,
	.param .u32 read_cache_param_5,
	.param .u64 read_cache_param_6
)
{
	.reg .pred 	%p<5>;
	.reg .b32 	%r<18>;
	.reg .b64 	%rd<20>;

	ld.param.u64 	%rd6, [read_cache_param_0];
	ld.param.u64 	%rd7, [read_cache_param_1];
	ld.param.u64 	%rd8, [read_cache_param_2];
	ld.param.u64 	%rd9, [read_cache_param_3];
	ld.param.u32 	%r7, [read_cache_param_4];
	ld.param.u32 	%r8, [read_cache_param_5];
	ld.param.u64 	%rd10, [read_cache_param_6];
	mov.u32 	%r1, %tid.x;
	setp.ge.s32 	%p1, %r1, %r7;
	@%p1 bra 	$L__BB1_5;

	mov.u32 	%r2, %ntid.x;
	cvta.to.global.u64 	%rd1, %rd6;
	cvta.to.global.u64 	%rd2, %rd7;
	cvta.to.global.u64 	%rd3, %rd8;
	cvta.to.global.u64 	%rd4, %rd9;
	mov.u32 	%r16, %r1;

$L__BB1_2:
	cvt.s64.s32 	%rd5, %r16;
	mul.wide.s32 	%rd11, %r16, 4;
	add.s64 	%rd12, %rd1, %rd11;
	ld.global.u32 	%r10, [%rd12];
	setp.lt.s32 	%p2, %r10, 1;
	mov.u32 	%r17, -1;
	@%p2 bra 	$L__BB1_4;

	shl.b64 	%rd13, %rd5, 2;
	add.s64 	%rd14, %rd2, %rd13;
	ld.global.u32 	%r11, [%rd14];
	add.s32 	%r12, %r11, -1;
	mul.wide.s32 	%rd15, %r12, 4;
	add.s64 	%rd16, %rd3, %rd15;
	ld.global.u32 	%r17, [%rd16];

$L__BB1_4:
	shl.b64 	%rd17, %rd5, 2;
	add.s64 	%rd18, %rd4, %rd17;
	st.global.u32 	[%rd18], %r17;
	cvt.u32.u64 	%r13, %rd5;
	add.s32 	%r16, %r13, %r2;
	setp.lt.s32 	%p3, %r16, %r7;
	@%p3 bra 	$L__BB1_2;

$L__BB1_5:
	setp.ne.s32 	%p4, %r1, 0;
	@%p4 bra 	$L__BB1_7;

	cvta.to.global.u64 	%rd19, %rd10;
	ld.global.u32 	%r14, [%rd19];
	add.s32 	%r15, %r14, %r8;
	st.global.u32 	[%rd19], %r15;

$L__BB1_7:
	ret;

}
.visible .entry logits_one(
	.param .u64 logits_one_param_0,
	.param .u64 logits_one_param_1,
	.param .u64 logits_one_param_2,
	.param .u64 logits_one_param_3,
	.param .u64 logits_one_param_4,
	.param .u32 logits_one_param_5
)
{
	.reg .pred 	%p<5>;
	.reg .f32 	%f<6>;
	.reg .b32 	%r<16>;
	.reg .b64 	%rd<22>;

	ld.param.u64 	%rd2, [logits_one_param_0];
	ld.param.u64 	%rd3, [logits_one_param_1];
	ld.param.u64 	%rd4, [logits_one_param_2];
	ld.param.u64 	%rd6, [logits_one_param_3];
	ld.param.u64 	%rd5, [logits_one_param_4];
	ld.param.u32 	%r4, [logits_one_param_5];
	cvta.to.global.u64 	%rd1, %rd6;
	mov.u32 	%r5, %ctaid.x;
	shl.b32 	%r6, %r5, 7;
	mov.u32 	%r7, %tid.x;
	add.s32 	%r1, %r6, %r7;
	mov.u32 	%r2, %ctaid.y;
	setp.ge.s32 	%p1, %r2, %r4;
	setp.eq.s32 	%p2, %r2, 2147483647;
	or.pred  	%p3, %p1, %p2;
	@%p3 bra 	$L__BB2_4;

	cvta.to.global.u64 	%rd7, %rd3;
	mul.wide.s32 	%rd8, %r2, 4;
	add.s64 	%rd9, %rd7, %rd8;
	ld.global.u32 	%r8, [%rd9];
	cvta.to.global.u64 	%rd10, %rd2;
	mul.wide.s32 	%rd11, %r8, 4;
	add.s64 	%rd12, %rd10, %rd11;
	ld.global.u32 	%r9, [%rd12];
	shl.b32 	%r10, %r9, 9;
	add.s32 	%r11, %r10, %r1;
	mul.wide.s32 	%rd13, %r11, 4;
	add.s64 	%rd14, %rd1, %rd13;
	ld.global.f32 	%f5, [%rd14];
	cvta.to.global.u64 	%rd15, %rd4;
	add.s64 	%rd16, %rd15, %rd11;
	ld.global.u32 	%r3, [%rd16];
	setp.lt.s32 	%p4, %r3, 0;
	@%p4 bra 	$L__BB2_3;

	shl.b32 	%r12, %r3, 9;
	add.s32 	%r13, %r12, %r1;
	mul.wide.s32 	%rd17, %r13, 4;
	add.s64 	%rd18, %rd1, %rd17;
	ld.global.f32 	%f4, [%rd18];
	fma.rn.f32 	%f5, %f4, 0f3E800000, %f5;

$L__BB2_3:
	shl.b32 	%r14, %r2, 9;
	add.s32 	%r15, %r14, %r1;
	cvta.to.global.u64 	%rd19, %rd5;
	mul.wide.s32 	%rd20, %r15, 4;
	add.s64 	%rd21, %rd19, %rd20;
	st.global.f32 	[%rd21], %f5;

$L__BB2_4:
	ret;

}
.visible .entry logits_many(
	.param .u64 logits_many_param_0,
	.param .u64 logits_many_param_1,
	.param .u64 logits_many_param_2,
	.param .u64 logits_many_param_3,
	.param .u64 logits_many_param_4,
	.param .u32 logits_many_param_5
)
{
	.reg .pred 	%p<8>;
	.reg .f32 	%f<6>;
	.reg .b32 	%r<26>;
	.reg .b64 	%rd<25>;

	ld.param.u64 	%rd8, [logits_many_param_0];
	ld.param.u64 	%rd9, [logits_many_param_1];
	ld.param.u64 	%rd10, [logits_many_param_2];
	ld.param.u64 	%rd12, [logits_many_param_3];
	ld.param.u64 	%rd11, [logits_many_param_4];
	ld.param.u32 	%r14, [logits_many_param_5];
	cvta.to.global.u64 	%rd1, %rd12;
	mov.u32 	%r15, %ctaid.x;
	shl.b32 	%r1, %r15, 7;
	mov.u32 	%r2, %tid.x;
	add.s32 	%r3, %r1, %r2;
	mov.u32 	%r4, %ctaid.y;
	shl.b32 	%r5, %r4, 2;
	setp.ge.s32 	%p1, %r5, %r14;
	setp.eq.s32 	%p2, %r5, 2147483644;
	or.pred  	%p3, %p1, %p2;
	@%p3 bra 	$L__BB3_5;

	shl.b32 	%r16, %r4, 11;
	add.s32 	%r17, %r2, %r16;
	add.s32 	%r25, %r17, %r1;
	cvta.to.global.u64 	%rd13, %rd9;
	mul.wide.s32 	%rd14, %r5, 4;
	add.s64 	%rd24, %rd13, %rd14;
	add.s32 	%r24, %r5, 1;
	add.s32 	%r8, %r5, 4;
	cvta.to.global.u64 	%rd3, %rd8;
	cvta.to.global.u64 	%rd4, %rd10;
	cvta.to.global.u64 	%rd5, %rd11;

$L__BB3_2:
	ld.global.u32 	%r18, [%rd24];
	mul.wide.s32 	%rd15, %r18, 4;
	add.s64 	%rd16, %rd3, %rd15;
	ld.global.u32 	%r19, [%rd16];
	shl.b32 	%r20, %r19, 9;
	add.s32 	%r21, %r20, %r3;
	mul.wide.s32 	%rd17, %r21, 4;
	add.s64 	%rd18, %rd1, %rd17;
	ld.global.f32 	%f5, [%rd18];
	add.s64 	%rd19, %rd4, %rd15;
	ld.global.u32 	%r11, [%rd19];
	setp.lt.s32 	%p4, %r11, 0;
	@%p4 bra 	$L__BB3_4;

	shl.b32 	%r22, %r11, 9;
	add.s32 	%r23, %r22, %r3;
	mul.wide.s32 	%rd20, %r23, 4;
	add.s64 	%rd21, %rd1, %rd20;
	ld.global.f32 	%f4, [%rd21];
	fma.rn.f32 	%f5, %f4, 0f3E800000, %f5;

$L__BB3_4:
	mul.wide.s32 	%rd22, %r25, 4;
	add.s64 	%rd23, %rd5, %rd22;
	st.global.f32 	[%rd23], %f5;
	setp.lt.s32 	%p5, %r24, %r8;
	setp.lt.s32 	%p6, %r24, %r14;
	and.pred  	%p7, %p6, %p5;
	add.s32 	%r25, %r25, 512;
	add.s64 	%rd24, %rd24, 4;
	add.s32 	%r24, %r24, 1;
	@%p7 bra 	$L__BB3_2;

$L__BB3_5:
	ret;

}

)ptx";

} // namespace moec::test

#endif // MOEC_TEST_UNIT_RUNTIME_CUDA_BIGRAMKERNELS_H
