"""The CPU engine's matrix product beside NumPy's, on one thread: GFLOP/s of float32 on a few shapes.

    OPENBLAS_NUM_THREADS=1 python benchmarks/gemm.py

C (M by K) = A (M by D) times B (D by K). The shapes are blocks as convolutions multiply them, within the second cache,
and some that fit no tile; in the smallest, NumPy's figure is that of its call. B is packed into panels before the clock
starts, as the engine packs weights once a step; NumPy takes B as it is. Best of the rounds, both sides in turn.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from tatami.engines.cpu.gemm import PANEL_VECTORS, multiply
from tatami.engines.cpu.kernels import Call, kernel
from tatami.engines.cpu.pointers import pointer, unpack
from tatami.engines.cpu.vector import BYTES

SHAPES = ((48, 64, 64), (48, 256, 256), (96, 128, 128), (96, 64, 256), (192, 576, 64), (7, 5, 3), (29, 100, 70))
WORK = 2e8  # floating-point operations between two looks at the clock, about
ROUNDS = 15


@kernel
def repeat(args, real, n, part, parts):
    a, b, c, m, d, k, times = unpack(args, 7)
    a, b, c = pointer(a, real), pointer(b, real), pointer(c, real)
    for _ in range(times):
        multiply(a, d, 1, b, c, k, m, k, d, False)


def panels(b: np.ndarray) -> np.ndarray:
    """B (D, K) as (ceil(K / width), D, width), zero beyond column K."""
    width = PANEL_VECTORS * BYTES // b.itemsize
    depth, columns = b.shape
    count = -(-columns // width)
    padded = np.zeros((depth, count * width), b.dtype)
    padded[:, :columns] = b
    return np.ascontiguousarray(padded.reshape(depth, count, width).swapaxes(0, 1))


def measure(m: int, d: int, k: int) -> tuple[float, float, float]:
    """GFLOP/s of the engine and of NumPy, and the largest difference of their results."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((m, d), np.float32), rng.standard_normal((d, k), np.float32)
    packed, mine, its = panels(b), np.zeros((m, k), np.float32), np.zeros((m, k), np.float32)
    times = 1 + int(WORK / (2 * m * d * k))
    call = Call(repeat, (a.ctypes.data, packed.ctypes.data, mine.ctypes.data, m, d, k, times))
    words = np.array(call.words(), np.int64)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)(repeat.address(np.dtype("float32")))

    def by_engine() -> None:
        function(words.ctypes.data, 0, 1, 0, 1)

    def by_numpy() -> None:
        for _ in range(times):
            np.matmul(a, b, out=its)

    seconds = [[clock(side) for side in (by_engine, by_numpy)] for _ in range(ROUNDS)]
    flops = 2 * m * d * k * times
    engine, numpy = (flops / min(column) / 1e9 for column in zip(*seconds, strict=True))
    return engine, numpy, float(np.abs(mine - its).max())


def clock(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    print(f"{'M':>5}{'D':>5}{'K':>5}{'engine':>9}{'NumPy':>9}   GFLOP/s, one thread")
    with threadpool_limits(1):
        for shape in SHAPES:
            engine, numpy, difference = measure(*shape)
            assert difference < 1e-3, f"{shape}: results differ by {difference}"
            print("".join(f"{size:5}" for size in shape) + f"{engine:9.1f}{numpy:9.1f}", flush=True)


if __name__ == "__main__":
    main()
