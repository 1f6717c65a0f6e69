"""Writes a safetensors file with `input_ids`: ids.py PATH DTYPE SHAPE ID..., the last id repeated as often as needed."""

import json
import math
import struct
import sys

path, dtype, shape, *ids = sys.argv[1:]
shape = json.loads(shape)
count = math.prod(shape)
ids = [int(i) for i in ids]
ids += ids[-1:] * (count - len(ids))
data = struct.pack(f"<{count}{ {'I64': 'q', 'I32': 'i', 'F32': 'f'}[dtype] }", *ids)
header = json.dumps({"input_ids": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}}).encode()
with open(path, "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header + data)
