// Functions without a body are left alone.
// RUN: moe-opt %s --moe-assign-layouts --kernel-destination-style --kernel-plan-arena --kernel-build-graphs | FileCheck %s

module attributes {moe.limits = #moe.limits<tokens = 16, sequences = 2, positions = 100>} {
// CHECK: func.func private @f(memref<?x8xf32>)
func.func private @f(memref<?x8xf32>)
}
