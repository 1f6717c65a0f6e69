/*===- moert.h - The runtime's C API: embed a compiled model ----------------===
 *
 * Link the object that the compiler writes with libmoert and the support
 * library, then:
 *
 *   moert_options options = {0};
 *   options.weights_path = "model.weights";
 *   moert_session *session = NULL;
 *   if (moert_session_create(&moec_model, &options, &session))
 *     die(moert_last_error());
 *   ...fill a moert_batch...
 *   if (moert_step(session, &batch, logits))
 *     die(moert_last_error());
 *   moert_session_destroy(session);
 *
 * Functions that can fail return zero on success; otherwise moert_last_error()
 * tells what was wrong. A session is used by one thread at a time.
 *
 *===----------------------------------------------------------------------===*/
#ifndef MOEC_RUNTIME_MOERT_H
#define MOEC_RUNTIME_MOERT_H

#include "runtime/moert_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An open model: its weights, caches, arena, and the threads or the GPU that it
 * runs on. */
typedef struct moert_session moert_session;

/* Zero-initialise and set what differs from the defaults. */
typedef struct moert_options {
  uint32_t threads; /* 0: one for each physical core that the process may use */
  const char *weights_path; /* a bundle with the weights; null: in or beside the
                               executable */
  const char *executable_path; /* where the bundle is appended; null: the
                                  running program */
  const char *device; /* number of the GPU for a model that runs on one; null:
                         what MOEC_CUDA_DEVICE says, or 0 */
} moert_options;

/* What the session has done so far; all but `stalls` and
 * `wait_ns` the same in every run. */
typedef struct moert_counters {
  uint64_t steps;
  uint64_t graphs;
  uint64_t tasks; /* tiles; on a device the blocks of all launches */
  uint64_t
      waits; /* waits of the tasks that were run, satisfied at once or not */
  uint64_t all_waits; /* nodes' waits for all tiles of another, once for each
                         time that the graph was submitted */
  uint64_t stalls;    /* waits that were not satisfied at the first look */
  uint64_t
      joins; /* times that all tasks in flight were waited for: once a step */
  uint64_t wait_ns; /* nanoseconds that threads with work to do in the step spent
                       waiting for each other, all threads together */
  /* Of a device; on the CPU they stay 0. */
  uint64_t launches;
  uint64_t copied_bytes; /* between the memories of process and device, without
                            the weights */
  uint64_t synchronisations; /* times that the process waited for the device:
                                once a step */
} moert_counters;

/* Checks that the model fits this runtime, this CPU and its GPU, maps its weights
 * or brings them to the GPU, and reserves its memory. */
int32_t moert_session_create(const moert_model *model,
                             const moert_options *options,
                             moert_session **session);

/* Null is allowed. */
void moert_session_destroy(moert_session *session);

/* Runs one step and writes `logits` [batch->num_outputs, vocab]. The batch is
 * checked: ids within the vocabulary, positions within the context, no gap
 * before a position. */
int32_t moert_step(moert_session *session, const moert_batch *batch,
                   float *logits);

/* A section of the executable's bundle, e.g. "tokenizer.json"; an error if
 * there is none. It lives as long as the session. */
int32_t moert_session_section(const moert_session *session, const char *name,
                              const void **data, uint64_t *bytes);

void moert_session_counters(const moert_session *session,
                            moert_counters *counters);

/* The message of this thread's last failed call. */
const char *moert_last_error(void);

#ifdef __cplusplus
}
#endif

#endif /* MOEC_RUNTIME_MOERT_H */
