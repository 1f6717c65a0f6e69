#!/usr/bin/env bash
# Installs what is missing on Debian 12 and builds moec. Sourced by examples/demo.sh and test/run.sh; a second run takes seconds.
#
#   MOEC_BUILD   build folder (default: build/PRESET)
#   MOEC_PRESET  release (default), debug or asan

set -euo pipefail
MOEC_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
MOEC_PRESET="${MOEC_PRESET:-release}"
MOEC_BUILD="${MOEC_BUILD:-$MOEC_ROOT/build/$MOEC_PRESET}"

packages=(
  build-essential cmake ninja-build ccache pkg-config python3
  libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools lld-22 liblld-22-dev
  nlohmann-json3-dev libcli11-dev libpcre2-dev libutf8proc-dev libgtest-dev libbenchmark-dev
)

install_packages() {
  local missing=()
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    echo "moec needs these packages; install them or run this as root: ${missing[*]}" >&2
    exit 1
  fi
  echo "installing ${missing[*]}" >&2
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

build_moec() {
  if [ ! -f "$MOEC_BUILD/build.ninja" ]; then
    cmake --preset "$MOEC_PRESET" -S "$MOEC_ROOT" -B "$MOEC_BUILD" >&2
  fi
  ninja -C "$MOEC_BUILD" "$@" >&2
}

install_packages
