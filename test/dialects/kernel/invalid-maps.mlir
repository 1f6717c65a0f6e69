// RUN: moe-opt %s --split-input-file --verify-diagnostics

// The maps of kernel.rowwise: every point has a place, in bounds and its own.

// What is in bounds, to the last element: columns of heads, a table by index, a table in panels by index, a scatter.
#heads = affine_map<(d0, d1, d2) -> (d0, d1 * 16 + d2 + 8)>
#table = affine_map<(d0, d1)[s0] -> (s0, d1)>
#panels = affine_map<(d0, d1)[s0] -> (s0 floordiv 16, d1, s0 mod 16)>
#here = affine_map<(d0, d1)[s0] -> (d0, d1)>
#first = affine_map<(d0, d1)[s0] -> (d0, 0)>
#reverse = affine_map<(d0, d1)[s0] -> (d0, d1 * -1 + 63)>
#wrapped = affine_map<(d0, d1)[s0] -> (d0, (d1 * 2 + 1) mod 64)>
#rounded = affine_map<(d0, d1)[s0] -> (d0, d1 ceildiv 2)>
func.func @good(%x: memref<?x64xf32>, %y: memref<?x8xf32>, %g: memref<?x1xf32>, %t: memref<32x64xf32>, %p: memref<2x64x16xf32>,
    %i: memref<?xi32>) {
  kernel.rowwise [4, 8] rows(%x : memref<?x64xf32>) ins() maps [] in_place outs(%x : memref<?x64xf32>) maps [#heads] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) indices(%i : memref<?xi32>)
      ins(%t, %p, %g, %x, %x, %x : memref<32x64xf32>, memref<2x64x16xf32>, memref<?x1xf32>, memref<?x64xf32>, memref<?x64xf32>, memref<?x64xf32>)
      maps [#table, #panels, #first, #reverse, #wrapped, #rounded] outs(%x : memref<?x64xf32>) maps [#here] {
    ^bb0(%a: f32, %b: f32, %c: f32, %d: f32, %e: f32, %f: f32):
      kernel.yield %a : f32
  }
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) indices(%i : memref<?xi32>) ins(%x : memref<?x64xf32>) maps [#here]
      outs(%t : memref<32x64xf32>) maps [#table] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @rowwise_c4_none(%x: memref<?x64xf32>) {
  // expected-error @below {{expected a size}}
  kernel.rowwise [] rows(%x : memref<?x64xf32>) ins() maps [] in_place outs(%x : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @rowwise_c4_zero(%x: memref<?x64xf32>) {
  // expected-error @below {{expected positive sizes of at most 2^48 points, got [0]}}
  kernel.rowwise [0] rows(%x : memref<?x64xf32>) ins() maps [] in_place outs(%x : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1, d2) -> (d0, d1 + d2)>
func.func @rowwise_c4_many(%x: memref<?x64xf32>) {
  // expected-error @below {{expected positive sizes of at most 2^48 points, got [4294967296, 4294967296]}}
  kernel.rowwise [4294967296, 4294967296] rows(%x : memref<?x64xf32>) ins() maps [] in_place outs(%x : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#here = affine_map<(d0, d1)[s0] -> (d0, d1)>
func.func @rowwise_c5(%x: memref<?x64xf32>, %i: memref<?xf32>) {
  // expected-error @below {{expected an index of integers, got 'memref<?xf32>'}}
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) indices(%i : memref<?xf32>) ins() maps [] in_place outs(%x : memref<?x64xf32>) maps [#here] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#here = affine_map<(d0, d1)[s0] -> (d0, d1)>
func.func @rowwise_c5_rows(%x: memref<8x64xf32>, %i: memref<4xi32>) {
  // expected-error @below {{expected an index of 8 rows, got 'memref<4xi32>'}}
  kernel.rowwise [64] rows(%x : memref<8x64xf32>) indices(%i : memref<4xi32>) ins() maps [] in_place outs(%x : memref<8x64xf32>) maps [#here] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

// Vectors of 16 would be stored at places one apart.
#row = affine_map<(d0, d1, d2) -> (d0, d1)>
func.func @rowwise_c6(%x: memref<?x4xf32>) {
  // expected-error @below {{expected each point in a place of its own, got affine_map<(d0, d1, d2) -> (d0, d1)>}}
  kernel.rowwise [4, 16] rows(%x : memref<?x4xf32>) ins() maps [] in_place outs(%x : memref<?x4xf32>) maps [#row] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @rowwise_c7(%x: memref<4x64xf32>, %o: memref<8x64xf32>) {
  // expected-error @below {{expected an operand of 8 rows, got 'memref<4x64xf32>'}}
  kernel.rowwise [64] rows(%o : memref<8x64xf32>) ins(%x : memref<4x64xf32>) maps [#id] outs(%o : memref<8x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @rowwise_c8_size(%x: memref<?x64xf32>) {
  // expected-error @below {{to stay in 'memref<?x64xf32>', but dimension 1 does not}}
  kernel.rowwise [65] rows(%x : memref<?x64xf32>) ins() maps [] in_place outs(%x : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#back = affine_map<(d0, d1) -> (d0, d1 - 1)>
func.func @rowwise_c8_negative(%x: memref<?x64xf32>) {
  // expected-error @below {{to stay in 'memref<?x64xf32>', but dimension 1 does not}}
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [#back] outs(%x : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#next = affine_map<(d0, d1) -> (d0 + 1, d1)>
func.func @rowwise_c8_row(%x: memref<?x64xf32>) {
  // expected-error @below {{to stay in 'memref<?x64xf32>', but dimension 0 does not}}
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [#next] outs(%x : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1, d0)>
func.func @rowwise_c8_row_as_column(%x: memref<?x64xf32>, %y: memref<64x64xf32>) {
  // expected-error @below {{to stay in 'memref<64x64xf32>', but dimension 1 does not}}
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%y : memref<64x64xf32>) maps [#column] outs(%x : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#fifth = affine_map<(d0, d1) -> (5, d1)>
func.func @rowwise_c8_constant(%x: memref<?x64xf32>) {
  // expected-error @below {{to stay in 'memref<?x64xf32>', but dimension 0 does not}}
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [#fifth] outs(%x : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#here = affine_map<(d0, d1)[s0] -> (d0, d1)>
#mixed = affine_map<(d0, d1)[s0] -> (s0 + d1, d1)>
func.func @rowwise_c8_index(%x: memref<?x64xf32>, %t: memref<64x64xf32>, %i: memref<?xi32>) {
  // expected-error @below {{to stay in 'memref<64x64xf32>', but dimension 0 does not}}
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) indices(%i : memref<?xi32>) ins(%t : memref<64x64xf32>) maps [#mixed]
      outs(%x : memref<?x64xf32>) maps [#here] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#large = affine_map<(d0, d1) -> (d0, d1 * 9223372036854775807 + d1)>
func.func @rowwise_c8_overflow(%x: memref<?x64xf32>) {
  // expected-error @below {{to stay in 'memref<?x64xf32>', but dimension 1 does not}}
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [#large] outs(%x : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}

// -----

// A divisor that is no constant.
#here = affine_map<(d0, d1)[s0] -> (d0, d1)>
#zero = affine_map<(d0, d1)[s0] -> (d0, d1 floordiv s0)>
func.func @rowwise_c8_divisor(%x: memref<?x64xf32>, %i: memref<?xi32>) {
  // expected-error @below {{to stay in 'memref<?x64xf32>', but dimension 1 does not}}
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) indices(%i : memref<?xi32>) ins(%x : memref<?x64xf32>) maps [#zero]
      outs(%x : memref<?x64xf32>) maps [#here] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}
