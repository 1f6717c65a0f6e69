// RUN: moe-opt %s --split-input-file --convert-moe-to-kernel --verify-diagnostics | FileCheck %s

// Each operation becomes kernels, one for one. A batch is its tokens, positions, cache rows and output rows.

// CHECK-DAG: #[[$ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-DAG: #[[$COLUMN:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[$GATHER:.*]] = affine_map<(d0, d1)[s0] -> (s0, d1)>
// CHECK-DAG: #[[$HERE:.*]] = affine_map<(d0, d1)[s0] -> (d0, d1)>
// CHECK-DAG: #[[$PLUS32:.*]] = affine_map<(d0, d1) -> (d0, d1 + 32)>
// CHECK-DAG: #[[$SIN:.*]] = affine_map<(d0, d1) -> (d0, d1 + 4)>
// CHECK-DAG: #[[$EVEN:.*]] = affine_map<(d0, d1, d2) -> (d0, d1 * 16 + d2 * 2 + 8)>
// CHECK-DAG: #[[$ODD:.*]] = affine_map<(d0, d1, d2) -> (d0, d1 * 16 + d2 * 2 + 9)>
// CHECK-DAG: #[[$LOW:.*]] = affine_map<(d0, d1, d2) -> (d0, d1 * 16 + d2)>
// CHECK-DAG: #[[$HIGH:.*]] = affine_map<(d0, d1, d2) -> (d0, d1 * 16 + d2 + 8)>
// CHECK-DAG: #[[$SCATTER32:.*]] = affine_map<(d0, d1)[s0] -> (s0, d1 + 32)>
// CHECK-DAG: #[[$STAT:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
module attributes {moe.limits = #moe.limits<tokens = 16, sequences = 2, positions = 100>} {

// Tokens choose rows of the table.
// CHECK-LABEL: func @embedding
// CHECK-SAME: (%[[TABLE:.*]]: tensor<768x64xbf16>, %[[TOKENS:[^:]*]]: tensor<?xi32>, %{{[^:]*}}: tensor<?xi32>, %{{[^:]*}}: tensor<?xi32>, %{{[^:]*}}: tensor<?xi32>)
func.func @embedding(%table: tensor<768x64xbf16>, %batch: !moe.batch) -> tensor<?x64xf32> {
  // CHECK: kernel.rowwise [64] {{.*}} indices(%[[TOKENS]] : tensor<?xi32>) ins(%[[TABLE]] : tensor<768x64xbf16>) maps [#[[$GATHER]]] outs({{.*}}) maps [#[[$HERE]]]
  // CHECK: arith.extf %{{.*}} : bf16 to f32
  %0 = moe.embedding %table of %batch : tensor<768x64xbf16> -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// CHECK-LABEL: func @output_rows
// CHECK-SAME: tensor<?xi32>, %[[OUTPUTS:[^:]*]]: tensor<?xi32>)
func.func @output_rows(%x: tensor<?x64xf32>, %batch: !moe.batch) -> tensor<?x64xf32> {
  // CHECK: %[[R:.*]] = tensor.dim %[[OUTPUTS]]
  // CHECK: tensor.empty(%[[R]])
  // CHECK: kernel.rowwise [64] {{.*}} indices(%[[OUTPUTS]] : tensor<?xi32>) ins({{.*}}) maps [#[[$GATHER]]]
  %0 = moe.output_rows %x of %batch : tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// A norm is a reduction to 1 / sqrt(mean + eps), and a scaling that rounds twice.
// CHECK-LABEL: func @rms_norm
func.func @rms_norm(%x: tensor<?x64xf32>, %g: tensor<64xbf16>) -> tensor<?x64xf32> {
  // CHECK: %[[S:.*]] = kernel.row_reduce sum_squares ins(%[[X:.*]] : tensor<?x64xf32>) {
  // CHECK-NEXT: (%[[SUM:.*]]: f32):
  // CHECK: %[[N:.*]] = arith.constant 6.400000e+01 : f32
  // CHECK: arith.divf %[[SUM]], %[[N]] : f32
  // CHECK: math.sqrt
  // CHECK: arith.divf
  // CHECK: outs(%{{.*}} : tensor<?xf32>)
  // CHECK: kernel.rowwise [64] {{.*}} ins(%[[X]], %[[S]], %{{.*}} : tensor<?x64xf32>, tensor<?xf32>, tensor<64xbf16>) maps [#[[$ID]], #[[$ROW]], #[[$COLUMN]]]
  // CHECK-NEXT: (%[[V:.*]]: f32, %[[I:.*]]: f32, %[[G:.*]]: bf16):
  // CHECK-NEXT: %[[VI:.*]] = arith.mulf %[[V]], %[[I]] : f32
  // CHECK-NEXT: %[[GF:.*]] = arith.extf %[[G]] : bf16 to f32
  // CHECK-NEXT: arith.mulf %[[VI]], %[[GF]] : f32
  %0 = moe.rms_norm %x, %g eps 1.0e-5 : tensor<?x64xf32>, tensor<64xbf16>
  return %0 : tensor<?x64xf32>
}

// By head there is a statistic for each, and all heads share the weight.
// CHECK-LABEL: func @rms_norm_heads
func.func @rms_norm_heads(%x: tensor<?x64xf32>, %g: tensor<16xf32>) -> tensor<?x64xf32> {
  // CHECK: kernel.row_reduce sum_squares ins({{.*}}) heads 4 {
  // CHECK: arith.constant 1.600000e+01 : f32
  // CHECK: outs(%{{.*}} : tensor<?x4xf32>)
  // CHECK: kernel.rowwise [4, 16] {{.*}} maps [#[[$LOW]], #[[$STAT]], #{{.*}}]
  %0 = moe.rms_norm %x, %g eps 1.0e-5 heads 4 : tensor<?x64xf32>, tensor<16xf32>
  return %0 : tensor<?x64xf32>
}

// A weight is packed in panels where it is used; a last panel may be padded.
// CHECK-LABEL: func @linear
func.func @linear(%x: tensor<?x64xf32>, %w: tensor<100x64xbf16>) -> tensor<?x100xf32> {
  // CHECK: %[[P:.*]] = moe.pack %{{.*}} <width = 16> : tensor<100x64xbf16> -> tensor<7x64x16xbf16>
  // CHECK: kernel.gemm ins(%{{.*}}, %[[P]] : tensor<?x64xf32>, tensor<7x64x16xbf16>) prologue []() {
  // CHECK-NEXT: } epilogue []() {
  // CHECK-NEXT: } outs(%{{.*}} : tensor<?x100xf32>)
  // CHECK-NOT: kernel.rowwise
  // CHECK: return
  %0 = moe.linear %x, %w : (tensor<?x64xf32>, tensor<100x64xbf16>) -> tensor<?x100xf32>
  return %0 : tensor<?x100xf32>
}

// CHECK-LABEL: func @bias
func.func @bias(%x: tensor<?x64xf32>, %w: tensor<32x64xbf16>, %b: tensor<32xbf16>) -> tensor<?x32xf32> {
  // CHECK: %[[Y:.*]] = kernel.gemm
  // CHECK: kernel.rowwise [32] {{.*}} ins(%[[Y]], %{{.*}} : tensor<?x32xf32>, tensor<32xbf16>) maps [#[[$ID]], #[[$COLUMN]]]
  // CHECK: arith.addf
  %0 = moe.linear %x, %w bias %b : (tensor<?x64xf32>, tensor<32x64xbf16>, tensor<32xbf16>) -> tensor<?x32xf32>
  return %0 : tensor<?x32xf32>
}

// CHECK-LABEL: func @head_linear
func.func @head_linear(%x: tensor<?x128xf32>, %uk: tensor<4x32x64xbf16>, %uv: tensor<4x16x64xbf16>) -> tensor<?x64xf32> {
  // CHECK: moe.pack %{{.*}} <width = 16, transpose = true> : tensor<4x32x64xbf16> -> tensor<4x4x32x16xbf16>
  // CHECK: kernel.gemm {{.*}} tensor<4x4x32x16xbf16>
  // CHECK: outs(%{{.*}} : tensor<?x256xf32>) {heads = 4 : i64}
  %0 = moe.head_linear %x, %uk transposed : (tensor<?x128xf32>, tensor<4x32x64xbf16>) -> tensor<?x256xf32>
  // CHECK: moe.pack %{{.*}} <width = 16> : tensor<4x16x64xbf16> -> tensor<4x1x64x16xbf16>
  // CHECK: outs(%{{.*}} : tensor<?x64xf32>) {heads = 4 : i64}
  %1 = moe.head_linear %0, %uv : (tensor<?x256xf32>, tensor<4x16x64xbf16>) -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// CHECK-LABEL: func @glu
func.func @glu(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  // CHECK: kernel.rowwise [32] {{.*}} ins(%[[X:.*]], %[[X]] : tensor<?x64xf32>, tensor<?x64xf32>) maps [#[[$ID]], #[[$PLUS32]]]
  // CHECK-NEXT: (%[[GATE:.*]]: f32, %[[UP:.*]]: f32):
  // CHECK: %[[E:.*]] = math.exp
  // CHECK: %[[D:.*]] = arith.addf {{.*}}%[[E]]
  // CHECK: %[[S:.*]] = arith.divf %[[GATE]], %[[D]] : f32
  // CHECK: arith.mulf %[[S]], %[[UP]] : f32
  %0 = moe.glu silu %x : tensor<?x64xf32> -> tensor<?x32xf32>
  return %0 : tensor<?x32xf32>
}

// CHECK-LABEL: func @add
func.func @add(%a: tensor<?x64xf32>, %b: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK: kernel.rowwise [64] {{.*}} maps [#[[$ID]], #[[$ID]]] outs({{.*}}) maps [#[[$ID]]]
  // CHECK: arith.addf
  %0 = moe.add %a, %b : tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// Columns are copied, plain and by head; both halves of a concatenation go to one buffer.
// CHECK-LABEL: func @columns
func.func @columns(%x: tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x64xf32>) {
  // CHECK: kernel.rowwise [32] {{.*}} maps [#[[$PLUS32]]] outs({{.*}}) maps [#[[$ID]]]
  %0 = moe.slice %x begin 32 : tensor<?x64xf32> -> tensor<?x32xf32>
  // CHECK: kernel.rowwise [4, 8] {{.*}} maps [#[[$HIGH]]] outs({{.*}} : tensor<?x32xf32>)
  %1 = moe.slice %x begin 8 heads 4 : tensor<?x64xf32> -> tensor<?x32xf32>
  // CHECK: %[[HALF:.*]] = kernel.rowwise [4, 8] {{.*}} outs(%{{.*}} : tensor<?x64xf32>) maps [#[[$LOW]]]
  // CHECK: kernel.rowwise [4, 8] {{.*}} outs(%[[HALF]] : tensor<?x64xf32>) maps [#[[$HIGH]]]
  %2 = moe.concat %0, %1 heads 4 : (tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x64xf32>
  return %1, %2 : tensor<?x32xf32>, tensor<?x64xf32>
}

// The table holds cosines, then sines, of angles that are rounded to f32; frequencies are 1, 1/10, 1/100, 1/1000.
// CHECK-LABEL: func @rope
func.func @rope(%x: tensor<?x64xf32>, %batch: !moe.batch) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK: arith.constant dense<[1.000000e+00, {{1.000000e-01|0.1[0-9]*|0.0999[0-9]*}}, {{.*}}]> : tensor<4xf32>
  // CHECK: %[[T:.*]] = kernel.rowwise [4] {{.*}} ins(%{{.*}} : tensor<?xi32>, tensor<4xf32>) maps [#[[$ROW]], #[[$COLUMN]]] outs(%{{.*}} : tensor<?x8xf32>) maps [#[[$ID]], #[[$SIN]]]
  // CHECK: arith.sitofp
  // CHECK: arith.mulf %{{.*}} : f32
  // CHECK: arith.extf %{{.*}} : f32 to f64
  // CHECK: math.cos %{{.*}} : f64
  // CHECK: math.sin %{{.*}} : f64
  %cs = moe.rope_table <width = 8, theta = 1.0e4> of %batch : tensor<?x8xf32>
  // CHECK: kernel.rowwise [4, 4] {{.*}} ins(%[[T]], %[[T]] {{.*}} in_place outs(%{{.*}} : tensor<?x64xf32>) maps [#[[$EVEN]], #[[$ODD]]]
  %0 = moe.rope interleaved %x, %cs heads 4 begin 8 : tensor<?x64xf32>, tensor<?x8xf32>
  // CHECK: kernel.rowwise [8, 4] {{.*}} in_place
  // CHECK: arith.subf
  // CHECK: arith.addf
  %1 = moe.rope half %x, %cs heads 8 : tensor<?x64xf32>, tensor<?x8xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// A cache has the rows of all positions of all sequences; each part goes to its columns, values begin behind keys.
// CHECK-LABEL: func @attention
// CHECK-SAME: %[[Q:.*]]: tensor<?x64xf32>, %[[P:.*]]: tensor<?x32xf32>, %{{[^:]*}}: tensor<?xi32>, %[[POS:[^:]*]]: tensor<?xi32>, %[[ROWS:[^:]*]]: tensor<?xi32>, %{{[^:]*}}: tensor<?xi32>, %[[C:.*]]: tensor<200x64xf32>)
func.func @attention(%q: tensor<?x64xf32>, %part: tensor<?x32xf32>, %batch: !moe.batch, %cache: !moe.cache<[32, 32], f32>)
    -> (tensor<?x64xf32>, !moe.cache<[32, 32], f32>) {
  // CHECK: %[[C1:.*]] = kernel.rowwise [32] rows(%[[P]] {{.*}} indices(%[[ROWS]] : tensor<?xi32>) ins(%[[P]] {{.*}} outs(%[[C]] : tensor<200x64xf32>) maps [#[[$GATHER]]]
  // CHECK: %[[C2:.*]] = kernel.rowwise [32] {{.*}} outs(%[[C1]] : tensor<200x64xf32>) maps [#[[$SCATTER32]]]
  %c = moe.cache_append %cache, (%part, %part) of %batch : !moe.cache<[32, 32], f32>, (tensor<?x32xf32>, tensor<?x32xf32>)
  // CHECK: kernel.attention ins(%[[Q]], %[[C2]], %[[POS]], %[[ROWS]] : {{.*}}) heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 3.500000e-01
  %o = moe.attention %q, %c of %batch heads 8 kv_heads 4 keys 1 value 1 scale 0.35
      : (tensor<?x64xf32>, !moe.cache<[32, 32], f32>) -> tensor<?x64xf32>
  return %o, %c : tensor<?x64xf32>, !moe.cache<[32, 32], f32>
}

// Experts: chosen, ordered, gathered, multiplied by expert, weighted, added.
// CHECK-LABEL: func @experts
func.func @experts(%h: tensor<?x64xf32>, %l: tensor<?x16xf32>, %b: tensor<16xf32>, %w: tensor<16x64x64xbf16>) -> tensor<?x64xf32> {
  // CHECK: %[[CHOSEN:.*]]:2 = kernel.route sigmoid ins({{.*}}) bias({{.*}}) top_k 4 groups 4 keep 2 by_top2_sum renormalize scale 2.500000e+00
  // CHECK: %[[N:.*]] = arith.muli %{{.*}}, %{{.*}} : index
  // CHECK: %[[G:.*]]:5 = kernel.group ins(%[[CHOSEN]]#0, %[[CHOSEN]]#1 : {{.*}}) experts 16 outs(
  %r = moe.route sigmoid %l bias %b groups <count = 4, keep = 2, by = top2_sum> renormalize scale 2.5
      : (tensor<?x16xf32>, tensor<16xf32>) -> !moe.routing<experts = 16, top_k = 4>
  // CHECK: %[[D:.*]] = kernel.rowwise [64] {{.*}} indices(%[[G]]#0 : tensor<?xi32>) {{.*}} maps [#[[$GATHER]]]
  %d = moe.dispatch %h to %r : tensor<?x64xf32>, !moe.routing<experts = 16, top_k = 4>
  // CHECK: %[[Y:.*]] = kernel.gemm ins(%[[D]], %{{.*}} : tensor<?x64xf32>, tensor<16x4x64x16xbf16>) groups(%[[G]]#4 : tensor<?x3xi32>)
  %y = moe.expert_linear %d, %w of %r
      : (tensor<?x64xf32>, tensor<16x64x64xbf16>, !moe.routing<experts = 16, top_k = 4>) -> tensor<?x64xf32>
  // CHECK: %[[S:.*]] = kernel.rowwise [64] {{.*}} ins(%[[Y]], %[[G]]#1 : tensor<?x64xf32>, tensor<?xf32>) maps [#[[$ID]], #[[$ROW]]]
  // CHECK: kernel.combine ins(%[[S]], %[[G]]#2, %[[G]]#3 : {{.*}}) epilogue []() {
  %m = moe.combine %y of %r : tensor<?x64xf32>, !moe.routing<experts = 16, top_k = 4>
  return %m : tensor<?x64xf32>
}

// Functions and calls hand on what batches, caches and routings became.
// CHECK-LABEL: func private @callee
// CHECK-SAME: (%{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi32>, %{{.*}}: tensor<200x8xf32>) -> tensor<200x8xf32>
func.func private @callee(%batch: !moe.batch, %cache: !moe.cache<[8], f32>) -> !moe.cache<[8], f32> {
  return %cache : !moe.cache<[8], f32>
}
// CHECK-LABEL: func @caller
func.func @caller(%batch: !moe.batch, %cache: !moe.cache<[8], f32>) -> !moe.cache<[8], f32> {
  // CHECK: call @callee(%{{.*}}) : (tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<200x8xf32>) -> tensor<200x8xf32>
  %0 = call @callee(%batch, %cache) : (!moe.batch, !moe.cache<[8], f32>) -> !moe.cache<[8], f32>
  return %0 : !moe.cache<[8], f32>
}
}

// -----

// Without limits nothing says how many rows a cache has.
// expected-error @below {{expected 'moe.limits' on the module (moe-set-target sets it)}}
module {
}
