// RUN: moe-opt %s --split-input-file --verify-diagnostics

// One function for each constraint, named after the operation and the id in dialects/kernel/KernelOps.cpp.

func.func @inits_number(%l: memref<?x16xf32>, %e: memref<?x2xi32>) {
  // expected-error @below {{expected 2 inits, got 1}}
  kernel.route softmax ins(%l : memref<?x16xf32>) top_k 2 scale 1.0 outs(%e : memref<?x2xi32>)
  return
}

// -----

func.func @inits_mixed(%x: tensor<?x64xf32>, %o: memref<?xf32>) {
  // expected-error @below {{expected tensors or memrefs, not both}}
  kernel.row_reduce sum_squares ins(%x : tensor<?x64xf32>) {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

func.func @group_inits(%e: memref<?x2xi32>, %w: memref<?x2xf32>) {
  // expected-error @below {{expected 5 inits, got 1}}
  kernel.group ins(%e, %w : memref<?x2xi32>, memref<?x2xf32>) experts 4 outs(%e : memref<?x2xi32>)
  return
}

// -----

func.func @access_number(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %v: memref<?xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected an access for each of the 1 operands of the prologue, got 2}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>)
      prologue [#kernel.access<row>, #kernel.access<row>](%v : memref<?xf32>) {} epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @access_rank(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %v: memref<?xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected an operand of rank 2 for access element, got 'memref<?xf32>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue []() {}
      epilogue [#kernel.access<element>](%v : memref<?xf32>) {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c1(%x: memref<?x64xf32>, %w: memref<64x64xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected a weight of rank 3 in panels, got 'memref<64x64xf32>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<64x64xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c1_stacked(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %g: memref<?x3xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected a weight of rank 4 in panels, got 'memref<4x64x16xf32>'}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) groups(%g : memref<?x3xi32>) prologue []() {}
      epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c2(%x: memref<?x64xf32>, %w: memref<4x1x32x16xf32>, %o: memref<?x32xf32>) {
  // expected-error @below {{expected a matrix for each of 2 heads, got 4}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x1x32x16xf32>) prologue []() {} epilogue []() {}
      outs(%o : memref<?x32xf32>) {heads = 2}
  return
}

// -----

func.func @gemm_c3(%x: memref<?x64xf32>, %w: memref<2x1x32x16xf32>, %g: memref<?x3xi32>, %o: memref<?x32xf32>) {
  // expected-error @below {{expected heads or groups, not both}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<2x1x32x16xf32>) groups(%g : memref<?x3xi32>) prologue []() {}
      epilogue []() {} outs(%o : memref<?x32xf32>) {heads = 2}
  return
}

// -----

func.func @gemm_c4(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %o: memref<?x65xf32>) {
  // expected-error @below {{expected 5 panels for 65 columns of 1 parts, got 4}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {} outs(%o : memref<?x65xf32>)
  return
}

// -----

func.func @gemm_c4_parts(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected 8 panels for 64 columns of 2 parts, got 4}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {}
      outs(%o : memref<?x64xf32>) {parts = 2}
  return
}

// -----

func.func @gemm_c5(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %v: memref<?xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected arguments ('f32', 'f32') of the prologue, got ('f32')}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue [#kernel.access<row>](%v : memref<?xf32>) {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } epilogue []() {} outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c6(%x: memref<?x64xf32>, %w: memref<4x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected the epilogue to yield ('f32')}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xf32>) prologue []() {} epilogue []() {
    ^bb0(%a: f32):
      kernel.yield %a, %a : f32, f32
  } outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @gemm_c6_parts(%x: memref<?x64xf32>, %w: memref<8x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected arguments ('f32', 'f32') of the epilogue, got ('f32')}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<8x64x16xf32>) prologue []() {} epilogue []() {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } outs(%o : memref<?x64xf32>) {parts = 2}
  return
}

// -----

func.func @gemm_c7(%x: memref<?x64xf32>, %w: memref<8x64x16xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected an epilogue that joins the parts}}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<8x64x16xf32>) prologue []() {} epilogue []() {}
      outs(%o : memref<?x64xf32>) {parts = 2}
  return
}

// -----

// A region holds scalar arithmetic: nothing else has code in a task.
func.func @region_dialects(%x: memref<?x64xf32>, %o: memref<?xf32>) {
  // expected-error @below {{expected only arith and math in the epilogue, got builtin.unrealized_conversion_cast}}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) {
    ^bb0(%s: f32):
      %0 = builtin.unrealized_conversion_cast %s : f32 to f32
      kernel.yield %0 : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

// A region sees nothing but its arguments.
func.func @region_isolated(%x: memref<?x64xf32>, %o: memref<?xf32>, %outside: f32) {
  // expected-note @below {{required by region isolation constraints}}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) {
    ^bb0(%s: f32):
      // expected-error @below {{using value defined outside the region}}
      %0 = arith.addf %s, %outside : f32
      kernel.yield %0 : f32
  } outs(%o : memref<?xf32>)
  return
}

// -----

func.func @row_reduce_c1(%x: memref<?x64xf32>, %o: memref<?x3xf32>) {
  // expected-error @below {{expected heads to divide the row, got 3 heads in 'memref<?x64xf32>'}}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) heads 3 {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?x3xf32>)
  return
}

// -----

func.func @row_reduce_c2(%x: memref<?x64xbf16>, %o: memref<?xf32>) {
  // expected-error @below {{expected arguments ('f32') of the epilogue, got ('bf16')}}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xbf16>) {
    ^bb0(%s: bf16):
      kernel.yield %s : bf16
  } outs(%o : memref<?xf32>)
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @rowwise_c1(%x: memref<?x64xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected a map for each of 1 inputs, got 2}}
  kernel.rowwise [64] rows(%o : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [#id, #id] outs(%o : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
func.func @rowwise_c2_rank(%x: memref<?x64xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected maps of 2 dimensions and 0 symbols to rank 2, got affine_map<(d0, d1) -> (d0)>}}
  kernel.rowwise [64] rows(%o : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [#row] outs(%o : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#gather = affine_map<(d0, d1)[s0] -> (s0, d1)>
func.func @rowwise_c2_symbols(%x: memref<?x64xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected maps of 2 dimensions and 0 symbols to rank 2, got affine_map<(d0, d1)[s0] -> (s0, d1)>}}
  kernel.rowwise [64] rows(%o : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [#id] outs(%o : memref<?x64xf32>) maps [#gather] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @rowwise_c2_dims(%x: memref<?x64xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected maps of 3 dimensions and 0 symbols to rank 2, got affine_map<(d0, d1) -> (d0, d1)>}}
  kernel.rowwise [4, 16] rows(%o : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [#id] outs(%o : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @rowwise_c3(%x: memref<?x64xbf16>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected arguments ('bf16', 'f32') of the body, got ('bf16')}}
  kernel.rowwise [64] rows(%o : memref<?x64xf32>) ins(%x : memref<?x64xbf16>) maps [#id] in_place outs(%o : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: bf16):
      kernel.yield %a : bf16
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @rowwise_c3_yield(%x: memref<?x64xf32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected the body to yield ('f32')}}
  kernel.rowwise [64] rows(%o : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [#id] outs(%o : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a, %a : f32, f32
  }
  return
}

// -----

func.func @attention_c1(%q: memref<?x63xf32>, %c: memref<64x64xf32>, %p: memref<?xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected the query to be 64 wide, got 63}}
  kernel.attention ins(%q, %c, %p, %p : memref<?x63xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 1.0 outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @attention_c2(%q: memref<?x64xf32>, %c: memref<64x64xf32>, %p: memref<?xi32>, %o: memref<?x32xf32>) {
  // expected-error @below {{expected the result to be 64 wide, got 32}}
  kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 1.0 outs(%o : memref<?x32xf32>)
  return
}

// -----

func.func @attention_c3(%q: memref<?x64xf32>, %c: memref<64x64xf32>, %p: memref<?xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected kv_heads to divide heads, got 3 and 8}}
  kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 3 key 8 from 0 value 8 from 24 scale 1.0 outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @attention_c3_none(%q: memref<?x64xf32>, %c: memref<64x64xf32>, %p: memref<?xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected kv_heads to divide heads, got 0 and 8}}
  kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 0 key 8 from 0 value 8 from 24 scale 1.0 outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @attention_c4(%q: memref<?x64xf32>, %c: memref<64x64xf32>, %p: memref<?xi32>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected keys and values in a row of 64, got them end at 32 and 65}}
  kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 4 key 8 from 0 value 8 from 33 scale 1.0 outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @route_c1(%l: memref<?x16xf32>, %e: memref<?x17xi32>, %w: memref<?x17xf32>) {
  // expected-error @below {{expected 1 <= top_k <= 16, got 17}}
  kernel.route softmax ins(%l : memref<?x16xf32>) top_k 17 scale 1.0 outs(%e, %w : memref<?x17xi32>, memref<?x17xf32>)
  return
}

// -----

func.func @route_c2(%l: memref<?x16xf32>, %e: memref<?x2xi32>, %w: memref<?x2xf32>) {
  // expected-error @below {{expected groups to divide 16 experts, got 3}}
  kernel.route softmax ins(%l : memref<?x16xf32>) top_k 2 groups 3 keep 1 scale 1.0 outs(%e, %w : memref<?x2xi32>, memref<?x2xf32>)
  return
}

// -----

func.func @route_c3(%l: memref<?x16xf32>, %e: memref<?x2xi32>, %w: memref<?x3xf32>) {
  // expected-error @below {{expected the init to be 2 wide, got 3}}
  kernel.route softmax ins(%l : memref<?x16xf32>) top_k 2 scale 1.0 outs(%e, %w : memref<?x2xi32>, memref<?x3xf32>)
  return
}

// -----

func.func @combine_c1(%y: memref<?x64xf32>, %p: memref<?x2xi32>, %x: memref<?x64xbf16>, %o: memref<?x64xf32>) {
  // expected-error @below {{expected arguments ('f32', 'bf16') of the epilogue, got ('f32', 'f32')}}
  kernel.combine ins(%y, %p, %p : memref<?x64xf32>, memref<?x2xi32>, memref<?x2xi32>)
      epilogue [#kernel.access<element>](%x : memref<?x64xbf16>) {
    ^bb0(%a: f32, %b: f32):
      kernel.yield %a : f32
  } outs(%o : memref<?x64xf32>)
  return
}

// -----

func.func @graph_c1() {
  kernel.graph @g {
    // expected-error @below {{is no kernel, and only kernels stand in a graph}}
    %0 = arith.constant 0 : index
  }
  return
}

// -----

func.func @graph_c2(%y: memref<?x64xf32>, %p: memref<?x2xi32>, %o: memref<?x64xf32>) {
  kernel.graph @g {
    // expected-error @below {{expected 'waits' in a graph}}
    kernel.combine ins(%y, %p, %p : memref<?x64xf32>, memref<?x2xi32>, memref<?x2xi32>) epilogue []() {} outs(%o : memref<?x64xf32>)
  }
  return
}

// -----

// A kernel that waited for itself would never start.
func.func @graph_c3(%y: memref<?x64xf32>, %p: memref<?x2xi32>, %o: memref<?x64xf32>) {
  kernel.graph @g {
    // expected-error @below {{expected to wait for a kernel before it (0 of them), got 0}}
    kernel.combine ins(%y, %p, %p : memref<?x64xf32>, memref<?x2xi32>, memref<?x2xi32>) epilogue []() {} outs(%o : memref<?x64xf32>)
        {waits = [#kernel.wait<0, all>]}
  }
  return
}

// -----

// expected-error@+1 {{expected a parameter of 4 or 8 bytes, got 2}}
#p = #kernel.parameter<constant 1 bytes 2>

// -----

// expected-error@+1 {{expected an argument of the graph, got -1}}
#p = #kernel.parameter<argument -1 bytes 8>

// -----

// expected-error@+1 {{expected blocks of 1 to 1024 threads, got 2048}}
#e = #kernel.entry<"f" of "u", threads = 2048, row_tile = 1, column_tiles = 1>

// -----

// expected-error@+1 {{expected positive tiles, got row_tile 0, column_tiles 1}}
#e = #kernel.entry<"f" of "u", threads = 32, row_tile = 0, column_tiles = 1>

// -----

// expected-error@+1 {{expected no negative numbers, got most_rows -1, position_tile 0}}
#e = #kernel.entry<"f" of "u", threads = 32, row_tile = 1, column_tiles = 1, most_rows = -1>
