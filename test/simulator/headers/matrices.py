"""What the kernels of matrices.cu leave: small integers, so that every sum is exact in every order."""
import random
import struct

from launch import Changed, Launch, pack

RANDOM = random.Random("matrices")


def bfloats(values):
    return b"".join(struct.pack("<f", x)[2:] for x in values)


def product(name, m, n, depth, element, total, a_rows, b_rows, c_rows, low=-4):
    a = [[RANDOM.randrange(low, 5) for _ in range(depth)] for _ in range(m)]
    b = [[RANDOM.randrange(low, 5) for _ in range(n)] for _ in range(depth)]
    c = [[RANDOM.randrange(-50, 50) for _ in range(n)] for _ in range(m)]
    after = [[2 * sum(a[i][k] * b[k][j] for k in range(depth)) + c[i][j] for j in range(n)] for i in range(m)]

    def stored(matrix, by_rows):
        return [x for line in (matrix if by_rows else zip(*matrix)) for x in line]

    def packed(matrix, by_rows):
        values = stored(matrix, by_rows)
        return bfloats(values) if element == "bfloat" else pack(element, values)
    return Launch(name, [packed(a, a_rows), packed(b, b_rows), Changed(total, stored(c, c_rows), stored(after, c_rows))], block=32)


LAUNCHES = [product("half_square", 16, 16, 48, "e", "f", True, False, True), product("half_columns", 16, 16, 32, "e", "f", False, True, False),
            product("half_tall", 32, 8, 32, "e", "e", True, True, True), product("half_wide", 8, 32, 32, "e", "f", False, False, True),
            product("bfloat_square", 16, 16, 32, "bfloat", "f", True, True, False),
            product("bfloat_tall", 32, 8, 16, "bfloat", "f", False, False, True), product("tensor_float", 16, 16, 32, "f", "f", True, False, True),
            product("bytes", 16, 16, 32, "b", "i", True, False, True), product("unsigned_bytes", 8, 32, 32, "B", "i", True, True, False, 0),
            product("doubles", 8, 8, 16, "d", "d", True, False, True)]
