// RUN: moe-opt %s --cpu-lower-tasks | FileCheck %s

// Layers of two kinds that begin alike share a task; a kernel over other arguments, or with another body, has its own.
// CHECK: kernel.graph @dense
// CHECK: kernel.task = @dense.0.row_reduce
// CHECK: kernel.task = @dense.1.row_reduce
// CHECK: kernel.graph @moe
// CHECK: kernel.task = @dense.0.row_reduce
// CHECK: kernel.task = @moe.1.row_reduce
// CHECK-COUNT-3: llvm.func internal
// CHECK-NOT: llvm.func internal
func.func @dense(%x: memref<?x64xf32>, %o: memref<?xf32>, %p: memref<?xf32>) {
  kernel.graph @dense {
    kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) {
      ^bb0(%s: f32):
        kernel.yield %s : f32
    } outs(%o : memref<?xf32>) {tiles = array<i64: 16, 1>, waits = []}
    kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) {
      ^bb0(%s: f32):
        kernel.yield %s : f32
    } outs(%p : memref<?xf32>) {tiles = array<i64: 16, 1>, waits = []}
  }
  return
}

func.func @moe(%x: memref<?x64xf32>, %o: memref<?xf32>) {
  kernel.graph @moe {
    kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) {
      ^bb0(%s: f32):
        kernel.yield %s : f32
    } outs(%o : memref<?xf32>) {tiles = array<i64: 16, 1>, waits = []}
    kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) {
      ^bb0(%s: f32):
        %0 = math.sqrt %s : f32
        kernel.yield %0 : f32
    } outs(%o : memref<?xf32>) {tiles = array<i64: 16, 1>, waits = []}
  }
  return
}
