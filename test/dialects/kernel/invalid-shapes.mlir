// RUN: moe-opt %s --split-input-file --verify-diagnostics

// Ranks, counts and widths that later code divides by or indexes with: a dump may come from anywhere.

func.func @gemm_c8(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected positive heads, got 0}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x64xf32>) {heads = 0}
  return
}

// -----

func.func @gemm_c9(%x: memref<?xf32>, %w: memref<4x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected an input of rank 2, got 'memref<?xf32>'}}
  kernel.gemm ins(%x, %w : memref<?xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c10(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %o: memref<?xf32>) {
  // expected-error @below {{expected an init of rank 2, got 'memref<?xf32>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?xf32>)
  return
}

// -----

func.func @gemm_c11(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected 1 or 2 parts, got 3}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x64xf32>) {parts = 3}
  return
}

// -----

func.func @buffer_empty(%x: memref<?x64xf32>, %w: memref<4x64x0xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected only rows to be dynamic, and no dimension to be empty, got 'memref<4x64x0xf32>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x0xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c13(%x: memref<?x32xf32>, %w: memref<4x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected an input of at least 64 columns (based on the weight), got 32}}
  kernel.gemm ins(%x, %w : memref<?x32xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @row_reduce_c3(%x: memref<?x64xf32>, %o: memref<?xf32>) {
  // expected-error @below {{expected positive heads, got 0}}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) heads 0 {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

func.func @row_reduce_c4(%x: memref<?xf32>, %o: memref<?xf32>) {
  // expected-error @below {{expected an input of rank 2, got 'memref<?xf32>'}}
  kernel.row_reduce sum_squares ins(%x : memref<?xf32>) {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

func.func @attention_c5(%q: memref<?x8x8xf32>, %c: memref<64x64xf32>, %p: memref<?xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected a query of rank 2, got 'memref<?x8x8xf32>'}}
  kernel.attention ins(%q, %c, %p, %p : memref<?x8x8xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 1.0 outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @attention_c6(%q: memref<?x64xf32>, %c: memref<64xf32>, %p: memref<?xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected a cache of rank 2, got 'memref<64xf32>'}}
  kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 1.0 outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @attention_c7(%q: memref<?x64xf32>, %c: memref<64x64xf32>, %p: memref<?xi32>, %o: memref<64xf32>) {
  // expected-error @below {{expected an init of rank 2, got 'memref<64xf32>'}}
  kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 1.0 outs(%o : memref<64xf32>)
  return
}

// -----

func.func @route_c4(%l: memref<?xf32>, %e: memref<?x2xi32>, %w: memref<?x2xf32>) {
  // expected-error @below {{expected logits of rank 2, got 'memref<?xf32>'}}
  kernel.route softmax ins(%l : memref<?xf32>) top_k 2 scale 1.0 outs(%e, %w : memref<?x2xi32>, memref<?x2xf32>)
  return
}

// -----

func.func @graph_c4(%y: memref<?x64xf32>, %p: memref<?x2xi32>, %o: memref<?x64xf32>) {
  kernel.graph @g {
    // expected-error @below {{expected a list of waits}}
    kernel.combine ins(%y, %p, %p : memref<?x64xf32>, memref<?x2xi32>, memref<?x2xi32>) epilogue []() {} outs(%o : memref<?x64xf32>)
        {waits = [1 : i64]}
  }
  return
}

// -----

func.func @graph_c5(%y: memref<?x64xf32>, %p: memref<?x2xi32>, %o: memref<?x64xf32>) {
  kernel.graph @g {
    // expected-error @below {{expected tiles of positive rows and columns}}
    kernel.combine ins(%y, %p, %p : memref<?x64xf32>, memref<?x2xi32>, memref<?x2xi32>) epilogue []() {} outs(%o : memref<?x64xf32>)
        {tiles = array<i64: 0, 1>, waits = []}
  }
  return
}
