"""What the kernels of functions.cu leave; errors in units of the last place as the CUDA C++ Programming Guide bounds them."""
import math
import random
import struct

from launch import Launch, Output, pack

RANDOM = random.Random("functions")


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


class Bounded(Output):
    """Numbers that take turns in their bounds; a bound may be a function of the index of the turn that gives an absolute error."""

    def __init__(self, kind, values, bounds):
        super().__init__(kind, values)
        digits, smallest = {"f": (24, -149), "d": (53, -1074)}[kind]

        def allowed(at, wanted):
            bound = bounds[at % len(bounds)]
            if callable(bound):
                return bound(at // len(bounds), wanted)
            return bound * math.ldexp(1, max(math.frexp(wanted)[1] - digits, smallest))
        self.allowed = [allowed(at, wanted) for at, wanted in enumerate(self.values)]

    def differences(self, data):
        found = struct.unpack(f"<{len(self.values)}{self.kind}", data)
        return [f"[{at}] is {x!r}, expected {wanted!r} within {limit!r}"
                for at, (x, wanted, limit) in enumerate(zip(found, self.values, self.allowed)) if not abs(x - wanted) <= limit]


def arguments(count, rounded=float):
    values = []
    for _ in range(count):
        values += [rounded(math.ldexp(RANDOM.uniform(0.5, 1), RANDOM.randrange(-10, 5)) * RANDOM.choice([1, -1])), rounded(RANDOM.uniform(0.1, 6))]
    return values


def single_functions():
    data, values = arguments(256, single), []
    for x, y in zip(data[::2], data[1::2]):
        z = abs(x)
        values += [math.sin(x), math.cos(x), math.tan(x), math.sin(y), math.cos(y), math.exp(x), math.exp2(x), math.expm1(x), math.log(z),
                   math.log2(z), math.log1p(z), z ** y, math.erf(x), math.erfc(x), math.tanh(x), math.sinh(x), math.cosh(x), math.asinh(x),
                   math.atan(x), math.atan2(x, y), math.hypot(x, y), math.lgamma(z), math.gamma(y), single(math.sqrt(z)), math.fmod(x, y),
                   math.remainder(x, y), single(x / y), 1 / math.sqrt(z)]
    # Half a unit for the expected value, which is not rounded.
    bounds = [2, 2, 4, 2, 2, 2, 2, 1, 1, 1, 1, 4, 2, 4, 2, 3, 2, 3, 2, 3, 3, 6, 5, 0, 0, 0, 0, 2]
    return Launch("single", [pack("f", data), Bounded("f", values, [bound + 0.5 if bound else 0 for bound in bounds])], grid=2)


def fast():
    """Bounds of the instructions that these functions are, in the PTX ISA; the Guide's are narrower for some."""
    data, values = [single(RANDOM.uniform(0.01, 3) * RANDOM.choice([1, -1])) for _ in range(256)], []
    for x in data:
        values += [math.exp(x), math.log(abs(x)), math.sin(x), 1 / x, math.log2(abs(x))]

    def units(count, wanted):
        return count * math.ldexp(1, math.frexp(wanted)[1] - 24)

    def exponential(at, wanted):
        return units(2.5 + math.floor(abs(1.173 * data[at])), wanted)

    def logarithm(near, far):
        return lambda at, wanted: 2.0 ** near if 0.5 <= abs(data[at]) <= 2 else abs(wanted) * 2.0 ** far + units(0.5, wanted)
    return Launch("fast", [pack("f", data), Bounded("f", values, [exponential, logarithm(-21.41, -21.5), lambda at, wanted: 2.0 ** -20.5,
                                                                  2.5, logarithm(-22, -22)])], grid=2)


def twice():
    data, values = arguments(256), []
    for x, y in zip(data[::2], data[1::2]):
        z = abs(x)
        values += [math.sin(x), math.cos(x), math.tan(x), math.sin(y), math.cos(y), math.exp(x), math.exp2(x), math.expm1(x), math.log(z),
                   math.log2(z), math.log1p(z), z ** y, math.erf(x), math.erfc(x), math.tanh(x), math.atan(x), math.atan2(x, y), math.hypot(x, y),
                   math.sqrt(z), math.fmod(x, y), x / y, math.lgamma(z)]
    bounds = [2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 2, 2, 5, 2, 2, 2, 2, 0, 0, 0]
    # The host's functions may be wrong by a unit themselves; its lgamma by more near its zeros.
    bounds = [bound + 1 if bound else 0 for bound in bounds] + [lambda at, wanted: 4e-15 * max(1, abs(wanted))]
    return Launch("twice", [pack("d", data), Bounded("d", values, bounds)], grid=2)


def large():
    floats = [single(math.ldexp(RANDOM.uniform(0.5, 1), RANDOM.randrange(20, 127))) for _ in range(64)]
    doubles = [math.ldexp(RANDOM.uniform(0.5, 1), RANDOM.randrange(40, 1020)) for _ in range(64)]
    both = [[f(x) for x in data for f in (math.sin, math.cos)] for data in (floats, doubles)]
    return Launch("large", [pack("f", floats), pack("d", doubles), Bounded("f", both[0], [2.5]), Bounded("d", both[1], [3])], block=64)


def exact():
    data, out, integers, wide = [], [], [], []
    for _ in range(256):
        x = RANDOM.choice([single(RANDOM.uniform(-2000, 2000)), RANDOM.randrange(-40, 40) / 2])
        data.append(x)
        mantissa, exponent = math.frexp(x)
        away = math.copysign(math.floor(abs(x) + 0.5), x)
        out += [math.floor(x), math.ceil(x), math.trunc(x), round(x), away, mantissa, x / 8, math.modf(x)[0]]
        k = int(single(x * 1000))
        bits, swapped = k & 0xffffffff, ~k & 0xffffffff
        product = signed(k * 77, 32) * k >> 32
        eight = bits.to_bytes(4, "little") + swapped.to_bytes(4, "little")
        permuted = int.from_bytes(bytes(eight[n] for n in (5, 1, 7, 3)), "little")
        integers += [exponent, bin(bits).count("1"), 32 - bits.bit_length(), product, math.floor(x), signed(permuted, 32)]
        wide.append(int(math.copysign(abs(round(x) * k) // 7, round(x) * k)) + int(math.fmod(k, 1000003)))
    return Launch("exact", [pack("f", data), Output("f", out), Output("i", integers), Output("q", wide)], grid=2)


def signed(x, bits):
    x &= (1 << bits) - 1
    return x - (1 << bits) if x >> (bits - 1) else x


def calls():
    data, depths, real, real64 = [], [], [], []
    for t in range(64):
        mine = [RANDOM.randrange(100) for _ in range(12)]
        data += mine
        tree = None

        def insert(node, value):
            if node is None:
                return (value, None, None)
            v, left, right = node
            return (v, insert(left, value), right) if value < v else (v, left, insert(right, value))

        def depth(node):
            return 0 if node is None else 1 + max(depth(node[1]), depth(node[2]))
        for value in mine:
            tree = insert(tree, value)
        depths.append(depth(tree))
        c = [0.0] * 6
        for i in range(6):
            c[(i + t) % 6] = float(mine[i])
        total, wide = 0.0, 0.0
        for coefficient in c:
            total = single(single(total * 0.25) + coefficient)
            wide = wide * 0.25 + coefficient
        real.append(total)
        real64.append(wide)
    return Launch("calls", [pack("i", data), Output("i", depths), Output("f", real), Output("d", real64)], block=64)


LAUNCHES = [single_functions(), fast(), twice(), large(), exact(), calls()]
