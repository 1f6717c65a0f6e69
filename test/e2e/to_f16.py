"""Copies a checkpoint of one file with its BF16 tensors in F16: to_f16.py FROM TO"""

import json
import os
import shutil
import struct
import sys


def to_f16(data):
    out = bytearray()
    for (bits,) in struct.iter_unpack("<H", data):
        (value,) = struct.unpack("<f", struct.pack("<I", bits << 16))
        out += struct.pack("<e", value)
    return bytes(out)


def main():
    source, target = sys.argv[1:]
    shutil.copytree(source, target)
    path = os.path.join(target, "model.safetensors")
    content = open(path, "rb").read()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    body = bytearray(content[8 + length:])
    converted = 0
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "BF16":
            continue
        begin, end = entry["data_offsets"]
        body[begin:end] = to_f16(body[begin:end])
        entry["dtype"] = "F16"
        converted += 1
    assert converted, "nothing to convert"
    text = json.dumps(header).encode()
    os.chmod(path, 0o644)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + body)


if __name__ == "__main__":
    main()
