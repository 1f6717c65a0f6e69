// RUN: moe-opt %s --cuda-plan-launches --split-input-file --verify-diagnostics

// expected-error@+1 {{expected 'moe.limits'}}
module attributes {moe.target = #moe.cuda<"sm_90a">} {}

// -----

module attributes {moe.limits = #moe.limits<tokens = 4, sequences = 2, positions = 100>, moe.target = #moe.cuda<"sm_90a">} {
func.func @f(%l: memref<?x513xf32>, %e: memref<?x2xi32>, %w: memref<?x2xf32>) {
  kernel.graph @g {
    // expected-error@+1 {{has no CUDA form for more than 512 experts, got 513}}
    kernel.route softmax ins(%l : memref<?x513xf32>) top_k 2 scale 1.0 outs(%e, %w : memref<?x2xi32>, memref<?x2xf32>)
        {tiles = array<i64: 16, 1>, waits = []}
  }
  return
}
}

// -----

module attributes {moe.limits = #moe.limits<tokens = 4, sequences = 2, positions = 100>, moe.target = #moe.cuda<"sm_90a">} {
func.func @f(%e: memref<?x2xi32>, %w: memref<?x2xf32>, %rows: memref<?xi32>, %rw: memref<?xf32>, %places: memref<?x2xi32>,
             %merges: memref<?x2xi32>, %tiles: memref<?x3xi32>) {
  kernel.graph @g {
    // expected-error@+1 {{has no CUDA form for more than 512 experts, got 600}}
    kernel.group ins(%e, %w : memref<?x2xi32>, memref<?x2xf32>) experts 600 row_tile 64
        outs(%rows, %rw, %places, %merges, %tiles : memref<?xi32>, memref<?xf32>, memref<?x2xi32>, memref<?x2xi32>, memref<?x3xi32>)
        {tiles = array<i64: 16, 1>, waits = []}
  }
  return
}
}

// -----

module attributes {moe.limits = #moe.limits<tokens = 4, sequences = 2, positions = 100>, moe.target = #moe.cuda<"sm_90a">} {
func.func @f(%q: memref<?x32xf32>, %cache: memref<200x552xf32>, %p: memref<?xi32>, %rows: memref<?xi32>, %o: memref<?x520xf32>) {
  kernel.graph @g {
    // expected-error@+1 {{has no CUDA form for values of more than 512 columns, got 520}}
    kernel.attention ins(%q, %cache, %p, %rows : memref<?x32xf32>, memref<200x552xf32>, memref<?xi32>, memref<?xi32>)
        heads 1 kv_heads 1 key 32 from 0 value 520 from 32 scale 0.25 outs(%o : memref<?x520xf32>) {tiles = array<i64: 8, 1>, waits = []}
  }
  return
}
}

// -----

module attributes {moe.limits = #moe.limits<tokens = 4, sequences = 2, positions = 100>, moe.target = #moe.cuda<"sm_90a">} {
func.func @f(%x: memref<?x64xf32>, %o: memref<?x64xf32>) {
  kernel.graph @g {
    kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [affine_map<(d0, d1) -> (d0, d1)>]
        outs(%o : memref<?x64xf32>) maps [affine_map<(d0, d1) -> (d0, d1)>] {
      ^bb0(%a: f32):
        // expected-error@+1 {{has no CUDA form}}
        %0 = math.tan %a : f32
        kernel.yield %0 : f32
    } {tiles = array<i64: 16, 1>, waits = []}
  }
  return
}
}

// -----

module attributes {moe.limits = #moe.limits<tokens = 4, sequences = 2, positions = 100>, moe.target = #moe.cuda<"sm_90a">} {
func.func @f(%x: memref<?x64xf32>, %o: memref<?x64xf32>) {
  kernel.graph @g {
    kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [affine_map<(d0, d1) -> (d0, d1)>]
        outs(%o : memref<?x64xf32>) maps [affine_map<(d0, d1) -> (d0, d1)>] {
      ^bb0(%a: f32):
        // expected-error@+1 {{has no CUDA form: expected a constant of f32}}
        %c = arith.constant 1.0 : f64
        %0 = arith.truncf %c : f64 to f32
        kernel.yield %0 : f32
    } {tiles = array<i64: 16, 1>, waits = []}
  }
  return
}
}

// -----

module attributes {moe.limits = #moe.limits<tokens = 4, sequences = 2, positions = 100>, moe.target = #moe.cuda<"sm_90a">} {
func.func @f(%l: memref<?x128xf32>, %e: memref<?x2xi32>, %w: memref<?x2xf32>) {
  kernel.graph @g {
    // expected-error@+1 {{has no CUDA form for more than 32 groups of experts, got 64}}
    kernel.route softmax ins(%l : memref<?x128xf32>) top_k 2 groups 64 keep 2 scale 1.0 outs(%e, %w : memref<?x2xi32>, memref<?x2xf32>)
        {tiles = array<i64: 16, 1>, waits = []}
  }
  return
}
}

// -----

module attributes {moe.limits = #moe.limits<tokens = 4, sequences = 2, positions = 100>, moe.target = #moe.cuda<"sm_90a">} {
func.func @f(%x: memref<?x48xf32>, %w: memref<4x48x16x!moe.scaled<f8E4M3FN, 1x24, f32>>, %o: memref<?x64xf32>) {
  kernel.graph @g {
    // expected-error@+1 {{has no CUDA form for blocks of 24 elements with one scale: expected a power of two, at least 8}}
    kernel.gemm ins(%x, %w : memref<?x48xf32>, memref<4x48x16x!moe.scaled<f8E4M3FN, 1x24, f32>>) prologue []() {
    } epilogue []() {
    } outs(%o : memref<?x64xf32>) {tiles = array<i64: 64, 128>, waits = []}
  }
  return
}
}
