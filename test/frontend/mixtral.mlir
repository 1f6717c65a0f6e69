// RUN: moe-translate --import-checkpoint %models/mixtral/config.json -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: moe-opt %t.mlir | FileCheck %s
// RUN: moe-translate --import-checkpoint %models/mixtral/config.hub.json | diff %t.mlir -

// CHECK: moe.model = {{.*}}type = "mixtral"
// CHECK: moe.weight @layers.0.router : tensor<6x64xbf16> from [#moe.part<"model.layers.0.block_sparse_moe.gate.weight">]
// The gate is w1, the up projection w3.
// CHECK-NEXT: moe.weight @layers.0.experts.gate_up : tensor<6x192x64xbf16> from [#moe.part<"model.layers.0.block_sparse_moe.experts.{expert}.w1.weight">, #moe.part<"model.layers.0.block_sparse_moe.experts.{expert}.w3.weight">]
// CHECK-NEXT: moe.weight @layers.0.experts.down : tensor<6x64x96xbf16> from [#moe.part<"model.layers.0.block_sparse_moe.experts.{expert}.w2.weight">]
// CHECK-NEXT: moe.weight @layers.1.attention_norm
// CHECK-LABEL: func.func private @moe_layer(
// CHECK: moe.rope {{ *}}half {{.*}} heads 4 :
// CHECK: moe.attention {{.*}} heads 4 kv_heads 2 keys 1 value 1 scale 2.500000e-01 :
// CHECK: moe.route {{ *}}softmax %{{[a-z0-9_]+}} renormalize : {{.*}} -> !moe.routing<experts = 6, top_k = 2>
// CHECK: %[[TREE:.*]] = moe.combine
// CHECK-NEXT: moe.add %{{.*}}, %[[TREE]]
// CHECK-NOT: func.func private
// CHECK: moe.rope_table <width = 16, theta = 1.000000e+06> of
