// RUN: moe-translate --import-checkpoint %models/olmoe/config.json -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: moe-opt %t.mlir | FileCheck %s
// RUN: moe-translate --import-checkpoint %models/olmoe/config.hub.json | diff %t.mlir -

// RUN: mkdir -p %t
// RUN: %python %S/Inputs/derive.py %models/olmoe %t config:norm_topk_prob=true config:attention_bias=true config:num_key_value_heads=2
// RUN: moe-translate --import-checkpoint --config-only %t/config.json | FileCheck %s --check-prefix=VARIANT

// CHECK: moe.model = {{.*}}type = "olmoe"
// CHECK: moe.weight @layers.0.q_norm : tensor<64xbf16> from [#moe.part<"model.layers.0.self_attn.q_norm.weight">]
// CHECK-NEXT: moe.weight @layers.0.k_norm : tensor<64xbf16> from [#moe.part<"model.layers.0.self_attn.k_norm.weight">]
// CHECK: moe.weight @layers.0.experts.gate_up : tensor<8x64x64xbf16> from [#moe.part<"model.layers.0.mlp.experts.{expert}.gate_proj.weight">,
// CHECK-LABEL: func.func private @moe_layer(
// CHECK: %[[H:.*]] = moe.rms_norm
// CHECK: %[[Q:.*]] = moe.linear %[[H]]
// CHECK: %[[K:.*]] = moe.linear %[[H]]
// CHECK: %[[V:.*]] = moe.linear %[[H]]
// The norm spans all heads.
// CHECK: %[[QN:.*]] = moe.rms_norm %[[Q]], %{{.*}} eps 1.000000e-05 : tensor<?x64xf32>, tensor<64xbf16>
// CHECK: %[[KN:.*]] = moe.rms_norm %[[K]], %{{.*}} eps 1.000000e-05 : tensor<?x64xf32>, tensor<64xbf16>
// CHECK: %[[QR:.*]] = moe.rope {{ *}}half %[[QN]], %{{.*}} heads 4 :
// CHECK: %[[KR:.*]] = moe.rope {{ *}}half %[[KN]], %{{.*}} heads 4 :
// CHECK: moe.cache_append %{{.*}}, (%[[KR]], %[[V]])
// CHECK: moe.attention %[[QR]],
// CHECK: moe.route {{ *}}softmax %{{[a-z0-9_]+}} : {{.*}} -> !moe.routing<experts = 8, top_k = 3>
// CHECK: %[[TREE:.*]] = moe.combine
// CHECK-NEXT: moe.add %{{.*}}, %[[TREE]]

// VARIANT: moe.weight @layers.0.k_bias : tensor<32xbf16>
// VARIANT: moe.weight @layers.0.k_norm : tensor<32xbf16>
// VARIANT: moe.weight @layers.0.o_bias : tensor<64xbf16>
// VARIANT: moe.route {{ *}}softmax %{{[a-z0-9_]+}} renormalize :
