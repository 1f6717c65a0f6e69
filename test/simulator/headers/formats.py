"""Formats of floating-point numbers, exactly: values of patterns, and patterns of rounded fractions."""
from fractions import Fraction
import math


class Format:
    """Sign, `exponent` and `mantissa` bits; without infinities the largest pattern alone is NaN."""

    def __init__(self, exponent, mantissa, infinities=True):
        self.exponent, self.mantissa, self.infinities = exponent, mantissa, infinities
        self.bias, self.sign = (1 << (exponent - 1)) - 1, 1 << (exponent + mantissa)
        self.smallest = 1 - self.bias - mantissa  # exponent of the last place of subnormal numbers
        self.infinity = ((1 << exponent) - 1) << mantissa
        self.largest = self.infinity - 1 if infinities else self.sign - 2

    def __repr__(self):
        return f"e{self.exponent}m{self.mantissa}"

    def value(self, bits):
        """A float, which holds every value of these formats."""
        magnitude, sign = bits & (self.sign - 1), -1.0 if bits & self.sign else 1.0
        if magnitude > self.largest:
            return sign * math.inf if self.infinities and magnitude == self.infinity else math.nan
        exponent = magnitude >> self.mantissa
        fraction = magnitude & ((1 << self.mantissa) - 1)
        if exponent:
            fraction, exponent = fraction | 1 << self.mantissa, exponent - 1
        return sign * math.ldexp(fraction, exponent + self.smallest)

    def round(self, x, way="nearest", finite=False):
        """The pattern of a float or Fraction; `way` is nearest (even), zero, down or up. `finite`: the largest number instead of infinity."""
        if isinstance(x, float) and x != x:
            return None
        negative = math.copysign(1, x) < 0 if isinstance(x, float) else x < 0
        sign = self.sign if negative else 0
        if isinstance(x, float) and math.isinf(x):
            return sign | (self.largest if finite else self.infinity)
        size = abs(Fraction(x))
        upward = {"zero": False, "down": negative, "up": not negative}.get(way)
        place = self.smallest
        if size:
            place = max(place, math.frexp(float(size))[1] - 1 - self.mantissa)
            while size >= Fraction(2) ** (place + self.mantissa + 1):
                place += 1
        scaled = size / Fraction(2) ** place
        whole = scaled.numerator // scaled.denominator
        rest = scaled - whole
        if upward is None:
            whole += rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole & 1)
        else:
            whole += bool(rest) and upward
        # Of a normal number the leading bit adds one to the exponent; a carry does so too.
        bits = whole + ((place - self.smallest) << self.mantissa)
        if bits > self.largest:
            overflows = upward is None or upward
            bits = self.largest if finite or not overflows else self.infinity
        return sign | bits

    def distance(self, a, b):
        """Units in the last place between two patterns; NaNs are equal."""
        def ordered(bits):
            return -(bits & (self.sign - 1)) if bits & self.sign else bits
        nan = [x is None or self.value(x) != self.value(x) for x in (a, b)]
        if any(nan):
            return 0 if all(nan) else math.inf
        return abs(ordered(a) - ordered(b))


HALF, BFLOAT, E4M3, E5M2, SINGLE = Format(5, 10), Format(8, 7), Format(4, 3, False), Format(5, 2), Format(8, 23)
