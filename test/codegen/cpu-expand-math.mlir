// RUN: moe-opt %s --cpu-expand-math | FileCheck %s

// Every transcendental function becomes arithmetic, as scalars and as vectors, so that a tail rounds like the rest.
// CHECK-NOT: math.{{exp|sin|cos}}
// CHECK-LABEL: func @exp
func.func @exp(%x: f32, %v: vector<16xf32>) -> (f32, vector<16xf32>) {
  // CHECK-NOT: math.{{exp|sin|cos}}
  // CHECK: math.fma %{{.*}} : f32
  %0 = math.exp %x : f32
  // CHECK-NOT: math.{{exp|sin|cos}}
  // CHECK: math.fma %{{.*}} : vector<16xf32>
  %1 = math.exp %v : vector<16xf32>
  return %0, %1 : f32, vector<16xf32>
}
// CHECK-NOT: math.{{exp|sin|cos}}
// CHECK-LABEL: func @sine
func.func @sine(%x: f64, %v: vector<16xf64>) -> (f64, vector<16xf64>) {
  // CHECK-NOT: math.{{exp|sin|cos}}
  // CHECK: math.roundeven %{{.*}} : f64
  // CHECK: math.fma %{{.*}} : f64
  %0 = math.sin %x : f64
  // CHECK-NOT: math.{{exp|sin|cos}}
  // CHECK: math.roundeven %{{.*}} : vector<16xf64>
  // CHECK: math.fma %{{.*}} : vector<16xf64>
  %1 = math.cos %v : vector<16xf64>
  // CHECK-NOT: math.{{exp|sin|cos}}
  // CHECK: return
  return %0, %1 : f64, vector<16xf64>
}
// A root is one instruction.
// CHECK-LABEL: func @sqrt
// CHECK-NEXT: math.sqrt
func.func @sqrt(%x: f32) -> f32 {
  %0 = math.sqrt %x : f32
  return %0 : f32
}
