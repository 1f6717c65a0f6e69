#!/usr/bin/env python3
"""Prefill and decode rates of whole models beside the machine's limit, and beside llama.cpp's.

    benchmarks/models.py --moec build/release/bin/moec --work /tmp/bench
    benchmarks/models.py --moec … --work /tmp/bench --models moe-2b --weights bf16,q4 --threads 2
    benchmarks/models.py --moec … --work /tmp/bench --llama-bench PATH/llama-bench --gguf FOLDER

The models have random weights, which costs the same as real ones: `moec synth` makes them from configs/NAME/config.json.
Checkpoints and executables stay in the --work folder (10 GB for all) and are made again only with --fresh. Runs of
everything that is compared are interleaved, round by round, and the best of each is taken, because a shared machine is
not the same from one minute to the next; README.md says how the limit is reckoned.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGS = os.path.join(HERE, "configs")
# Weights of an executable: options of `moec compile`, and how llama.cpp calls what compares.
WEIGHTS = {"bf16": ([], "BF16"), "q8": (["--quantize", "q8"], "Q8_0"), "q4": (["--quantize", "q4"], "Q4_0")}


def run(command):
    """The standard output of a command, or an error with its last words."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if result.returncode:
        words = (result.stderr.strip() or result.stdout.strip() or "no message").splitlines()[-1]
        raise RuntimeError(f"{os.path.basename(command[0])} {' '.join(command[1:])}: {words}")
    return result.stdout


def note(text):
    print(text, file=sys.stderr, flush=True)


class Ours:
    """An executable of moec."""

    name = "moec"

    def __init__(self, options, model, weights):
        self.options, self.model, self.weights = options, model, weights
        self.app = os.path.join(options.work, f"{model}-{weights}")

    def prepare(self):
        checkpoint = os.path.join(self.options.work, self.model)
        if not os.path.exists(checkpoint):
            note(f"making {checkpoint}")
            config = os.path.join(CONFIGS, self.model, "config.json")
            run([self.options.moec, "synth", config, "-o", checkpoint])
        if not os.path.exists(self.app):
            note(f"compiling {self.app}")
            run([self.options.moec, "compile", checkpoint, "-o", self.app, *WEIGHTS[self.weights][0]])

    def measure(self, threads):
        o = self.options
        text = run([self.app, "--bench", f"pp={o.pp},tg={o.tg}", "--json", "--threads", str(threads),
                    "--repetitions", str(o.repetitions)])
        return {phase["name"]: {"rate": phase["tokens_per_second"], "median": phase["tokens_per_second_median"],
                                "limit": phase["limit_tokens_per_second"], "waiting": phase["waiting_share"]}
                for phase in json.loads(text)["phases"]}


class LlamaCpp:
    """A GGUF file under llama-bench."""

    name = "llama.cpp"

    def __init__(self, options, model, weights):
        self.options = options
        self.file = os.path.join(options.gguf, f"{model}-{WEIGHTS[weights][1]}.gguf")

    def prepare(self):
        if not os.path.exists(self.file):
            raise RuntimeError(f"{self.file} is missing")

    def measure(self, threads):
        o = self.options
        text = run([o.llama_bench, "-m", self.file, "-t", str(threads), "-p", str(o.pp), "-n", str(o.tg),
                    "-r", str(o.repetitions), "-o", "json"])
        phases = {}
        for test in json.loads(text):
            name = f"pp{test['n_prompt']}" if test["n_prompt"] else f"tg{test['n_gen']}"
            samples = sorted(test["samples_ts"])
            phases[name] = {"rate": samples[-1], "median": samples[len(samples) // 2]}
        return phases


def merge(best, new):
    """The best rate and the greatest limit seen; the rest belongs to the best rate."""
    if best is None:
        return dict(new)
    limit = max(best.get("limit", 0), new.get("limit", 0))
    winner = dict(new if new["rate"] > best["rate"] else best)
    return winner | {"limit": limit} if limit else winner


def measure_all(options):
    """{(model, weights, threads, program): {phase: figures}}, and what could not be run."""
    programs, problems = [], []
    for model in options.models:
        for weights in options.weights:
            for kind in [Ours] + ([LlamaCpp] if options.llama_bench else []):
                program = kind(options, model, weights)
                try:
                    program.prepare()
                    programs.append((model, weights, program))
                except RuntimeError as error:
                    problems.append(f"{model} {weights} {kind.name}: {error}")
    results = {}
    for number in range(options.rounds):
        for model, weights, program in programs:
            for threads in options.threads:
                note(f"round {number + 1} of {options.rounds}: {model} {weights} {program.name}, {threads} threads")
                entry = results.setdefault((model, weights, threads, program.name), {})
                try:
                    for phase, figures in program.measure(threads).items():
                        entry[phase] = merge(entry.get(phase), figures)
                except RuntimeError as error:
                    problems.append(f"{model} {weights} {program.name}: {error}")
    return results, problems


def table(results, phases):
    yield "| model | weights | threads | phase | tokens/s | median | limit | of limit | waiting | llama.cpp | ratio |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for model, weights, threads, program in results:
        if program != Ours.name:
            continue
        peer = results.get((model, weights, threads, LlamaCpp.name), {})
        for phase in phases:
            ours = results[model, weights, threads, program].get(phase)
            if not ours:
                continue
            other = peer.get(phase)
            beside = (f"{other['rate']:.1f}", f"{ours['rate'] / other['rate']:.2f}") if other else ("", "")
            yield (f"| {model} | {weights} | {threads} | {phase} | {ours['rate']:.1f} | {ours['median']:.1f} | "
                   f"{ours['limit']:.1f} | {ours['rate'] / ours['limit']:.0%} | {ours['waiting']:.1%} | "
                   f"{beside[0]} | {beside[1]} |")


def choices(allowed):
    def parse(text):
        values = text.split(",")
        for value in values:
            if value not in allowed:
                raise argparse.ArgumentTypeError(f"'{value}' is none of {', '.join(allowed)}")
        return values
    return parse


def main():
    models = sorted(os.listdir(CONFIGS))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moec", required=True, help="the compiler")
    parser.add_argument("--work", required=True, help="folder for checkpoints and executables")
    parser.add_argument("--models", type=choices(models), default=models, help=f"of {','.join(models)}")
    parser.add_argument("--weights", type=choices(WEIGHTS), default=list(WEIGHTS), help=f"of {','.join(WEIGHTS)}")
    parser.add_argument("--threads", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2])
    parser.add_argument("--pp", type=int, default=512, help="tokens of the prompt")
    parser.add_argument("--tg", type=int, default=64, help="tokens generated")
    parser.add_argument("--repetitions", type=int, default=3, help="of each phase in a run")
    parser.add_argument("--rounds", type=int, default=2, help="runs of everything, interleaved")
    parser.add_argument("--fresh", action="store_true", help="compile again")
    parser.add_argument("--json", help="write all figures to this file")
    parser.add_argument("--llama-bench", help="llama.cpp's llama-bench, to print its figures beside ours")
    parser.add_argument("--gguf", help="folder of NAME-BF16.gguf, NAME-Q8_0.gguf, NAME-Q4_0.gguf for it")
    options = parser.parse_args()
    if bool(options.llama_bench) != bool(options.gguf):
        parser.error("--llama-bench and --gguf belong together")
    os.makedirs(options.work, exist_ok=True)
    if options.fresh:
        for model in options.models:
            for weights in options.weights:
                for suffix in ("", ".weights"):
                    path = os.path.join(options.work, f"{model}-{weights}{suffix}")
                    if os.path.exists(path):
                        os.remove(path)

    results, problems = measure_all(options)
    print("\n".join(table(results, [f"pp{options.pp}", f"tg{options.tg}"])))
    for problem in problems:
        print(f"not measured: {problem}")
    if options.json:
        keyed = [dict(zip(("model", "weights", "threads", "program"), key), phases=value)
                 for key, value in results.items()]
        with open(options.json + ".tmp", "w") as file:
            json.dump(keyed, file, indent=1)
        shutil.move(options.json + ".tmp", options.json)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
