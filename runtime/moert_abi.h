/*===- moert_abi.h - What generated code and the runtime say to each other --===
 *
 * The object file that `moec compile` emits exports one symbol, `moec_model`, and calls one function,
 * `moert_graph_submit`. Everything in between is data of the types below. The same layout is built as LLVM
 * constants by codegen/host; change both together and raise MOERT_ABI_VERSION.
 *
 *===----------------------------------------------------------------------===*/
#ifndef MOEC_RUNTIME_MOERT_ABI_H
#define MOEC_RUNTIME_MOERT_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOERT_ABI_VERSION 3

/* One step in flight: the pool that runs it, its arena and the graphs submitted so far. */
typedef struct moert_context moert_context;

/* A task is one kernel applied to one tile. `args` are the arguments of the graph: pointers and extents as
 * 64-bit integers, the same for all its nodes. `scratch` is private to the worker, 64-byte aligned and
 * `moert_model.scratch_bytes` long. A task cannot fail. */
typedef void (*moert_task_fn)(const int64_t *args, int64_t row_tile,
                              int64_t col_tile, void *scratch);

/* What the rows of a kernel are. It decides how many row tiles a node has in this step. `extent` stands for
 * args[rows_arg]: the tokens of the step, the rows whose logits are wanted, … */
enum {
  MOERT_ROWS_ONE = 0,    /* one row tile, whatever the step holds */
  MOERT_ROWS_EXTENT = 1, /* ceil(extent / row_tile) */
  /* Rows ordered by expert. A tile never holds two experts, so how many tiles there are is known only once the tokens
   * are routed; a node has min(extent, floor(extent / row_tile) + experts) tiles, and those beyond the true number
   * return at once. */
  MOERT_ROWS_ROUTED = 2,
};

/* How a task finds the tiles it waits for. */
enum {
  MOERT_WAIT_ALL = 0, /* all tiles of the producer */
  MOERT_WAIT_ROWS = 1 /* all column tiles of the producer's row tiles that cover the rows of this task; both nodes have
                         the same `rows` and the same extent. Between ROUTED nodes of one row_tile: the same row tile. */
};

typedef struct moert_wait {
  uint32_t producer; /* index of a node of the same graph, lower than the waiting node's */
  uint32_t form;     /* MOERT_WAIT_* */
} moert_wait;

/* What a parameter of a device kernel is made of. */
enum {
  MOERT_PARAM_ARGUMENT = 0, /* args[value] of the graph: a pointer or an extent */
  MOERT_PARAM_CONSTANT = 1, /* `value` itself; of 4 bytes: its low half */
  MOERT_PARAM_SCRATCH = 2,  /* the device's scratch memory */
};

typedef struct moert_param {
  uint32_t kind;  /* MOERT_PARAM_* */
  uint32_t bytes; /* 4 or 8 */
  int64_t value;
} moert_param;

/* A function of a device module, and the grid it wants: (col_tiles, row tiles, depth) blocks of `threads` threads. Row tiles
 * are counted as of a node, with this `row_tile` where rows are an EXTENT. */
typedef struct moert_kernel {
  const char *name;
  uint32_t module;        /* index of moert_model.modules */
  uint32_t most_rows;     /* for extents of at most this; 0: for all */
  uint32_t threads;
  uint32_t row_tile;
  uint32_t col_tiles;
  uint32_t position_tile; /* depth = ceil((greatest position of the step + 1) / position_tile); 0: 1 */
} moert_kernel;

/* How a node is run on a device: by the first of its kernels that takes so many rows. All take the same parameters. */
typedef struct moert_launch {
  uint32_t num_kernels;
  uint32_t num_params;
  const moert_kernel *kernels;
  const moert_param *params;
} moert_launch;

typedef struct moert_node {
  const char *name; /* for traces, e.g. "moe_layer.gate_up" */
  moert_task_fn fn; /* null on a device */
  uint32_t rows;      /* MOERT_ROWS_* */
  uint32_t row_tile;  /* rows in a tile */
  uint32_t col_tiles; /* tasks in a row tile */
  uint32_t rows_arg;  /* the argument that is the extent; not for ONE */
  uint32_t experts;   /* ROUTED only, else 0 */
  uint32_t num_waits;
  const moert_wait *waits;
  const moert_launch *launch; /* null on the CPU */
} moert_node;

/* Nodes in topological order. A graph starts when the graph submitted before it in the step has completed. */
typedef struct moert_graph {
  const char *name;
  uint32_t num_nodes;
  uint32_t num_args;
  const moert_node *nodes;
} moert_graph;

/* The tokens of one step, of any mix of sequences. Tokens of one sequence are in order of position and all earlier
 * positions of it are in the caches or in this step. */
typedef struct moert_batch {
  int64_t num_tokens;         /* T, 1 .. max_tokens */
  int64_t num_outputs;        /* R, 0 .. T */
  const int32_t *tokens;      /* [T] ids, checked against the vocabulary by the caller */
  const int32_t *positions;   /* [T] */
  const int32_t *cache_rows;  /* [T] slot * max_context + position: the token's row in every cache */
  const int32_t *output_rows; /* [R] indices into the T tokens */
} moert_batch;

/* Enqueues one graph and returns; `args` is copied. Non-zero on failure (moert_last_error). */
int32_t moert_graph_submit(moert_context *ctx, const moert_graph *graph,
                           const int64_t *args);

/* Submits the graphs of one step. `caches` and `weights` are in the order of `moert_model`; `logits` is [R, vocab]. */
typedef int32_t (*moert_step_fn)(moert_context *ctx, const moert_batch *batch,
                                 void *arena, void *const *caches,
                                 const void *const *weights, float *logits);

/* A cache holds one row of `row_bytes` for each position of each slot: [max_sequences * max_context, row_bytes]. */
typedef struct moert_cache {
  const char *name; /* e.g. "layers.3.latent" */
  int64_t row_bytes;
} moert_cache;

typedef struct moert_weight {
  const char *name; /* e.g. "layers.3.gate_up" */
  int64_t offset;   /* in the weights section, a multiple of 64 */
  int64_t bytes;
} moert_weight;

/* Which rows of a step a cost is for. */
enum {
  MOERT_COST_TOKENS = 0, /* its tokens */
  MOERT_COST_OUTPUTS = 1 /* those whose logits are wanted */
};

/* What is spent on weights that are used in one way: a row uses `chosen` of their `choices` equal parts. That is top_k of
 * the experts, one row of an embedding, and 1 of 1 of most weights. Figures of performance are derived from it, no result. */
typedef struct moert_cost {
  uint32_t rows; /* MOERT_COST_* */
  uint32_t reserved;
  int64_t choices;
  int64_t chosen;
  int64_t bytes;         /* of all choices; a step reads at most each of them once */
  int64_t multiply_adds; /* of one row, in matrix products */
} moert_cost;

/* Where the graphs of a model run. */
enum {
  MOERT_DEVICE_CPU = 0, /* on the threads of the process */
  MOERT_DEVICE_CUDA = 1 /* arena, caches, weights, logits and the arrays of a batch are in the memory of a GPU, and the nodes of
                           a step are launched one after another */
};

/* Device code: for CUDA a fatbin with the machine code of each architecture and the PTX it came from. */
typedef struct moert_module {
  const char *name;
  const void *image;
  int64_t bytes;
} moert_module;

typedef struct moert_model {
  uint32_t abi_version; /* MOERT_ABI_VERSION */
  uint32_t num_caches;
  uint32_t num_weights;
  uint32_t num_costs;
  const char *name;         /* e.g. "tiny-deepseek-v3" */
  const char *model_type;   /* e.g. "deepseek_v3" */
  const char *target;       /* e.g. "cpu sapphirerapids" */
  const char *features;     /* CPU features the code uses, e.g. "avx2,fma,f16c" ; checked before the first step */
  const char *weights_id;   /* must equal the bundle's "id"; empty: any weights of the right size will do */
  int64_t vocab;            /* V */
  int64_t max_tokens;       /* T of a step at most; longer prompts are split */
  int64_t max_sequences;    /* slots */
  int64_t max_context;      /* positions of a slot */
  int64_t arena_bytes;
  int64_t scratch_bytes;
  int64_t weights_bytes;    /* length of the weights section */
  int64_t attention_multiply_adds; /* of a token for each position that it attends to, all layers */
  int64_t attention_bytes;         /* read from the caches for each position that is attended to */
  const moert_cache *caches;
  const moert_weight *weights;
  const moert_cost *costs;
  moert_step_fn step;
  uint32_t device; /* MOERT_DEVICE_* */
  uint32_t num_modules;
  const moert_module *modules;
} moert_model;

/* Defined by the generated object. */
extern const moert_model moec_model;

#ifdef __cplusplus
}
#endif

#endif /* MOEC_RUNTIME_MOERT_ABI_H */
