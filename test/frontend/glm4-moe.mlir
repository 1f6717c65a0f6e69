// RUN: moe-translate --import-checkpoint %models/glm4-moe-qknorm/config.json -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: moe-opt %t.mlir | FileCheck %s
// RUN: moe-translate --import-checkpoint %models/glm4-moe-qknorm/config.hub.json | diff %t.mlir -

// RUN: moe-translate --import-checkpoint %models/glm4-moe-air/config.json -o %t.air.mlir
// RUN: FileCheck %s --check-prefix=AIR --input-file=%t.air.mlir
// RUN: moe-translate --import-checkpoint %models/glm4-moe-air/config.hub.json | diff %t.air.mlir -

// The layer after the last one (MTP) is no part of the model; without biases and groups of experts.
// RUN: mkdir -p %t
// RUN: %python %S/Inputs/derive.py %models/glm4-moe-air %t copy:model.norm.weight=model.layers.2.enorm.weight
// RUN: moe-translate --import-checkpoint %t/config.json -o %t/module.mlir
// RUN: %python %S/Inputs/derive.py %models/glm4-moe-air %t config:attention_bias=false config:n_group=4 config:topk_group=2
// RUN: moe-translate --import-checkpoint --config-only %t/config.json | FileCheck %s --check-prefix=VARIANT

// CHECK: moe.model = {{.*}}type = "glm4_moe"
// CHECK: moe.weight @layers.0.q : tensor<96x64xbf16>
// CHECK-NEXT: moe.weight @layers.0.q_bias : tensor<96xbf16> from [#moe.part<"model.layers.0.self_attn.q_proj.bias">]
// CHECK: moe.weight @layers.0.v_bias : tensor<32xbf16>
// CHECK-NEXT: moe.weight @layers.0.q_norm : tensor<16xbf16> from [#moe.part<"model.layers.0.self_attn.q_norm.weight">]
// CHECK-NEXT: moe.weight @layers.0.k_norm : tensor<16xbf16>
// CHECK-NEXT: moe.weight @layers.0.o : tensor<64x96xbf16>
// CHECK-NEXT: moe.weight @layers.0.mlp_norm
// CHECK: moe.weight @layers.1.router_bias : tensor<12xf32> from [#moe.part<"model.layers.1.mlp.gate.e_score_correction_bias">]
// CHECK-LABEL: func.func private @dense_layer(
// CHECK-SAME: %[[CS:[a-z0-9]+]]: tensor<?x8xf32>
// CHECK: %[[Q:.*]] = moe.linear %{{.*}}, %{{.*}} bias %{{.*}} -> tensor<?x96xf32>
// CHECK: %[[K:.*]] = moe.linear %{{.*}}, %{{.*}} bias %{{.*}} -> tensor<?x32xf32>
// CHECK: %[[V:.*]] = moe.linear %{{.*}}, %{{.*}} bias %{{.*}} -> tensor<?x32xf32>
// CHECK: %[[QN:.*]] = moe.rms_norm %[[Q]], %{{.*}} eps 1.000000e-05 heads 6 :
// CHECK: %[[KN:.*]] = moe.rms_norm %[[K]], %{{.*}} eps 1.000000e-05 heads 2 :
// The first 8 of the 16 elements of a head rotate.
// CHECK: %[[QR:.*]] = moe.rope {{ *}}half %[[QN]], %[[CS]] heads 6 : tensor<?x96xf32>, tensor<?x8xf32>
// CHECK: %[[KR:.*]] = moe.rope {{ *}}half %[[KN]], %[[CS]] heads 2 : tensor<?x32xf32>, tensor<?x8xf32>
// CHECK: moe.attention %[[QR]], {{.*}} heads 6 kv_heads 2 keys 1 value 1 scale 2.500000e-01 :
// CHECK: %[[OUT:.*]] = moe.linear %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} : (tensor<?x96xf32>,
// CHECK-LABEL: func.func private @moe_layer(
// CHECK: moe.route {{ *}}sigmoid %{{.*}} bias %{{[a-z0-9_]+}} renormalize scale 2.500000e+00 : {{.*}} -> !moe.routing<experts = 12, top_k = 3>
// CHECK-LABEL: func.func @step(
// CHECK: moe.rope_table <width = 8, theta = 1.000000e+06> of

// AIR-NOT: q_norm
// AIR: moe.weight @layers.0.q_bias : tensor<96xbf16>
// AIR-NOT: q_norm
// AIR-LABEL: func.func private @moe_layer(
// AIR: moe.rope {{ *}}half %{{.*}} heads 6 : tensor<?x96xf32>, tensor<?x8xf32>
// AIR: moe.route {{ *}}sigmoid %{{.*}} bias %{{[a-z0-9_]+}} renormalize : {{.*}} -> !moe.routing<experts = 8, top_k = 3>

// VARIANT-NOT: q_bias
// VARIANT: moe.route {{.*}} groups <count = 4, keep = 2, by = top2_sum>
