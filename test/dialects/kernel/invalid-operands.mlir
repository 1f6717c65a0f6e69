// RUN: moe-opt %s --split-input-file --verify-diagnostics

// What the code of a task takes for granted of operands, regions and maps: a dump may come from anywhere.

func.func @buffer_layout(%x: memref<?x64xf32, strided<[128, 1]>>, %o: memref<?xf32>) {
  // expected-error @below {{expected rows side by side, got 'memref<?x64xf32, strided<[128, 1]>>'}}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xf32, strided<[128, 1]>>) {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

func.func @buffer_element(%x: memref<?x64xindex>, %o: memref<?xf32>) {
  // expected-error @below {{expected elements that are numbers, got 'memref<?x64xindex>'}}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xindex>) {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

func.func @buffer_rank(%x: memref<f32>, %o: memref<?xf32>) {
  // expected-error @below {{expected a buffer of rows, got 'memref<f32>'}}
  kernel.row_reduce sum_squares ins(%x : memref<f32>) {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

func.func @buffer_dynamic(%x: memref<?x?xf32>, %o: memref<?xf32>) {
  // expected-error @below {{expected only rows to be dynamic, and no dimension to be empty, got 'memref<?x?xf32>'}}
  kernel.row_reduce sum_squares ins(%x : memref<?x?xf32>) {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

func.func @buffer_elements(%x: memref<?x4294967296x4294967296xf32>, %o: memref<?xf32>) {
  // expected-error @below {{expected at most 2^48 elements, got 'memref<?x4294967296x4294967296xf32>'}}
  kernel.row_reduce sum_squares ins(%x : memref<?x4294967296x4294967296xf32>) {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

func.func @region_none(%x: memref<?x64xf32>, %o: memref<?xf32>) {
  // expected-error @below {{expected the epilogue to yield ('f32')}}
  "kernel.row_reduce"(%x, %o) <{heads = 1 : i64, reduction = #kernel<reduction sum_squares>}> ({
    ^bb0(%s: f32):
  }) : (memref<?x64xf32>, memref<?xf32>) -> ()
  return
}

// -----

func.func @region_blocks(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected one block in the epilogue}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {
    ^bb0(%a: f32):
      kernel.yield %a : f32
    ^bb1(%b: f32):
      kernel.yield %b : f32
  } outs(%o : memref<?x64xf32>)
  return
}

// -----

// What a gemm multiplies is f32 or bf16.
func.func @region_yield_prologue(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected the prologue to yield ('f32')}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue []() {
    ^bb0(%a: f32):
      %0 = arith.truncf %a : f32 to f16
      kernel.yield %0 : f16
  } epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @region_yield_type(%x: memref<?x64xf32>, %o: memref<?xbf16>) {
  // expected-error @below {{expected the epilogue to yield ('bf16')}}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?xbf16>)
  return
}

// -----

// The region is repeated for vectors of rows, so its own values are numbers.
func.func @region_vector(%x: memref<?x64xf32>, %o: memref<?xf32>) {
  // expected-error @below {{expected only numbers in the epilogue, got 'vector<16xf32>'}}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) {
    ^bb0(%s: f32):
      %v = arith.constant dense<1.0> : vector<16xf32>
      kernel.yield %s : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

func.func @access_columns(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %v: memref<32xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected an operand of 64 columns for access column, got 'memref<32xf32>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue [#kernel.access<column>](%v : memref<32xf32>) {
    ^bb0(%a: f32, %b: f32):
      kernel.yield %a : f32
  } epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @access_rows(%x: memref<8x64xf32>, %w: memref<4x64x16xf32>, %v: memref<4xf32>, %o: memref<8x64xf32>) {
  // expected-error @below {{expected an operand of 8 rows, got 'memref<4xf32>'}}
  kernel.gemm ins(%x, %w : memref<8x64xf32>, memref<4x64x16xf32>) prologue []() {} epilogue [#kernel.access<row>](%v : memref<4xf32>) {
    ^bb0(%a: f32, %b: f32):
      kernel.yield %a : f32
  } outs(%o : memref<8x64xf32>)
  return
}

// -----

func.func @epilogue_none(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %o: memref<?x64xbf16>) {
  // expected-error @below {{expected an init without an epilogue of 'f32', got 'memref<?x64xbf16>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x64xbf16>)
  return
}

// -----

func.func @gemm_c8_many(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected fewer heads, got 4611686018427387904}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x64xf32>)
      {heads = 4611686018427387904}
  return
}

// -----

func.func @gemm_c12(%x: memref<?x64xf32>, %w: memref<?x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected a weight of static shape, got 'memref<?x64x16xf32>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<?x64x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c13_begin(%x: memref<?x192xf32>, %w: memref<4x4x32x16xbf16>, %o: memref<?x256xf32>) {
  // expected-error @below {{expected heads to begin in a row of 192 columns, got begin 16 and stride 9223372036854775807}}
  kernel.gemm ins(%x, %w : memref<?x192xf32>, memref<4x4x32x16xbf16>) prologue []() {} epilogue []() {}
      outs(%o : memref<?x256xf32>) {heads = 4, in = #kernel.columns<begin = 16, stride = 9223372036854775807>}
  return
}

// -----

func.func @gemm_c14(%x: memref<?x64xf32>, %w: memref<2x2x32x16xf32>, %o: memref<?x33xf32>) {
  // expected-error @below {{expected heads to divide the columns, got 2 heads in 'memref<?x33xf32>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<2x2x32x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x33xf32>) {heads = 2}
  return
}

// -----

func.func @gemm_c15(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %g: memref<?xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected a gather of integers, got 'memref<?xf32>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) gather(%g : memref<?xf32>) prologue []() {} epilogue []() {}
      outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c15_rank(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %g: memref<?x2xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected a gather of rank 1, got 'memref<?x2xi32>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) gather(%g : memref<?x2xi32>) prologue []() {} epilogue []() {}
      outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c16(%x: memref<?x64xf32>, %w: memref<2x4x64x16xf32>, %g: memref<?x2xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected groups to be 3 wide, got 2}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<2x4x64x16xf32>) groups(%g : memref<?x2xi32>) prologue []() {} epilogue []() {}
      outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c16_element(%x: memref<?x64xf32>, %w: memref<2x4x64x16xf32>, %g: memref<?x3xi64>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected groups of 'i32', got 'memref<?x3xi64>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<2x4x64x16xf32>) groups(%g : memref<?x3xi64>) prologue []() {} epilogue []() {}
      outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c17(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected the prologue to access rows or columns}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue [#kernel.access<element>](%x : memref<?x64xf32>) {
    ^bb0(%a: f32, %b: f32):
      kernel.yield %a : f32
  } epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c18(%x: memref<?x64xf16>, %w: memref<4x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected an input without a prologue of f32 or bf16, got 'memref<?x64xf16>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf16>, memref<4x64x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c19(%x: memref<4x64xf32>, %w: memref<4x64x16xf32>, %o: memref<8x64xf32>) {
  // expected-error @below {{expected an input of 8 rows, got 'memref<4x64xf32>'}}
  kernel.gemm ins(%x, %w : memref<4x64xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<8x64xf32>)
  return
}

// -----

func.func @row_reduce_c5(%x: memref<?x64xf32>, %o: memref<?xf32>) {
  // expected-error @below {{expected the result of rank 2, got 'memref<?xf32>'}}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) heads 4 {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

func.func @row_reduce_c5_columns(%x: memref<?x64xf32>, %o: memref<?x2xf32>) {
  // expected-error @below {{expected the result to be 4 wide, got 2}}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) heads 4 {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?x2xf32>)
  return
}

// -----

func.func @row_reduce_c6(%x: memref<?x64xi32>, %o: memref<?xf32>) {
  // expected-error @below {{expected an input of floating-point numbers, got 'memref<?x64xi32>'}}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xi32>) {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

func.func @row_reduce_c7(%x: memref<4x64xf32>, %o: memref<8xf32>) {
  // expected-error @below {{expected an input of 8 rows, got 'memref<4x64xf32>'}}
  kernel.row_reduce sum_squares ins(%x : memref<4x64xf32>) {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<8xf32>)
  return
}

// -----

func.func @attention_c4_begin(%q: memref<?x64xf32>, %c: memref<64x64xf32>, %p: memref<?xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected keys and values in a row of 64, got them begin at -1 and 32}}
  kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 4 key 8 from -1 value 8 from 32 scale 1.0 outs(%o : memref<?x64xf32>)
  return
}

// -----

// The product of heads and columns would be right modulo 2^64.
func.func @attention_c8(%q: memref<?x64xf32>, %c: memref<64x64xf32>, %p: memref<?xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected positive columns of a key, got -8}}
  kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 4 key -8 from 0 value 8 from 32 scale 1.0 outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @attention_c9(%q: memref<?x64xf32>, %c: memref<64x64xf32>, %p: memref<?xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected positions of integers, got 'memref<?xf32>'}}
  kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64x64xf32>, memref<?xf32>, memref<?xf32>)
      heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 1.0 outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @attention_c10(%q: memref<4x64xf32>, %c: memref<64x64xf32>, %p: memref<4xi32>, %o: memref<8x64xf32>) {
  // expected-error @below {{expected an operand of 8 rows, got 'memref<4x64xf32>'}}
  kernel.attention ins(%q, %c, %p, %p : memref<4x64xf32>, memref<64x64xf32>, memref<4xi32>, memref<4xi32>)
      heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 1.0 outs(%o : memref<8x64xf32>)
  return
}

// -----

func.func @route_c3_rank(%l: memref<?x16xf32>, %e: memref<?xi32>, %w: memref<?x2xf32>) {
  // expected-error @below {{expected the init of rank 2, got 'memref<?xi32>'}}
  kernel.route softmax ins(%l : memref<?x16xf32>) top_k 2 scale 1.0 outs(%e, %w : memref<?xi32>, memref<?x2xf32>)
  return
}

// -----

func.func @route_c5(%l: memref<?x16xf32>, %e: memref<?x6xi32>, %w: memref<?x6xf32>) {
  // expected-error @below {{expected to keep some of 4 groups, enough for top_k = 6, got 1}}
  kernel.route softmax ins(%l : memref<?x16xf32>) top_k 6 groups 4 keep 1 scale 1.0 outs(%e, %w : memref<?x6xi32>, memref<?x6xf32>)
  return
}

// -----

func.func @route_c6(%l: memref<?x16xf32>, %e: memref<?x2xi32>, %w: memref<?x2xf32>) {
  // expected-error @below {{expected groups of at least two experts for by_top2_sum}}
  kernel.route softmax ins(%l : memref<?x16xf32>) top_k 2 groups 16 keep 2 by_top2_sum scale 1.0
      outs(%e, %w : memref<?x2xi32>, memref<?x2xf32>)
  return
}

// -----

func.func @route_c7(%l: memref<?x16xf32>, %b: memref<8xf32>, %e: memref<?x2xi32>, %w: memref<?x2xf32>) {
  // expected-error @below {{expected a bias of 16 experts, got 'memref<8xf32>'}}
  kernel.route softmax ins(%l : memref<?x16xf32>) bias(%b : memref<8xf32>) top_k 2 scale 1.0
      outs(%e, %w : memref<?x2xi32>, memref<?x2xf32>)
  return
}

// -----

func.func @route_c8(%l: memref<?x16xf32>, %e: memref<?x2xf32>, %w: memref<?x2xf32>) {
  // expected-error @below {{expected experts of 'i32', got 'memref<?x2xf32>'}}
  kernel.route softmax ins(%l : memref<?x16xf32>) top_k 2 scale 1.0 outs(%e, %w : memref<?x2xf32>, memref<?x2xf32>)
  return
}

// -----

func.func @group_c1(%e: memref<?x2xi32>, %w: memref<?x2xf32>, %r: memref<?xi32>, %rw: memref<?xf32>, %t: memref<?x3xi32>) {
  // expected-error @below {{expected positive experts, got 0}}
  kernel.group ins(%e, %w : memref<?x2xi32>, memref<?x2xf32>) experts 0
      outs(%r, %rw, %e, %e, %t : memref<?xi32>, memref<?xf32>, memref<?x2xi32>, memref<?x2xi32>, memref<?x3xi32>)
  return
}

// -----

func.func @group_c2(%e: memref<?x2xi32>, %w: memref<?x2xf32>, %r: memref<?xi32>, %rw: memref<?xf32>, %t: memref<?x3xi32>) {
  // expected-error @below {{expected positive rows of a tile, got 0}}
  kernel.group ins(%e, %w : memref<?x2xi32>, memref<?x2xf32>) experts 4 row_tile 0
      outs(%r, %rw, %e, %e, %t : memref<?xi32>, memref<?xf32>, memref<?x2xi32>, memref<?x2xi32>, memref<?x3xi32>)
  return
}

// -----

func.func @group_c3(%e: memref<?x2xi32>, %w: memref<?x2xf32>, %r: memref<?xi32>, %rw: memref<?xf32>, %p: memref<?x1xi32>, %t: memref<?x3xi32>) {
  // expected-error @below {{expected places to be 2 wide, got 1}}
  kernel.group ins(%e, %w : memref<?x2xi32>, memref<?x2xf32>) experts 4
      outs(%r, %rw, %p, %e, %t : memref<?xi32>, memref<?xf32>, memref<?x1xi32>, memref<?x2xi32>, memref<?x3xi32>)
  return
}

// -----

func.func @group_c4(%e: memref<?x2xi32>, %w: memref<?x2xf32>, %r: memref<?xi64>, %rw: memref<?xf32>, %t: memref<?x3xi32>) {
  // expected-error @below {{expected rows of 'i32', got 'memref<?xi64>'}}
  kernel.group ins(%e, %w : memref<?x2xi32>, memref<?x2xf32>) experts 4
      outs(%r, %rw, %e, %e, %t : memref<?xi64>, memref<?xf32>, memref<?x2xi32>, memref<?x2xi32>, memref<?x3xi32>)
  return
}

// -----

func.func @combine_c2(%y: memref<?xf32>, %p: memref<?x2xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected an input of rank 2, got 'memref<?xf32>'}}
  kernel.combine ins(%y, %p, %p : memref<?xf32>, memref<?x2xi32>, memref<?x2xi32>) epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @combine_c3(%y: memref<?x64xf32>, %p: memref<?x2xi32>, %o: memref<?x32xf32>) {
  // expected-error @below {{expected the result to be 64 wide, got 32}}
  kernel.combine ins(%y, %p, %p : memref<?x64xf32>, memref<?x2xi32>, memref<?x2xi32>) epilogue []() {} outs(%o : memref<?x32xf32>)
  return
}

// -----

func.func @combine_c4(%y: memref<?x64xf32>, %p: memref<?x2xi32>, %m: memref<?x3xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected merges to be 2 wide, got 3}}
  kernel.combine ins(%y, %p, %m : memref<?x64xf32>, memref<?x2xi32>, memref<?x3xi32>) epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @combine_c5(%y: memref<?x64xf32>, %p: memref<?x2xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected places of 'i32', got 'memref<?x2xf32>'}}
  kernel.combine ins(%y, %p, %p : memref<?x64xf32>, memref<?x2xf32>, memref<?x2xf32>) epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @combine_c6(%y: memref<?x64xf32>, %p: memref<4x2xi32>, %o: memref<8x64xf32>) {
  // expected-error @below {{expected places of 8 rows, got 'memref<4x2xi32>'}}
  kernel.combine ins(%y, %p, %p : memref<?x64xf32>, memref<4x2xi32>, memref<4x2xi32>) epilogue []() {} outs(%o : memref<8x64xf32>)
  return
}

// -----

func.func @graph_c5_large(%y: memref<?x64xf32>, %p: memref<?x2xi32>, %o: memref<?x64xf32>) {
  kernel.graph @g {
    // expected-error @below {{expected tiles of positive rows and columns, at most 4096}}
    kernel.combine ins(%y, %p, %p : memref<?x64xf32>, memref<?x2xi32>, memref<?x2xi32>) epilogue []() {} outs(%o : memref<?x64xf32>)
        {tiles = array<i64: 4097, 1>, waits = []}
  }
  return
}

// -----

func.func @graph_c6(%x: tensor<?x64xf32>, %o: tensor<?xf32>) {
  kernel.graph @g {
    // expected-error @below {{expected memrefs in a graph}}
    %0 = kernel.row_reduce sum_squares ins(%x : tensor<?x64xf32>) {
      ^bb0(%s: f32):
        kernel.yield %s : f32
    } outs(%o : tensor<?xf32>) {waits = []} -> tensor<?xf32>
  }
  return
}
