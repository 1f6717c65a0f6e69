"""What the kernels of groups.cu leave."""
import ctypes
import functools
import operator
import random
import struct

from launch import Changed, Launch, Output, pack, unpack

RANDOM = random.Random("groups")


def numbers(count, low=0, high=100):
    return [RANDOM.randrange(low, high) for _ in range(count)]


def tiles():
    values, expected = numbers(128), []
    for t in range(128):
        tile, r = values[t // 8 * 8:t // 8 * 8 + 8], t % 8
        quarter = r // 4 * 4
        expected += [tile[r + 1] if r < 7 else tile[r], tile[r - 2] if r > 1 else tile[r], tile[r ^ 5], tile[r * 3 % 8],
                     int(any(x > 90 for x in tile)), int(all(x > 5 for x in tile)), sum((x & 1) << i for i, x in enumerate(tile)),
                     sum((x % 3 == tile[r] % 3) << i for i, x in enumerate(tile)), t // 8 * 100 + r, sum(tile[quarter:quarter + 4])]
    return Launch("tiles", [pack("i", values), Output("i", expected)])


def reduce():
    values, size = numbers(64, -50, 50), 64
    floats = [float(x) for x in numbers(size, -500, 500)]  # sums are exact
    longs = numbers(size, -2 ** 62, 2 ** 62)
    out, out_float, out_long = [0] * (24 * size), [0.0] * (3 * size), [0] * (3 * size)

    groups = [(0, range(0, 32)), (0, range(32, 64))] + [(1, range(k, k + 16)) for k in range(0, 64, 16)]
    groups += [(2, range(1, 32, 2)), (2, range(33, 64, 2))]
    for which, lanes in groups:
        mine = [values[t] for t in lanes]
        for rank, t in enumerate(lanes):
            at = which * size + t
            out[8 * at:8 * at + 8] = [sum(mine), min(mine), max(mine), functools.reduce(operator.xor, mine),
                                      unpack("i", pack("I", [max(x & 0xffffffff for x in mine)]))[0], sum(mine[:rank + 1]), sum(mine[:rank]),
                                      max(mine)]
            out_float[at] = sum(floats[k] for k in lanes)
            out_long[at] = max(longs[k] for k in lanes)
    blank, blank_float, blank_long = (unpack(kind, b"\xa5" * struct.calcsize(kind))[0] for kind in "ifq")
    for t in range(0, size, 2):  # the even lanes are in no group of the last kind
        at = 2 * size + t
        out[8 * at:8 * at + 8] = [blank] * 8
        out_float[at], out_long[at] = blank_float, blank_long
    return Launch("reduce", [pack("i", values), pack("f", floats), pack("q", longs), Output("i", out), Output("f", out_float),
                             Output("q", out_long)], block=size)


class Permuted(Output):
    """The numbers in any order."""

    def differences(self, data):
        found = unpack(self.kind, data)
        return [] if sorted(found) == sorted(self.values) else [f"not a permutation: {found}"]


def compact():
    values = numbers(1000, -50, 50)
    kept = [x for x in values if x > 0]
    return Launch("compact", [pack("i", values), Permuted("i", kept), Changed("I", [0], [len(kept)]), ctypes.c_int(1000)], grid=4, block=256)


def partitions():
    values, expected = numbers(64), []
    for t in range(64):
        warp, x = range(t // 32 * 32, t // 32 * 32 + 32), values[t]
        same = [k for k in warp if values[k] % 5 == x % 5]
        side = [values[k] for k in warp if (values[k] > 50) == (x > 50)]
        expected += [len(same), same.index(t), sum(values[k] for k in same), len(side), min(side), side[-1]]
    return Launch("partitions", [pack("i", values), Output("i", expected)], block=64)


def copies():
    values, text = numbers(1024), bytes(numbers(101, 0, 256))
    expected = [values[256 * stage + 255 - i] + stage for stage in range(4) for i in range(256)]
    return Launch("copies", [pack("i", values), Output("i", expected), text, Output("B", text[::-1])])


def split_barrier():
    values = numbers(256)
    return Launch("split_barrier", [pack("i", values), Output("i", [3 * x + values[(i + 1) % 256] for i, x in enumerate(values)])], block=256)


def large_tiles():
    values, expected = numbers(256), []
    for t in range(256):
        tile = values[t // 64 * 64:t // 64 * 64 + 64]
        expected += [tile[t % 64 ^ 63], tile[40], t // 64 * 100 + t % 64]
    return Launch("large_tiles", [pack("i", values), Output("i", expected)], block=256)


def rounds():
    x, count, n, block = numbers(3 * 64), 5, 3 * 64, 64
    before = x
    for _ in range(count):
        y = [x[i] + x[(i + 1) % n] for i in range(n)]
        x = [y[i] + i // block for i in range(n)]
    return Launch("rounds", [Changed("i", before, x), Output("i", y), ctypes.c_int(count)], grid=3, block=block, cooperative=True)


LAUNCHES = [tiles(), reduce(), compact(), partitions(), copies(), split_barrier(), large_tiles(), rounds()]
