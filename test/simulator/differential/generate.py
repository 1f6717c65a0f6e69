#!/usr/bin/env python3
"""Random LLVM IR whose result is defined bit for bit, as functions and as kernels that call them.

A module has functions f<i>(ptr in, ptr out, ptr scratch). Each reads values of all types from `in`, computes with straight-line code,
branches, loops and accesses to `scratch`, and leaves values in slots of 8 bytes of `out`. For the device each gets a kernel
k<i>(in, out, scratch) that calls it with the buffers of the thread.

What LLVM leaves open is avoided here, so that two code generators may be compared: no poison (shifts and divisors in range, conversions to
integers saturate), no bits of a NaN (replaced by one NaN before a bitcast, a copysign or a store to scratch), no operation with signed zeros
or NaNs left to the target (minimum and minimumnum for minnum), no frem (the NVPTX backend expands it inexactly).
"""
import argparse
import random
import struct

BITS = {"i8": 8, "i16": 16, "i32": 32, "i64": 64, "half": 16, "bfloat": 16, "float": 32, "double": 64}
INTEGERS = ["i8", "i16", "i32", "i64"]
FLOATS = ["half", "float", "double", "bfloat"]
SUFFIX = {"half": "f16", "bfloat": "bf16", "float": "f32", "double": "f64"}

# Inputs of a thread: type and offset.
INPUTS = [("i64", 0), ("i64", 8), ("i32", 16), ("i32", 20), ("i32", 24), ("i16", 28), ("i16", 30), ("i8", 32), ("i8", 33), ("half", 34),
          ("half", 36), ("half", 38), ("float", 40), ("float", 44), ("float", 48), ("bfloat", 52), ("bfloat", 54), ("double", 56),
          ("double", 64), ("double", 72)]
IN_BYTES, OUT_SLOTS, SCRATCH_BYTES = 80, 12, 64
OUT_BYTES = 8 * OUT_SLOTS

EXPONENT = {"half": 5, "bfloat": 8, "float": 8, "double": 11}


def integer_value(random_, bits):
    """Bits of an integer: edges, few bits, small numbers, or anything."""
    kind = random_.randrange(5)
    top = (1 << bits) - 1
    if kind == 0:
        return random_.choice([0, 1, top, top >> 1, (top >> 1) + 1, 2])
    if kind == 1:
        return (1 << random_.randrange(bits)) & top
    if kind == 2:
        return random_.randrange(-100, 100) & top
    if kind == 3:
        return random_.getrandbits(bits) >> random_.randrange(bits)
    return random_.getrandbits(bits)


def float_value(random_, kind):
    """Bits of a float: any pattern, specials, numbers of everyday size, halves of integers, subnormals."""
    bits, exponent = BITS[kind], EXPONENT[kind]
    mantissa = bits - 1 - exponent
    sign = random_.getrandbits(1) << (bits - 1)
    bias = (1 << (exponent - 1)) - 1
    what = random_.randrange(8)
    if what == 0:
        return random_.getrandbits(bits)
    if what == 1:
        infinity = ((1 << exponent) - 1) << mantissa
        return sign | random_.choice([0, 1, infinity, infinity | (1 << (mantissa - 1)), infinity - 1, bias << mantissa,
                                      1 << mantissa, (1 << mantissa) - 1])
    if what == 2:
        return sign | random_.getrandbits(mantissa)
    if what == 3:  # k + 1/2 and neighbours: ties of the conversions
        value = random_.randrange(64) + 0.5
        power = value.hex()
        e = int(power.split("p")[1])
        fraction = int((value / 2.0 ** e - 1) * (1 << mantissa))
        return sign | ((bias + e) << mantissa | fraction) + random_.choice([-1, 0, 0, 1])
    if what == 4:  # near the ends of the integers' ranges
        e = random_.choice([n for n in (7, 8, 15, 16, 31, 32, 63, 64) if n <= bias])
        return sign | (((bias + e) << mantissa) + random_.choice([-1, 0, 1]))
    near = random_.randrange(-min(12, bias - 1), min(12, bias))
    return sign | (bias + near) << mantissa | random_.getrandbits(mantissa)


def value_of(random_, kind):
    return integer_value(random_, BITS[kind]) if kind in INTEGERS else float_value(random_, kind)


def inputs(seed, threads):
    """The bytes of `in` for that many threads."""
    random_ = random.Random(f"inputs {seed}")
    data = bytearray(IN_BYTES * threads)
    for thread in range(threads):
        for kind, offset in INPUTS:
            size = BITS[kind] // 8
            at = IN_BYTES * thread + offset
            data[at:at + size] = value_of(random_, kind).to_bytes(size, "little")
    return bytes(data)


def literal(kind, bits):
    """A constant of LLVM IR."""
    if kind in INTEGERS:
        return str(bits - (1 << BITS[kind]) if bits >> (BITS[kind] - 1) else bits)
    if kind == "half":
        return f"0xH{bits:04X}"
    if kind == "bfloat":
        return f"0xR{bits:04X}"
    if kind == "double":
        return f"0x{bits:016X}"
    if (bits >> 23) & 0xff == 0xff and bits & 0x7fffff:
        return "0x7FF8000000000000"
    return "0x" + struct.pack(">d", struct.unpack("<f", bits.to_bytes(4, "little"))[0]).hex().upper()


NAN = {"half": 0x7e00, "bfloat": 0x7fc0, "float": 0x7fc00000, "double": 0x7ff8 << 48}


class Function:
    """Writes one function; `pool` has the values that may be used at the present point, by type."""

    def __init__(self, random_, name, instructions, declarations, local):
        self.random, self.name, self.declarations = random_, name, declarations
        self.lines, self.count, self.pool = [], 0, {kind: [] for kind in BITS}
        self.local, self.block, self.depth = local, "entry", 0
        self.write(instructions)

    def emit(self, text, kind=None):
        """Appends an instruction; its name, which goes into the pool if `kind` is given."""
        name = f"%v{self.count}"
        self.count += 1
        self.lines.append(f"  {name} = {text}")
        if kind:
            self.pool[kind].append(name)
        return name

    def label(self, name):
        self.lines.append(f"{name}:")
        self.block = name

    def fresh(self, stem):
        self.count += 1
        return f"{stem}{self.count}"

    def pick(self, kind):
        """An operand: mostly of the last values, at times a constant."""
        values = self.pool[kind]
        if self.random.random() < 0.12:
            bits = value_of(self.random, kind)
            return literal(kind, bits)
        if self.random.random() < 0.6:
            return self.random.choice(values[-6:])
        return self.random.choice(values)

    def call(self, intrinsic, result, operands, into=True):
        """A call of an intrinsic; operands are (type, value)."""
        types = ", ".join(kind for kind, _ in operands)
        self.declarations.add(f"declare {result} @llvm.{intrinsic}({types})")
        arguments = ", ".join(f"{kind} {value}" for kind, value in operands)
        return self.emit(f"call {result} @llvm.{intrinsic}({arguments})", result if into else None)

    def quiet(self, kind, value):
        """The value, with one NaN for all."""
        if kind in INTEGERS:
            return value
        isnan = self.emit(f"fcmp uno {kind} {value}, {value}")
        return self.emit(f"select i1 {isnan}, {kind} {literal(kind, NAN[kind])}, {kind} {value}")

    def condition(self):
        if self.random.random() < 0.5:
            kind = self.random.choice(INTEGERS)
            test = self.random.choice("eq ne ugt uge ult ule sgt sge slt sle".split())
            first = self.emit(f"icmp {test} {kind} {self.pick(kind)}, {self.pick(kind)}")
        else:
            kind = self.random.choice(FLOATS)
            test = self.random.choice("oeq ogt oge olt ole one ord ueq ugt uge ult ule une uno".split())
            first = self.emit(f"fcmp {test} {kind} {self.pick(kind)}, {self.pick(kind)}")
        if self.random.random() < 0.2:
            return self.emit(f"{self.random.choice(['and', 'or', 'xor'])} i1 {first}, {self.condition()}")
        return first

    # One of these is drawn for each instruction.

    def arithmetic(self):
        kind = self.random.choice(INTEGERS)
        op = self.random.choice("add sub mul and or xor add sub mul".split())
        self.emit(f"{op} {kind} {self.pick(kind)}, {self.pick(kind)}", kind)

    def divide(self):
        kind = self.random.choice(INTEGERS)
        op = self.random.choice(["udiv", "urem", "sdiv", "srem"])
        divisor = self.pick(kind)
        if self.random.random() < 0.3:
            bits = max(1, integer_value(self.random, BITS[kind]) >> 1)
            divisor = literal(kind, bits)
        else:  # neither 0 nor -1
            if op[0] == "s":
                divisor = self.emit(f"and {kind} {divisor}, {(1 << (BITS[kind] - 1)) - 1}")
            divisor = self.emit(f"or {kind} {divisor}, 1")
        self.emit(f"{op} {kind} {self.pick(kind)}, {divisor}", kind)

    def shift(self):
        kind = self.random.choice(INTEGERS)
        if self.random.random() < 0.4:
            amount = str(self.random.randrange(BITS[kind]))
        else:
            amount = self.emit(f"and {kind} {self.pick(kind)}, {BITS[kind] - 1}")
        self.emit(f"{self.random.choice(['shl', 'lshr', 'ashr'])} {kind} {self.pick(kind)}, {amount}", kind)

    def funnel(self):
        kind = self.random.choice(INTEGERS)
        first = self.pick(kind)
        second = first if self.random.random() < 0.4 else self.pick(kind)
        amount = str(self.random.randrange(BITS[kind])) if self.random.random() < 0.3 else self.pick(kind)
        self.call(f"{self.random.choice(['fshl', 'fshr'])}.{kind}", kind, [(kind, first), (kind, second), (kind, amount)])

    def bits(self):
        kind = self.random.choice(INTEGERS)
        op = self.random.choice(["ctpop", "ctlz", "cttz", "bswap", "bitreverse", "abs"])
        if op == "bswap" and kind == "i8":
            op = "bitreverse"
        operands = [(kind, self.pick(kind))]
        if op in ("ctlz", "cttz", "abs"):
            operands.append(("i1", "false"))
        self.call(f"{op}.{kind}", kind, operands)

    def extremes(self):
        kind = self.random.choice(INTEGERS)
        op = self.random.choice("smin smax umin umax sadd.sat uadd.sat ssub.sat usub.sat".split())
        self.call(f"{op}.{kind}", kind, [(kind, self.pick(kind)), (kind, self.pick(kind))])

    def overflow(self):
        kind = self.random.choice(INTEGERS)
        op = self.random.choice("sadd uadd ssub usub smul umul".split())
        pair = f"{{{kind}, i1}}"
        result = self.call(f"{op}.with.overflow.{kind}", pair, [(kind, self.pick(kind)), (kind, self.pick(kind))], into=False)
        flag = self.emit(f"extractvalue {pair} {result}, 1")
        self.emit(f"extractvalue {pair} {result}, 0", kind)
        self.emit(f"zext i1 {flag} to i32", "i32")

    def wide(self):
        """Products, sums and shifts of twice the width: mul.hi, mul.wide, carries."""
        kind = self.random.choice(["i16", "i32", "i64", "i64"])
        bits = BITS[kind]
        double = f"i{2 * bits}"
        extension = self.random.choice(["zext", "sext"])
        first = self.emit(f"{extension} {kind} {self.pick(kind)} to {double}")
        second = self.emit(f"{extension} {kind} {self.pick(kind)} to {double}")
        result = self.emit(f"{self.random.choice(['mul', 'mul', 'add', 'sub'])} {double} {first}, {second}")
        if self.random.random() < 0.4:
            high = self.emit(f"zext {kind} {self.pick(kind)} to {double}")
            high = self.emit(f"shl {double} {high}, {self.random.randrange(2 * bits)}")
            result = self.emit(f"{self.random.choice(['add', 'sub'])} {double} {result}, {high}")
        amount = bits if self.random.random() < 0.7 else self.random.randrange(2 * bits)
        result = self.emit(f"{self.random.choice(['lshr', 'ashr'])} {double} {result}, {amount}")
        self.emit(f"trunc {double} {result} to {kind}", kind)

    def resize(self):
        source, target = self.random.sample(INTEGERS, 2)
        if BITS[source] > BITS[target]:
            self.emit(f"trunc {source} {self.pick(source)} to {target}", target)
        else:
            self.emit(f"{self.random.choice(['zext', 'sext'])} {source} {self.pick(source)} to {target}", target)

    def field(self):
        """An extract of bits: an extension from a width that no register has."""
        kind = self.random.choice(["i16", "i32", "i64"])
        width = self.random.randrange(1, BITS[kind])
        value = self.emit(f"lshr {kind} {self.pick(kind)}, {self.random.randrange(BITS[kind])}")
        value = self.emit(f"trunc {kind} {value} to i{width}")
        self.emit(f"{self.random.choice(['zext', 'sext'])} i{width} {value} to {kind}", kind)

    def three_way(self):
        kind = self.random.choice(INTEGERS)
        self.call(f"{self.random.choice(['scmp', 'ucmp'])}.i32.{kind}", "i32", [(kind, self.pick(kind)), (kind, self.pick(kind))])

    def select(self):
        kind = self.random.choice(INTEGERS + FLOATS)
        condition = self.condition()
        self.emit(f"select i1 {condition}, {kind} {self.pick(kind)}, {kind} {self.pick(kind)}", kind)

    def float(self):
        kind = self.random.choice(FLOATS)
        op = self.random.choice("fadd fsub fmul fdiv fadd fmul".split())
        self.emit(f"{op} {kind} {self.pick(kind)}, {self.pick(kind)}", kind)

    def function(self):
        kind = self.random.choice(FLOATS)
        op = self.random.choice("fabs sqrt floor ceil trunc rint nearbyint roundeven fneg".split())
        if op == "fneg":
            self.emit(f"fneg {kind} {self.pick(kind)}", kind)
        else:
            self.call(f"{op}.{SUFFIX[kind]}", kind, [(kind, self.pick(kind))])

    def fma(self):
        kind = self.random.choice(FLOATS)
        operands = [(kind, self.pick(kind)) for _ in range(3)]
        if kind in ("float", "double"):
            self.call(f"fma.{SUFFIX[kind]}", kind, operands)
        else:
            self.emit(f"call {kind} @fma_{kind}({', '.join(f'{kind} {value}' for _, value in operands)})", kind)

    def float_extremes(self):
        kind = self.random.choice(FLOATS)
        op = self.random.choice(["minimum", "maximum", "minimumnum", "maximumnum"])
        self.call(f"{op}.{SUFFIX[kind]}", kind, [(kind, self.pick(kind)), (kind, self.pick(kind))])

    def copysign(self):
        kind = self.random.choice(FLOATS)
        sign = self.quiet(kind, self.pick(kind))
        self.call(f"copysign.{SUFFIX[kind]}", kind, [(kind, self.pick(kind)), (kind, sign)])

    def to_float(self):
        target = self.random.choice(FLOATS)
        # Wider integers become half by way of float on the host, bfloat on the device too: rounded twice.
        source = self.random.choice(INTEGERS if target in ("float", "double") else ["i8", "i16"] if target == "half" else ["i8"])
        self.emit(f"{self.random.choice(['sitofp', 'uitofp'])} {source} {self.pick(source)} to {target}", target)

    def to_integer(self):
        source, target = self.random.choice(FLOATS), self.random.choice(INTEGERS)
        op = self.random.choice(["fptosi", "fptoui"])
        self.call(f"{op}.sat.{target}.{SUFFIX[source]}", target, [(source, self.pick(source))])

    def float_resize(self):
        source, target = self.random.choice([
            ("half", "float"), ("half", "double"), ("float", "double"), ("bfloat", "float"), ("bfloat", "double"), ("float", "half"),
            ("double", "half"), ("double", "float"), ("float", "bfloat"), ("double", "bfloat")])
        op = "fpext" if BITS[source] < BITS[target] else "fptrunc"
        self.emit(f"{op} {source} {self.pick(source)} to {target}", target)

    def bitcast(self):
        floating = self.random.choice(FLOATS)
        integer = f"i{BITS[floating]}"
        if self.random.random() < 0.5:
            value = self.quiet(floating, self.pick(floating))
            self.emit(f"bitcast {floating} {value} to {integer}", integer)
        else:
            self.emit(f"bitcast {integer} {self.pick(integer)} to {floating}", floating)

    def address(self, kind):
        """A pointer into scratch for a value of this type."""
        size = BITS[kind] // 8
        if self.random.random() < 0.5:
            offset = str(size * self.random.randrange(SCRATCH_BYTES // size))
        else:
            offset = self.emit(f"and i64 {self.pick('i64')}, {SCRATCH_BYTES - size}")
        return self.emit(f"getelementptr i8, ptr %buffer, i64 {offset}")

    def store(self):
        kind = self.random.choice(INTEGERS + FLOATS)
        value = self.quiet(kind, self.pick(kind))
        self.lines.append(f"  store {kind} {value}, ptr {self.address(kind)}")

    def load(self):
        kind = self.random.choice(INTEGERS + FLOATS)
        self.emit(f"load {kind}, ptr {self.address(kind)}", kind)

    def vector(self):
        """Two elements at a time: the packed instructions of half and bfloat, and vectors of integers."""
        kind = self.random.choice(["half", "half", "bfloat", "i16", "i8", "float"])
        count = 4 if kind == "i8" else 2
        type_ = f"<{count} x {kind}>"

        def packed():
            value = "poison"
            for index in range(count):
                value = self.emit(f"insertelement {type_} {value}, {kind} {self.pick(kind)}, i32 {index}")
            return value

        first, second = packed(), packed()
        ops = ["add", "sub", "mul", "and", "or", "xor"] if kind in INTEGERS else ["fadd", "fsub", "fmul"]
        tests = ["ult", "slt", "eq", "sge"] if kind in INTEGERS else ["olt", "ult", "une", "oge", "ord"]
        if self.random.random() < 0.7:
            result = self.emit(f"{self.random.choice(ops)} {type_} {first}, {second}")
        else:
            test = "icmp" if kind in INTEGERS else "fcmp"
            mask = self.emit(f"{test} {self.random.choice(tests)} {type_} {first}, {second}")
            result = self.emit(f"select <{count} x i1> {mask}, {type_} {second}, {type_} {first}")
        for index in self.random.sample(range(count), count):
            self.emit(f"extractelement {type_} {result}, i32 {index}", kind)

    def branch(self):
        """if/else or switch with values that meet in phis."""
        if self.depth >= 2:
            return self.arithmetic()
        self.depth += 1
        join, arms = self.fresh("join"), []
        if self.random.random() < 0.7:
            labels = [self.fresh("then"), self.fresh("else")]
            self.lines.append(f"  br i1 {self.condition()}, label %{labels[0]}, label %{labels[1]}")
        else:
            labels = [self.fresh("case") for _ in range(self.random.randrange(3, 7))]
            value = self.emit(f"and i32 {self.pick('i32')}, 7")
            cases = " ".join(f"i32 {index}, label %{name}" for index, name in enumerate(labels[1:]))
            self.lines.append(f"  switch i32 {value}, label %{labels[0]} [{cases}]")
        kinds = self.random.sample(INTEGERS + FLOATS, 3)
        for name in labels:
            self.label(name)
            saved = {kind: list(values) for kind, values in self.pool.items()}
            for _ in range(self.random.randrange(1, 6)):
                self.step()
            arms.append(([self.pick(kind) for kind in kinds], self.block))
            self.pool = saved
            self.lines.append(f"  br label %{join}")
        self.label(join)
        for index, kind in enumerate(kinds):
            edges = ", ".join(f"[{values[index]}, %{block}]" for values, block in arms)
            self.emit(f"phi {kind} {edges}", kind)
        self.depth -= 1

    def loop(self):
        """At most eight rounds, a number of them of each thread, with two values that go round."""
        if self.depth >= 1:
            return self.shift()
        self.depth += 2
        rounds = self.emit(f"and i32 {self.pick('i32')}, 7")
        kinds = self.random.sample(INTEGERS + FLOATS, 2)
        before, body, after = self.block, self.fresh("body"), self.fresh("after")
        starts = [self.pick(kind) for kind in kinds]
        self.lines.append(f"  br label %{body}")
        self.label(body)
        saved = {kind: list(values) for kind, values in self.pool.items()}
        at = len(self.lines)  # the phis go here once the values that come round are known
        names = [f"%{self.fresh('round')}" for _ in kinds]
        counter, successor = f"%{self.fresh('counter')}", f"%{self.fresh('successor')}"
        for kind, name in zip(kinds, names):
            self.pool[kind].append(name)
        for _ in range(self.random.randrange(2, 7)):
            self.step()
        ends = [self.pick(kind) for kind in kinds]
        self.lines.append(f"  {successor} = add i32 {counter}, 1")
        done = self.emit(f"icmp uge i32 {successor}, {rounds}")
        self.lines.append(f"  br i1 {done}, label %{after}, label %{body}")
        phis = [f"  {counter} = phi i32 [0, %{before}], [{successor}, %{self.block}]"]
        phis += [f"  {name} = phi {kind} [{start}, %{before}], [{end}, %{self.block}]"
                 for name, kind, start, end in zip(names, kinds, starts, ends)]
        self.lines[at:at] = phis
        self.label(after)
        self.pool = saved
        for kind, name in zip(kinds, names):
            self.pool[kind].append(name)
        self.depth -= 2

    STEPS = [(arithmetic, 6), (divide, 2), (shift, 4), (funnel, 3), (bits, 4), (extremes, 4), (overflow, 2), (wide, 4), (resize, 4),
             (field, 3), (three_way, 1), (select, 4), (float, 7), (function, 4), (fma, 3), (float_extremes, 3), (copysign, 1),
             (to_float, 4), (to_integer, 4), (float_resize, 4), (bitcast, 3), (store, 4), (load, 4), (vector, 3), (branch, 2),
             (loop, 1)]

    def step(self):
        steps, weights = zip(*self.STEPS)
        self.random.choices(steps, weights)[0](self)

    def write(self, instructions):
        self.lines.append(f"define internal void @{self.name}(ptr %in, ptr %out, ptr %scratch) noinline {{")
        self.lines.append("entry:")
        if self.local:  # the stack frame, a copy of scratch that is copied back
            self.lines.append(f"  %buffer = alloca [{SCRATCH_BYTES} x i8], align 16")
            self.copy("%scratch", "%buffer")
        else:
            self.lines.append("  %buffer = getelementptr i8, ptr %scratch, i64 0")
        for kind, offset in INPUTS:
            pointer = self.emit(f"getelementptr i8, ptr %in, i64 {offset}")
            self.emit(f"load {kind}, ptr {pointer}", kind)
        for _ in range(instructions):
            self.step()
        self.outputs = []
        for slot in range(OUT_SLOTS):
            kind = self.random.choice(INTEGERS + FLOATS)
            pointer = self.emit(f"getelementptr i8, ptr %out, i64 {8 * slot}")
            self.lines.append(f"  store {kind} {self.random.choice(self.pool[kind][-4:])}, ptr {pointer}")
            self.outputs.append(kind)
        if self.local:
            self.copy("%buffer", "%scratch")
        self.lines += ["  ret void", "}", ""]

    def copy(self, source, target):
        for offset in range(0, SCRATCH_BYTES, 8):
            pointer = self.emit(f"getelementptr i8, ptr {source}, i64 {offset}")
            value = self.emit(f"load i64, ptr {pointer}")
            pointer = self.emit(f"getelementptr i8, ptr {target}, i64 {offset}")
            self.lines.append(f"  store i64 {value}, ptr {pointer}")


def kernel(name, function):
    """A kernel whose threads call the function with their buffers."""
    sreg = "call i32 @llvm.nvvm.read.ptx.sreg"
    return f"""define ptx_kernel void @{name}(ptr %in, ptr %out, ptr %scratch) {{
  %thread = {sreg}.tid.x()
  %block = {sreg}.ctaid.x()
  %size = {sreg}.ntid.x()
  %first = mul i32 %block, %size
  %index32 = add i32 %first, %thread
  %index = zext i32 %index32 to i64
  %a = mul i64 %index, {IN_BYTES}
  %b = mul i64 %index, {OUT_BYTES}
  %c = mul i64 %index, {SCRATCH_BYTES}
  %pa = getelementptr i8, ptr %in, i64 %a
  %pb = getelementptr i8, ptr %out, i64 %b
  %pc = getelementptr i8, ptr %scratch, i64 %c
  call void @{function}(ptr %pa, ptr %pb, ptr %pc)
  ret void
}}

"""


def host_loop(name, function):
    """The same for the host: all threads, one after the other."""
    return f"""define void @{name}(ptr %in, ptr %out, ptr %scratch, i64 %threads) {{
entry:
  br label %next
next:
  %index = phi i64 [0, %entry], [%following, %next]
  %a = mul i64 %index, {IN_BYTES}
  %b = mul i64 %index, {OUT_BYTES}
  %c = mul i64 %index, {SCRATCH_BYTES}
  %pa = getelementptr i8, ptr %in, i64 %a
  %pb = getelementptr i8, ptr %out, i64 %b
  %pc = getelementptr i8, ptr %scratch, i64 %c
  call void @{function}(ptr %pa, ptr %pb, ptr %pc)
  %following = add i64 %index, 1
  %done = icmp eq i64 %following, %threads
  br i1 %done, label %end, label %next
end:
  ret void
}}

"""


# Of half and bfloat the host would compute an fma in float and round twice. In double the product is exact; the sum is rounded to odd (by its
# error, after Knuth), so that the second rounding is as if it were the only one.
HOST_FMA = """define internal KIND @fma_KIND(KIND %a, KIND %b, KIND %c) noinline {
  %x = fpext KIND %a to double
  %y = fpext KIND %b to double
  %z = fpext KIND %c to double
  %product = fmul double %x, %y
  %sum = fadd double %product, %z
  %t = fsub double %sum, %product
  %u = fsub double %sum, %t
  %v = fsub double %product, %u
  %w = fsub double %z, %t
  %error = fadd double %v, %w
  %inexact = fcmp one double %error, 0.0
  %bits = bitcast double %sum to i64
  %last = and i64 %bits, 1
  %even = icmp eq i64 %last, 0
  %change = and i1 %inexact, %even
  %up = fcmp ogt double %error, 0.0
  %positive = fcmp ogt double %sum, 0.0
  %away = icmp eq i1 %up, %positive
  %step = select i1 %away, i64 1, i64 -1
  %odd = add i64 %bits, %step
  %chosen = select i1 %change, i64 %odd, i64 %bits
  %value = bitcast i64 %chosen to double
  %result = fptrunc double %value to KIND
  ret KIND %result
}

"""

DEVICE_FMA = """declare KIND @llvm.fma.SUFFIX(KIND, KIND, KIND)
define internal KIND @fma_KIND(KIND %a, KIND %b, KIND %c) alwaysinline {
  %result = call KIND @llvm.fma.SUFFIX(KIND %a, KIND %b, KIND %c)
  ret KIND %result
}

"""

# Rounding to bfloat, which older libraries of the host's compiler lack; from double by way of a float that is rounded to odd.
TRUNCATE = """define bfloat @__truncsfbf2(float %x) {
  %bits = bitcast float %x to i32
  %shifted = lshr i32 %bits, 16
  %odd = and i32 %shifted, 1
  %half = add i32 %odd, 32767
  %sum = add i32 %bits, %half
  %high = lshr i32 %sum, 16
  %isnan = fcmp uno float %x, %x
  %result = select i1 %isnan, i32 32704, i32 %high
  %short = trunc i32 %result to i16
  %value = bitcast i16 %short to bfloat
  ret bfloat %value
}

define bfloat @__truncdfbf2(double %x) {
  %near = fptrunc double %x to float
  %back = fpext float %near to double
  %inexact = fcmp one double %back, %x
  %bits = bitcast float %near to i32
  %last = and i32 %bits, 1
  %even = icmp eq i32 %last, 0
  %change = and i1 %inexact, %even
  %size = call double @llvm.fabs.f64(double %back)
  %want = call double @llvm.fabs.f64(double %x)
  %larger = fcmp ogt double %size, %want
  %step = select i1 %larger, i32 -1, i32 1
  %odd = add i32 %bits, %step
  %chosen = select i1 %change, i32 %odd, i32 %bits
  %value = bitcast i32 %chosen to float
  %result = call bfloat @__truncsfbf2(float %value)
  ret bfloat %result
}

"""


def for_short_floats(text):
    return "".join(text.replace("KIND", kind).replace("SUFFIX", SUFFIX[kind]) for kind in ("half", "bfloat"))


def generate(seed, functions, instructions=60):
    """(IR for the device, IR for the host, types of the outputs of each function)."""
    declarations, bodies, outputs = {"declare double @llvm.fabs.f64(double)"}, [], []
    for index in range(functions):
        function = Function(random.Random(f"{seed} {index}"), f"f{index}", instructions, declarations, index % 2 == 1)
        bodies.append("\n".join(function.lines) + "\n")
        outputs.append(function.outputs)
    common = "\n".join(bodies) + "\n".join(sorted(declarations)) + "\n\n"
    registers = "".join(f"declare i32 @llvm.nvvm.read.ptx.sreg.{name}.x()\n" for name in ("tid", "ctaid", "ntid"))
    device = common + for_short_floats(DEVICE_FMA) + registers + "\n" + "".join(kernel(f"k{i}", f"f{i}") for i in range(functions))
    host = common + for_short_floats(HOST_FMA) + TRUNCATE + "".join(host_loop(f"k{i}", f"f{i}") for i in range(functions))
    return device, host, outputs


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--functions", type=int, default=1)
    parser.add_argument("--device", required=True, help="file for the IR of the device")
    parser.add_argument("--host", required=True, help="file for the IR of the host")
    arguments = parser.parse_args()
    device_ir, host_ir, _ = generate(arguments.seed, arguments.functions)
    for path, text in ((arguments.device, device_ir), (arguments.host, host_ir)):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
