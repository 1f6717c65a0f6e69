"""Compiles small kernels to PTX for sm_80; see README.md."""
import triton, triton.language as tl
from triton.compiler import ASTSource
from triton.backends.compiler import GPUTarget

@triton.jit
def add(x, y, out, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < n
    tl.store(out + at, tl.load(x + at, mask=mask) + tl.load(y + at, mask=mask), mask=mask)

@triton.jit
def softmax(out, x, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    values = tl.load(x + row * columns + at, mask=at < columns, other=-float("inf"))
    values = tl.exp(values - tl.max(values, axis=0))
    tl.store(out + row * columns + at, values / tl.sum(values, axis=0), mask=at < columns)

@triton.jit
def layernorm(out, x, weight, bias, columns, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    mask = at < columns
    values = tl.load(x + row * columns + at, mask=mask, other=0.0).to(tl.float32)
    mean = tl.sum(values, axis=0) / columns
    centred = tl.where(mask, values - mean, 0.0)
    variance = tl.sum(centred * centred, axis=0) / columns
    scale = 1.0 / tl.sqrt(variance + eps)
    w = tl.load(weight + at, mask=mask)
    b = tl.load(bias + at, mask=mask)
    tl.store(out + row * columns + at, centred * scale * w + b, mask=mask)

@triton.jit
def matmul(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    k = tl.arange(0, BK)
    total = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, K, BK):
        left = tl.load(a + m[:, None] * K + start + k[None, :], mask=(m[:, None] < M) & (start + k[None, :] < K), other=0.0)
        right = tl.load(b + (start + k[:, None]) * N + n[None, :], mask=(start + k[:, None] < K) & (n[None, :] < N), other=0.0)
        total += tl.dot(left, right)
    tl.store(c + m[:, None] * N + n[None, :], total, mask=(m[:, None] < M) & (n[None, :] < N))

@triton.jit
def histogram(x, counts, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < n
    bins = tl.load(x + at, mask=mask, other=0)
    tl.atomic_add(counts + bins, 1, mask=mask)

ALIGNED = [["tt.divisibility", 16]]
def emit(kernel, types, constants, aligned=(), warps=4, stages=3):
    signature = {p: types.get(p, "constexpr") for p in kernel.arg_names}
    attrs = {(kernel.arg_names.index(p),): ALIGNED for p in aligned}
    source = ASTSource(kernel, signature, constexprs=constants, attrs=attrs)
    compiled = triton.compile(source, target=GPUTarget("cuda", 80, 32), options={"num_warps": warps, "num_stages": stages})
    text = compiled.asm["ptx"]
    print(kernel.__name__, len(text), compiled.metadata.shared, compiled.metadata.num_warps)
    open(kernel.__name__ + ".ptx", "w").write(text)

if __name__ == "__main__":
    emit(add, dict(x="*fp32", y="*fp32", out="*fp32", n="i32"), dict(BLOCK=512), ("x", "y", "out"))
    emit(softmax, dict(out="*fp32", x="*fp32", columns="i32"), dict(BLOCK=256))
    emit(layernorm, dict(out="*fp32", x="*fp32", weight="*fp32", bias="*fp32", columns="i32", eps="fp32"), dict(BLOCK=512))
    emit(matmul, dict(a="*bf16", b="*bf16", c="*fp32", M="i32", N="i32", K="i32"), dict(BM=32, BN=32, BK=32), ("a", "b", "c", "K", "N"))
    emit(histogram, dict(x="*i32", counts="*i32", n="i32"), dict(BLOCK=256))
