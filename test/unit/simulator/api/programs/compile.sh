#!/usr/bin/env bash
# Writes the PTX of kernels.cu beside it, as nvcc and clang compile it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
for arch in sm_80 sm_100a; do
  nvcc -ptx -arch=$arch kernels.cu -o nvcc-$arch.ptx
done
clang++-22 -x cuda --cuda-device-only -S --cuda-gpu-arch=sm_80 -O2 -Wno-unknown-cuda-version \
  --cuda-path="${CUDA_HOME:-/usr/local/cuda}" kernels.cu -o clang-sm_80.ptx
