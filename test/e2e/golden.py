"""Compares what an executable computes with the golden outputs of a model.

  golden.py model MODEL APP OUT     everything that must hold of the executable of a model; OUT is a prefix for its outputs
  golden.py gpu MODEL APP OUT       the same on a GPU, where there are no threads
  golden.py logits MODEL OUT        greatest difference of OUT's logits <= 1e-4 of the greatest logit
  golden.py four MODEL APP OUT      four sequences in a step have the bits that each has alone
  golden.py same A B                tensors equal bit for bit
  golden.py generate MODEL APP      greedy ids equal, for each generated_ids* of the model
"""

import array
import json
import os
import struct
import subprocess
import sys

TOLERANCE = 1e-4

# All tokens of a sequence in one step, then what must change no bit of it: one thread, fewer tokens in a step (one by one
# through the cache), another sequence in the same step.
REFERENCE = ["--threads", "2"]
VARIANTS = {
    "one": ["--threads", "1"],
    "chunk1": ["--threads", "2", "--chunk", "1"],
    "chunk3": ["--threads", "2", "--chunk", "3"],
    "chunk7": ["--threads", "1", "--chunk", "7"],
    "batch": ["--threads", "2", "--batch", "2", "--chunk", "5"],
}
# On a GPU few tokens go another way than many: 20 tokens are beyond it, 16 not.
GPU_VARIANTS = {
    "chunk1": ["--chunk", "1"],
    "chunk20": ["--chunk", "20"],
    "batch": ["--batch", "2", "--chunk", "16"],
}


def read(path):
    """{name: (dtype, shape, bytes)} of a safetensors file."""
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    body = data[8 + length:]
    return {name: (entry["dtype"], entry["shape"], body[entry["data_offsets"][0]:entry["data_offsets"][1]])
            for name, entry in header.items() if name != "__metadata__"}


def write_ids(path, rows):
    """A safetensors file of `input_ids`."""
    body = array.array("q", sum(rows, [])).tobytes()
    entry = {"dtype": "I64", "shape": [len(rows), len(rows[0])], "data_offsets": [0, len(body)]}
    header = json.dumps({"input_ids": entry}).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header + body)


def values(tensor):
    dtype, _, data = tensor
    return array.array({"F32": "f", "I64": "q"}[dtype], data)


def check_logits(model, out):
    expected = read(os.path.join(model, "golden.safetensors"))["logits"]
    found = read(out)["logits"]
    if expected[1] != found[1]:
        return f"expected logits of shape {expected[1]}, found {found[1]}"
    pairs = list(zip(values(expected), values(found)))
    worst = max(abs(a - b) if b == b else float("inf") for a, b in pairs)
    bound = TOLERANCE * max(abs(a) for a, _ in pairs)
    print(f"greatest difference {worst:.3g}, bound {bound:.3g}")
    return None if worst <= bound else "the logits differ"


def check_same(a, b):
    return None if read(a) == read(b) else f"{a} and {b} differ"


def check_generate(model, app):
    golden = read(os.path.join(model, "golden.safetensors"))
    for name in sorted(golden):
        if not name.startswith("generated_ids") or name.endswith(".prompt_len"):
            continue
        ids = list(values(golden[name]))
        if name + ".prompt_len" in golden:
            prompt = values(golden[name + ".prompt_len"])[0]
        elif os.path.exists(os.path.join(model, "golden.json")):
            prompt = json.load(open(os.path.join(model, "golden.json"), encoding="utf-8"))["prompt_len"]
        else:
            prompt = 1  # stories260K: BOS alone
        result = subprocess.run(
            [app, "--ids", ",".join(map(str, ids[:prompt])), "-n", str(len(ids) - prompt), "--ignore-eos"],
            capture_output=True, text=True, check=True)
        found = [int(token) for token in result.stdout.strip().split(",")]
        if found != ids[prompt:]:
            return f"{name}: expected {ids[prompt:]}, found {found}"
        print(f"{name}: {len(found)} ids equal")
    return None


def check_four(model, app, out):
    """The goldens have two sequences; the same ids backwards are two more."""
    ids = read(os.path.join(model, "golden.safetensors"))["input_ids"]
    (count, length), flat = ids[1], list(values(ids))
    rows = [flat[i * length:i * length + 18] for i in range(count)]
    rows += [row[::-1] for row in rows]
    assert len(rows) == 4 and len(set(map(tuple, rows))) == 4
    source = out + ".four.ids"
    write_ids(source, rows)
    paths = [f"{out}.four.{batch}" for batch in (1, 4)]
    for path, batch in zip(paths, ("1", "4")):
        subprocess.run([app, "--eval", source, "--out", path, "--batch", batch, "--chunk", "16"], check=True)
    return check_same(*paths)


def check_gpu(model, app, out):
    return check_model(model, app, out, reference=[], variants=GPU_VARIANTS)


def check_model(model, app, out, reference=REFERENCE, variants=VARIANTS):
    def evaluate(name, options):
        path = f"{out}.{name}"
        golden = os.path.join(model, "golden.safetensors")
        subprocess.run([app, "--eval", golden, "--out", path, *options], check=True)
        return path

    whole = evaluate("all", reference)
    errors = [check_logits(model, whole), check_generate(model, app)]
    errors += [check_same(whole, evaluate(name, options)) for name, options in variants.items()]
    errors.append(check_four(model, app, out))
    return "; ".join(filter(None, errors)) or None


def main():
    commands = {"model": check_model, "gpu": check_gpu, "four": check_four, "logits": check_logits, "same": check_same,
                "generate": check_generate}
    error = commands[sys.argv[1]](*sys.argv[2:])
    if error:
        print(error, file=sys.stderr)
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main())
