//===- attention.mlir - Causal softmax attention of one query head ------------===//
//
// Orders (docs/numerics.md): a dot product keeps 16 lanes along the head, element i in lane i mod 16, then a tree of 8, 4, 2, 1.
// Keys are cut into splits of 256 at absolute positions; each split starts afresh; inside it blocks of 16 keys in order;
// splits are merged in order. Values are added key by key. A masked key contributes nothing.

// Sum of the lanes by halves.
func.func private @sum_lanes(%v: vector<16xf32>) -> f32 {
  %a8 = vector.extract_strided_slice %v {offsets = [0], sizes = [8], strides = [1]} : vector<16xf32> to vector<8xf32>
  %b8 = vector.extract_strided_slice %v {offsets = [8], sizes = [8], strides = [1]} : vector<16xf32> to vector<8xf32>
  %s8 = arith.addf %a8, %b8 : vector<8xf32>
  %a4 = vector.extract_strided_slice %s8 {offsets = [0], sizes = [4], strides = [1]} : vector<8xf32> to vector<4xf32>
  %b4 = vector.extract_strided_slice %s8 {offsets = [4], sizes = [4], strides = [1]} : vector<8xf32> to vector<4xf32>
  %s4 = arith.addf %a4, %b4 : vector<4xf32>
  %a2 = vector.extract_strided_slice %s4 {offsets = [0], sizes = [2], strides = [1]} : vector<4xf32> to vector<2xf32>
  %b2 = vector.extract_strided_slice %s4 {offsets = [2], sizes = [2], strides = [1]} : vector<4xf32> to vector<2xf32>
  %s2 = arith.addf %a2, %b2 : vector<2xf32>
  %x = vector.extract %s2[0] : f32 from vector<2xf32>
  %y = vector.extract %s2[1] : f32 from vector<2xf32>
  %s = arith.addf %x, %y : f32
  return %s : f32
}

// Σ_i q[row, q_at + i] * cache[key_row, k_at + i] for i in [0, n).
func.func private @dot(%q: memref<?x?xf32>, %row: index, %q_at: index, %cache: memref<?x?xf32>, %key_row: index,
                       %k_at: index, %n: index) -> f32 {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %blocks = arith.divui %n, %c16 : index
  %full = arith.muli %blocks, %c16 : index
  %main = scf.for %i = %c0 to %full step %c16 iter_args(%acc = %zero) -> vector<16xf32> {
    %qi = arith.addi %q_at, %i : index
    %ki = arith.addi %k_at, %i : index
    %a = vector.load %q[%row, %qi] : memref<?x?xf32>, vector<16xf32>
    %b = vector.load %cache[%key_row, %ki] : memref<?x?xf32>, vector<16xf32>
    %next = math.fma %a, %b, %acc : vector<16xf32>
    scf.yield %next : vector<16xf32>
  }
  %rest = arith.subi %n, %full : index
  %has_rest = arith.cmpi sgt, %rest, %c0 : index
  %all = scf.if %has_rest -> vector<16xf32> {
    %mask = vector.create_mask %rest : vector<16xi1>
    %qi = arith.addi %q_at, %full : index
    %ki = arith.addi %k_at, %full : index
    %a = vector.maskedload %q[%row, %qi], %mask, %zero : memref<?x?xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
    %b = vector.maskedload %cache[%key_row, %ki], %mask, %zero : memref<?x?xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
    %next = math.fma %a, %b, %main : vector<16xf32>
    scf.yield %next : vector<16xf32>
  } else {
    scf.yield %main : vector<16xf32>
  }
  %s = func.call @sum_lanes(%all) : (vector<16xf32>) -> f32
  return %s : f32
}

// acc[0, n) = acc * scale + Σ_j p[j] * cache[first + j, v_at + …) for j in [0, keys), key by key.
func.func private @add_values(%acc: memref<?xf32>, %scale: f32, %p: memref<16xf32>, %cache: memref<?x?xf32>,
                              %first: index, %keys: index, %v_at: index, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %scale_v = vector.broadcast %scale : f32 to vector<16xf32>
  scf.for %i = %c0 to %n step %c16 {
    %left = arith.subi %n, %i : index
    %mask = vector.create_mask %left : vector<16xi1>
    %at = arith.addi %v_at, %i : index
    %old = vector.load %acc[%i] : memref<?xf32>, vector<16xf32>
    %scaled = arith.mulf %old, %scale_v : vector<16xf32>
    %new = scf.for %j = %c0 to %keys step %c1 iter_args(%sum = %scaled) -> vector<16xf32> {
      %row = arith.addi %first, %j : index
      %v = vector.maskedload %cache[%row, %at], %mask, %zero : memref<?x?xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
      %pj = memref.load %p[%j] : memref<16xf32>
      %pv = vector.broadcast %pj : f32 to vector<16xf32>
      %next = math.fma %pv, %v, %sum : vector<16xf32>
      scf.yield %next : vector<16xf32>
    }
    vector.store %new, %acc[%i] : memref<?xf32>, vector<16xf32>
  }
  return
}

// acc[0, n) = acc * a + other * b, elementwise.
func.func private @merge_values(%acc: memref<?xf32>, %a: f32, %other: memref<?xf32>, %b: f32, %n: index) {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %av = vector.broadcast %a : f32 to vector<16xf32>
  %bv = vector.broadcast %b : f32 to vector<16xf32>
  scf.for %i = %c0 to %n step %c16 {
    %x = vector.load %acc[%i] : memref<?xf32>, vector<16xf32>
    %y = vector.load %other[%i] : memref<?xf32>, vector<16xf32>
    %xs = arith.mulf %x, %av : vector<16xf32>
    %ys = arith.mulf %y, %bv : vector<16xf32>
    %s = arith.addf %xs, %ys : vector<16xf32>
    vector.store %s, %acc[%i] : memref<?xf32>, vector<16xf32>
  }
  return
}

func.func private @clear(%acc: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant dense<0.0> : vector<16xf32>
  scf.for %i = %c0 to %n step %c16 {
    vector.store %zero, %acc[%i] : memref<?xf32>, vector<16xf32>
  }
  return
}

// out[row, out_at + i] = softmax(scale * q · keys) · values for the head at q_at. `acc` and `split` hold dv elements rounded up
// to 16.
func.func private @attend(%q: memref<?x?xf32>, %row: index, %q_at: index, %dk: index, %cache: memref<?x?xf32>,
                          %first_row: index, %keys: index, %k_at: index, %v_at: index, %dv: index, %scale: f32,
                          %out: memref<?x?xf32>, %out_at: index, %acc: memref<?xf32>, %split: memref<?xf32>,
                          %p: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %c256 = arith.constant 256 : index
  %zero = arith.constant 0.0 : f32
  %minus_inf = arith.constant 0xFF800000 : f32
  %minus_inf_v = arith.constant dense<0xFF800000> : vector<16xf32>
  func.call @clear(%acc, %dv) : (memref<?xf32>, index) -> ()
  %total:2 = scf.for %s = %c0 to %keys step %c256 iter_args(%m = %minus_inf, %l = %zero) -> (f32, f32) {
    func.call @clear(%split, %dv) : (memref<?xf32>, index) -> ()
    %s_next = arith.addi %s, %c256 : index
    %s_end = arith.minsi %s_next, %keys : index
    %part:2 = scf.for %b = %s to %s_end step %c16 iter_args(%ms = %minus_inf, %ls = %zero) -> (f32, f32) {
      %left = arith.subi %s_end, %b : index
      %count = arith.minsi %left, %c16 : index
      %block_row = arith.addi %first_row, %b : index
      vector.store %minus_inf_v, %p[%c0] : memref<16xf32>, vector<16xf32>
      scf.for %j = %c0 to %count step %c1 {
        %key_row = arith.addi %block_row, %j : index
        %d = func.call @dot(%q, %row, %q_at, %cache, %key_row, %k_at, %dk)
            : (memref<?x?xf32>, index, index, memref<?x?xf32>, index, index, index) -> f32
        %score = arith.mulf %d, %scale : f32
        memref.store %score, %p[%j] : memref<16xf32>
      }
      %scores = vector.load %p[%c0] : memref<16xf32>, vector<16xf32>
      %most = vector.reduction <maximumf>, %scores : vector<16xf32> into f32
      %m_new = arith.maximumf %ms, %most : f32
      %m_new_v = vector.broadcast %m_new : f32 to vector<16xf32>
      %shifted = arith.subf %scores, %m_new_v : vector<16xf32>
      %weights = math.exp %shifted : vector<16xf32>
      vector.store %weights, %p[%c0] : memref<16xf32>, vector<16xf32>
      %down = arith.subf %ms, %m_new : f32
      %correction = math.exp %down : f32
      %sum = func.call @sum_lanes(%weights) : (vector<16xf32>) -> f32
      %ls_scaled = arith.mulf %ls, %correction : f32
      %ls_new = arith.addf %ls_scaled, %sum : f32
      func.call @add_values(%split, %correction, %p, %cache, %block_row, %count, %v_at, %dv)
          : (memref<?xf32>, f32, memref<16xf32>, memref<?x?xf32>, index, index, index, index) -> ()
      scf.yield %m_new, %ls_new : f32, f32
    }
    %m_all = arith.maximumf %m, %part#0 : f32
    %down_old = arith.subf %m, %m_all : f32
    %down_new = arith.subf %part#0, %m_all : f32
    %keep_old = math.exp %down_old : f32
    %keep_new = math.exp %down_new : f32
    %l_old = arith.mulf %l, %keep_old : f32
    %l_new = arith.mulf %part#1, %keep_new : f32
    %l_all = arith.addf %l_old, %l_new : f32
    func.call @merge_values(%acc, %keep_old, %split, %keep_new, %dv) : (memref<?xf32>, f32, memref<?xf32>, f32, index) -> ()
    scf.yield %m_all, %l_all : f32, f32
  }
  %l_v = vector.broadcast %total#1 : f32 to vector<16xf32>
  scf.for %i = %c0 to %dv step %c16 {
    %left = arith.subi %dv, %i : index
    %mask = vector.create_mask %left : vector<16xi1>
    %a = vector.load %acc[%i] : memref<?xf32>, vector<16xf32>
    %o = arith.divf %a, %l_v : vector<16xf32>
    %at = arith.addi %out_at, %i : index
    vector.maskedstore %out[%row, %at], %mask, %o : memref<?x?xf32>, vector<16xi1>, vector<16xf32>
  }
  return
}
