"""What the kernels of block.cu leave."""
import ctypes
import itertools
import random

from launch import Launch, Output, pack, unpack

THREADS, ITEMS = 128, 4
TILE = THREADS * ITEMS
RANDOM = random.Random("block")


def numbers(count, low=-1000, high=1000):
    return [RANDOM.randrange(low, high) for _ in range(count)]


def cut(values, size):
    return [values[at:at + size] for at in range(0, len(values), size)]


def reduce():
    values = numbers(3 * TILE)
    expected = []
    for tile in cut(values, TILE):
        expected += [sum(tile[:THREADS]), sum(tile[:100]), max(tile[:THREADS]), sum(tile[:77]), sum(tile)]
    return Launch("reduce", [pack("i", values), Output("i", expected)], grid=3)


def scan():
    values = numbers(4 * TILE)
    sums = [1000 + total - value for total, value in zip(itertools.accumulate(values), values)]
    tiles = cut(values, TILE)
    inclusive = [x for tile in tiles for x in itertools.accumulate(tile)]
    maxima = [x for tile in tiles for x in itertools.accumulate(tile, max)]
    return Launch("scan", [pack("i", values), Output("i", sums), Output("i", inclusive), Output("i", maxima)])


def sort():
    keys = [x / 8 for x in numbers(TILE, -90, 90)]  # many are equal: the order of their values shows that the sort is stable
    order = sorted(range(TILE), key=lambda i: keys[i])
    values = numbers(TILE)
    words = [RANDOM.getrandbits(32) for _ in range(TILE)]
    # The words were read striped: in blocked order, by which equal ones are sorted, word i of thread t is t + 128 i.
    blocked = [words[t + THREADS * i] for t in range(THREADS) for i in range(ITEMS)]
    sorted_words = sorted(blocked, key=lambda x: -(x >> 4 & 255))
    return Launch("sort", [pack("f", keys), pack("i", values), Output("f", [keys[i] for i in order]), Output("i", [values[i] for i in order]),
                           pack("I", words), Output("I", sorted_words)])


def load_store():
    values = [RANDOM.uniform(-5, 5) for _ in range(TILE)]
    count = 403
    short = [2 * x + i % ITEMS for i, x in enumerate(values)]
    nothing = unpack("d", Output("d", [0]).before)
    return Launch("load_store", [pack("d", values), Output("d", (short[:count] + nothing * (TILE - count)) * 3 + short), ctypes.c_int(count)])


def warps():
    values, heads = numbers(THREADS), [int(RANDOM.random() < 0.2) for _ in range(THREADS)]
    expected = []
    for t in range(THREADS):
        warp = values[t // 32 * 32:t // 32 * 32 + 32]
        end = next((k for k in range(t + 1, t // 32 * 32 + 32) if heads[k]), t // 32 * 32 + 32)
        half = values[t // 16 * 16:t + 1]
        expected += [sum(values[t:t + 8]) if t % 8 == 0 else 0, sum(values[t:end]) if t % 32 == 0 or heads[t] else 0,
                     sum(warp[:t % 32 + 1]), sum(warp[:t % 32]), sum(warp), max(half)]
    return Launch("warps", [pack("i", values), pack("i", heads), Output("i", expected)])


def histogram():
    values = numbers(TILE, 0, 64)
    return Launch("histogram", [pack("B", values), Output("I", [values.count(k) for k in range(64)] * 2)])


def neighbours():
    values = [x for x in numbers(TILE, 0, 9) for _ in range(3)][:TILE]
    heads = [int(i == 0 or values[i] != values[i - 1]) for i in range(TILE)]
    tails = [int(i == TILE - 1 or values[i] != values[i + 1]) for i in range(TILE)]
    difference = [values[i] - values[i - 1] if i else values[0] for i in range(TILE)]
    return Launch("neighbours", [pack("i", values), Output("i", heads + tails + difference + values[1:] + [-1])])


def exchange():
    values, ranks = numbers(TILE), RANDOM.sample(range(TILE), TILE)
    scattered = [0] * TILE
    for value, rank in zip(values, ranks):
        scattered[rank] = value
    return Launch("exchange", [pack("i", values), pack("i", ranks), Output("i", values + scattered + scattered + scattered)])


LAUNCHES = [reduce(), scan(), sort(), load_store(), warps(), histogram(), neighbours(), exchange()]
