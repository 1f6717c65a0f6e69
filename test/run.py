"""Runs all suites of a build folder and adds up their results.

Unit tests are GoogleTest programs named moec-unit-*, the others are lit tests. A suite that dies without a report counts as
one failure.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile


def run_unit(program):
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        result = subprocess.run(
            [program, "--gtest_brief=1", f"--gtest_output=json:{report.name}"], check=False)
        try:
            data = json.load(open(report.name, encoding="utf-8"))
        except ValueError:
            print(f"{os.path.basename(program)}: died with status {result.returncode}")
            return 0, 1
    skipped = [f"{suite['name']}.{case['name']}" for suite in data["testsuites"]
               for case in suite["testsuite"] if case["result"] == "SKIPPED"]
    for name in skipped:
        print(f"skipped: {name}")
    failed = data["failures"]
    if result.returncode != 0 and failed == 0:
        failed = 1
    return data["tests"] - data["failures"] - len(skipped), failed


def run_lit(build):
    report = os.path.join(build, "test", "lit.json")
    if os.path.exists(report):
        os.remove(report)
    result = subprocess.run(
        ["/usr/lib/llvm-22/bin/lit", "-s", "-v", "--output", report, os.path.join(build, "test")], check=False)
    try:
        tests = json.load(open(report, encoding="utf-8"))["tests"]
    except (OSError, ValueError):
        print(f"lit died with status {result.returncode}")
        return 0, 1
    passed = failed = 0
    for test in tests:
        if test["code"] in ("PASS", "XFAIL"):
            passed += 1
        elif test["code"] == "UNSUPPORTED":
            print(f"skipped: {test['name']}: {test['output'].strip()}")
        else:
            failed += 1
    return passed, failed


# Suites that are built only where something is found.
OPTIONAL = {"moec-unit-device": "CUDA device code: NVRTC was not found when the build was configured"}


def main():
    build = sys.argv[1]
    passed = failed = 0
    for name, reason in OPTIONAL.items():
        if not os.path.exists(os.path.join(build, "bin", name)):
            print(f"skipped: {name}: {reason}")
    for program in sorted(glob.glob(os.path.join(build, "bin", "moec-unit-*"))):
        p, f = run_unit(program)
        print(f"{os.path.basename(program)}: {p} passed, {f} failed", flush=True)
        passed, failed = passed + p, failed + f
    p, f = run_lit(build)
    print(f"lit: {p} passed, {f} failed")
    passed, failed = passed + p, failed + f
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
