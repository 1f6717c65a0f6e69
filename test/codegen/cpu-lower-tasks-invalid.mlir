// RUN: moe-opt %s --cpu-lower-tasks --split-input-file --verify-diagnostics

// A task of attention reads one kv head: here two query heads share one.
func.func @layer(%q: memref<?x64xf32>, %c: memref<64x64xf32>, %p: memref<?xi32>, %o: memref<?x64xf32>) {
  kernel.graph @layer {
    // expected-error @below {{expected tiles of query heads that read one kv head, a divisor of 2, got 4}}
    kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
        heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 1.0 outs(%o : memref<?x64xf32>) {tiles = array<i64: 8, 4>, waits = []}
  }
  return
}

// -----

func.func @no_tiles(%y: memref<?x64xf32>, %p: memref<?x2xi32>, %o: memref<?x64xf32>) {
  kernel.graph @g {
    // expected-error @below {{expected tiles (kernel-choose-tiles sets them)}}
    kernel.combine ins(%y, %p, %p : memref<?x64xf32>, memref<?x2xi32>, memref<?x2xi32>) epilogue []() {} outs(%o : memref<?x64xf32>)
        {waits = []}
  }
  return
}

// -----

// The columns of a tile are divided by those of a panel.
func.func @gemm_tile(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %o: memref<?x64xf32>) {
  kernel.graph @g {
    // expected-error @below {{expected panels of 16 columns and tiles of whole panels, got panels of 16 and tiles of 8}}
    kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x64xf32>)
        {tiles = array<i64: 256, 8>, waits = []}
  }
  return
}

// -----

func.func @gemm_panel(%x: memref<?x64xf32>, %w: memref<8x64x8xf32>, %o: memref<?x64xf32>) {
  kernel.graph @g {
    // expected-error @below {{expected panels of 16 columns and tiles of whole panels, got panels of 8 and tiles of 128}}
    kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<8x64x8xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x64xf32>)
        {tiles = array<i64: 256, 128>, waits = []}
  }
  return
}

// -----

func.func @group_tile(%e: memref<?x2xi32>, %w: memref<?x2xf32>, %r: memref<?xi32>, %rw: memref<?xf32>, %p: memref<?x2xi32>,
    %m: memref<?x2xi32>, %t: memref<?x3xi32>) {
  kernel.graph @g {
    // expected-error @below {{expected row_tile (kernel-choose-tiles sets it)}}
    kernel.group ins(%e, %w : memref<?x2xi32>, memref<?x2xf32>) experts 4
        outs(%r, %rw, %p, %m, %t : memref<?xi32>, memref<?xf32>, memref<?x2xi32>, memref<?x2xi32>, memref<?x3xi32>)
        {tiles = array<i64: 16, 1>, waits = []}
  }
  return
}

// -----

// Rows are copied whole before few of them are multiplied.
func.func @scratch(%x: memref<?x134217728xf32>, %w: memref<1x134217728x16xf32>, %i: memref<?xi32>, %o: memref<?x16xf32>) {
  kernel.graph @g {
    // expected-error @below {{bytes of scratch memory, expected at most 1073741824}}
    kernel.gemm ins(%x, %w : memref<?x134217728xf32>, memref<1x134217728x16xf32>) gather(%i : memref<?xi32>) prologue []() {}
        epilogue []() {} outs(%o : memref<?x16xf32>) {tiles = array<i64: 256, 128>, waits = []}
  }
  return
}
