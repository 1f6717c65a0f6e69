"""What run.py launches and compares."""
import struct


def pack(kind, values):
    """Bytes of numbers, by their letter in `struct`."""
    return struct.pack(f"<{len(values)}{kind}", *values)


def unpack(kind, data):
    return list(struct.unpack(f"<{len(data) // struct.calcsize(kind)}{kind}", data))


def equal(found, wanted):
    return found == wanted or (found != found and wanted != wanted)


class Output:
    """A buffer that a kernel fills: the numbers expected of it, and when a number is as expected."""

    def __init__(self, kind, values, same=equal):
        self.kind, self.values, self.same = kind, list(values), same
        self.before = b"\xa5" * (struct.calcsize(kind) * len(self.values))

    def differences(self, data):
        """A line for each number that is not as expected."""
        return [f"[{at}] is {found!r}, expected {wanted!r}" for at, (found, wanted) in enumerate(zip(unpack(self.kind, data), self.values))
                if not self.same(found, wanted)]


class Changed(Output):
    """A buffer that has something in it before."""

    def __init__(self, kind, before, values, same=equal):
        super().__init__(kind, values, same)
        self.before = pack(kind, before)


class Launch:
    """Arguments are bytes, Outputs, and numbers of ctypes."""

    def __init__(self, kernel, arguments, grid=1, block=128, cooperative=False):
        self.kernel, self.grid, self.block, self.cooperative = kernel, grid, block, cooperative
        self.outputs = [argument for argument in arguments if isinstance(argument, (bytes, Output))]
        self.arguments = [argument.before if isinstance(argument, Output) else argument for argument in arguments]

    def differences(self, buffers):
        """Also what is no output must be as it was."""
        lines = []
        for index, (output, data) in enumerate(zip(self.outputs, buffers)):
            if isinstance(output, Output):
                lines += [f"buffer {index} {line}" for line in output.differences(data)]
            elif output != data:
                lines.append(f"buffer {index}, which is an input, changed")
        return lines
