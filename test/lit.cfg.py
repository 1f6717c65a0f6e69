# Configuration of the lit tests; see lit.site.cfg.py.in for what CMake fills in.
import ctypes
import os
import shutil
import subprocess
import tempfile

import lit.formats
from lit.llvm import llvm_config

config.name = "moec"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "corpus", "CMakeLists.txt", "data", "unit"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.moec_binary_dir, "test")

llvm_config.use_default_substitutions()
llvm_config.add_tool_substitutions(
    ["moe-opt", "moe-translate", "moec", "mlir-runner"],
    [config.moec_tools_dir, config.llvm_tools_dir],
)
config.substitutions.append(("%models", os.path.join(config.test_source_root, "data", "models")))
config.substitutions.append(("%examples", os.path.join(os.path.dirname(config.test_source_root), "examples")))
config.substitutions.append(("%llvm_lib", os.path.join(os.path.dirname(config.llvm_tools_dir), "lib")))
config.substitutions.append(("%llvm_tools", config.llvm_tools_dir))
config.substitutions.append(("%build", config.moec_binary_dir))
config.substitutions.append(("%python", config.python_executable))
config.environment["FILECHECK_OPTS"] = "-enable-var-scope"
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

# CUDA kernels are compiled where NVRTC is found (codegen/cuda/Nvrtc.cpp looks in the same places) and run on the simulated driver;
# with MOEC_TEST_GPU=sm_XX on the GPU of this machine, for which they are compiled then.
def find_nvrtc():
    paths = [os.environ["MOEC_NVRTC"]] if "MOEC_NVRTC" in os.environ else [
        folder + name
        for folder in [os.path.join(os.environ[home], lib) for home in ("CUDA_HOME", "CUDA_PATH") if home in os.environ
                       for lib in ("lib64/", "lib/")] + ["", "/usr/local/cuda/lib64/", "/usr/local/cuda/lib/"]
        for name in ("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so")]
    for path in paths:
        try:
            return ctypes.CDLL(path)
        except OSError:
            pass
    return None


for name in ("MOEC_NVRTC", "CUDA_HOME", "CUDA_PATH", "HOME"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
simulator = os.path.join(config.moec_binary_dir, "lib", "libcudasim.so")
config.substitutions.append(("%simulator", simulator))
if os.path.exists(simulator):
    config.available_features.add("simulator")
gpu = os.environ.get("MOEC_TEST_GPU")
if find_nvrtc():
    config.available_features.add("nvrtc")
    if gpu or os.path.exists(simulator):
        config.available_features.add("cuda")
if gpu:
    config.available_features.add("gpu")
config.substitutions.append(("%gpu_arch", gpu or "sm_90a"))
config.substitutions.append(("%gpu", "env" if gpu else f"env MOEC_CUDA_DRIVER={simulator}"))

# Random LLVM IR becomes PTX where LLVM was built with that target.
llc = os.path.join(config.llvm_tools_dir, "llc")
if os.path.exists(llc) and "nvptx64" in subprocess.run([llc, "--version"], capture_output=True, text=True).stdout:
    config.available_features.add("nvptx")

# Programs are compiled with nvcc and its headers where there is a toolkit.
for folder in [os.path.join(os.environ[home], "bin") for home in ("CUDA_HOME", "CUDA_PATH") if home in os.environ] + [
        None, "/usr/local/cuda/bin"]:
    nvcc = shutil.which("nvcc", path=folder)
    if nvcc:
        config.available_features.add("nvcc")
        config.substitutions.append(("%nvcc", nvcc))
        break

# Tests of full disks mount small file systems.
with tempfile.TemporaryDirectory() as folder:
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mount.returncode == 0:
        subprocess.run(["umount", folder], check=True)
        config.available_features.add("mount")

# A sanitized runtime makes executables several times as large.
if config.sanitizers:
    config.available_features.add("sanitized")

# `test/run.sh --full`.
if os.environ.get("MOEC_TEST_FULL"):
    config.available_features.add("full")
