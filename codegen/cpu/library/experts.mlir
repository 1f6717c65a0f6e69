//===- experts.mlir - Choosing experts, ordering rows, adding their results ---===//

// The greatest value that is not taken: index of it among [begin, end), ties to the lowest. NaN is below everything.
func.func private @best_untaken(%values: memref<?xf32>, %taken: memref<?xi8>, %begin: index, %end: index) -> index {
  %c1 = arith.constant 1 : index
  %none = arith.constant -1 : index
  %free = arith.constant 0 : i8
  %nan = arith.constant 0x7FC00000 : f32
  %best:2 = scf.for %i = %begin to %end step %c1 iter_args(%at = %none, %most = %nan) -> (index, f32) {
    %mark = memref.load %taken[%i] : memref<?xi8>
    %v = memref.load %values[%i] : memref<?xf32>
    %is_free = arith.cmpi eq, %mark, %free : i8
    %is_first = arith.cmpi eq, %at, %none : index
    %greater = arith.cmpf ogt, %v, %most : f32
    %most_nan = arith.cmpf uno, %most, %most : f32
    %v_ok = arith.cmpf ord, %v, %v : f32
    %beats_nan = arith.andi %most_nan, %v_ok : i1
    %a = arith.ori %is_first, %greater : i1
    %b = arith.ori %a, %beats_nan : i1
    %take = arith.andi %b, %is_free : i1
    %at_next = arith.select %take, %i, %at : index
    %most_next = arith.select %take, %v, %most : f32
    scf.yield %at_next, %most_next : index, f32
  }
  return %best#0 : index
}

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

// scores[0, n) of a row of logits. The sum of a softmax keeps 16 lanes, then a tree of 8, 4, 2, 1.
func.func private @sigmoid_scores(%logits: memref<?x?xf32>, %row: index, %scores: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  scf.for %i = %c0 to %n step %c1 {
    %x = memref.load %logits[%row, %i] : memref<?x?xf32>
    %minus = arith.negf %x : f32
    %e = math.exp %minus : f32
    %d = arith.addf %one, %e : f32
    %s = arith.divf %one, %d : f32
    memref.store %s, %scores[%i] : memref<?xf32>
  }
  return
}

func.func private @softmax_scores(%logits: memref<?x?xf32>, %row: index, %scores: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %minus_inf = arith.constant 0xFF800000 : f32
  %zero_v = arith.constant dense<0.0> : vector<16xf32>
  %most = scf.for %i = %c0 to %n step %c1 iter_args(%m = %minus_inf) -> f32 {
    %x = memref.load %logits[%row, %i] : memref<?x?xf32>
    %next = arith.maximumf %m, %x : f32
    scf.yield %next : f32
  }
  scf.for %i = %c0 to %n step %c1 {
    %x = memref.load %logits[%row, %i] : memref<?x?xf32>
    %d = arith.subf %x, %most : f32
    %e = math.exp %d : f32
    memref.store %e, %scores[%i] : memref<?xf32>
  }
  %lanes = scf.for %i = %c0 to %n step %c16 iter_args(%sum = %zero_v) -> vector<16xf32> {
    %left = arith.subi %n, %i : index
    %mask = vector.create_mask %left : vector<16xi1>
    %e = vector.maskedload %scores[%i], %mask, %zero_v : memref<?xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
    %next = arith.addf %sum, %e : vector<16xf32>
    scf.yield %next : vector<16xf32>
  }
  %total = func.call @sum_lanes(%lanes) : (vector<16xf32>) -> f32
  scf.for %i = %c0 to %n step %c1 {
    %e = memref.load %scores[%i] : memref<?xf32>
    %s = arith.divf %e, %total : f32
    memref.store %s, %scores[%i] : memref<?xf32>
  }
  return
}

// Choice values outside the `keep` best groups become -inf. `marks` has a flag for each group, `ranks` a value.
func.func private @limit_groups(%choice: memref<?xf32>, %experts: index, %groups: index, %keep: index, %top2: i1,
                                %taken: memref<?xi8>, %marks: memref<?xi8>, %ranks: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %free = arith.constant 0 : i8
  %used = arith.constant 1 : i8
  %minus_inf = arith.constant 0xFF800000 : f32
  %size = arith.divui %experts, %groups : index
  scf.for %g = %c0 to %groups step %c1 {
    %begin = arith.muli %g, %size : index
    %end = arith.addi %begin, %size : index
    %first = func.call @best_untaken(%choice, %taken, %begin, %end) : (memref<?xf32>, memref<?xi8>, index, index) -> index
    %a = memref.load %choice[%first] : memref<?xf32>
    %rank = scf.if %top2 -> f32 {
      memref.store %used, %taken[%first] : memref<?xi8>
      %second = func.call @best_untaken(%choice, %taken, %begin, %end) : (memref<?xf32>, memref<?xi8>, index, index) -> index
      memref.store %free, %taken[%first] : memref<?xi8>
      %b = memref.load %choice[%second] : memref<?xf32>
      %sum = arith.addf %a, %b : f32
      scf.yield %sum : f32
    } else {
      scf.yield %a : f32
    }
    memref.store %rank, %ranks[%g] : memref<?xf32>
    memref.store %free, %marks[%g] : memref<?xi8>
  }
  scf.for %i = %c0 to %keep step %c1 {
    %g = func.call @best_untaken(%ranks, %marks, %c0, %groups) : (memref<?xf32>, memref<?xi8>, index, index) -> index
    memref.store %used, %marks[%g] : memref<?xi8>
  }
  scf.for %e = %c0 to %experts step %c1 {
    %g = arith.divui %e, %size : index
    %mark = memref.load %marks[%g] : memref<?xi8>
    %out = arith.cmpi eq, %mark, %free : i8
    scf.if %out {
      memref.store %minus_inf, %choice[%e] : memref<?xf32>
    }
  }
  return
}

// The top_k greatest of `choice`; writes the chosen experts in ascending order and their scores as weights.
func.func private @choose(%choice: memref<?xf32>, %scores: memref<?xf32>, %experts: index, %top_k: index,
                          %renormalize: i1, %scale: f32, %taken: memref<?xi8>, %row: index,
                          %chosen: memref<?x?xi32>, %weights: memref<?x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %free = arith.constant 0 : i8
  %used = arith.constant 1 : i8
  %zero = arith.constant 0.0 : f32
  %tiny = arith.constant 1.0e-20 : f32
  scf.for %i = %c0 to %top_k step %c1 {
    %e = func.call @best_untaken(%choice, %taken, %c0, %experts) : (memref<?xf32>, memref<?xi8>, index, index) -> index
    memref.store %used, %taken[%e] : memref<?xi8>
  }
  %end:2 = scf.for %e = %c0 to %experts step %c1 iter_args(%at = %c0, %sum = %zero) -> (index, f32) {
    %mark = memref.load %taken[%e] : memref<?xi8>
    %is_chosen = arith.cmpi eq, %mark, %used : i8
    %next:2 = scf.if %is_chosen -> (index, f32) {
      %id = arith.index_cast %e : index to i32
      %s = memref.load %scores[%e] : memref<?xf32>
      memref.store %id, %chosen[%row, %at] : memref<?x?xi32>
      memref.store %s, %weights[%row, %at] : memref<?x?xf32>
      %after = arith.addi %at, %c1 : index
      %total = arith.addf %sum, %s : f32
      scf.yield %after, %total : index, f32
    } else {
      scf.yield %at, %sum : index, f32
    }
    scf.yield %next#0, %next#1 : index, f32
  }
  %divisor = arith.addf %end#1, %tiny : f32
  scf.for %i = %c0 to %top_k step %c1 {
    %w = memref.load %weights[%row, %i] : memref<?x?xf32>
    %n = arith.divf %w, %divisor : f32
    %r = arith.select %renormalize, %n, %w : f32
    %scaled = arith.mulf %r, %scale : f32
    memref.store %scaled, %weights[%row, %i] : memref<?x?xf32>
  }
  return
}

// How many times [0, experts) is halved until it separates a and b (a < b).
func.func private @separation_depth(%a: index, %b: index, %experts: index) -> index {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %r:3 = scf.while (%lo = %c0, %hi = %experts, %depth = %c0) : (index, index, index) -> (index, index, index) {
    %sum = arith.addi %lo, %hi : index
    %mid = arith.divui %sum, %c2 : index
    %a_left = arith.cmpi ult, %a, %mid : index
    %b_left = arith.cmpi ult, %b, %mid : index
    %together = arith.cmpi eq, %a_left, %b_left : i1
    %lo_next = arith.select %a_left, %lo, %mid : index
    %hi_next = arith.select %a_left, %mid, %hi : index
    %lo_out = arith.select %together, %lo_next, %lo : index
    %hi_out = arith.select %together, %hi_next, %hi : index
    scf.condition(%together) %lo_out, %hi_out, %depth : index, index, index
  } do {
  ^bb0(%lo: index, %hi: index, %depth: index):
    %next = arith.addi %depth, %c1 : index
    scf.yield %lo, %hi, %next : index, index, index
  }
  return %r#2 : index
}

// merges[token, i]: additions of the tree over experts that follow the i-th of the token's experts (ascending): one for each
// node whose right half ends there. `depths` is a stack of the depths at which open nodes separate their halves.
func.func private @plan_merges(%chosen: memref<?x?xi32>, %merges: memref<?x?xi32>, %token: index, %top_k: index,
                               %experts: index, %depths: memref<?xi64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i32
  %last = arith.subi %top_k, %c1 : index
  %open = scf.for %i = %c0 to %last step %c1 iter_args(%height = %c0) -> index {
    %j = arith.addi %i, %c1 : index
    %ai = memref.load %chosen[%token, %i] : memref<?x?xi32>
    %bi = memref.load %chosen[%token, %j] : memref<?x?xi32>
    %a = arith.index_cast %ai : i32 to index
    %b = arith.index_cast %bi : i32 to index
    %depth = func.call @separation_depth(%a, %b, %experts) : (index, index, index) -> index
    // Nodes that separate deeper than the next separation are complete.
    %left = scf.while (%h = %height) : (index) -> index {
      %is_open = arith.cmpi ugt, %h, %c0 : index
      %below = arith.subi %h, %c1 : index
      %safe = arith.select %is_open, %below, %c0 : index
      %top64 = memref.load %depths[%safe] : memref<?xi64>
      %top = arith.index_cast %top64 : i64 to index
      %deeper = arith.cmpi ugt, %top, %depth : index
      %pop = arith.andi %is_open, %deeper : i1
      scf.condition(%pop) %h : index
    } do {
    ^bb0(%h: index):
      %below = arith.subi %h, %c1 : index
      scf.yield %below : index
    }
    %popped = arith.subi %height, %left : index
    %count = arith.index_cast %popped : index to i32
    memref.store %count, %merges[%token, %i] : memref<?x?xi32>
    %depth64 = arith.index_cast %depth : index to i64
    memref.store %depth64, %depths[%left] : memref<?xi64>
    %pushed = arith.addi %left, %c1 : index
    scf.yield %pushed : index
  }
  %rest = arith.index_cast %open : index to i32
  memref.store %rest, %merges[%token, %last] : memref<?x?xi32>
  return
}

// Counting sort of the T * top_k rows by expert; see kernel.group. `next` has a row for each expert.
func.func private @group_rows(%chosen: memref<?x?xi32>, %weights: memref<?x?xf32>, %top_k: index, %experts: index,
                              %row_tile: index, %rows: memref<?xi32>, %row_weights: memref<?xf32>,
                              %places: memref<?x?xi32>, %merges: memref<?x?xi32>, %tiles: memref<?x3xi32>,
                              %next: memref<?xi64>, %depths: memref<?xi64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant 0 : i32
  %zero64 = arith.constant 0 : i64
  %one64 = arith.constant 1 : i64
  %tokens = memref.dim %chosen, %c0 : memref<?x?xi32>
  %total = memref.dim %rows, %c0 : memref<?xi32>
  scf.for %e = %c0 to %experts step %c1 {
    memref.store %zero64, %next[%e] : memref<?xi64>
  }
  scf.for %t = %c0 to %tokens step %c1 {
    scf.for %i = %c0 to %top_k step %c1 {
      %id = memref.load %chosen[%t, %i] : memref<?x?xi32>
      %e = arith.index_cast %id : i32 to index
      %n = memref.load %next[%e] : memref<?xi64>
      %n1 = arith.addi %n, %one64 : i64
      memref.store %n1, %next[%e] : memref<?xi64>
    }
    func.call @plan_merges(%chosen, %merges, %t, %top_k, %experts, %depths)
        : (memref<?x?xi32>, memref<?x?xi32>, index, index, index, memref<?xi64>) -> ()
  }
  // Counts become first rows; tiles are cut on the way.
  %sums:2 = scf.for %e = %c0 to %experts step %c1 iter_args(%first = %c0, %tile = %c0) -> (index, index) {
    %n64 = memref.load %next[%e] : memref<?xi64>
    %n = arith.index_cast %n64 : i64 to index
    %first64 = arith.index_cast %first : index to i64
    memref.store %first64, %next[%e] : memref<?xi64>
    %end = arith.addi %first, %n : index
    %id = arith.index_cast %e : index to i32
    %tile_end = scf.for %r = %first to %end step %row_tile iter_args(%at = %tile) -> index {
      %left = arith.subi %end, %r : index
      %count = arith.minsi %left, %row_tile : index
      %r32 = arith.index_cast %r : index to i32
      %count32 = arith.index_cast %count : index to i32
      memref.store %id, %tiles[%at, %c0] : memref<?x3xi32>
      memref.store %r32, %tiles[%at, %c1] : memref<?x3xi32>
      memref.store %count32, %tiles[%at, %c2] : memref<?x3xi32>
      %at1 = arith.addi %at, %c1 : index
      scf.yield %at1 : index
    }
    scf.yield %end, %tile_end : index, index
  }
  scf.for %i = %sums#1 to %total step %c1 {
    memref.store %zero, %tiles[%i, %c0] : memref<?x3xi32>
    memref.store %zero, %tiles[%i, %c1] : memref<?x3xi32>
    memref.store %zero, %tiles[%i, %c2] : memref<?x3xi32>
  }
  scf.for %t = %c0 to %tokens step %c1 {
    %t32 = arith.index_cast %t : index to i32
    scf.for %i = %c0 to %top_k step %c1 {
      %id = memref.load %chosen[%t, %i] : memref<?x?xi32>
      %w = memref.load %weights[%t, %i] : memref<?x?xf32>
      %e = arith.index_cast %id : i32 to index
      %at64 = memref.load %next[%e] : memref<?xi64>
      %at = arith.index_cast %at64 : i64 to index
      %at32 = arith.index_cast %at : index to i32
      memref.store %t32, %rows[%at] : memref<?xi32>
      memref.store %w, %row_weights[%at] : memref<?xf32>
      memref.store %at32, %places[%t, %i] : memref<?x?xi32>
      %after = arith.addi %at64, %one64 : i64
      memref.store %after, %next[%e] : memref<?xi64>
    }
  }
  return
}

// Columns [column, column + 16) of the sum of a token's rows along the tree; lanes outside `mask` are zero.
func.func private @combine_rows(%input: memref<?x?xf32>, %places: memref<?x?xi32>, %merges: memref<?x?xi32>,
                                %token: index, %top_k: index, %column: index, %mask: vector<16xi1>,
                                %stack: memref<?x16xf32>) -> vector<16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %height = scf.for %i = %c0 to %top_k step %c1 iter_args(%h = %c0) -> index {
    %place = memref.load %places[%token, %i] : memref<?x?xi32>
    %row = arith.index_cast %place : i32 to index
    %v = vector.maskedload %input[%row, %column], %mask, %zero : memref<?x?xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
    %count32 = memref.load %merges[%token, %i] : memref<?x?xi32>
    %count = arith.index_cast %count32 : i32 to index
    %merged:2 = scf.for %m = %c0 to %count step %c1 iter_args(%top = %h, %right = %v) -> (index, vector<16xf32>) {
      %below = arith.subi %top, %c1 : index
      %left = vector.load %stack[%below, %c0] : memref<?x16xf32>, vector<16xf32>
      %sum = arith.addf %left, %right : vector<16xf32>
      scf.yield %below, %sum : index, vector<16xf32>
    }
    vector.store %merged#1, %stack[%merged#0, %c0] : memref<?x16xf32>, vector<16xf32>
    %next = arith.addi %merged#0, %c1 : index
    scf.yield %next : index
  }
  %result = vector.load %stack[%c0, %c0] : memref<?x16xf32>, vector<16xf32>
  return %result : vector<16xf32>
}
