// RUN: moe-opt %s | moe-opt | FileCheck %s

// Attributes and types print as they are read; what is left out has its default.

// CHECK: module attributes {moe.limits = #moe.limits<tokens = 2, sequences = 3, positions = 4>, moe.model = {}, moe.target = #moe.cpu<"znver3", "+avx2,+fma">}
module attributes {moe.limits = #moe.limits<tokens = 2, sequences = 3, positions = 4>, moe.model = {},
                   moe.target = #moe.cpu<"znver3", "+avx2,+fma">} {
// CHECK: @cpu() attributes {test.a = #moe.cpu<"native">}
func.func private @cpu() attributes {test.a = #moe.cpu<"native">}
// CHECK: @rope() attributes {test.a = #moe.rope<width = 4, theta = 1.000000e+04>}
func.func private @rope() attributes {test.a = #moe.rope<width = 4, theta = 1.0e4>}
// CHECK: @linear() attributes {test.a = #moe.rope<width = 4, theta = 1.000000e+04, scaling = #moe.linear_scaling<factor = 2.000000e+00>>}
func.func private @linear() attributes {test.a = #moe.rope<width = 4, theta = 1.0e4, scaling = #moe.linear_scaling<factor = 2.0>>}
// CHECK: @llama3() attributes {test.a = #moe.llama3_scaling<factor = 8.000000e+00, low = 1.000000e+00, high = 4.000000e+00, original = 8192>}
func.func private @llama3() attributes {test.a = #moe.llama3_scaling<factor = 8.0, low = 1.0, high = 4.0, original = 8192>}
// CHECK: @yarn() attributes {test.a = #moe.yarn_scaling<factor = 4.000000e+01, beta_fast = 3.200000e+01, beta_slow = 1.000000e+00, original = 4096, attention_factor = 1.000000e+00, truncate = false>}
func.func private @yarn() attributes {test.a = #moe.yarn_scaling<factor = 40.0, beta_fast = 32.0, beta_slow = 1.0, original = 4096, attention_factor = 1.0, truncate = false>}
// CHECK: @groups() attributes {test.a = #moe.groups<count = 8, keep = 4, by = top2_sum>, test.b = #moe.groups<count = 8, keep = 3, by = max>}
func.func private @groups() attributes {test.a = #moe.groups<count = 8, keep = 4, by = top2_sum>, test.b = #moe.groups<count = 8, keep = 3, by = max>}
// CHECK: @part() attributes {test.a = #moe.part<"w">, test.b = #moe.part<"w", heads = 4, begin = 2, end = 6>}
func.func private @part() attributes {test.a = #moe.part<"w">, test.b = #moe.part<"w", heads = 4, begin = 2, end = 6>}
// CHECK: @panels() attributes {test.a = #moe.panels<width = 8>, test.b = #moe.panels<width = 8, parts = 2>, test.c = #moe.panels<width = 8, transpose = true>}
func.func private @panels() attributes {test.a = #moe.panels<width = 8>, test.b = #moe.panels<width = 8, parts = 2>, test.c = #moe.panels<width = 8, transpose = true>}
// CHECK: @types(!moe.batch, !moe.cache<[4, 2], f32>, !moe.routing<experts = 4, top_k = 2>)
func.func private @types(!moe.batch, !moe.cache<[4, 2], f32>, !moe.routing<experts = 4, top_k = 2>)
}
