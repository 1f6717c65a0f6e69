// RUN: moe-translate --import-checkpoint %models/deepseek-v2-grouped/config.json -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: moe-opt %t.mlir | FileCheck %s
// RUN: moe-translate --import-checkpoint %models/deepseek-v2-grouped/config.hub.json | diff %t.mlir -

// RUN: moe-translate --import-checkpoint %models/deepseek-v2-lite/config.json -o %t.lite.mlir
// RUN: FileCheck %s --check-prefix=LITE --input-file=%t.lite.mlir
// RUN: moe-translate --import-checkpoint %models/deepseek-v2-lite/config.hub.json | diff %t.lite.mlir -

// What distinguishes DeepSeek V2 from V3: softmax scores without a bias, groups by their best expert, no renormalisation.

// CHECK: moe.model = {{.*}}type = "deepseek_v2"
// CHECK-NOT: router_bias
// CHECK: moe.weight @layers.1.shared.gate_up : tensor<128x64xbf16> from [#moe.part<"model.layers.1.mlp.shared_experts.gate_proj.weight">,
// CHECK-LABEL: func.func private @dense_layer(
// CHECK: moe.rms_norm {{.*}} eps 9.9999999999999995E-7 : tensor<?x48xf32>
// CHECK: moe.rope {{ *}}interleaved {{.*}} heads 4 begin 16
// The scale is 32^-0.5 (0.1 ln 40 + 1)^2.
// CHECK: moe.mla {{.*}} scale 0.331253754{{[0-9]*}} :
// CHECK-LABEL: func.func private @moe_layer(
// CHECK: moe.route {{ *}}softmax %{{[a-z0-9_]+}} groups <count = 4, keep = 2, by = max> scale 1.600000e+01 : {{.*}} -> !moe.routing<experts = 16, top_k = 3>
// CHECK: moe.rope_table <width = 16, theta = 1.000000e+04, scaling = #moe.yarn_scaling<factor = 4.000000e+01, {{.*}} attention_factor = 1.000000e+00,

// V2 Lite has one matrix for the query, no groups, and another mscale.
// LITE: moe.weight @layers.0.q : tensor<128x64xbf16> from [#moe.part<"model.layers.0.self_attn.q_proj.weight">]
// LITE-NOT: q_a
// LITE-LABEL: func.func private @dense_layer(
// The scale is 32^-0.5 (0.0707 ln 40 + 1)^2.
// LITE: moe.mla {{.*}} scale 0.2810088602{{[0-9]*}} :
// LITE-LABEL: func.func private @moe_layer(
// LITE: moe.route {{ *}}softmax %{{[a-z0-9_]+}} : {{.*}} -> !moe.routing<experts = 12, top_k = 3>
// LITE: attention_factor = 1.000000e+00,
