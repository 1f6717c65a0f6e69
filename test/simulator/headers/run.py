#!/usr/bin/env python3
"""Compiles the programs NAME.cu of this folder with nvcc, runs their kernels on the simulator and compares with what NAME.py computes.

NAME.py has LAUNCHES, a list of Launch.
"""
import argparse
import importlib
import os
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from driver import Simulator  # noqa: E402


def compile_program(options, name):
    """The PTX, compiled as a user would for this architecture."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".cu")
    output = os.path.join(options.folder, f"{name}-{options.arch}.ptx")
    subprocess.run([options.nvcc, "-ptx", "-std=c++17", "-O3", "-arch=" + options.arch, "--expt-relaxed-constexpr", "--extended-lambda",
                    "-lineinfo", "-diag-suppress=20054", source, "-o", output], check=True)
    with open(output, "rb") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nvcc", required=True)
    parser.add_argument("--simulator", required=True, help="libcudasim.so")
    parser.add_argument("--folder", required=True, help="for the PTX")
    parser.add_argument("--arch", default="sm_80")
    parser.add_argument("--kernel", help="this one alone")
    parser.add_argument("programs", nargs="+")
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    os.environ["MOEC_CUDASIM_ARCH"] = options.arch
    os.environ.setdefault("MOEC_CUDASIM_CHECKS", "all")
    simulator = Simulator(options.simulator)
    compared = differing = 0
    for name in options.programs:
        start = time.time()
        module = simulator.load(compile_program(options, name))
        middle = time.time()
        for launch in importlib.import_module(name).LAUNCHES:
            if options.kernel not in (None, launch.kernel):
                continue
            buffers = simulator.run(module, launch.kernel, launch.arguments, launch.grid, launch.block, launch.cooperative)
            found = launch.differences(buffers)
            compared += 1
            differing += bool(found)
            for line in found[:3]:
                print(f"{name}.cu, {launch.kernel}: {len(found)} differences: {line}")
        simulator.call("cuModuleUnload", module)
        print(f"{name}: compiled in {middle - start:.1f} s, run in {time.time() - middle:.1f} s", file=sys.stderr)
    print(f"{options.arch}: {compared} launches compared, {differing} differ")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
