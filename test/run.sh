#!/usr/bin/env bash
# Builds moec and runs its tests; the last line is `N passed, N failed`.
#
#   bash test/run.sh           what every change must pass, minutes
#   bash test/run.sh --full    the whole matrix: threads, chunks, perplexity, every dump taken further
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/setup.sh"
if [ "${1:-}" = "--full" ]; then
  export MOEC_TEST_FULL=1
elif [ $# -gt 0 ]; then
  echo "usage: bash test/run.sh [--full]" >&2
  exit 2
fi
build_moec all

# LLVM's libraries are not instrumented: what instrumented code poisons in their vectors and allocators they do not unpoison,
# and what they never free on purpose looks leaked.
export ASAN_OPTIONS="detect_container_overflow=0:allow_user_poisoning=0:detect_leaks=0:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
exec python3 "$MOEC_ROOT/test/run.py" "$MOEC_BUILD"
