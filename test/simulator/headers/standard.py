"""What the kernels of standard.cu leave."""
import bisect
import functools
import math
import operator
import random

from launch import Changed, Launch, Output, pack, unpack

RANDOM = random.Random("standard")


def numbers(count, low=0, high=100):
    return [RANDOM.randrange(low, high) for _ in range(count)]


def signed(x):
    return unpack("i", pack("I", [x & 0xffffffff]))[0]


def atomics():
    values = numbers(256, -1000, 1000)
    before = [5, -2000, 2000, -1, 0, 0, 0]
    after = [5 + sum(values), max(values), min(values), functools.reduce(operator.and_, (x | 0xff00 for x in values)),
             functools.reduce(operator.or_, (x & 0x5555 for x in values)), functools.reduce(operator.xor, values), 2 * sum(values)]
    unsigned = [x & 0xffffffff for x in values]
    wide = [sum(1 << 33 | x for x in unsigned) % 2 ** 64, -sum(unsigned) % 2 ** 64]
    return Launch("atomics", [pack("i", values), Changed("i", before, after), Changed("Q", [0, 0], wide), Changed("f", [0.0], [sum(values)]),
                              Changed("d", [1.5], [1.5 + sum(values) / 2])], grid=4, block=64)


def locks():
    values, guarded = numbers(64, 0, 2000), 0
    for _ in values:
        guarded = signed(3 * guarded + 1)
    byte = functools.reduce(operator.xor, values) & 255 ^ 1
    return Launch("locks", [pack("i", values), Output("i", [guarded, 64, 7, (7 + sum(values)) & 0xffff, 1, 1, byte, 1])], block=64)


def message():
    values = numbers(64)
    return Launch("message", [pack("i", values), Output("i", [5 * x for x in values]), Changed("i", [0], [1]),
                              Output("i", [5 * x + block for block in (1, 2, 3) for x in values])], grid=4, block=64)


def produce():
    values, half = numbers(4 * 64), 64
    return Launch("produce", [pack("i", values), Output("i", [values[half * r + half - 1 - t] + 1 for r in range(4) for t in range(half)])])


def barriers():
    values = numbers(128)
    return Launch("barriers", [pack("i", values), Output("i", [values[(t + 7) % 128] + 3 for t in range(128)]), Output("i", [3])])


def pipelines():
    values, size = numbers(5 * 128), 128
    return Launch("pipelines", [pack("i", values), Output("i", [values[size * b + size - 1 - t] * (b + 1) for b in range(5) for t in range(size)]),
                                Output("i", [values[t] - values[size + t] for t in range(size)])])


def algorithms():
    values, expected = numbers(32 * 16), []
    for thread in range(32):
        a = values[16 * thread:16 * thread + 16]
        ordered = sorted(a)
        rotl = (a[2] << 13 | a[2] >> 19) & 0xffffffff
        ceil = 1 if a[4] < 2 else 1 << (a[4] - 1).bit_length()
        half = (a[10] + a[11]) // 2 if a[10] <= a[11] else -(-(a[10] + a[11]) // 2)  # rounded towards the first
        expected += sorted(a, reverse=True)[:5] + a[4:11] + a[:4] + [
            sum(a), max(a), sum(x % 3 == 0 for x in a), 1 + sum(x * x for x in a), bisect.bisect_left(ordered, 40), 1, len(set(a)), a[13],
            bin(a[0]).count("1"), 32 - a[1].bit_length(), signed(rotl), ceil, math.gcd(a[5], a[6]), min(max(a[7], 20), 60), abs(a[8] - a[9]), half]
    return Launch("algorithms", [pack("i", values), Output("i", expected)], block=32)


def types():
    values, expected, real = numbers(64, -100, 100), [], []
    for x in values:
        d = int(math.fmod(x, 7))
        expected.append(int(1000 / d) if d else -1)
        m = int(math.fmod(x, 3))
        expected.append(2 * x if m == 1 else 3 * x + 3 if m == 2 else x)
        expected.append(x + 6 * x * x)
        z = complex(x, 3)
        w = z * z / complex(1, 2)
        real += [w.real, w.imag, abs(z)]
    def near(found, wanted):
        return abs(found - wanted) <= 1e-14 * max(1, abs(wanted))
    return Launch("types", [pack("i", values), Output("i", expected), Output("d", real, near)], block=64)


LAUNCHES = [atomics(), locks(), message(), produce(), barriers(), pipelines(), algorithms(), types()]
