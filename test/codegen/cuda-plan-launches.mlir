// RUN: moe-opt %s --cuda-plan-launches | FileCheck %s
// RUN: moe-opt %s --cuda-plan-launches | moe-translate --kernel-to-cuda | FileCheck %s --check-prefix=CUDA
// RUN: moe-opt %s --cuda-plan-launches | moe-opt | FileCheck %s
// RUN: sed 's/#moe.cuda<"sm_90a">/#moe.cpu<"x86-64">/' %s | moe-opt --cuda-plan-launches | FileCheck %s --check-prefix=CPU

// Another target's kernels are left alone.
// CPU-NOT: launch =

module attributes {moe.limits = #moe.limits<tokens = 64, sequences = 2, positions = 600>, moe.target = #moe.cuda<"sm_90a">} {
// Tickets, then partial results of 3 splits (600 positions) of 16 tokens: 65536 + 4 * 16 * 4 heads * 3 * (32 + 4).
// CHECK: kernel.scratch_bytes = 93184
moe.weight @layers.3.experts.up : tensor<64x64xbf16> from [#moe.part<"up">]
memref.global "private" constant @table : memref<64xf32> = dense<0.1>
func.func private @layer(%x: memref<?x64xf32>, %inv: memref<?xf32>, %w: memref<4x64x16xbf16>, %r: memref<?x64xf32>, %o: memref<?x64xf32>,
                         %v: memref<4x64x16xbf16>, %wide: memref<?x128xf32>, %inv2: memref<?xf32>) {
  kernel.graph @layer {
    // One warp has a row, four are in a block. The same kernel with another constant and another width is the same function.
    // CHECK: kernel.row_reduce
    // CHECK: launch = #kernel.launch<[<"layer_row_reduce" of "rows", threads = 128, row_tile = 4, column_tiles = 1>],
    // CHECK-SAME: [<argument 0 bytes 8>, <argument 2 bytes 8>, <argument 3 bytes 4>, <constant 1 bytes 4>, <constant 64 bytes 4>, <constant 1115684864 bytes 4>]>
    kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) {
      ^bb0(%a: f32):
        %c = arith.constant 64.0 : f32
        %0 = arith.divf %a, %c : f32
        kernel.yield %0 : f32
    } outs(%inv : memref<?xf32>) {tiles = array<i64: 16, 1>, waits = []}
    // CHECK: kernel.row_reduce
    // CHECK: launch = #kernel.launch<[<"layer_row_reduce" of "rows"
    // CHECK-SAME: <constant 128 bytes 4>, <constant 1124073472 bytes 4>]>
    kernel.row_reduce sum_squares ins(%wide : memref<?x128xf32>) {
      ^bb0(%a: f32):
        %c = arith.constant 128.0 : f32
        %0 = arith.divf %a, %c : f32
        kernel.yield %0 : f32
    } outs(%inv2 : memref<?xf32>) {tiles = array<i64: 16, 1>, waits = []}
    // Named by its weight; a class of tiles for at most 16 rows, one for more.
    // CHECK: kernel.gemm
    // CHECK: launch = #kernel.launch<[<"layer_experts_up_small" of "layer_experts_up_small", threads = 64, row_tile = 16, column_tiles = 1, most_rows = 16>,
    // CHECK-SAME: <"layer_experts_up" of "layer_experts_up", threads = 128, row_tile = 64, column_tiles = 1>]
    kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xbf16>) prologue [#kernel.access<row>](%inv : memref<?xf32>) {
      ^bb0(%a: f32, %b: f32):
        %0 = arith.mulf %a, %b : f32
        kernel.yield %0 : f32
    } epilogue [#kernel.access<element>](%r : memref<?x64xf32>) {
      ^bb0(%a: f32, %b: f32):
        %0 = arith.addf %a, %b : f32
        kernel.yield %0 : f32
    } outs(%o : memref<?x64xf32>) {tiles = array<i64: 64, 128>, waits = []}
    // Rounded elements are for tensor cores: another function, narrower tiles for few rows.
    // CHECK: kernel.gemm
    // CHECK: launch = #kernel.launch<[<"layer_gemm_small" of "layer_gemm_small", threads = 64, row_tile = 16, column_tiles = 2, most_rows = 16>
    kernel.gemm ins(%x, %v : memref<?x64xf32>, memref<4x64x16xbf16>) prologue []() {
      ^bb0(%a: f32):
        %0 = arith.truncf %a : f32 to bf16
        kernel.yield %0 : bf16
    } epilogue []() {
    } outs(%o : memref<?x64xf32>) {tiles = array<i64: 64, 128>, waits = []}
  }
  return
}

func.func private @attend(%q: memref<?x128xf32>, %cache: memref<1200x128xf32>, %p: memref<?xi32>, %rows: memref<?xi32>, %o: memref<?x128xf32>) {
  kernel.graph @attend {
    // Two query heads read one kv head: 64 rows of a tile are 32 tokens. For few tokens each split of 256 positions has its block.
    // CHECK: kernel.attention
    // CHECK: launch = #kernel.launch<[<"attend_attention_split" of "attend_attention_split", threads = 128, row_tile = 1, column_tiles = 2, most_rows = 16, position_tile = 256>,
    // CHECK-SAME: <"attend_attention" of "attend_attention", threads = 128, row_tile = 32, column_tiles = 2>],
    // CHECK-SAME: <scratch 0 bytes 8>
    kernel.attention ins(%q, %cache, %p, %rows : memref<?x128xf32>, memref<1200x128xf32>, memref<?xi32>, memref<?xi32>)
        heads 4 kv_heads 2 key 32 from 0 value 32 from 64 scale 0.25 outs(%o : memref<?x128xf32>) {tiles = array<i64: 8, 4>, waits = []}
  }
  return
}

func.func private @experts(%logits: memref<?x48xf32>, %bias: memref<48xf32>, %e: memref<?x2xi32>, %ew: memref<?x2xf32>, %rows: memref<?xi32>,
    %rw: memref<?xf32>, %places: memref<?x2xi32>, %merges: memref<?x2xi32>, %tiles: memref<?x3xi32>, %x: memref<?x32xf32>,
    %w: memref<48x4x32x16xbf16>, %y: memref<?x32xf32>, %sum: memref<?x32xf32>, %table: memref<100x32xbf16>, %ids: memref<?xi32>, %t: memref<?x32xf32>) {
  %cos = memref.get_global @table : memref<64xf32>
  kernel.graph @experts {
    // CHECK: kernel.route
    // CHECK: <"experts_route" of "routing", threads = 128, row_tile = 4, column_tiles = 1>
    kernel.route sigmoid ins(%logits : memref<?x48xf32>) bias(%bias : memref<48xf32>) top_k 2 groups 4 keep 2 by_top2_sum renormalize scale 2.5
        outs(%e, %ew : memref<?x2xi32>, memref<?x2xf32>) {tiles = array<i64: 16, 1>, waits = []}
    // CHECK: kernel.group
    // CHECK: <"experts_group" of "routing", threads = 512, row_tile = 1, column_tiles = 1>
    kernel.group ins(%e, %ew : memref<?x2xi32>, memref<?x2xf32>) experts 48 row_tile 64
        outs(%rows, %rw, %places, %merges, %tiles : memref<?xi32>, memref<?xf32>, memref<?x2xi32>, memref<?x2xi32>, memref<?x3xi32>)
        {tiles = array<i64: 16, 1>, waits = []}
    // Gate and up of the chosen experts: 16 tokens have 32 rows.
    // CHECK: kernel.gemm
    // CHECK: <"experts_gemm_small" of "experts_gemm_small", threads = 64, row_tile = 16, column_tiles = 1, most_rows = 32>
    kernel.gemm ins(%x, %w : memref<?x32xf32>, memref<48x4x32x16xbf16>) gather(%rows : memref<?xi32>) groups(%tiles : memref<?x3xi32>)
        prologue []() {
    } epilogue [#kernel.access<row>](%rw : memref<?xf32>) {
      ^bb0(%gate: f32, %up: f32, %s: f32):
        %0 = math.exp %gate : f32
        %1 = arith.mulf %0, %up : f32
        %2 = arith.mulf %1, %s : f32
        kernel.yield %2 : f32
    } outs(%y : memref<?x32xf32>) {parts = 2 : i64, tiles = array<i64: 64, 64>, waits = []}
    // CHECK: kernel.combine
    // CHECK: <"experts_combine" of "routing", threads = 128, row_tile = 1, column_tiles = 1>
    kernel.combine ins(%y, %places, %merges : memref<?x32xf32>, memref<?x2xi32>, memref<?x2xi32>) epilogue [#kernel.access<element>](%x : memref<?x32xf32>) {
      ^bb0(%a: f32, %b: f32):
        %0 = arith.addf %b, %a : f32
        kernel.yield %0 : f32
    } outs(%sum : memref<?x32xf32>) {tiles = array<i64: 16, 1>, waits = []}
    // A gather, and a table of constants.
    // CHECK: kernel.rowwise
    // CHECK: <"experts_rowwise" of "rows", threads = 256, row_tile = 4, column_tiles = 1>
    kernel.rowwise [2, 16] rows(%t : memref<?x32xf32>) indices(%ids : memref<?xi32>) ins(%table, %cos : memref<100x32xbf16>, memref<64xf32>)
        maps [affine_map<(d0, d1, d2)[s0] -> (s0, d1 * 16 + d2)>, affine_map<(d0, d1, d2)[s0] -> (d2 + 3)>]
        outs(%t : memref<?x32xf32>) maps [affine_map<(d0, d1, d2)[s0] -> (d0, d1 * 16 + d2)>] {
      ^bb0(%a: bf16, %c: f32):
        %0 = arith.extf %a : bf16 to f32
        %1 = arith.mulf %0, %c : f32
        kernel.yield %1 : f32
    } {tiles = array<i64: 16, 1>, waits = []}
  }
  return
}

func.func @step(%x: memref<?x64xf32>, %inv: memref<?xf32>, %r: memref<?x64xf32>, %o: memref<?x64xf32>, %v: memref<4x64x16xbf16>, %wide: memref<?x128xf32>) {
  %w = kernel.weight @layers.3.experts.up : memref<4x64x16xbf16>
  call @layer(%x, %inv, %w, %r, %o, %v, %wide, %inv) : (memref<?x64xf32>, memref<?xf32>, memref<4x64x16xbf16>, memref<?x64xf32>,
      memref<?x64xf32>, memref<4x64x16xbf16>, memref<?x128xf32>, memref<?xf32>) -> ()
  return
}
}

// A unit includes what its kernels use; a kernel knows neither sizes nor constants of the model, only 0, 1 and 2.
// CUDA-LABEL: //===--- rows.cu ---===//
// CUDA: #include "moec/rows.cuh"
// CUDA: namespace moec {
// CUDA: // /layer/0.row_reduce, /layer/1.row_reduce
// CUDA-NEXT: extern "C" __global__ void __launch_bounds__(128)
// CUDA-NEXT: layer_row_reduce(
// CUDA-NEXT: const float *__restrict__ input,
// CUDA-NEXT: float *result,
// CUDA-NEXT: i32 rows,
// CUDA-NEXT: i32 heads,
// CUDA-NEXT: i32 width,
// CUDA-NEXT: float constant)
// CUDA-NEXT: {
// CUDA-NEXT: auto epilogue = [&](int row, int head, float sum) {
// CUDA-NEXT: #line 1 "/layer/0.row_reduce/epilogue"
// CUDA-NEXT: const float v0 = sum / constant;
// CUDA-NEXT: #line {{[0-9]+}} "/rows.cu"
// CUDA-NEXT: result[row] = v0;
// CUDA-NEXT: };
// CUDA-NEXT: row_sum_squares(input, rows, heads, width, epilogue);
// CUDA-NEXT: }
// The last kernel of the unit: its table stands beside it.
// CUDA: __device__ const float experts_rowwise_input2[64] = {
// CUDA: experts_rowwise(
// CUDA: const int d2 = point % [[S:size[0-9]?]];
// CUDA: const int d1 = point / [[S]];
// CUDA: const i32 s0 = index[row];
// CUDA: const bf16 a0 = input[i64(s0) * width + d1 * 16 + d2];
// CUDA: const float a1 = experts_rowwise_input2[d2 + offset];
// CUDA: float &r0 = result[i64(row) * width + d1 * 16 + d2];
// CUDA: const float v0 = to_float(a0);
// CUDA: const float v1 = v0 * a1;
// CUDA: r0 = v1;

// CUDA-LABEL: //===--- layer_experts_up_small.cu ---===//
// CUDA: const Panels<bf16> panels{weight, k, num_panels};
// CUDA: auto prologue = row_elements<true>(input, width, begin, head_stride, [&](int row, int k, float x) {
// CUDA: const float v0 = x * fused[row];
// CUDA: return v0;
// CUDA: auto epilogue = [&](int row, int column, float sum) {
// CUDA: const float v1 = sum + fused2[i64(row) * width + column];
// CUDA: result[i64(row) * width + column] = v1;
// CUDA: gemm<Small<float, 1>>(p, panels, prologue, epilogue);
// CUDA-LABEL: //===--- layer_experts_up.cu ---===//
// CUDA: __launch_bounds__(128, 1)
// CUDA-NEXT: layer_experts_up(
// CUDA: gemm<Large<float, 1>>(p, panels, prologue, epilogue);

// CUDA-LABEL: //===--- layer_gemm_small.cu ---===//
// CUDA: const bf16 v0 = from_float<bf16>(x);
// CUDA: gemm<Small<bf16, 1>>

// CUDA-LABEL: //===--- attend_attention_split.cu ---===//
// CUDA: attention_split<AttentionTile<16, 128, true, float>>(p, scratch);
// CUDA: attention_tokens<AttentionTile<64, 64, true, float>>(p);

// CUDA-LABEL: //===--- routing.cu ---===//
// CUDA: p.group_top2 = true;
// CUDA: p.renormalize = true;
// CUDA: route<Score::Sigmoid, 2>(p, logits, bias, experts, weights);
// CUDA: group(p, chosen, weights, rows, row_weights, places, merges, tiles);
// CUDA: auto epilogue = [&](int row, int column, float sum) {
// CUDA: combine(p, input, epilogue);

// CUDA-LABEL: //===--- experts_gemm_small.cu ---===//
// CUDA: p.gather = gather;
// CUDA: p.groups = groups;
// CUDA: auto epilogue = [&](int row, int column, float sum, float sum2) {
// CUDA: exp(sum)
// CUDA: gemm<Small<float, 2>>
