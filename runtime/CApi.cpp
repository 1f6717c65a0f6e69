//===- CApi.cpp - The runtime's C API -------------------------------------===//

#include "runtime/LastError.h"
#include "runtime/Session.h"
#include "runtime/moert.h"

using namespace moec;

struct moert_session {
  std::unique_ptr<Session> impl;
};

int32_t moert_session_create(const moert_model *model,
                             const moert_options *options,
                             moert_session **session) {
  *session = nullptr;
  Result<std::unique_ptr<Session>> opened =
      Session::open(*model, options ? *options : moert_options{});
  if (opened.ok())
    *session = new moert_session{std::move(*opened)};
  return toStatusCode(opened.status());
}

void moert_session_destroy(moert_session *session) { delete session; }

int32_t moert_step(moert_session *session, const moert_batch *batch,
                   float *logits) {
  return toStatusCode(session->impl->step(*batch, logits));
}

int32_t moert_session_section(const moert_session *session, const char *name,
                              const void **data, uint64_t *bytes) {
  Result<std::string_view> section = session->impl->files().section(name);
  *data = section.ok() ? section->data() : nullptr;
  *bytes = section.ok() ? section->size() : 0;
  return toStatusCode(section.status());
}

void moert_session_counters(const moert_session *session,
                            moert_counters *counters) {
  *counters = session->impl->counters();
}
