// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt --mlir-print-op-generic %s | moe-opt | FileCheck %s

// One layer of each kind, in the spelling that frontends print.

// CHECK: module attributes {moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 4096>, moe.model = {name = "tiny", type = "deepseek_v3"}, moe.target = #moe.cpu<"native">}
module attributes {moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 4096>,
                   moe.model = {name = "tiny", type = "deepseek_v3"}, moe.target = #moe.cpu<"native">} {

// CHECK: moe.weight @embed : tensor<768x160xbf16> from [#moe.part<"model.embed_tokens.weight">]
moe.weight @embed : tensor<768x160xbf16> from [#moe.part<"model.embed_tokens.weight">]
// CHECK: moe.weight @gate_up : tensor<16x96x160xbf16> from [#moe.part<"e.{expert}.gate">, #moe.part<"e.{expert}.up">] layout <width = 16, parts = 2>
moe.weight @gate_up : tensor<16x96x160xbf16> from [#moe.part<"e.{expert}.gate">, #moe.part<"e.{expert}.up">] layout <width = 16, parts = 2>
// CHECK: moe.weight @w_uk : tensor<4x32x64xbf16> from [#moe.part<"kv_b", heads = 4, end = 32>]
moe.weight @w_uk : tensor<4x32x64xbf16> from [#moe.part<"kv_b", heads = 4, end = 32>]

// CHECK-LABEL: func @llama_layer
func.func @llama_layer(%x: tensor<?x64xf32>, %cs: tensor<?x8xf32>, %batch: !moe.batch, %cache: !moe.cache<[32, 32], f32>,
    %wn: tensor<64xf32>, %wq: tensor<64x64xf32>, %wk: tensor<32x64xf32>, %bk: tensor<32xf32>, %wgu: tensor<344x64xf32>)
    -> (tensor<?x172xf32>, !moe.cache<[32, 32], f32>) {
  // CHECK: moe.rms_norm %{{.*}}, %{{.*}} eps 1.000000e-05 : tensor<?x64xf32>, tensor<64xf32>
  %h = moe.rms_norm %x, %wn eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  // CHECK: moe.linear %{{.*}}, %{{.*}} : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %q = moe.linear %h, %wq : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  // CHECK: moe.linear %{{.*}}, %{{.*}} bias %{{.*}} : (tensor<?x64xf32>, tensor<32x64xf32>, tensor<32xf32>) -> tensor<?x32xf32>
  %k = moe.linear %h, %wk bias %bk : (tensor<?x64xf32>, tensor<32x64xf32>, tensor<32xf32>) -> tensor<?x32xf32>
  // CHECK: moe.rope half %{{.*}}, %{{.*}} heads 8 : tensor<?x64xf32>, tensor<?x8xf32>
  %q2 = moe.rope half %q, %cs heads 8 : tensor<?x64xf32>, tensor<?x8xf32>
  // CHECK: moe.cache_append %{{.*}}, (%{{.*}}, %{{.*}}) of %{{.*}} : !moe.cache<[32, 32], f32>, (tensor<?x32xf32>, tensor<?x32xf32>)
  %c2 = moe.cache_append %cache, (%k, %k) of %batch : !moe.cache<[32, 32], f32>, (tensor<?x32xf32>, tensor<?x32xf32>)
  // CHECK: moe.attention %{{.*}}, %{{.*}} of %{{.*}} heads 8 kv_heads 4 keys 1 value 1 scale 3.500000e-01
  %o = moe.attention %q2, %c2 of %batch heads 8 kv_heads 4 keys 1 value 1 scale 0.35
      : (tensor<?x64xf32>, !moe.cache<[32, 32], f32>) -> tensor<?x64xf32>
  // CHECK: moe.add %{{.*}}, %{{.*}} : tensor<?x64xf32>
  %r = moe.add %x, %o : tensor<?x64xf32>
  %gu = moe.linear %r, %wgu : (tensor<?x64xf32>, tensor<344x64xf32>) -> tensor<?x344xf32>
  // CHECK: moe.glu silu %{{.*}} : tensor<?x344xf32> -> tensor<?x172xf32>
  %a = moe.glu silu %gu : tensor<?x344xf32> -> tensor<?x172xf32>
  return %a, %c2 : tensor<?x172xf32>, !moe.cache<[32, 32], f32>
}

// CHECK-LABEL: func @mla
func.func @mla(%q: tensor<?x192xf32>, %latent: tensor<?x80xf32>, %batch: !moe.batch, %cache: !moe.cache<[64, 16], f32>,
    %w_uk: tensor<4x32x64xbf16>, %w_uv: tensor<4x32x64xbf16>) -> (tensor<?x128xf32>, !moe.cache<[64, 16], f32>) {
  // CHECK: moe.rope_table <width = 16, theta = 1.000000e+04, scaling = #moe.yarn_scaling<factor = 4.000000e+01, beta_fast = 3.200000e+01, beta_slow = 1.000000e+00, original = 64, attention_factor = 1.000000e+00, truncate = true>> of %{{.*}} : tensor<?x16xf32>
  %cs = moe.rope_table <width = 16, theta = 1.0e4, scaling = #moe.yarn_scaling<factor = 40.0, beta_fast = 32.0,
      beta_slow = 1.0, original = 64, attention_factor = 1.0, truncate = true>> of %batch : tensor<?x16xf32>
  // CHECK: moe.rope interleaved %{{.*}}, %{{.*}} heads 4 begin 32 : tensor<?x192xf32>, tensor<?x16xf32>
  %q2 = moe.rope interleaved %q, %cs heads 4 begin 32 : tensor<?x192xf32>, tensor<?x16xf32>
  // CHECK: moe.slice %{{.*}} begin 0 : tensor<?x80xf32> -> tensor<?x64xf32>
  %c = moe.slice %latent begin 0 : tensor<?x80xf32> -> tensor<?x64xf32>
  %k = moe.slice %latent begin 64 : tensor<?x80xf32> -> tensor<?x16xf32>
  %cache2 = moe.cache_append %cache, (%c, %k) of %batch : !moe.cache<[64, 16], f32>, (tensor<?x64xf32>, tensor<?x16xf32>)
  // CHECK: moe.mla %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} of %{{.*}} scale 1.352000e-01
  %o = moe.mla %q2, %cache2, %w_uk, %w_uv of %batch scale 0.1352
      : (tensor<?x192xf32>, !moe.cache<[64, 16], f32>, tensor<4x32x64xbf16>, tensor<4x32x64xbf16>) -> tensor<?x128xf32>
  return %o, %cache2 : tensor<?x128xf32>, !moe.cache<[64, 16], f32>
}

// The same attention once `kv_b` is absorbed.
// CHECK-LABEL: func @absorbed
func.func @absorbed(%q: tensor<?x192xf32>, %batch: !moe.batch, %cache: !moe.cache<[64, 16], f32>,
    %w_uk: tensor<4x32x64xbf16>, %w_uv: tensor<4x32x64xbf16>) -> tensor<?x128xf32> {
  %qn = moe.slice %q begin 0 heads 4 : tensor<?x192xf32> -> tensor<?x128xf32>
  %qr = moe.slice %q begin 32 heads 4 : tensor<?x192xf32> -> tensor<?x64xf32>
  // CHECK: moe.head_linear %{{.*}}, %{{.*}} transposed : (tensor<?x128xf32>, tensor<4x32x64xbf16>) -> tensor<?x256xf32>
  %ql = moe.head_linear %qn, %w_uk transposed : (tensor<?x128xf32>, tensor<4x32x64xbf16>) -> tensor<?x256xf32>
  // CHECK: moe.concat %{{.*}}, %{{.*}} heads 4 : (tensor<?x256xf32>, tensor<?x64xf32>) -> tensor<?x320xf32>
  %qk = moe.concat %ql, %qr heads 4 : (tensor<?x256xf32>, tensor<?x64xf32>) -> tensor<?x320xf32>
  %o = moe.attention %qk, %cache of %batch heads 4 kv_heads 1 keys 2 value 0 scale 0.1352
      : (tensor<?x320xf32>, !moe.cache<[64, 16], f32>) -> tensor<?x256xf32>
  // CHECK: moe.head_linear %{{.*}}, %{{.*}} : (tensor<?x256xf32>, tensor<4x32x64xbf16>) -> tensor<?x128xf32>
  %v = moe.head_linear %o, %w_uv : (tensor<?x256xf32>, tensor<4x32x64xbf16>) -> tensor<?x128xf32>
  return %v : tensor<?x128xf32>
}

// CHECK-LABEL: func @experts
func.func @experts(%h: tensor<?x160xf32>, %wr: tensor<16x160xbf16>, %b: tensor<16xf32>, %wgu: tensor<16x96x160xbf16>,
    %wd: tensor<16x160x48xbf16>) -> tensor<?x160xf32> {
  %l = moe.linear %h, %wr : (tensor<?x160xf32>, tensor<16x160xbf16>) -> tensor<?x16xf32>
  // CHECK: moe.route sigmoid %{{.*}} bias %{{.*}} groups <count = 4, keep = 2, by = top2_sum> renormalize scale 2.500000e+00 : (tensor<?x16xf32>, tensor<16xf32>) -> !moe.routing<experts = 16, top_k = 4>
  %r = moe.route sigmoid %l bias %b groups <count = 4, keep = 2, by = top2_sum> renormalize scale 2.5
      : (tensor<?x16xf32>, tensor<16xf32>) -> !moe.routing<experts = 16, top_k = 4>
  // CHECK: moe.route softmax %{{.*}} : (tensor<?x16xf32>) -> !moe.routing<experts = 16, top_k = 2>
  %r2 = moe.route softmax %l : (tensor<?x16xf32>) -> !moe.routing<experts = 16, top_k = 2>
  // CHECK: moe.dispatch %{{.*}} to %{{.*}} : tensor<?x160xf32>, !moe.routing<experts = 16, top_k = 4>
  %rows = moe.dispatch %h to %r : tensor<?x160xf32>, !moe.routing<experts = 16, top_k = 4>
  // CHECK: moe.expert_linear
  %gu = moe.expert_linear %rows, %wgu of %r
      : (tensor<?x160xf32>, tensor<16x96x160xbf16>, !moe.routing<experts = 16, top_k = 4>) -> tensor<?x96xf32>
  %a = moe.glu silu %gu : tensor<?x96xf32> -> tensor<?x48xf32>
  %y = moe.expert_linear %a, %wd of %r
      : (tensor<?x48xf32>, tensor<16x160x48xbf16>, !moe.routing<experts = 16, top_k = 4>) -> tensor<?x160xf32>
  // CHECK: moe.combine %{{.*}} of %{{.*}} : tensor<?x160xf32>, !moe.routing<experts = 16, top_k = 4>
  %m = moe.combine %y of %r : tensor<?x160xf32>, !moe.routing<experts = 16, top_k = 4>
  return %m : tensor<?x160xf32>
}

// CHECK-LABEL: func @step
func.func @step(%batch: !moe.batch) -> tensor<?x768xf32> {
  // CHECK: moe.get_weight @embed : tensor<768x160xbf16>
  %w = moe.get_weight @embed : tensor<768x160xbf16>
  // CHECK: moe.embedding %{{.*}} of %{{.*}} : tensor<768x160xbf16> -> tensor<?x160xf32>
  %x = moe.embedding %w of %batch : tensor<768x160xbf16> -> tensor<?x160xf32>
  // CHECK: moe.output_rows %{{.*}} of %{{.*}} : tensor<?x160xf32>
  %o = moe.output_rows %x of %batch : tensor<?x160xf32>
  %l = moe.linear %o, %w : (tensor<?x160xf32>, tensor<768x160xbf16>) -> tensor<?x768xf32>
  return %l : tensor<?x768xf32>
}
}
