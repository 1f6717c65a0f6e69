#!/usr/bin/env python3
"""Runs the functions of generate.py on the simulator and on the host and compares what they leave, bit for bit; a NaN equals a NaN."""
import argparse
import ctypes
import os
import subprocess
import sys

import generate

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from driver import Simulator  # noqa: E402

BLOCKS, THREADS = 2, 64
ALL = BLOCKS * THREADS
QUIET = {"half": (0x7c00, 0x3ff), "bfloat": (0x7f80, 0x7f), "float": (0x7f800000, 0x7fffff), "double": (0x7ff << 52, (1 << 52) - 1)}


def value(data, at, kind):
    """The bits of an output, one pattern for all NaNs."""
    bits = int.from_bytes(data[at:at + generate.BITS[kind] // 8], "little")
    if kind in QUIET:
        exponent, mantissa = QUIET[kind]
        if bits & exponent == exponent and bits & mantissa:
            return "nan"
    return f"0x{bits:0{generate.BITS[kind] // 4}x}"


def compile_module(options, seed, functions):
    """PTX, shared library and types of outputs; the files stay for whoever looks for a difference."""
    device, host, outputs = generate.generate(seed, functions)
    stem = os.path.join(options.folder, f"seed{seed}")
    for suffix, text in ((".device.ll", device), (".host.ll", host)):
        with open(stem + suffix, "w", encoding="utf-8") as file:
            file.write(text)
    llc = os.path.join(options.tools, "llc")
    level = f"-O{options.levels[seed % len(options.levels)]}"
    subprocess.run([llc, level, "-fp-contract=off", "-mtriple=nvptx64-nvidia-cuda", "-mcpu=" + options.arch, stem + ".device.ll", "-o",
                    stem + ".ptx"], check=True)
    # The plainest CPU: vcvtneps2bf16 of newer ones takes subnormal numbers for zero.
    subprocess.run([llc, "-O1", "-relocation-model=pic", "-filetype=obj", stem + ".host.ll", "-o", stem + ".o"], check=True)
    clang = os.path.join(options.tools, "clang")
    subprocess.run([clang if os.path.exists(clang) else "cc", "-shared", stem + ".o", "-lm", "-o", stem + ".so"], check=True)
    with open(stem + ".ptx", "rb") as file:
        return file.read(), ctypes.CDLL(os.path.abspath(stem + ".so")), outputs


def compare(options, simulator, seed, functions):
    """The number of functions of a seed that differ; each difference is printed."""
    ptx, library, outputs = compile_module(options, seed, functions)
    module = simulator.load(ptx)
    source = generate.inputs(seed, ALL)
    blank, scratch = bytes(generate.OUT_BYTES * ALL), generate.inputs(seed + 1, ALL)[:generate.SCRATCH_BYTES * ALL]
    differing = 0
    for index in range(functions):
        _, out, after = simulator.run(module, f"k{index}", [source, blank, scratch], BLOCKS, THREADS)
        buffers = [ctypes.create_string_buffer(data, len(data)) for data in (source, blank, scratch)]
        getattr(library, f"k{index}")(*buffers, ctypes.c_int64(ALL))
        want, want_after = buffers[1].raw, buffers[2].raw
        found = []
        for thread in range(ALL):
            for slot, kind in enumerate(outputs[index]):
                at = generate.OUT_BYTES * thread + 8 * slot
                pair = value(out, at, kind), value(want, at, kind)
                if pair[0] != pair[1]:
                    found.append(f"thread {thread}, output {slot} ({kind}): simulator {pair[0]}, host {pair[1]}")
            start, end = generate.SCRATCH_BYTES * thread, generate.SCRATCH_BYTES * (thread + 1)
            if after[start:end] != want_after[start:end]:
                found.append(f"thread {thread}, scratch: simulator {after[start:end].hex()}, host {want_after[start:end].hex()}")
        if found:
            differing += 1
            print(f"seed {seed}, f{index}: {len(found)} differences, the first: {found[0]}")
    simulator.call("cuModuleUnload", module)
    return differing


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", required=True, help="folder of llc and clang")
    parser.add_argument("--simulator", required=True, help="libcudasim.so")
    parser.add_argument("--folder", required=True, help="for IR, PTX and libraries")
    parser.add_argument("--arch", default="sm_80")
    parser.add_argument("--seed", type=int, default=0, help="of the first module")
    parser.add_argument("--modules", type=int, default=1)
    parser.add_argument("--functions", type=int, default=20, help="of a module")
    parser.add_argument("--levels", default="20", help="levels of optimisation that modules take in turn")
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    simulator = Simulator(options.simulator)
    differing = sum(compare(options, simulator, options.seed + i, options.functions) for i in range(options.modules))
    print(f"{options.modules * options.functions} functions compared, {differing} differ")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
