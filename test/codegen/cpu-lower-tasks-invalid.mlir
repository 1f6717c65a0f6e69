// RUN: moe-opt %s --cpu-lower-tasks --verify-diagnostics

// A task of attention reads one kv head: here two query heads share one.
func.func @layer(%q: memref<?x64xf32>, %c: memref<64x64xf32>, %p: memref<?xi32>, %o: memref<?x64xf32>) {
  kernel.graph @layer {
    // expected-error @below {{expected tiles of query heads that read one kv head, a divisor of 2, got 4}}
    kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
        heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 1.0 outs(%o : memref<?x64xf32>) {tiles = array<i64: 8, 4>, waits = []}
  }
  return
}
