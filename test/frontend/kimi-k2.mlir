// RUN: moe-translate --import-checkpoint %models/kimi-k2/config.json -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: moe-opt %t.mlir -o %t.again.mlir
// RUN: FileCheck %s --input-file=%t.again.mlir
// RUN: moe-translate --import-checkpoint %models/kimi-k2/config.hub.json | diff %t.mlir -

// What distinguishes Kimi K2 from DeepSeek V3: no groups, its own scales.

// CHECK: moe.model = {{.*}}type = "kimi_k2"
// CHECK: func.func private @moe_layer
// The scale is 32^-0.5 (0.1 ln 32 + 1)^2.
// CHECK: moe.mla {{.*}} scale 0.320542187{{[0-9]*}} :
// CHECK: moe.route {{ *}}sigmoid %{{.*}} bias %{{[a-z0-9]+}} renormalize scale 2.827000e+00 : {{.*}} -> !moe.routing<experts = 24, top_k = 4>
// CHECK: moe.rope_table <width = 16, theta = 5.000000e+04, scaling = #moe.yarn_scaling<factor = 3.200000e+01, beta_fast = 1.000000e+00, beta_slow = 1.000000e+00, original = 16, attention_factor = 1.000000e+00, truncate = true>>
