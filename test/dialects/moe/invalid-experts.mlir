// RUN: moe-opt %s --split-input-file --verify-diagnostics

// Experts: one function for each constraint, named after the operation and the id in its description.

func.func @route_c1(%l: tensor<?x4xf32>) {
  // expected-error @below {{expected the logits to be 8 wide (experts of the routing), got 4}}
  %r = moe.route sigmoid %l : (tensor<?x4xf32>) -> !moe.routing<experts = 8, top_k = 2>
  return
}

// -----

func.func @route_c2(%l: tensor<?x8xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{expected the bias to be 8 wide (experts of the routing), got 4}}
  %r = moe.route sigmoid %l bias %b : (tensor<?x8xf32>, tensor<4xf32>) -> !moe.routing<experts = 8, top_k = 2>
  return
}

// -----

func.func @route_c3(%l: tensor<?x8xf32>) {
  // expected-error @below {{expected groups to divide the experts, got 3 groups of 8}}
  %r = moe.route sigmoid %l groups <count = 3, keep = 1, by = max> : (tensor<?x8xf32>) -> !moe.routing<experts = 8, top_k = 2>
  return
}

// -----

func.func @route_c4(%l: tensor<?x8xf32>) {
  // expected-error @below {{expected the kept groups to hold top_k 3 experts, got 1 groups of 2}}
  %r = moe.route sigmoid %l groups <count = 4, keep = 1, by = max> : (tensor<?x8xf32>) -> !moe.routing<experts = 8, top_k = 3>
  return
}

// -----

func.func @route_c5(%l: tensor<?x8xf32>) {
  // expected-error @below {{expected groups of at least two experts for top2_sum}}
  %r = moe.route sigmoid %l groups <count = 8, keep = 4, by = top2_sum> : (tensor<?x8xf32>) -> !moe.routing<experts = 8, top_k = 2>
  return
}

// -----

func.func @expert_linear_c1(%x: tensor<?x4xf32>, %w: tensor<2x5x4xf32>, %r: !moe.routing<experts = 3, top_k = 2>) {
  // expected-error @below {{expected a matrix for each of 3 experts (based on the routing), got 2}}
  %y = moe.expert_linear %x, %w of %r
      : (tensor<?x4xf32>, tensor<2x5x4xf32>, !moe.routing<experts = 3, top_k = 2>) -> tensor<?x5xf32>
  return
}

// -----

func.func @expert_linear_c2(%x: tensor<?x6xf32>, %w: tensor<3x5x4xf32>, %r: !moe.routing<experts = 3, top_k = 2>) {
  // expected-error @below {{expected the input to be 4 wide (K of the weight), got 6}}
  %y = moe.expert_linear %x, %w of %r
      : (tensor<?x6xf32>, tensor<3x5x4xf32>, !moe.routing<experts = 3, top_k = 2>) -> tensor<?x5xf32>
  return
}

// -----

func.func @expert_linear_c3(%x: tensor<?x4xf32>, %w: tensor<3x5x4xf32>, %r: !moe.routing<experts = 3, top_k = 2>) {
  // expected-error @below {{expected the result to be 5 wide (N of the weight), got 6}}
  %y = moe.expert_linear %x, %w of %r
      : (tensor<?x4xf32>, tensor<3x5x4xf32>, !moe.routing<experts = 3, top_k = 2>) -> tensor<?x6xf32>
  return
}
