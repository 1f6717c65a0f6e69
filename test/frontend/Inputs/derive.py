"""Derives a checkpoint folder from another one, with deliberate mistakes in it.

  derive.py MODEL OUT EDIT...

MODEL is a folder with config.json and model.safetensors. Edits:
  config:KEY=JSON     sets a key of the configuration; KEY may be OUTER.INNER
  config:KEY=         removes it
  drop:TENSOR         leaves a tensor out
  rename:TENSOR=NAME  gives a tensor another name
  copy:TENSOR=NAME    adds a tensor with the data of another one
  dtype:TENSOR=DTYPE  stores zeros of another type in a tensor's shape
  shape:TENSOR=JSON   stores zeros in another shape
"""

import json
import math
import os
import struct
import sys

BYTES = {"F64": 8, "F32": 4, "BF16": 2, "F16": 2, "F8_E4M3": 1}


def read_tensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    return {
        name: (info["dtype"], info["shape"], data[slice(*info["data_offsets"])])
        for name, info in header.items()
    }


def write_tensors(path, tensors):
    header, offset = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        end = offset + len(data)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(data for _, _, data in tensors.values())


def zeros(dtype, shape):
    return dtype, shape, bytes(BYTES[dtype] * math.prod(shape))


def edit_config(config, key, value):
    *outer, last = key.split(".")
    for name in outer:
        config = config[name]
    if value:
        config[last] = json.loads(value)
    else:
        del config[last]


def edit_tensors(tensors, kind, name, value):
    if kind == "drop":
        del tensors[name]
    elif kind == "rename":
        tensors[value] = tensors.pop(name)
    elif kind == "copy":
        tensors[value] = tensors[name]
    elif kind == "dtype":
        tensors[name] = zeros(value, tensors[name][1])
    elif kind == "shape":
        tensors[name] = zeros(tensors[name][0], json.loads(value))
    else:
        sys.exit(f"unknown edit {kind}")


def main(model, out, *edits):
    with open(os.path.join(model, "config.json")) as file:
        config = json.load(file)
    tensors = read_tensors(os.path.join(model, "model.safetensors"))
    for edit in edits:
        kind, rest = edit.split(":", 1)
        name, _, value = rest.partition("=")
        if kind == "config":
            edit_config(config, name, value)
        else:
            edit_tensors(tensors, kind, name, value)
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "config.json"), "w") as file:
        json.dump(config, file)
    write_tensors(os.path.join(out, "model.safetensors"), tensors)


main(*sys.argv[1:])
