// RUN: moe-translate --import-checkpoint %models/qwen2-r1distill/config.json -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: moe-opt %t.mlir | FileCheck %s
// RUN: moe-translate --import-checkpoint %models/qwen2-r1distill/config.hub.json | diff %t.mlir -

// A window that is not switched on means nothing.
// RUN: mkdir -p %t
// RUN: %python %S/Inputs/derive.py %models/qwen2-r1distill %t config:sliding_window=16 config:max_window_layers=1
// RUN: moe-translate --import-checkpoint --config-only %t/config.json -o %t.window.mlir
// RUN: FileCheck %s --input-file=%t.window.mlir

// CHECK: type = "qwen2"
// CHECK: moe.weight @layers.0.q : tensor<48x48xbf16>
// CHECK-NEXT: moe.weight @layers.0.q_bias : tensor<48xbf16> from [#moe.part<"model.layers.0.self_attn.q_proj.bias">]
// CHECK-NEXT: moe.weight @layers.0.k : tensor<16x48xbf16>
// CHECK-NEXT: moe.weight @layers.0.k_bias : tensor<16xbf16>
// CHECK-NEXT: moe.weight @layers.0.v : tensor<16x48xbf16>
// CHECK-NEXT: moe.weight @layers.0.v_bias : tensor<16xbf16>
// CHECK-NEXT: moe.weight @layers.0.o : tensor<48x48xbf16>
// CHECK-NEXT: moe.weight @layers.0.mlp_norm
// CHECK-LABEL: func.func private @layer(
// CHECK: %[[Q:.*]] = moe.linear %{{.*}}, %{{.*}} bias %{{.*}} -> tensor<?x48xf32>
// CHECK: %[[K:.*]] = moe.linear %{{.*}}, %{{.*}} bias %{{.*}} -> tensor<?x16xf32>
// CHECK: %[[V:.*]] = moe.linear %{{.*}}, %{{.*}} bias %{{.*}} -> tensor<?x16xf32>
// CHECK: %[[QR:.*]] = moe.rope {{ *}}half %[[Q]], %{{.*}} heads 6 :
// CHECK: %[[KR:.*]] = moe.rope {{ *}}half %[[K]], %{{.*}} heads 2 :
// CHECK: moe.attention %[[QR]], {{.*}} heads 6 kv_heads 2 keys 1 value 1 scale 0.35355339{{[0-9]*}} :
// CHECK-NEXT: moe.linear %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} : (tensor<?x48xf32>,
// CHECK-LABEL: func.func @step(
// CHECK: moe.rope_table <width = 8, theta = 1.000000e+04> of
// CHECK-COUNT-3: call @layer(
