"""What the kernels of halves.cu leave."""
from fractions import Fraction
import math
import random
import struct

from launch import Changed, Launch, Output, pack
from formats import BFLOAT, E4M3, E5M2, HALF

RANDOM = random.Random("halves")
PATTERNS = range(65536)


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def integer(x, bits, rounded=math.trunc):
    """As conversions do it: NaN is 0, and what does not fit is the nearest that does."""
    if x != x:
        return 0
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return (low if x < 0 else high) if math.isinf(x) else min(max(rounded(x), low), high)


class Patterns(Output):
    """Numbers of 16 or 8 bits, within some units in the last place; None is any NaN. Zeros have signs."""

    def __init__(self, form, values, kind="H", units=0):
        super().__init__(kind, [0] * len(values))
        self.values = list(values)
        self.same = lambda found, wanted: form.distance(found, wanted) <= units and (units > 0 or wanted is None or found == wanted)


def canonical(form, patterns):
    return [None if form.value(p) != form.value(p) else p for p in patterns]


def half_patterns():
    values = [HALF.value(p) for p in PATTERNS]
    return Launch("half_patterns", [Output("f", values), Patterns(HALF, canonical(HALF, PATTERNS)), Output("i", [integer(x, 32) for x in values]),
                                    Output("h", [integer(x, 16, round) for x in values])], grid=256, block=256)


def bfloat_patterns():
    values = [BFLOAT.value(p) for p in PATTERNS]
    return Launch("bfloat_patterns", [Output("f", values), Patterns(BFLOAT, canonical(BFLOAT, PATTERNS)),
                                      Output("i", [integer(x, 32) for x in values])], grid=256, block=256)


def some_floats(count):
    special = [0.0, -0.0, math.inf, -math.inf, math.nan, 65504.0, 65519.9, 65520.0, -65536.0, 6e-8, 2.9e-8, -3e-8, 1e-45, 3.3e38, -3.4e38, 448.0,
               464.0, 480.0, 57344.0, 61440.0, 1.0 + 2 ** -11, 1.0 + 3 * 2 ** -11, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 2 ** -10, 1.5 * 2 ** -10]
    values = [single(x) for x in special]
    while len(values) < count:
        values.append(single(math.ldexp(RANDOM.uniform(-1, 1), RANDOM.randrange(-30, 20))))
    return values


def round_halves():
    floats = some_floats(256)
    doubles = [RANDOM.choice(floats) * (1 + RANDOM.choice([-1, 0, 1]) * 2.0 ** -40) for _ in floats]
    integers = [RANDOM.randrange(-70000, 70000) for _ in floats]
    out = []
    for x, y, n in zip(floats, doubles, integers):
        out += [HALF.round(x), HALF.round(x, "zero"), HALF.round(x, "down"), HALF.round(x, "up"), HALF.round(y), HALF.round(Fraction(n)),
                HALF.round(Fraction(n), "down")]
        near = HALF.value(HALF.round(x)) if x == x else x
        out.append(HALF.round(math.copysign(float(round(near)), near) if math.isfinite(near) else near))
        out += [BFLOAT.round(x), BFLOAT.round(x, "zero"), BFLOAT.round(x, "up"), BFLOAT.round(y)]
    return Launch("round_halves", [pack("f", floats), pack("d", doubles), pack("i", integers), Mixed(out)], grid=2)


class Mixed(Output):
    """Eight halves, then four bfloats."""

    def __init__(self, values):
        super().__init__("H", [0] * len(values))
        self.values = [(HALF if at % 12 < 8 else BFLOAT, x) for at, x in enumerate(values)]
        self.same = lambda found, wanted: found == wanted[1] or (wanted[1] is None and wanted[0].distance(found, None) == 0)


def random_pattern(form):
    if RANDOM.random() < 0.2:
        return RANDOM.getrandbits(16)
    return form.round(math.ldexp(RANDOM.uniform(-1, 1), RANDOM.randrange(-6, 6)))


def arithmetic(form, x, y, z):
    """Results 0 to 9 of `pairs` for one half of each."""
    a, b, c = (form.value(p) for p in (x, y, z))
    nan = a != a or b != b

    def exact(operation, *values):
        """Rounded once; special values as Python's floats have them."""
        if all(math.isfinite(v) for v in values):
            result = operation(*[Fraction(v) for v in values])
            if result == 0:  # its sign
                return form.round(operation(*values))
            return form.round(result)
        return form.round(operation(*values))

    def extreme(choose, before):
        if nan:
            return None if a != a and b != b else x if b != b else y
        return x if a == b and (x < y) == before else y if a == b else form.round(choose(a, b))

    total = exact(lambda p, q: p + q, a, b)
    fused = exact(lambda p, q, r: p * q + r, a, b, c)
    return [total, exact(lambda p, q: p - q, a, b), exact(lambda p, q: p * q, a, b), fused, extreme(min, False), extreme(max, True),
            None if a != a else form.sign | x, saturated(form, total),
            None if fused is None else 0 if fused & form.sign else fused, form.round(1.0 if a < b else 0.0)]


def saturated(form, pattern):
    value = 0.0 if pattern is None else form.value(pattern)
    return 0 if value <= 0 else form.round(1.0) if value >= 1 else pattern


def pairs(name, form):
    count, data, expected = 256, [], []
    for _ in range(count):
        data += [random_pattern(form) for _ in range(6)]
        a, b, c = [(data[-6 + 2 * k], data[-5 + 2 * k]) for k in range(3)]
        low, high = arithmetic(form, a[0], b[0], c[0]), arithmetic(form, a[1], b[1], c[1])
        for pair in zip(low, high):
            expected += pair
        expected += [a[1], a[0]]
        expected += [arithmetic(form, a[0], b[1], 0)[0], arithmetic(form, b[0], a[1], 0)[2]]
    return Launch(name, [pack("H", data), Patterns(form, expected)], grid=2)


def half_compare():
    data, quotients, flags = [], [], []
    for _ in range(256):
        x, y = random_pattern(HALF), random_pattern(HALF)
        if RANDOM.random() < 0.1:
            y = x
        data += [x, y]
        a, b = HALF.value(x), HALF.value(y)
        if math.isfinite(a) and math.isfinite(b) and b:
            quotient = Fraction(a) / Fraction(b)
            quotients.append(HALF.round(quotient if quotient else math.copysign(0.0, a) * math.copysign(1.0, b)))
        elif b == 0 and a == a and a != 0:
            quotients.append(HALF.round(math.copysign(math.inf, a) * math.copysign(1.0, b)))
        else:
            quotients.append(HALF.round(a / b if b else math.nan))
        unordered = a != a or b != b
        flags.append((a < b) | (a <= b) << 1 | (a == b) << 2 | (unordered or a < b) << 3 | (a != a) << 4 | math.isinf(a) << 5
                     | (not unordered and a != b) << 6 | (unordered or a >= b) << 7)
    return Launch("half_compare", [pack("H", data), Patterns(HALF, quotients), Output("i", flags)], grid=2)


def functions(name, form, limit):
    """Correctly rounded but for the last place; tanh and the like of bfloat too."""
    data = [form.round(math.ldexp(RANDOM.uniform(0.5, 1), RANDOM.randrange(-8, limit)) * RANDOM.choice([1, 1, -1])) for _ in range(256)]
    expected = []

    def of(function, x):
        try:
            return function(x)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    for x in (form.value(p) for p in data):
        expected += [form.round(of(f, x)) for f in (math.exp, math.exp2, lambda v: 10.0 ** v, math.log, math.log2, math.sqrt,
                                                    lambda v: 1 / math.sqrt(v), lambda v: 1 / v, math.sin, math.cos, math.tanh)]
    return Launch(name, [pack("H", data), Patterns(form, expected, units=1)], grid=2)


def eight_patterns():
    return Launch("eight_patterns", [Output("f", [form.value(p) for p in range(256) for form in (E4M3, E5M2)])], block=256)


def eight_rounded():
    floats, expected = some_floats(256), []
    for x in floats:
        def rounded(form, y):
            return 0x7f if y != y else form.round(y, finite=True)
        half = HALF.value(HALF.round(x)) if x == x else x
        expected += [rounded(E4M3, x), rounded(E5M2, x), rounded(E4M3, -x), rounded(E5M2, half)]
    return Launch("eight_rounded", [pack("f", floats), Output("B", expected)], grid=2)


def half_atomics():
    return Launch("half_atomics", [Changed("e", [1.0], [33.0]), Changed("e", [0.0, 2.0], [64.0, 34.0]), Changed("H", [0], [BFLOAT.round(64.0)]),
                                   Changed("H", [0, 0], [BFLOAT.round(128.0), BFLOAT.round(-64.0)])], block=64)


LAUNCHES = [half_patterns(), bfloat_patterns(), round_halves(), pairs("half_pairs", HALF), pairs("bfloat_pairs", BFLOAT), half_compare(),
            functions("half_functions", HALF, 4), functions("bfloat_functions", BFLOAT, 6), eight_patterns(), eight_rounded(), half_atomics()]
