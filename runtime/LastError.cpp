//===- LastError.cpp - The message of the last failed call, per thread ----===//

#include "runtime/LastError.h"
#include "runtime/moert.h"

#include <string>

namespace {
thread_local std::string lastError;
} // namespace

int32_t moec::toStatusCode(const Status &status) {
  if (status.ok())
    return 0;
  lastError = status.message();
  return 1;
}

const char *moert_last_error(void) { return lastError.c_str(); }
