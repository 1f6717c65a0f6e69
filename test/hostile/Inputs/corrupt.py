"""Copies a checkpoint folder and damages the copy.

  corrupt.py MODEL OUT HOW [ARGUMENT...]

HOW is one of
  truncate N           the tensors' file loses its last N bytes
  header N             claims a header of N bytes
  offsets NAME B E     a tensor's data is where it says
  shape NAME JSON      a tensor has another shape; the data stays
  twice NAME           the header names a tensor twice
  name NAME HEX        a tensor's name becomes these bytes
  element NAME N HEX   the N-th element of two bytes becomes these bytes
  index SHARD          an index takes every tensor from SHARD; the tensors' file becomes shard.safetensors
"""

import json
import os
import shutil
import struct
import sys


def main(model, out, how, *arguments):
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(model, out)
    os.chmod(out, 0o755)
    path = os.path.join(out, "model.safetensors")
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    os.remove(path)
    text = None
    if how == "truncate":
        data = data[: -int(arguments[0])]
    elif how == "header":
        length = int(arguments[0])
        text = json.dumps(header).encode()
    elif how == "offsets":
        header[arguments[0]]["data_offsets"] = [int(arguments[1]), int(arguments[2])]
    elif how == "shape":
        header[arguments[0]]["shape"] = json.loads(arguments[1])
    elif how == "twice":
        entry = json.dumps({arguments[0]: header[arguments[0]]})
        text = (json.dumps(header)[:-1] + "," + entry[1:]).encode()
    elif how == "name":
        text = json.dumps(header).encode().replace(arguments[0].encode(), bytes.fromhex(arguments[1]))
    elif how == "element":
        begin = header[arguments[0]]["data_offsets"][0] + 2 * int(arguments[1])
        data[begin : begin + 2] = bytes.fromhex(arguments[2])
    elif how == "index":
        names = [name for name in header if name != "__metadata__"]
        with open(path + ".index.json", "w") as file:
            json.dump({"weight_map": dict.fromkeys(names, arguments[0])}, file)
        path = os.path.join(out, "shard.safetensors")
    else:
        sys.exit(f"unknown damage {how}")
    if text is None:
        text = json.dumps(header).encode()
    if how != "header":
        length = len(text)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", length) + text + data)


main(*sys.argv[1:])
